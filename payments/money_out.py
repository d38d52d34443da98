"""Money that leaves: told to a provider by a worker, at most once, asked about until its end, settled by what is said.

Refunds and payouts differ in what they lock, tell and book; the rest is here, once. No lock is held while a provider
is asked. A transfer that may have been received is asked about, never sent blindly again.
"""

import logging
from abc import ABC, abstractmethod
from datetime import datetime, timedelta
from typing import Any, ClassVar, Generic, TypeVar
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.crypto import salted_hmac

from accounts.models import User
from ecommerce.exceptions import DomainError
from ecommerce.outbox import OwedTask
from payments.attempts import token_hash
from payments.exceptions import ProviderUnavailable, ProviderUnreachable
from payments.models import MoneyOut
from payments.providers.base import TransferResult, Verdict

logger = logging.getLogger(__name__)

Status = MoneyOut.Status
Row = TypeVar("Row", bound=MoneyOut)

ASKABLE = (Status.SENDING, Status.PENDING, Status.UNKNOWN)
# When to ask about a transfer whose fate is not known, in seconds after it was sent; then once a day for a week.
QUERY_DELAYS = (30, 120, 300, 900, 3600, 21_600, *range(86_400, 7 * 86_400 + 1, 86_400))
LAST_CALL = timedelta(minutes=5)
# A worker that has not come back from the provider after this is gone.
SENDING_TAKES = timedelta(seconds=60)


