"""Fetching the providers' own lists of movements: the net under lost callbacks and unreported payments.

What is fetched becomes lines of one statement a day, which go the way of uploaded ones. Each fetch overlaps the last
one, since a provider may list a movement late. An empty list proves nothing (Safaricom gives one too where the
shortcode is not registered for it), so it moves nothing forward and vouches for no day.
"""

import hashlib
import logging
from datetime import datetime, time, timedelta
from decimal import Decimal

from django.conf import settings
from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from ecommerce.currencies import InexactAmount, UnknownCurrency, minor_units
from payments.exceptions import ProviderUnavailable
from payments.models import Statement
from payments.providers import get_provider
from payments.providers.base import StatementEntry
from payments.providers.values import text
from payments.statement_files import Movement, nature_of, shop_zone
from payments.statements import add_lines, lock_books

logger = logging.getLogger(__name__)

OVERLAP = timedelta(hours=2)
MARGIN = timedelta(minutes=1)  # of a provider's reach; asking takes time, too


def providers_with_lists() -> list[str]:
    """Return the providers that are switched on and give out a list of movements."""
    return [name for name in settings.PAYMENT_PROVIDERS if get_provider(name).movements_listed]


def fetch_movements(provider_name: str) -> int:
    """Ask for what moved since the last list, keep it, and return how many lines are new.

    No transaction is open while the provider is asked. When it does not answer, the next fetch reaches further back.
    """
    provider = get_provider(provider_name)
    until = timezone.now()
    fetched = Statement.objects.filter(provider=provider_name, source=Statement.Source.API)
    last: datetime | None = fetched.aggregate(last=Max("until"))["last"]
    earliest = until - provider.movements_reach_back + MARGIN
    since = max(last - OVERLAP, earliest) if last else earliest
    try:
        entries = provider.list_movements(since, until)
    except ProviderUnavailable:
        logger.warning("movements_unavailable", extra={"provider": provider_name})
        return 0
    movements = [movement for entry in entries if (movement := _movement(entry)) is not None]
    if not movements:
        return 0
    return _keep(provider_name, movements, since, until, provider.movements_listed)


@transaction.atomic
def _keep(provider: str, movements: list[Movement], since: datetime, until: datetime, covers: tuple[str, ...]) -> int:
    lock_books(provider)
    new = 0
    start = since
    while start < until:
        day = start.astimezone(shop_zone()).date()
        end = min(until, datetime.combine(day + timedelta(days=1), time.min, shop_zone()))
        # What lies outside the time that was asked for is kept with the part that is nearest.
        of_day = [
            movement
            for movement in movements
            if (start <= movement.at or start == since) and (movement.at < end or end == until)
        ]
        statement = _statement_of_day(provider, start, end, covers)
        new += add_lines(statement, of_day)
        start = end
    return new


def _statement_of_day(provider: str, since: datetime, until: datetime, covers: tuple[str, ...]) -> Statement:
    """Return the day's statement, made longer by this part; a new one where there is a gap between the two."""
    day = f"{since.astimezone(shop_zone()).date()}"
    of_day = Statement.objects.filter(provider=provider, source=Statement.Source.API, name=day)
    statement = of_day.filter(since__lte=until, until__gte=since).order_by("-until").first()
    if statement is None:
        return Statement.objects.create(
            provider=provider,
            source=Statement.Source.API,
            name=day,
            digest=hashlib.sha256(f"{provider} {since.isoformat()}".encode()).hexdigest(),
            since=since,
            until=until,
            covers=list(covers),
        )
    statement.since, statement.until = min(statement.since or since, since), max(statement.until or until, until)
    return statement


def _movement(entry: StatementEntry) -> Movement | None:
    receipt_number = text(entry.receipt_number, 65).strip()
    try:
        minor_units(entry.amount, entry.currency)
        minor_units(entry.fee or Decimal(0), entry.currency)
    except (InexactAmount, UnknownCurrency):
        is_readable = False
    else:
        is_readable = 0 < len(receipt_number) <= 64 and entry.amount == round(entry.amount, 2)
    if not is_readable:
        logger.error("movement_unreadable", extra={"receipt_number": receipt_number, "currency": entry.currency[:3]})
        return None
    if not entry.amount:
        return None
    return Movement(
        receipt_number=receipt_number,
        amount=entry.amount,
        currency=entry.currency,
        at=entry.at,
        nature=nature_of(entry.amount, entry.kind),
        kind=text(entry.kind, 80),
        reference=text(entry.reference, 64),
        fee=entry.fee,
        payer_phone=text(entry.payer_phone, 64),
        payer_name=text(entry.payer_name, 120),
    )
