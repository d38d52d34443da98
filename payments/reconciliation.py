"""The providers' books against ours, by provider, day of the shop and currency.

Movements are the same when they have one receipt and one direction, on whatever days the two sides wrote them down. Of
a day's movements, one that only the provider has is ``missing``, one that only we have is ``extra``. The latter is said
only of what a statement vouches for: a list of payments proves nothing about refunds.
"""

import logging
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from ecommerce.money import ZERO
from payments.models import (
    Payout,
    ReceivedMoney,
    Reconciliation,
    ReconciliationDifference,
    Refund,
    Statement,
    StatementLine,
)
from payments.statement_files import shop_zone

logger = logging.getLogger(__name__)

Outcome = ReconciliationDifference.Outcome
Nature = StatementLine.Nature
Part = Statement.Part

# Days that have ended are compared again until they are this old: refunds and late lists still change them.
LOOK_BACK = 7
COMPARE_EVERY = timedelta(hours=20)

Key = tuple[str, bool]  # the receipt, and whether money came in


@dataclass(frozen=True)
class Theirs:
    receipt_number: str
    amount: Decimal
    at: datetime
    kind: str
    reference: str


@dataclass(frozen=True)
class Ours:
    part: Part
    row_id: UUID
    receipt_number: str
    amount: Decimal
    at: datetime
    references: tuple[str, ...] = ()  # by which the provider may name it when the receipt is not known


@dataclass(frozen=True)
class Found:
    """What a day's comparison has found in one currency."""

    matched: int
    differences: Sequence[tuple[Outcome, Theirs | None, Ours | None]]
    provider_total: Decimal
    our_total: Decimal
    was_complete: bool

    def count(self, outcome: Outcome) -> int:
        return sum(1 for found, _, _ in self.differences if found == outcome)


def reconcile_statement(statement_id: UUID) -> None:
    """Compare the days that a statement tells of."""
    statement = Statement.objects.get(pk=statement_id)
    if statement.since is None or statement.until is None:
        return
    day, last = _day_of(statement.since), _day_of(statement.until - timedelta(microseconds=1))
    while day <= last:
        reconcile_day(statement.provider, day)
        day += timedelta(days=1)


def reconcile_due_days(now: datetime | None = None) -> int:
    """Compare each of the last days that was not compared lately; return how many days were."""
    now = now or timezone.now()
    today = _day_of(now)
    lately = Reconciliation.objects.filter(
        day__gte=today - timedelta(days=LOOK_BACK), updated_at__gt=now - COMPARE_EVERY
    )
    compared = {
        (provider, day)
        for provider, day, at in lately.values_list("provider", "day", "updated_at")
        if at >= _start_of(day + timedelta(days=1))  # compared before its end, a day is not done
    }
    providers = {
        *Statement.objects.values_list("provider", flat=True).distinct(),
        *ReceivedMoney.objects.filter(
            received_at__gte=_start_of(today - timedelta(days=LOOK_BACK)), verified_at__isnull=False
        )
        .exclude(source__in=(ReceivedMoney.Source.STAFF, ReceivedMoney.Source.CREDIT))
        .values_list("provider", flat=True)
        .distinct(),
    }
    done = 0
    for ago in range(1, LOOK_BACK + 1):
        for provider in sorted(providers):
            day = today - timedelta(days=ago)
            if (provider, day) not in compared:
                reconcile_day(provider, day)
                done += 1
    return done


def reconcile_day(provider: str, day: date) -> list[Reconciliation]:
    """Compare one day of a provider, in each currency, and keep what was found; a repeat finds it anew."""
    start, end = _start_of(day), _start_of(day + timedelta(days=1))
    lines = _lines(provider, start, end)
    known = set(Reconciliation.objects.filter(provider=provider, day=day).values_list("currency", flat=True))
    ours = _ours(provider, start, end, {line.receipt_number for of in lines.values() for line in of})
    vouched = _vouched(provider, start, end)
    made = []
    for currency in sorted(known | set(lines) | set(ours)):
        found = _compare(
            provider, lines.get(currency, []), ours.get(currency, []), start=start, end=end, vouched=vouched
        )
        made.append(_keep(provider, day, currency, found))
    return made


