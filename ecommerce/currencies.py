"""What holds for a currency everywhere: code, name, symbol, and how many decimal places it has.

Source: ISO 4217, list one (names and minor units); symbols as CLDR has them, where they tell currencies apart.
What a payment provider does differently (PayPal's forints without cents) is said in that provider's module.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from types import MappingProxyType


class UnknownCurrency(ValueError):
    """No currency of ours has this code."""


class InexactAmount(ValueError):
    """The amount is no whole number of the currency's smallest unit."""


@dataclass(frozen=True)
class Currency:
    code: str
    name: str
    symbol: str
    exponent: int  # decimal places: 2 for cents, 0 where there are none


ISO_4217: Mapping[str, Currency] = MappingProxyType(
    {
        code: Currency(code, name, symbol, exponent)
        for code, name, symbol, exponent in (
            ("AUD", "Australian Dollar", "A$", 2),
            ("BHD", "Bahraini Dinar", "BHD", 3),
            ("BIF", "Burundi Franc", "FBu", 0),
            ("BRL", "Brazilian Real", "R$", 2),
            ("CAD", "Canadian Dollar", "CA$", 2),
            ("CHF", "Swiss Franc", "CHF", 2),
            ("CLP", "Chilean Peso", "CLP", 0),
            ("CNY", "Yuan Renminbi", "CN¥", 2),
            ("CZK", "Czech Koruna", "Kč", 2),
            ("DJF", "Djibouti Franc", "Fdj", 0),
            ("DKK", "Danish Krone", "DKK", 2),
            ("ETB", "Ethiopian Birr", "Br", 2),
            ("EUR", "Euro", "€", 2),
            ("GBP", "Pound Sterling", "£", 2),
            ("GHS", "Ghana Cedi", "GH₵", 2),
            ("GNF", "Guinean Franc", "FG", 0),
            ("HKD", "Hong Kong Dollar", "HK$", 2),
            ("HUF", "Forint", "Ft", 2),
            ("ILS", "New Israeli Sheqel", "₪", 2),
            ("JOD", "Jordanian Dinar", "JOD", 3),
            ("JPY", "Yen", "¥", 0),
            ("KES", "Kenyan Shilling", "KSh", 2),
            ("KMF", "Comorian Franc", "KMF", 0),
            ("KRW", "Won", "₩", 0),
            ("KWD", "Kuwaiti Dinar", "KWD", 3),
            ("MGA", "Malagasy Ariary", "Ar", 2),
            ("MXN", "Mexican Peso", "MX$", 2),
            ("MYR", "Malaysian Ringgit", "RM", 2),
            ("NGN", "Naira", "₦", 2),
            ("NOK", "Norwegian Krone", "NOK", 2),
            ("NZD", "New Zealand Dollar", "NZ$", 2),
            ("OMR", "Rial Omani", "OMR", 3),
            ("PHP", "Philippine Peso", "₱", 2),
            ("PLN", "Zloty", "zł", 2),
            ("PYG", "Guarani", "₲", 0),
            ("RWF", "Rwanda Franc", "RF", 0),
            ("SEK", "Swedish Krona", "SEK", 2),
            ("SGD", "Singapore Dollar", "S$", 2),
            ("THB", "Baht", "฿", 2),
            ("TND", "Tunisian Dinar", "TND", 3),
            ("TWD", "New Taiwan Dollar", "NT$", 2),
            ("TZS", "Tanzanian Shilling", "TSh", 2),
            ("UGX", "Uganda Shilling", "USh", 0),
            ("USD", "US Dollar", "US$", 2),
            ("VND", "Dong", "₫", 0),
            ("VUV", "Vatu", "VT", 0),
            ("XAF", "CFA Franc BEAC", "FCFA", 0),
            ("XOF", "CFA Franc BCEAO", "F CFA", 0),
            ("XPF", "CFP Franc", "CFPF", 0),
            ("ZAR", "Rand", "R", 2),
        )
    }
)


def find_currency(code: str) -> Currency:
    """Return the currency with this code, which is in capitals.

    Raises:
        UnknownCurrency: there is none.
    """
    try:
        return ISO_4217[code]
    except KeyError:
        raise UnknownCurrency(f"{code!r} is no currency that the shop knows.") from None


def minor_units(amount: Decimal, currency: str) -> int:
    """Return ``amount`` counted in the smallest unit: USD 12.50 are 1250, JPY 500 are 500. Nothing is rounded.

    Raises:
        InexactAmount: a part of a unit would be left over, or the amount is not finite.
        UnknownCurrency: there is no such currency.
    """
    exponent = find_currency(currency).exponent
    if not amount.is_finite():
        raise InexactAmount(f"{amount} is no amount.")
    units: Fraction = Fraction(amount) * 10**exponent
    if units.denominator != 1:
        raise InexactAmount(f"{amount} {currency} has more than {exponent} decimal places.")
    return units.numerator


def from_minor_units(units: int, currency: str) -> Decimal:
    """Return the amount of so many smallest units, with the currency's decimal places: 1250 are USD 12.50.

    Raises:
        UnknownCurrency: there is no such currency.
    """
    return _scaled_down(units, find_currency(currency).exponent)


def round_to_minor_unit(amount: Decimal | Fraction, currency: str) -> Decimal:
    """Round half up to the currency's decimal places. For the one place where a rate is applied.

    Raises:
        UnknownCurrency: there is no such currency.
    """
    return round_half_up(amount, find_currency(currency).exponent)


def round_half_up(number: Decimal | Fraction, places: int) -> Decimal:
    """Round to decimal places, a half away from zero, whatever the size and the context's precision."""
    scaled = abs(Fraction(number)) * 10**places
    units = (2 * scaled.numerator + scaled.denominator) // (2 * scaled.denominator)
    return _scaled_down(-units if number < 0 else units, places)


def amount_text(amount: Decimal, currency: str) -> str:
    """Return an amount as the API writes it: at least two places, more where the currency has them.

    Raises:
        UnknownCurrency: there is no such currency.
    """
    return f"{amount:.{max(2, find_currency(currency).exponent)}f}"


def _scaled_down(units: int, places: int) -> Decimal:
    return Decimal(f"{units}E-{places}")  # from a text: arithmetic would round to the context's precision
