"""Exchange rates: the only place that writes ``ExchangeRate``, and the ways of reading it.

A rate is so many units of ``settings.BASE_CURRENCY`` for one unit of a currency. Rows that were counted in another
base stay as history and are not used.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone

from accounts.models import User
from catalog.currencies.exceptions import BaseHasNoRate, RateExists
from catalog.models import ExchangeRate
from ecommerce.currencies import ISO_4217, find_currency
from ecommerce.exceptions import ErrorRow

ONE = Decimal(1)
RATE_PLACES = 10


@dataclass(frozen=True)
class RateTable:
    """The rates in force at one moment, by currency. One without a rate is absent, and so is the base."""

    base: str
    moment: datetime
    rows: Mapping[str, ExchangeRate]

    def rate_of(self, currency: str) -> Decimal | None:
        """Return the units of the base that one unit of ``currency`` costs, if that is known."""
        if currency == self.base:
            return ONE
        row = self.rows.get(currency)
        return row.rate if row else None

    def is_stale(self, currency: str) -> bool:
        """Tell whether the rate is older than ``MAX_RATE_AGE``: good enough to show, not to charge by."""
        row = self.rows.get(currency)
        return row is not None and self.moment - row.valid_from > settings.MAX_RATE_AGE


@dataclass(frozen=True)
class OfferedCurrency:
    """A currency that prices can be shown in; ``rate`` is in the base, ``rate_from`` None for the base itself."""

    code: str
    name: str
    symbol: str
    exponent: int
    rate: Decimal
    rate_from: datetime | None
    stale: bool
    is_base: bool


# --- Reading --------------------------------------------------------------------------------------------------

# One index probe for each currency, however long its history is.
_IN_FORCE = """
SELECT rate.* FROM unnest(%s::text[]) AS wanted (code)
CROSS JOIN LATERAL (
    SELECT * FROM catalog_exchangerate
    WHERE base = %s AND currency = wanted.code AND valid_from <= %s
    ORDER BY valid_from DESC LIMIT 1
) AS rate
"""


def rate_table(currencies: Iterable[str] | None = None, *, at: datetime | None = None) -> RateTable:
    """Return the rates of these currencies (all that we know) in force at a moment (now), in one statement."""
    base, moment = settings.BASE_CURRENCY, at or timezone.now()
    wanted = sorted({*(ISO_4217 if currencies is None else currencies)} - {base})
    rows = ExchangeRate.objects.raw(_IN_FORCE, [wanted, base, moment]) if wanted else ()
    return RateTable(base=base, moment=moment, rows={row.currency: row for row in rows})


def rate_at(currency: str, moment: datetime | None = None) -> ExchangeRate | None:
    """Return the rate of a currency in force at a moment (now); None for the base and where there is none."""
    return rate_table([currency], at=moment).rows.get(currency)


def offered_currencies(table: RateTable | None = None) -> list[OfferedCurrency]:
    """Return the currencies that prices can be shown in: the base, then those that have a rate, by code.

    ``settings.CURRENCIES`` narrows them, when it names any.
    """
    table = table or rate_table()
    chosen = {*(settings.CURRENCIES or ISO_4217)} & {*table.rows}
    offered = []
    for code in (table.base, *sorted(chosen)):
        currency, row = find_currency(code), table.rows.get(code)
        offered.append(
            OfferedCurrency(
                code=code,
                name=currency.name,
                symbol=currency.symbol,
                exponent=currency.exponent,
                rate=row.rate if row else ONE,
                rate_from=row.valid_from if row else None,
                stale=table.is_stale(code),
                is_base=row is None,
            )
        )
    return offered


def rate_history(currency: str) -> QuerySet[ExchangeRate]:
    """Every rate that this currency has had until now, newest first. Rates to come are not told."""
    rates = ExchangeRate.objects.filter(base=settings.BASE_CURRENCY, currency=currency, valid_from__lte=timezone.now())
    return rates.order_by("-valid_from")


# --- Writing --------------------------------------------------------------------------------------------------


def set_rate(
    *,
    currency: str,
    rate: Decimal,
    valid_from: datetime | None = None,
    source: str = "",
    actor: User | None = None,
) -> ExchangeRate:
    """Note what one unit of ``currency`` costs in the base currency from a moment (now) on.

    Raises:
        BaseHasNoRate: it is the base currency.
        RateExists: it has a rate from that very moment on.
        UnknownCurrency: no currency of ours has this code.
    """
    refuse_base(currency)
    row, created = ExchangeRate.objects.get_or_create(
        base=settings.BASE_CURRENCY,
        currency=find_currency(currency).code,
        valid_from=valid_from or timezone.now(),
        defaults={"rate": rate, "source": source, "created_by": actor},
    )
    if not created:
        raise RateExists([ErrorRow(RateExists.code, RateExists.message, "valid_from")])
    return row


def refuse_base(currency: str) -> None:
    """Raise BaseHasNoRate if this is the base currency."""
    if currency == settings.BASE_CURRENCY:
        raise BaseHasNoRate()
