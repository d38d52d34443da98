"""Where money can be sent. Codes for M-PESA are as Paystack's list has them at the time of writing; read the list."""

from typing import Any

from simulator.paystack.wire import Fields

_CREATED = "2023-01-10T08:00:00.000Z"
# Name, code, country, currency, type of the account.
_ROWS = (
    ("M-PESA", "MPESA", "Kenya", "KES", "mobile_money"),
    ("M-PESA Paybill", "MPPAYBILL", "Kenya", "KES", "mobile_money_business"),
    ("M-PESA Till", "MPTILL", "Kenya", "KES", "mobile_money_business"),
    ("Airtel Kenya", "ATL_KE", "Kenya", "KES", "mobile_money"),
    ("Equity Bank", "68", "Kenya", "KES", "kepss"),
    ("KCB Bank", "01", "Kenya", "KES", "kepss"),
    ("Co-operative Bank", "11", "Kenya", "KES", "kepss"),
    ("Example Bank", "999", "Nigeria", "NGN", "nuban"),
    ("Zenith Bank", "057", "Nigeria", "NGN", "nuban"),
    ("MTN", "MTN", "Ghana", "GHS", "mobile_money"),
    ("Telecel", "VOD", "Ghana", "GHS", "mobile_money"),
    ("AirtelTigo", "ATL", "Ghana", "GHS", "mobile_money"),
    ("GCB Bank", "040100", "Ghana", "GHS", "ghipss"),
    ("Absa Bank", "632005", "South Africa", "ZAR", "basa"),
    ("MTN", "MTN", "Cote d'Ivoire", "XOF", "mobile_money"),
    ("Orange Money", "ORANGE", "Cote d'Ivoire", "XOF", "mobile_money"),
    ("Wave", "WAVE", "Cote d'Ivoire", "XOF", "mobile_money"),
)
COUNTRIES = {"kenya", "nigeria", "ghana", "south africa", "cote d'ivoire"}


def _bank(number: int, row: tuple[str, str, str, str, str]) -> Fields:
    name, code, country, currency, kind = row
    return {
        "id": number,
        "name": name,
        "slug": f"{name} {country}".lower().replace(" ", "-").replace("'", ""),
        "code": code,
        "longcode": "",
        "gateway": None,
        "pay_with_bank": False,
        "supports_transfer": True,
        "available_for_direct_debit": False,
        "active": True,
        "country": country,
        "currency": currency,
        "type": kind,
        "is_deleted": False,
        "createdAt": _CREATED,
        "updatedAt": _CREATED,
    }


BANKS: tuple[dict[str, Any], ...] = tuple(_bank(number, row) for number, row in enumerate(_ROWS, start=1))


def find_bank(code: str, currency: str) -> Fields | None:
    return next((bank for bank in BANKS if bank["code"] == code and bank["currency"] == currency), None)
