"""Balances of gift cards and of store credit: each change is one movement and one ledger transaction.

Every function must run inside a transaction. Locks: payment, order, gift cards by key, store credit by key; after them
only the ledger.
"""

from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

from django.db.models import F, QuerySet
from django.utils import timezone

from accounts.models import User
from orders.models import Order
from payments import ledger
from payments.credit.exceptions import CreditTooSmall
from payments.credit.models import CREDIT_PROVIDERS, GIFT_CARD, STORE_CREDIT, CreditMovement, GiftCard, StoreCredit
from payments.models import LedgerTransaction, ReceivedMoney, Refund

Kind = CreditMovement.Kind

# A gift card lives at least so long after money came back to it.
TIME_TO_SPEND_AGAIN = timedelta(days=90)
_TAKEN_BACK = "taken-back"


def is_credit(provider: str) -> bool:
    """Tell whether a provider is the shop's own books."""
    return provider in CREDIT_PROVIDERS


def lock_card(card_id: UUID) -> GiftCard:
    return GiftCard.objects.select_for_update(no_key=True, of=("self",)).get(pk=card_id)


def lock_store_credit(user: User, currency: str) -> StoreCredit:
    """Return a customer's balance in a currency, made now if need be, locked."""
    StoreCredit.objects.bulk_create([StoreCredit(user=user, currency=currency)], ignore_conflicts=True)
    return StoreCredit.objects.select_for_update(no_key=True, of=("self",)).get(user=user, currency=currency)


def lock_sources(receipts: Iterable[ReceivedMoney]) -> None:
    """Lock everything that receipts were paid from, in the one order, before any of it goes back."""
    spent = CreditMovement.objects.filter(
        received__in=[receipt for receipt in receipts if is_credit(receipt.provider)], kind=Kind.SPEND
    )
    cards = GiftCard.objects.filter(movements__in=spent.values("pk"))
    credits_ = StoreCredit.objects.filter(movements__in=spent.values("pk"))
    list(GiftCard.objects.select_for_update(no_key=True).filter(pk__in=cards.values("pk")).order_by("pk"))
    list(StoreCredit.objects.select_for_update(no_key=True).filter(pk__in=credits_.values("pk")).order_by("pk"))


def issue(card: GiftCard, *, actor: User | None, against: str = ledger.GOODWILL) -> CreditMovement:
    """Put a new card's initial amount on it; ``against`` is the account that it comes from."""
    booked = _record(card, LedgerTransaction.Kind.CREDIT_ISSUED, card.initial_amount, f"card:{card.pk}", against)
    return _move(card, Kind.ISSUE, card.initial_amount, booked, actor=actor)


def adjust(
    balance: GiftCard | StoreCredit, amount: Decimal, *, source: str, actor: User, reason: str
) -> CreditMovement:
    """Change a locked balance by ``amount``; ``source`` is unique for ever.

    Raises:
        CreditTooSmall: less is there.
    """
    booked = _record(balance, LedgerTransaction.Kind.CREDIT_ADJUSTED, amount, source, ledger.GOODWILL)
    return _move(balance, Kind.ADJUST, amount, booked, actor=actor, reason=reason)


def take_back(card: GiftCard, *, actor: User | None) -> CreditMovement:
    """Take all that is on a locked card that was sold off it, once: what was paid for it goes back."""
    source = f"{_TAKEN_BACK}:{card.pk}"
    booked = _record(card, LedgerTransaction.Kind.CREDIT_ADJUSTED, -card.balance, source, ledger.CUSTOMERS)
    return _move(card, Kind.ADJUST, -card.balance, booked, actor=actor, reason="taken back with its order's money")


def taken_back(order: Order) -> QuerySet[CreditMovement, UUID | None]:
    """Return the cards of an order that were taken back."""
    movements = CreditMovement.objects.filter(source__startswith=f"{_TAKEN_BACK}:", gift_card__order_item__order=order)
    return movements.values_list("gift_card_id", flat=True)


