"""Payouts: money that goes to a seller, promised once, sent at most once, settled by what the provider says later.

Who gets how much, and when, is decided by the caller. The promise is booked at once, out of what the seller is owed;
the provider is told by a worker, without a lock.
"""

from decimal import Decimal
from uuid import UUID

from django.conf import settings
from django.db import transaction

from accounts.models import User
from ecommerce.models import new_id
from payments import ledger
from payments.exceptions import PayoutNotByHand
from payments.models import Payout
from payments.money_out import Outgoing
from payments.providers import get_provider
from payments.providers.base import PayoutRequest, TransferResult, Verdict
from payments.tasks import query_payout as query_payout_task
from payments.tasks import send_payout as send_payout_task

# Where no provider that is switched on pays anybody: a person does, from the shop's own cash or bank account.
BY_HAND = "manual"


@transaction.atomic
def owe_payout(
    *,
    amount: Decimal,
    currency: str,
    recipient_name: str,
    phone_number: str,
    reason: str,
    provider: str = "",
    actor: User | None = None,
) -> Payout:
    """Promise somebody ``amount``, and owe its sending; by the first provider that pays out when none is named.

    ``phone_number`` is E.164. The caller makes sure that one debt becomes one payout.

    Raises:
        InexactAmount: ``amount`` has more places than its currency.
    """
    payout_id = new_id()
    payout = Payout.objects.create(
        pk=payout_id,
        provider=provider or paying_provider(),
        amount=amount,
        currency=currency,
        reference=f"payout-{payout_id.hex}",
        recipient_name=recipient_name[:120],
        phone_number=phone_number,
        reason=reason[:200],
        requested_by=actor,
    )
    ledger.record_payout_owed(payout)
    _payouts.owe_sending(payout)
    return payout


def paying_provider() -> str:
    """Return the name of the first provider that is switched on and pays out; otherwise a person pays by hand."""
    return next((name for name in settings.PAYMENT_PROVIDERS if get_provider(name).can_pay_out), BY_HAND)


class _Payouts(Outgoing[Payout]):
    name = "payout"
    model = Payout
    send_task = send_payout_task
    query_task = query_payout_task
    not_by_hand = PayoutNotByHand

    def load(self, row_id: UUID) -> Payout:
        return Payout.objects.get(pk=row_id)

    def lock(self, row_id: UUID) -> Payout:
        return Payout.objects.select_for_update(no_key=True, of=("self",)).get(pk=row_id)

    def tell(self, row: Payout) -> TransferResult:
        provider = get_provider(row.provider)
        if not provider.can_pay_out:
            return TransferResult(
                verdict=Verdict.IN_FLIGHT, needs_person=True, route="by_hand", detail="to be paid by hand"
            )
        return provider.pay_out(request_of(row))

    def ask(self, row: Payout) -> TransferResult:
        """Errors, and an answer, only from a provider that was told; one that has lost its operator tells nothing."""
        provider = get_provider(row.provider)
        if not provider.can_pay_out:
            return TransferResult(verdict=Verdict.NO_ANSWER, detail="the provider cannot be asked about payouts")
        return provider.query_payout(request_of(row))

    def is_repeatable(self, row: Payout) -> bool:
        provider = get_provider(row.provider)
        return provider.can_pay_out and provider.payout_is_repeatable

    def succeeded(self, row: Payout) -> None:
        ledger.record_payout_paid(row)

    def failed(self, row: Payout) -> None:
        """The seller is owed it as before."""
        ledger.record_payout_dropped(row)


_payouts = _Payouts()


def request_of(payout: Payout) -> PayoutRequest:
    """Return what the provider is told of a payout, the first time and when it is asked about."""
    return PayoutRequest(
        reference=payout.reference,
        amount=payout.amount,
        currency=payout.currency,
        recipient_name=payout.recipient_name,
        phone_number=payout.phone_number,
        reason=payout.reason,
        result_url=_payouts.result_url(payout),
        provider_reference=payout.provider_reference,
    )


def send_payout(payout_id: UUID) -> None:
    """Tell the provider. Called by a worker; a payout that may have been received is asked about, never sent blindly.

    No lock is held while the provider is asked.
    """
    _payouts.send(payout_id)


def query_due_payouts(limit: int = 50) -> int:
    """Queue a question for each open payout that is due, and set its next turn first; return how many."""
    return _payouts.query_due(limit)


def query_payout(payout_id: UUID) -> Payout:
    """Ask the provider about one payout and settle what it says; no lock is held while asking."""
    return _payouts.query(payout_id)


def settle_payout(payout_id: UUID, result: TransferResult, *, source: str) -> Payout:
    """Apply what the provider said about a payout; idempotent. See ``Outgoing.settle``."""
    return _payouts.settle(payout_id, result, source=source)


def complete_by_hand(payout_id: UUID, *, actor: User, receipt_number: str) -> Payout:
    """Let staff say that a payout which only a person could make has been made.

    Raises:
        PayoutNotByHand: it does not wait for a person.
    """
    return _payouts.complete_by_hand(payout_id, actor=actor, receipt_number=receipt_number)