def _compare(
    provider: str,
    theirs: Iterable[StatementLine],
    ours: Iterable[Ours],
    *,
    start: datetime,
    end: datetime,
    vouched: dict[str, list[tuple[datetime, datetime]]],
) -> Found:
    told: dict[Key, Theirs] = {}
    fees: list[StatementLine] = []
    for line in theirs:
        if line.nature == Nature.FEE:
            fees.append(line)
            continue
        key = (line.receipt_number, line.amount > 0)
        same = told.get(key)
        told[key] = _theirs(line) if same is None else replace(same, amount=same.amount + line.amount)
    kept = {(row.receipt_number, row.amount > 0): row for row in ours if row.receipt_number}
    unnumbered = [row for row in ours if not row.receipt_number]
    matched = 0
    differences: list[tuple[Outcome, Theirs | None, Ours | None]] = []
    our_rows: list[Ours] = []
    for key, movement in told.items():
        row = kept.get(key) or _named(movement, unnumbered)
        if row is None:
            differences.append((Outcome.MISSING, movement, None))
            continue
        our_rows.append(row)
        if row.amount == movement.amount:
            matched += 1
        else:
            differences.append((Outcome.DIFFERING, movement, row))
    receipts = {row.receipt_number for row in kept.values()}
    differences += [(Outcome.MISSING, _theirs(fee), None) for fee in fees if fee.receipt_number not in receipts]
    taken = {row.row_id for row in our_rows}
    alone = [row for row in ours if row.row_id not in taken and start <= row.at < end]
    elsewhere = _told_on_other_days(provider, {row.receipt_number for row in alone} - {""})
    alone = [row for row in alone if (row.receipt_number, row.amount > 0) not in elsewhere]
    differences += [
        (Outcome.EXTRA, None, row)
        for row in alone
        if any(since <= row.at < until for since, until in vouched.get(row.part, ()))
    ]
    needed = {row.part for row in (*our_rows, *alone)} | {Part.RECEIVED}
    return Found(
        matched=matched,
        differences=differences,
        provider_total=sum((movement.amount for movement in told.values()), ZERO),
        our_total=sum((row.amount for row in (*our_rows, *alone)), ZERO),
        was_complete=all(_is_whole(vouched.get(part, ()), start, end) for part in needed),
    )


def _theirs(line: StatementLine) -> Theirs:
    return Theirs(line.receipt_number, line.amount, line.at, line.kind, line.reference)


def _named(movement: Theirs, unnumbered: list[Ours]) -> Ours | None:
    """Take the row without a receipt that a movement names by another number of it, amounts being equal."""
    names = {movement.reference, movement.receipt_number} - {""}
    for row in unnumbered:
        if row.amount == movement.amount and names.intersection(row.references):
            unnumbered.remove(row)
            return row
    return None


@transaction.atomic
def _keep(provider: str, day: date, currency: str, found: Found) -> Reconciliation:
    row, _ = Reconciliation.objects.update_or_create(
        provider=provider,
        day=day,
        currency=currency,
        defaults={
            "matched": found.matched,
            "missing": found.count(Outcome.MISSING),
            "extra": found.count(Outcome.EXTRA),
            "differing": found.count(Outcome.DIFFERING),
            "provider_total": found.provider_total,
            "our_total": found.our_total,
            "was_complete": found.was_complete,
        },
    )
    row.differences.all().delete()
    ReconciliationDifference.objects.bulk_create(
        (_difference(row, outcome, theirs, ours) for outcome, theirs, ours in found.differences), batch_size=1000
    )
    if found.differences:
        logger.error(
            "reconciliation_differs",
            extra={"provider": provider, "day": f"{day}", "currency": currency, "differences": len(found.differences)},
        )
    return row