class Outgoing(ABC, Generic[Row]):
    """One kind of money that leaves. ``name`` stands in logs and in the keys of owed work."""

    name: ClassVar[str]
    model: type[Row]
    send_task: ClassVar[OwedTask]
    query_task: ClassVar[Any]
    not_by_hand: ClassVar[type[DomainError]]

    @abstractmethod
    def load(self, row_id: UUID) -> Row:
        """Return a row, unlocked, with all that the provider is told of it."""

    @abstractmethod
    def lock(self, row_id: UUID) -> Row:
        """Lock a row, after whatever else is locked before it. Must run inside a transaction."""

    @abstractmethod
    def tell(self, row: Row) -> TransferResult:
        """Have the provider move the money; errors are the provider's."""

    @abstractmethod
    def ask(self, row: Row) -> TransferResult:
        """Ask the provider what became of it; errors are the provider's."""

    @abstractmethod
    def is_repeatable(self, row: Row) -> bool:
        """Tell whether sending it again with its reference moves money once."""

    @abstractmethod
    def succeeded(self, row: Row) -> None:
        """Book that a locked row's money is gone."""

    @abstractmethod
    def failed(self, row: Row) -> None:
        """Book that a locked row's money is where it was."""

    # --- sending

    def owe_sending(self, row: Row) -> None:
        """Owe the provider a locked or new row. Must run inside a transaction."""
        self.send_task.owe(f"send-{self.name}:{row.pk}", **self._key(row))

    def send(self, row_id: UUID) -> None:
        """Tell the provider, once. Called by a worker."""
        if not self._claim(row_id):
            return
        row = self.load(row_id)
        try:
            result = self.tell(row)
        except ProviderUnreachable as error:
            logger.warning("%s_not_sent", self.name, extra=self._key(row))
            self._put_back(row_id, str(error))
            return
        except ProviderUnavailable as error:
            logger.warning("%s_unknown", self.name, extra=self._key(row))
            result = TransferResult(verdict=Verdict.NO_ANSWER, detail=str(error)[:300])
        self.settle(row_id, result, source="answer")

    def result_url(self, row: Row) -> str:
        return f"{settings.PUBLIC_BASE_URL}/api/payments/result/{self._result_token(row)}/"

    def _result_token(self, row: Row) -> str:
        """Return the secret in the address of a row's reports: always the same, so that a late one is understood."""
        return salted_hmac(f"payments.{self.name}", str(row.pk), algorithm="sha256").hexdigest()

    @transaction.atomic
    def _claim(self, row_id: UUID) -> bool:
        row = self._lock_alone(row_id)
        if row.status != Status.CREATED:
            return False
        row.status = Status.SENDING
        row.callback_token_hash = token_hash(self._result_token(row))
        row.sent_at = timezone.now()
        row.next_query_at = row.sent_at + timedelta(seconds=QUERY_DELAYS[0])
        row.save(update_fields=["status", "callback_token_hash", "sent_at", "next_query_at", "updated_at"])
        return True

    @transaction.atomic
    def _put_back(self, row_id: UUID, detail: str) -> None:
        """It certainly was not received: owe it again, a little later."""
        row = self._lock_alone(row_id)
        if row.status not in (Status.SENDING, Status.UNKNOWN):
            return
        row.status, row.result_detail, row.next_query_at = Status.CREATED, detail[:300], None
        row.query_count += 1
        row.save(update_fields=["status", "result_detail", "next_query_at", "query_count", "updated_at"])
        self.send_task.owe(
            f"send-{self.name}:{row.pk}:{row.query_count}",
            delay=timedelta(seconds=min(900, 15 * 2 ** min(row.query_count, 6))),
            **self._key(row),
        )

    def _lock_alone(self, row_id: UUID) -> Row:
        return self.model._default_manager.select_for_update(no_key=True, of=("self",)).get(pk=row_id)

    # --- asking

    def query_due(self, limit: int = 50) -> int:
        """Queue a question for each open row that is due, and set its next turn first; return how many."""
        rows = self.model._default_manager
        with transaction.atomic():
            due = list(
                rows.select_for_update(skip_locked=True, no_key=True, of=("self",))
                .filter(status__in=ASKABLE, next_query_at__lte=Now())
                .order_by("next_query_at")[:limit]
            )
            for row in due:
                row.query_count += 1
                # The last question, too, is asked again when it is lost: only its own run ends the ladder.
                row.next_query_at = _next_turn(row) or timezone.now() + LAST_CALL
            rows.bulk_update(due, ["next_query_at", "query_count"])
            for row in due:
                self.query_task.delay_on_commit(str(row.pk))
        return len(due)

    def query(self, row_id: UUID) -> Row:
        """Ask the provider about one row and settle what it says.

        One whose acknowledgement was lost and that cannot be asked about is sent again where that is harmless.
        """
        row = self.load(row_id)
        if row.status not in ASKABLE:
            return row
        if row.status == Status.SENDING and row.sent_at and timezone.now() - row.sent_at < SENDING_TAKES:
            return row  # a worker may still be at it
        try:
            result = self.ask(row)
            if result.verdict == Verdict.NO_ANSWER and self.is_repeatable(row):
                result = self.tell(row)
        except ProviderUnavailable as error:
            logger.warning("%s_query_unavailable", self.name, extra=self._key(row))
            result = TransferResult(verdict=Verdict.NO_ANSWER, detail=str(error)[:300])
        settled = self.settle(row_id, result, source="query")
        if settled.status in ASKABLE and _next_turn(settled) is None:
            unanswered = self.model._default_manager.filter(pk=row_id, status__in=ASKABLE)
            unanswered.update(status=Status.REVIEW, next_query_at=None, updated_at=Now())
            logger.error("%s_needs_person", self.name, extra=self._key(row))
            settled.refresh_from_db()
        return settled

    # --- settling

    @transaction.atomic
    def settle(self, row_id: UUID, result: TransferResult, *, source: str) -> Row:
        """Apply what was said about a row; idempotent. Success is never overwritten by failure.

        ``source`` names the channel for the log: ``answer``, ``query``, ``callback`` or ``staff``.
        """
        row = self.lock(row_id)
        if not row.is_open:
            self._hear_after_the_end(row, result, source)
            return row
        row.provider_reference = result.provider_reference or row.provider_reference
        row.receipt_number = result.receipt_number or row.receipt_number
        row.route = result.route or row.route
        row.result_code, row.result_detail = result.code[:40], result.detail[:300]
        if result.verdict == Verdict.SUCCEEDED and result.amount in (None, row.amount):
            self._end(row, Status.SUCCEEDED)
            self.succeeded(row)
            return row
        if result.verdict == Verdict.FAILED:
            self._end(row, Status.FAILED)
            logger.error("%s_failed", self.name, extra=self._key(row) | {"code": row.result_code})
            self.failed(row)
            return row
        if result.verdict == Verdict.NEVER_SEEN:
            row.save()
            self._put_back(row.pk, "the provider never received it")
            row.refresh_from_db()
            return row
        if result.verdict == Verdict.SUCCEEDED:
            row.status, row.next_query_at = Status.REVIEW, None
            logger.error("%s_amount_differs", self.name, extra=self._key(row))
        elif result.needs_person:
            row.status, row.next_query_at = Status.REVIEW, None
        elif result.verdict == Verdict.IN_FLIGHT and row.status in ASKABLE:
            row.status = Status.PENDING
        elif row.status == Status.SENDING:
            row.status = Status.UNKNOWN
        row.save()
        return row

    def _end(self, row: Row, status: MoneyOut.Status) -> None:
        row.status, row.ended_at, row.next_query_at = status, timezone.now(), None
        row.save()

    def _hear_after_the_end(self, row: Row, result: TransferResult, source: str) -> None:
        if row.status == Status.SUCCEEDED and result.verdict == Verdict.FAILED:
            logger.error("%s_failure_after_success", self.name, extra=self._key(row) | {"source": source})
        elif row.status == Status.FAILED and result.verdict == Verdict.SUCCEEDED:
            logger.error("%s_success_after_failure", self.name, extra=self._key(row) | {"source": source})

    # --- staff

    @transaction.atomic
    def complete_by_hand(self, row_id: UUID, *, actor: User, receipt_number: str) -> Row:
        """Let staff say that a transfer which only a person could make has been made.

        Raises:
            ``not_by_hand``: it does not wait for a person.
        """
        row = self.lock(row_id)
        if row.status != Status.REVIEW:
            raise self.not_by_hand()
        logger.info("%s_by_hand", self.name, extra=self._key(row) | {"actor_id": str(actor.pk)})
        result = TransferResult(
            verdict=Verdict.SUCCEEDED, receipt_number=receipt_number, route="by_hand", detail=f"by {actor.pk}"
        )
        return self.settle(row_id, result, source="staff")

    def _key(self, row: Row) -> dict[str, Any]:
        return {f"{self.name}_id": str(row.pk)}


def _next_turn(row: MoneyOut) -> datetime | None:
    """Return when to ask next: the ladder's first rung after now; None when the ladder has ended."""
    sent_at = row.sent_at or row.created_at
    age = (timezone.now() - sent_at).total_seconds()
    return next((sent_at + timedelta(seconds=delay) for delay in QUERY_DELAYS if delay > age), None)
