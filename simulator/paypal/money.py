"""PayPal's amounts: text in major units. Source: PayPal developer documentation, Currency codes."""

from decimal import ROUND_HALF_UP, Decimal

_NO_DECIMALS = frozenset(("HUF", "JPY", "TWD"))
_TWO_DECIMALS = (
    "AUD BRL CAD CNY CZK DKK EUR GBP HKD ILS MXN MYR NOK NZD PHP PLN RUB SEK SGD CHF THB USD"  # those it holds
)
CURRENCIES = _NO_DECIMALS | frozenset(_TWO_DECIMALS.split())
LARGEST = Decimal("9999999.99")
# A payment costs 3.4 % and 49 of the smallest unit.
_FEE_SHARE = Decimal("0.034")
_FEE_FIXED = 49

Money = dict[str, str]


def places(currency: str) -> int:
    return 0 if currency in _NO_DECIMALS else 2


def smallest_unit(currency: str) -> Decimal:
    return Decimal(1).scaleb(-places(currency))


def money(amount: Decimal, currency: str) -> Money:
    return {"currency_code": currency, "value": f"{amount:.{places(currency)}f}"}


def amount_of(written: Money) -> Decimal:
    return Decimal(written["value"])


def fee(amount: Decimal, currency: str) -> Decimal:
    unit = smallest_unit(currency)
    whole = (amount * _FEE_SHARE).quantize(unit, rounding=ROUND_HALF_UP) + _FEE_FIXED * unit
    return min(amount, whole)


def two_places(amount: Decimal) -> str:
    """Write an amount as all books have it, whatever the currency."""
    return f"{amount:.2f}"