def _difference(
    row: Reconciliation, outcome: Outcome, theirs: Theirs | None, ours: Ours | None
) -> ReconciliationDifference:
    made = ReconciliationDifference(reconciliation=row, outcome=outcome)
    if ours is not None:
        made.receipt_number, made.our_amount, made.at, made.kind = ours.receipt_number, ours.amount, ours.at, ours.part
        match ours.part:
            case Part.RECEIVED:
                made.received_id = ours.row_id
            case Part.REFUNDS:
                made.refund_id = ours.row_id
            case Part.PAYOUTS:
                made.payout_id = ours.row_id
    if theirs is not None:
        made.receipt_number, made.provider_amount, made.at = theirs.receipt_number, theirs.amount, theirs.at
        made.kind, made.reference = theirs.kind, theirs.reference
    return made


# --- the two sides


def _lines(provider: str, start: datetime, end: datetime) -> dict[str, list[StatementLine]]:
    found: defaultdict[str, list[StatementLine]] = defaultdict(list)
    for line in StatementLine.objects.filter(provider=provider, at__gte=start, at__lt=end).order_by("at", "pk"):
        found[line.currency].append(line)
    return found


def _ours(provider: str, start: datetime, end: datetime, receipts: Collection[str]) -> dict[str, list[Ours]]:
    """Return what we have of the day, and under the receipts that the provider names on it."""
    found: defaultdict[str, list[Ours]] = defaultdict(list)
    received = (
        ReceivedMoney.objects.filter(provider=provider, verified_at__isnull=False)
        .exclude(status__in=(ReceivedMoney.Status.UNVERIFIED, ReceivedMoney.Status.DISMISSED))
        .exclude(source=ReceivedMoney.Source.STAFF, receipt_number__isnull=True)  # cash is in nobody's books but ours
    )
    of_day = Q(received_at__gte=start, received_at__lt=end)
    for row in received.filter(of_day | Q(receipt_number__in=receipts)).select_related("attempt"):
        references = (row.attempt.reference,) if row.attempt else ()
        found[row.currency].append(
            Ours(Part.RECEIVED, row.pk, row.receipt_number or "", row.amount, row.received_at, references)
        )
    ended = Q(ended_at__gte=start, ended_at__lt=end) | Q(receipt_number__in=receipts)
    refunds = Refund.objects.filter(ended, provider=provider, status=Refund.Status.SUCCEEDED)
    for refund in refunds.select_related("received"):
        names = (refund.reference, refund.provider_reference, refund.received.receipt_number or "")
        found[refund.currency].append(_left(Part.REFUNDS, refund, names))
    for payout in Payout.objects.filter(ended, provider=provider, status=Payout.Status.SUCCEEDED):
        found[payout.currency].append(_left(Part.PAYOUTS, payout, (payout.reference, payout.provider_reference)))
    return found


def _left(part: Part, row: Refund | Payout, names: tuple[str, ...]) -> Ours:
    at = row.ended_at or row.updated_at
    return Ours(part, row.pk, row.receipt_number, -row.amount, at, tuple(name for name in names if name))


def _told_on_other_days(provider: str, receipts: Collection[str]) -> set[Key]:
    lines = StatementLine.objects.filter(provider=provider, receipt_number__in=receipts).exclude(nature=Nature.FEE)
    return {(number, amount > 0) for number, amount in lines.values_list("receipt_number", "amount")}


def _vouched(provider: str, start: datetime, end: datetime) -> dict[str, list[tuple[datetime, datetime]]]:
    """Return the times of the day that statements tell everything of, by what they tell."""
    statements: QuerySet[Statement] = Statement.objects.filter(provider=provider, since__lt=end, until__gt=start)
    vouched: defaultdict[str, list[tuple[datetime, datetime]]] = defaultdict(list)
    for statement in statements.order_by("since"):
        if statement.since and statement.until:
            for part in statement.covers:
                vouched[part].append((statement.since, statement.until))
    return vouched


def _is_whole(times: Iterable[tuple[datetime, datetime]], start: datetime, end: datetime) -> bool:
    reached = start
    for since, until in times:  # the earliest first
        if since > reached:
            return False
        reached = max(reached, until)
    return reached >= end


def _day_of(moment: datetime) -> date:
    return moment.astimezone(shop_zone()).date()


def _start_of(day: date) -> datetime:
    return datetime.combine(day, time.min, shop_zone())
