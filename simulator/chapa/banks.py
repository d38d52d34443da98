"""Where money can be sent, and how much at a time. The numbers are the simulator's: read the list."""

from dataclasses import dataclass

from simulator.chapa.wire import Fields

_CREATED = "2023-01-24T04:28:30.000000Z"


@dataclass(frozen=True)
class Bank:
    """``limit`` is in hundredths. Source for the limits: Chapa documentation, Transfers."""

    id: int
    name: str
    swift: str
    account_length: int
    mobile_money: bool
    limit: int

    def as_json(self) -> Fields:
        return {
            "id": self.id,
            "slug": self.name.lower().replace(" ", "_"),
            "swift": self.swift,
            "name": self.name,
            "acct_length": self.account_length,
            "country_id": 1,
            "is_mobilemoney": 1 if self.mobile_money else None,
            "is_active": 1,
            "is_rtgs": None if self.mobile_money else 1,
            "active": 1,
            "is_24hrs": 1 if self.mobile_money else None,
            "created_at": _CREATED,
            "updated_at": _CREATED,
            "currency": "ETB",
        }


BANKS = (
    Bank(855, "telebirr", "TELEBIRR", 10, True, 75_000_00),
    Bank(266, "M-Pesa", "MPESA", 10, True, 75_000_00),
    Bank(128, "CBE Birr", "CBEBIRR", 10, True, 300_000_00),
    Bank(472, "Awash Birr", "AWASHBIRR", 10, True, 600_000_00),
    Bank(893, "Coopay", "COOPAY", 10, True, 30_000_00),
    Bank(687, "Amole", "AMOLE", 10, True, 250_000_00),
    Bank(772, "Enat Bank", "ENATETAA", 16, False, 90_000_00),
    Bank(423, "Amhara Bank", "AMHRETAA", 13, False, 100_000_00),
    Bank(946, "Commercial Bank of Ethiopia (CBE)", "CBETETAA", 13, False, 9_999_999_00),
)
BY_ID = {bank.id: bank for bank in BANKS}
