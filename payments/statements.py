"""The providers' own books: what staff upload and what is fetched become lines, and each line does its part once.

A file is taken as a whole or not at all. The same file twice is one statement, the same movement in two statements one
line; what a line means is done by a worker, line by line, as often as it takes. Locks: an advisory one for each
provider while lines are added; then those of ``received``.
"""

import hashlib
import logging
import time
from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from enum import Enum
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Case, IntegerField, Sum, When
from django.db.models.functions import Now
from django.utils import timezone

from accounts.models import User
from ecommerce.outbox import Postpone
from ecommerce.transactions import retry_on_conflict
from payments import ledger
from payments.exceptions import StatementTooLarge
from payments.models import PaymentAttempt, Payout, ReceivedMoney, Refund, Statement, StatementLine
from payments.providers import get_provider
from payments.received import Arrival, record
from payments.statement_files import Movement, read_statement
from payments.tasks import reconcile_statement as reconcile_statement_task
from payments.tasks import record_statement as record_statement_task

logger = logging.getLogger(__name__)

Nature = StatementLine.Nature

MAX_FILE = 5 * 1024 * 1024  # bytes; nginx refuses bodies over 6 MB
MOST = f"{MAX_FILE // 1024**2} MB"
# A worker goes on for this long, in seconds, and then lets others have their turn. Owed work is cut off at 40.
TURN = 20.0
# So long a redirect provider's own answer about a live attempt is waited for; then its list alone is believed.
WAIT_FOR_ATTEMPT = timedelta(minutes=10)
ASK_AGAIN = timedelta(minutes=1)
# What could not be done is tried again once a day, for this long.
TRY_FOR = timedelta(days=35)


class Step(Enum):
    DONE = "done"
    WAITING = "waiting"  # look again in a minute
    OPEN = "open"  # look again tomorrow


class LinesFailed(Exception):
    """Some lines could not be recorded. The others are; these are tried again."""


# --- taking


def upload_statement(*, provider: str, name: str, raw: bytes, actor: User) -> tuple[Statement, bool]:
    """Keep an uploaded statement, owe the recording of its new lines, and return it and whether it is new.

    Raises:
        StatementTooLarge: more than ``MAX_FILE`` bytes.
        StatementUnreadable, StatementLinesUnreadable: nothing of it is kept.
    """
    if len(raw) > MAX_FILE:
        raise StatementTooLarge(MOST)
    digest = hashlib.sha256(raw).hexdigest()
    known = Statement.objects.filter(provider=provider, digest=digest).first()
    if known is not None:
        return known, False
    told = read_statement(provider, raw)
    statement = Statement(
        provider=provider,
        source=Statement.Source.UPLOAD,
        name="".join(character for character in name if character.isprintable())[:200],
        digest=digest,
        since=told.since,
        until=told.until,
        covers=list(told.covers),
        uploaded_by=actor,
    )
    kept: tuple[Statement, bool] = retry_on_conflict(lambda: _keep_upload(statement, told.movements))
    return kept


@transaction.atomic
def _keep_upload(statement: Statement, movements: tuple[Movement, ...]) -> tuple[Statement, bool]:
    lock_books(statement.provider)
    known = Statement.objects.filter(provider=statement.provider, digest=statement.digest).first()
    if known is not None:  # its twin was faster
        return known, False
    statement.line_count, statement.new_line_count = len(movements), 0
    statement.save(force_insert=True)
    if not add_lines(statement, movements):  # nothing to record, but it may vouch for more days than the others
        _owe_reconciliation(statement.pk)
    return statement, True