def expire(card: GiftCard) -> CreditMovement:
    """Take what is left off a locked card that has expired."""
    # It may expire more than once: what comes back to it starts a new time.
    source = f"expiry:{card.pk}:{card.movements.filter(kind=Kind.EXPIRE).count()}"
    booked = _record(card, LedgerTransaction.Kind.CREDIT_EXPIRED, -card.balance, source, ledger.BREAKAGE)
    return _move(card, Kind.EXPIRE, -card.balance, booked)


def spend(balance: GiftCard | StoreCredit, received: ReceivedMoney, *, actor: User | None) -> CreditMovement:
    """Take what ``received`` (in the books already) brings off a locked balance.

    Raises:
        CreditTooSmall: less is there.
    """
    booked = ledger.record_received(received)
    return _move(balance, Kind.SPEND, -received.amount, booked, received=received, actor=actor)


def pay_back(refund: Refund, booked: LedgerTransaction) -> CreditMovement:
    """Put a refund that the books have paid onto what it was spent from, else onto its customer's store credit."""
    balance: GiftCard | StoreCredit
    if is_credit(refund.received.provider):
        spent = CreditMovement.objects.get(received=refund.received, kind=Kind.SPEND)
        kind, balance = Kind.GIVE_BACK, _lock_source(spent)
        if isinstance(balance, GiftCard):
            _keep_alive(balance)
    else:
        user = refund.payment.user if refund.payment is not None else None
        if user is None:
            raise ValueError(f"Refund {refund.pk} goes to nobody's account.")
        kind, balance = Kind.REFUND, lock_store_credit(user, refund.currency)
    return _move(balance, kind, refund.amount, booked, refund=refund, actor=refund.requested_by, reason=refund.reason)


def _lock_source(spent: CreditMovement) -> GiftCard | StoreCredit:
    if spent.gift_card_id is not None:
        return lock_card(spent.gift_card_id)
    return StoreCredit.objects.select_for_update(no_key=True, of=("self",)).get(movements=spent)


def _keep_alive(card: GiftCard) -> None:
    """Let a locked card outlive the shop's own refund: who gets money back must have time to spend it."""
    until = timezone.now() + TIME_TO_SPEND_AGAIN
    if card.expires_at is not None and card.expires_at < until:
        card.expires_at = until
        card.save(update_fields=["expires_at", "updated_at"])


def _record(
    balance: GiftCard | StoreCredit, kind: LedgerTransaction.Kind, amount: Decimal, source: str, against: str
) -> LedgerTransaction:
    provider = GIFT_CARD if isinstance(balance, GiftCard) else STORE_CREDIT
    return ledger.record_credit(
        kind, source, provider=provider, amount=amount, currency=balance.currency, against=against
    )


def _move(
    balance: GiftCard | StoreCredit,
    kind: CreditMovement.Kind,
    amount: Decimal,
    booked: LedgerTransaction,
    *,
    actor: User | None = None,
    received: ReceivedMoney | None = None,
    refund: Refund | None = None,
    reason: str = "",
) -> CreditMovement:
    """Change a balance if that much is on it, whoever else is at it, and write down why."""
    model = type(balance)
    enough = model._default_manager.filter(pk=balance.pk, balance__gte=-amount)
    if not enough.update(balance=F("balance") + amount, updated_at=timezone.now()):
        balance.refresh_from_db(fields=["balance"])
        raise CreditTooSmall(balance.balance)
    balance.refresh_from_db(fields=["balance"])
    return CreditMovement.objects.create(
        kind=kind,
        source=booked.source,
        amount=amount,
        balance_after=balance.balance,
        gift_card=balance if isinstance(balance, GiftCard) else None,
        store_credit=balance if isinstance(balance, StoreCredit) else None,
        transaction=booked,
        received=received,
        refund=refund,
        actor=actor,
        reason=reason[:200],
    )
