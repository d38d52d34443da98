"""Paying an order with a gift card or with store credit, in whole or in part, at once and without any provider.

What it brings is a receipt like any other (``payments.received``), so the rest is asked of M-Pesa or another provider
for what is still lacking, and a refund takes the newest receipt first. Locks: payment, attempts, received money, order,
gift card or store credit.
"""

import base64
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from ecommerce.models import new_id
from orders.exceptions import OrderNotPayable
from orders.models import Order
from orders.selectors import Buyer, acts_for
from orders.services import lock_order
from payments import outcomes
from payments.attempts import TIME_TO_TRY_AGAIN, leave_attempt, lock_payment_of, set_payment_open
from payments.credit import books, codes
from payments.credit.exceptions import (
    CreditTooSmall,
    GiftCardEmpty,
    GiftCardInOtherCurrency,
    GiftCardNotUsable,
    NoStoreCredit,
)
from payments.credit.models import GIFT_CARD, STORE_CREDIT, GiftCard, StoreCredit
from payments.credit.sold import refuse_for_gift_cards
from payments.exceptions import AlreadyPaid, AmountNotPayable, OrderNotFound, PaymentInProgress, PaymentUnderReview
from payments.models import Payment, PaymentAttempt, ReceivedMoney
from payments.providers import get_provider
from payments.received import Arrival, apply, due_of, has_money_in_doubt, lock_or_create


@dataclass(frozen=True)
class Spent:
    payment: Payment
    received: ReceivedMoney


def usable_card(typed: str) -> GiftCard:
    """Return the gift card of a code, unlocked.

    Raises:
        GiftCardNotUsable: there is none, or it is switched off, or it has expired.
    """
    code = codes.normalise(typed)
    card = GiftCard.objects.filter(code_hash__in=codes.hashes_of(code)).first() if code else None
    if card is None or not _is_usable(card):
        raise GiftCardNotUsable()
    return card


@transaction.atomic
def spend_gift_card(
    *, user: User | None, order_id: UUID, code: str, amount: Decimal | None = None, holds_link: bool = False
) -> Spent:
    """Let a gift card pay what the order lacks, or ``amount`` of it, as far as the card goes.

    ``holds_link`` says that whoever asks has the link of this order, which then may be a guest's.

    Raises:
        GiftCardNotUsable, GiftCardEmpty, GiftCardInOtherCurrency
        CreditTooSmall: ``amount`` is more than is on the card.
        OrderNotFound, OrderNotPayable, AlreadyPaid, PaymentUnderReview, PaymentInProgress, AmountNotPayable
    """
    card = usable_card(code)
    if card.balance <= 0:  # before anything is locked: many may try the same card
        raise GiftCardEmpty()
    payment, order = _lock_order_to_pay(Buyer(user, order_id if holds_link else None), order_id, GIFT_CARD)
    card = books.lock_card(card.pk)
    if not _is_usable(card):
        raise GiftCardNotUsable()
    if card.currency != payment.currency:
        raise GiftCardInOtherCurrency(card.currency)
    if card.balance <= 0:
        raise GiftCardEmpty()
    return _pay(payment, order, card, provider=GIFT_CARD, amount=amount, actor=user)


@transaction.atomic
def spend_store_credit(*, user: User, order_id: UUID, amount: Decimal | None = None) -> Spent:
    """Let a customer's store credit pay what the order lacks, or ``amount`` of it, as far as it goes.

    Raises:
        NoStoreCredit: nothing is there in the order's currency.
        CreditTooSmall: ``amount`` is more than is there.
        OrderNotFound, OrderNotPayable, AlreadyPaid, PaymentUnderReview, PaymentInProgress, AmountNotPayable
    """
    payment, order = _lock_order_to_pay(Buyer(user), order_id, STORE_CREDIT)
    held = StoreCredit.objects.select_for_update(no_key=True, of=("self",))
    balance = held.filter(user=user, currency=payment.currency, balance__gt=0).first()
    if balance is None:
        raise NoStoreCredit(payment.currency)
    return _pay(payment, order, balance, provider=STORE_CREDIT, amount=amount, actor=user)


def spend_credit_on(order: Order, amount: Decimal) -> None:
    """Let a customer's store credit pay ``amount`` of a new order for returned goods; told by ``orders.hooks``."""
    if order.user is not None:
        spend_store_credit(user=order.user, order_id=order.pk, amount=amount)


def _is_usable(card: GiftCard) -> bool:
    return card.is_active and (card.expires_at is None or card.expires_at > timezone.now())


def _lock_order_to_pay(buyer: Buyer, order_id: UUID, provider: str) -> tuple[Payment, Order]:
    """Lock a customer's order that waits for money, and its payment; leave the attempt that is open, if it can be."""
    found = Order.objects.filter(acts_for(buyer), pk=order_id).first()
    if found is None:
        raise OrderNotFound()
    if found.total_amount <= 0:
        raise AlreadyPaid()
    refuse_for_gift_cards(found)
    payment = lock_payment_of(found, method=provider, provider=provider)
    attempts = payment.attempts.select_for_update(no_key=True, of=("self",))
    live = attempts.filter(status__in=PaymentAttempt.LIVE).first()
    order = lock_order(found.pk)
    if payment.paid_at is not None or order.status == Order.Status.PAID:
        raise AlreadyPaid()
    if not order.is_payable:
        raise OrderNotPayable()
    if live is not None:
        if not get_provider(live.provider).can_be_superseded:
            raise PaymentInProgress()
        leave_attempt(payment, live, outcomes.SUPERSEDED)  # it asks for more than will be lacking
    if payment.attempts.filter(status=PaymentAttempt.Status.REVIEW).exists() or has_money_in_doubt(payment):
        raise PaymentUnderReview()
    return payment, lock_order(order.pk)


def _pay(
    payment: Payment,
    order: Order,
    balance: GiftCard | StoreCredit,
    *,
    provider: str,
    amount: Decimal | None,
    actor: User | None,
) -> Spent:
    due = due_of(payment)
    if amount is not None and amount > due:
        raise AmountNotPayable()
    if amount is not None and amount > balance.balance:
        raise CreditTooSmall(balance.balance)
    worth = min(due, balance.balance) if amount is None else amount
    received, _ = lock_or_create(
        Arrival(
            provider=provider,
            receipt_number=_new_receipt(order),
            amount=worth,
            currency=payment.currency,
            received_at=timezone.now(),
            account_reference=order.number,
            source=ReceivedMoney.Source.CREDIT,
            is_verified=True,
        )
    )
    books.spend(balance, received, actor=actor)
    if payment.status == Payment.Status.FAILED:  # an earlier try did; this one does not
        payment.status = Payment.Status.PENDING
    payment.method, payment.provider = provider, provider
    payment.save(update_fields=["status", "method", "provider", "updated_at"])
    apply(received, payment, worth=worth)
    order = lock_order(order.pk)
    set_payment_open(payment, order)
    if order.reserved_until is not None:  # the customer has time to pay the rest
        order.reserved_until = max(order.reserved_until, timezone.now() + TIME_TO_TRY_AGAIN)
        order.save(update_fields=["reserved_until", "updated_at"])
    return Spent(payment, received)


def _new_receipt(order: Order) -> str:
    """Return ``<order number>-<8 characters>``: what the customer's books and ours call it."""
    return f"{order.number}-{base64.b32encode(new_id().bytes[-5:]).decode()}"