def lock_books(provider: str) -> None:
    """Let nobody else add lines of a provider until this transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"statement:{provider}"])


def add_lines(statement: Statement, movements: Iterable[Movement]) -> int:
    """Add what no statement has told yet to a saved statement, and owe its recording; return how many lines are new.

    Must run inside a transaction, after ``lock_books``.
    """
    new = _only_new(statement.provider, list(movements))
    now = timezone.now()
    StatementLine.objects.bulk_create(
        [
            StatementLine(
                provider=statement.provider,
                statement=statement,
                receipt_number=movement.receipt_number,
                amount=movement.amount,
                currency=movement.currency,
                fee=movement.fee,
                at=movement.at,
                nature=movement.nature,
                kind=movement.kind,
                reference=movement.reference,
                payer_phone=movement.payer_phone,
                payer_name=movement.payer_name,
                handled_at=now if movement.nature == Nature.OWN else None,  # a person sees it as a difference
            )
            for movement in new
        ],
        batch_size=1000,
    )
    statement.new_line_count += len(new)
    statement.line_count = max(statement.line_count, statement.new_line_count)
    statement.save(update_fields=["new_line_count", "line_count", "since", "until", "updated_at"])
    if new:
        _owe_recording(statement, str(statement.new_line_count))
    return len(new)


def _only_new(provider: str, movements: list[Movement]) -> list[Movement]:
    """Leave out what is known. Two statements may name one movement differently: its receipt and amount are it.

    A receipt that stands twice with one amount, such as two equal charges, is counted.
    """
    kinds: defaultdict[tuple[str, Decimal], set[str]] = defaultdict(set)
    known = StatementLine.objects.filter(
        provider=provider, receipt_number__in={movement.receipt_number for movement in movements}
    )
    for receipt_number, amount, kind in known.values_list("receipt_number", "amount", "kind"):
        kinds[receipt_number, amount].add(kind)
    room = Counter((movement.receipt_number, movement.amount) for movement in movements)
    for key in room:
        room[key] -= len(kinds[key])
    new: list[Movement] = []
    for movement in movements:
        key = (movement.receipt_number, movement.amount)
        if room[key] > 0 and movement.kind not in kinds[key]:
            room[key] -= 1
            new.append(movement)
    return new


# --- recording


def _owe_recording(statement: Statement, occasion: str) -> None:
    record_statement_task.owe(f"statement:{statement.pk}:{occasion}", statement_id=str(statement.pk))


def _owe_reconciliation(statement_id: UUID) -> None:
    """Once a day for each statement: the daily comparison sees what comes later."""
    reconcile_statement_task.owe(
        f"reconcile-statement:{statement_id}:{timezone.now().date()}", statement_id=str(statement_id)
    )


def record_statement(statement_id: UUID) -> None:
    """Do what each open line of a statement means. Called by a worker; a repeat goes on where the last one ended.

    Payments come first: the fee of a payment may stand above it.

    Raises:
        Postpone: its turn is over, or some lines wait for a provider's answer.
        LinesFailed: some lines could not be recorded.
    """
    until = time.monotonic() + TURN
    payments_first = Case(When(nature=Nature.PAYMENT, then=0), default=1, output_field=IntegerField())
    opened = StatementLine.objects.filter(statement_id=statement_id, handled_at__isnull=True)
    line_ids = list(opened.order_by(payments_first, "at", "pk").values_list("pk", flat=True))
    waiting = failed = 0
    for number, line_id in enumerate(line_ids):
        if number and time.monotonic() > until:
            raise Postpone(timedelta(seconds=1), "more lines to record")
        try:
            step = record_line(line_id)
        except Exception:  # one line must not keep the others from being recorded
            logger.exception("statement_line_failed", extra={"line_id": str(line_id)})
            failed += 1
            continue
        waiting += step == Step.WAITING
    if waiting:
        raise Postpone(ASK_AGAIN, f"{waiting} lines wait for the provider's answer")
    if Statement.objects.filter(pk=statement_id, source=Statement.Source.UPLOAD).exists():
        with transaction.atomic():
            _owe_reconciliation(statement_id)
    if failed:
        raise LinesFailed(f"{failed} lines")


def record_line(line_id: UUID) -> Step:
    """Do what one line means; a repeat changes nothing."""
    line = StatementLine.objects.get(pk=line_id)
    if line.handled_at is not None:
        return Step.DONE
    if line.nature == Nature.PAYMENT:
        step = _record_payment(line)
    elif line.nature == Nature.FEE:
        step = _record_fee(line)
    else:
        step = _record_out(line)
    if step == Step.DONE:
        line.handled_at = timezone.now()
        line.save(update_fields=["received", "handled_at", "updated_at"])
    return step


def _record_payment(line: StatementLine) -> Step:
    """Money of a customer: that of an attempt, or such as nobody was asked for.

    A payment on a provider's page belongs to the attempt that it names, whose own question settles it.
    """
    known = ReceivedMoney.objects.filter(provider=line.provider, receipt_number=line.receipt_number).exists()
    attempt = None if known else _attempt_named_by(line)
    if attempt is not None and attempt.is_live and timezone.now() - line.created_at < WAIT_FOR_ATTEMPT:
        PaymentAttempt.objects.filter(pk=attempt.pk, status__in=PaymentAttempt.LIVE).update(next_query_at=Now())
        return Step.WAITING
    if attempt is not None and attempt.status == PaymentAttempt.Status.SUCCEEDED and attempt.receipt_number:
        # Paid under another number: the reconciliation shows both to a person, and no money is made of it here.
        logger.error("statement_receipt_differs", extra={"attempt_id": str(attempt.pk), "line_id": str(line.pk)})
        return Step.DONE
    by_hand = ReceivedMoney.objects.filter(receipt_number=line.receipt_number, source=ReceivedMoney.Source.STAFF)
    if not known and by_hand.exists():
        # Staff have typed this receipt for money that they took: it must not count twice. A person sees both.
        logger.error("statement_receipt_is_staffs", extra={"line_id": str(line.pk)})
        return Step.DONE
    line.received = record(
        Arrival(
            provider=line.provider,
            receipt_number=line.receipt_number,
            amount=line.amount,
            currency=line.currency,
            fee=line.fee,
            received_at=line.at,
            account_reference=line.reference,
            payer_phone=line.payer_phone,
            payer_name=line.payer_name,
            source=ReceivedMoney.Source.STATEMENT,
            is_verified=True,
        )
    )
    return Step.DONE


def _attempt_named_by(line: StatementLine) -> PaymentAttempt | None:
    if not line.reference or not get_provider(line.provider).redirects:
        return None
    return PaymentAttempt.objects.filter(provider=line.provider, reference=line.reference).first()


@transaction.atomic
def _record_fee(line: StatementLine) -> Step:
    """What the provider kept, on a line of its own under the receipt that it was kept for."""
    same = {"provider": line.provider, "receipt_number": line.receipt_number}
    received = ReceivedMoney.objects.select_for_update(no_key=True, of=("self",)).filter(**same).first()
    if received is not None and received.verified_at is not None:
        lines = StatementLine.objects.filter(**same, nature=Nature.FEE, currency=line.currency)
        fee = -(lines.aggregate(total=Sum("amount"))["total"] or Decimal(0))
        if not received.fee and received.currency == line.currency:
            received.fee = fee
            received.save(update_fields=["fee", "updated_at"])
            ledger.record_fee(received)
        elif received.fee != fee:
            logger.error("fee_differs", extra={"received_id": str(received.pk), "line_id": str(line.pk)})
        line.received = received
        return Step.DONE
    refund = Refund.objects.filter(**same, status=Refund.Status.SUCCEEDED).first()
    payout = Payout.objects.filter(**same, status=Payout.Status.SUCCEEDED).first()
    if refund is None and payout is None:
        return Step.OPEN
    ledger.record_charge(line, refund=refund, payout=payout)
    return Step.DONE


def _record_out(line: StatementLine) -> Step:
    """Money that left proves nothing by itself; what it may be a refund or payout of is asked about now."""
    for model in (Refund, Payout):
        for name, value in (
            ("receipt_number", line.receipt_number),
            ("provider_reference", line.reference),
            ("reference", line.reference),
        ):
            if value:
                model.objects.filter(
                    **{"provider": line.provider, name: value}, next_query_at__isnull=False, status__in=_ASKED_ABOUT
                ).update(next_query_at=Now())
    return Step.DONE


_ASKED_ABOUT = (Refund.Status.PENDING, Refund.Status.UNKNOWN)


def owe_open_lines(now: datetime | None = None) -> int:
    """Owe the recording of lines that are still open after an hour, once a day; return how many statements have such.

    A worker that died with its last try, or a refund that became known later, leaves them behind.
    """
    now = now or timezone.now()
    left = StatementLine.objects.filter(
        handled_at__isnull=True, created_at__lt=now - timedelta(hours=1), created_at__gt=now - TRY_FOR
    )
    statements = Statement.objects.filter(pk__in=left.values("statement"))
    with transaction.atomic():
        for statement in statements:
            _owe_recording(statement, f"again:{now.date()}")
    return len(statements)
