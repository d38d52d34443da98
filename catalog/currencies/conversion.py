"""Turning an amount of one currency into another one, rounded once."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from uuid import UUID

from catalog.currencies.exceptions import RateUnavailable
from catalog.currencies.rates import ONE, RATE_PLACES, RateTable, rate_table
from catalog.models import ExchangeRate
from ecommerce.currencies import ISO_4217, amount_text, round_half_up, round_to_minor_unit
from ecommerce.exceptions import ErrorRow


@dataclass(frozen=True)
class Conversion:
    """An amount in another currency, with what is needed to prove it later."""

    amount: Decimal  # in ``currency``, with its decimal places
    currency: str
    source_amount: Decimal
    source_currency: str
    rate: Decimal  # units of the source currency for one of ``currency``; of the base, that is the stored rate
    rows: tuple[ExchangeRate, ...]  # the rates that were used: the target's, then the source's; the base has none
    stale: bool

    @property
    def rate_id(self) -> UUID | None:
        """The stored rate; the target's where two were used, None where none was needed."""
        return self.rows[0].pk if self.rows else None


def convert(
    amount: Decimal,
    from_currency: str,
    to_currency: str,
    *,
    at: datetime | None = None,
    for_charging: bool = False,
    table: RateTable | None = None,
) -> Conversion:
    """Convert by the rates of a moment (now) through the base currency; round once, half up, to the target's places.

    ``table`` saves the statement where many amounts are converted, and then its moment counts. An amount that stays
    in its currency is only rounded.

    Raises:
        RateUnavailable: a rate is missing, or ``for_charging`` and one is older than ``MAX_RATE_AGE``.
    """
    if to_currency not in ISO_4217:
        raise _unavailable(to_currency)
    involved = [to_currency, from_currency] if from_currency != to_currency else []
    table = table or rate_table(involved, at=at)
    costs, worth = [_usable_rate(table, currency, for_charging) for currency in involved] or (ONE, ONE)
    rate = Fraction(costs) / Fraction(worth)
    return Conversion(
        amount=round_to_minor_unit(Fraction(amount) / rate, to_currency),
        currency=to_currency,
        source_amount=amount,
        source_currency=from_currency,
        rate=round_half_up(rate, RATE_PLACES),
        rows=tuple(table.rows[currency] for currency in involved if currency in table.rows),
        stale=any(table.is_stale(currency) for currency in involved),
    )


@dataclass(frozen=True)
class ShownIn:
    """Writes prices of any currency in one that a reader has chosen, with rates that were read once."""

    currency: str
    table: RateTable

    def price(self, amount: Decimal, currency: str) -> str | None:
        """Return the text of a price; None where the price's own currency has no rate."""
        try:
            converted = convert(amount, currency, self.currency, table=self.table)
        except RateUnavailable:
            return None
        return amount_text(converted.amount, self.currency)


def _usable_rate(table: RateTable, currency: str, for_charging: bool) -> Decimal:
    rate = table.rate_of(currency)
    if rate is None:
        raise _unavailable(currency)
    if for_charging and table.is_stale(currency):
        raise _unavailable(currency, f"The exchange rate of {currency} is too old to charge by.")
    return rate


def _unavailable(currency: str, detail: str = "") -> RateUnavailable:
    detail = detail or f"There is no exchange rate for {currency}."
    return RateUnavailable([ErrorRow(RateUnavailable.code, detail, "currency")])
