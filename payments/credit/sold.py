"""Gift cards that are sold: made when their order is paid, and taken back with its money.

Each unit of a line is a card with an id computed from both, so it is made only once. What was paid for it moves from
``customers`` to ``gift_cards`` in the books: the shop has sold nothing yet. The sale of a card is outside VAT; that
is due when the card is spent, on what it buys then.

What an order was paid, less what its cards that are still out were sold for, is what its other goods were paid with. No
more than that goes back unless cards come in for it: whole, and only those of which nothing was spent.
"""

import logging
from collections.abc import Sequence
from decimal import Decimal
from uuid import UUID, uuid5

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts.models import User
from catalog.models import Product
from catalog.tax_kinds import TaxKind
from ecommerce.money import ZERO
from orders.gifts.models import GiftRecipient
from orders.models import Order, OrderItem
from orders.services import lock_order
from payments import ledger
from payments.credit import books, codes
from payments.credit.exceptions import GiftCardBuysNone, GiftCardIndivisible, GiftCardSent, GiftCardSpent
from payments.credit.models import GiftCard
from payments.models import Payment
from payments.tasks import issue_sold_cards as issue_sold_cards_task
from payments.tasks import send_gift_card

logger = logging.getLogger(__name__)


def owe_cards(order: Order, lines: Sequence[OrderItem]) -> None:
    """Owe the cards of a paid order's lines that were handed over; told by ``orders.hooks``."""
    if any(line.tax_kind == TaxKind.OUTSIDE for line in lines):  # as gift cards are, and next to nothing else
        issue_sold_cards_task.owe(f"sold-cards:{order.pk}", order_id=str(order.pk))


@transaction.atomic
def issue_sold_cards(order_id: UUID) -> list[GiftCard]:
    """Make the gift cards of a paid order and owe their mails; return the new ones. A repeat makes none.

    Locks the payment and the order. Each unit is a card of what was paid for it.
    """
    list(Payment.objects.select_for_update(no_key=True, of=("self",)).filter(order_id=order_id))
    return _issue(lock_order(order_id))


def _issue(order: Order) -> list[GiftCard]:
    lines = list(_gift_lines(order.pk).select_related("gift_recipient"))
    known = set(GiftCard.objects.filter(order_item__in=lines).values_list("pk", flat=True))
    made = []
    for line in lines:
        told = getattr(line, "gift_recipient", None)
        for number in range(line.shipped_quantity):
            card_id = uuid5(line.pk, str(number))
            if card_id not in known:
                made.append(_make(card_id, line, order, told))
    return made


def _make(card_id: UUID, line: OrderItem, order: Order, told: GiftRecipient | None) -> GiftCard:
    code = codes.code_for(card_id)
    card = GiftCard.objects.create(
        pk=card_id,
        code_hash=codes.hash_of(code),
        last4=code[-4:],
        currency=order.currency,
        initial_amount=line.price,
        balance=ZERO,
        bought_by=order.user,
        order_item=line,
        recipient_email=told.recipient_email if told else order.email,
        message=told.message if told else "",
    )
    books.issue(card, actor=None, against=ledger.CUSTOMERS)
    _owe_mail(card)
    return card


def follow_recipient(line: OrderItem, recipient_email: str, message: str) -> None:
    """Send cards that went to nobody yet, for want of an address, to the one that is told now, by ``orders.hooks``.

    Raises:
        GiftCardSent: their codes are with somebody else already.
    """
    cards = list(GiftCard.objects.select_for_update(no_key=True, of=("self",)).filter(order_item=line).order_by("pk"))
    if any(card.recipient_email for card in cards):
        raise GiftCardSent()
    for card in cards:
        card.recipient_email, card.message = recipient_email, message
        card.save(update_fields=["recipient_email", "message", "updated_at"])
        _owe_mail(card)


def take_cards_back(payment: Payment, *, going: Decimal, kept: Decimal, actor: User | None) -> None:
    """Take so many cards of a locked payment's order back that ``kept`` covers those which stay out, newest first.

    Before ``going`` goes back. Locks the order and its cards.

    Raises:
        GiftCardSpent: too much of them was spent; says how much cannot go back.
        GiftCardIndivisible: less goes back than the cards were sold for; says how much they were.
    """
    if not _gift_lines(payment.order_id).exists():
        return
    order = lock_order(payment.order_id)
    _issue(order)  # what is owed and not made yet must not be made behind our back
    cards = GiftCard.objects.select_for_update(no_key=True, of=("self",)).filter(order_item__order=order)
    gone = set(books.taken_back(order))
    out = [card for card in cards.order_by("pk") if card.pk not in gone]
    worth = sum((card.initial_amount for card in out), ZERO)
    taken = ZERO
    for card in sorted(out, key=lambda card: card.created_at, reverse=True):
        if worth <= kept:
            break
        if card.balance == card.initial_amount:
            _take_back(card, actor)
            worth -= card.initial_amount
            taken += card.initial_amount
    if worth > kept:
        raise GiftCardSpent(worth)
    if taken > going:
        raise GiftCardIndivisible(taken)


def switch_off_cards(payment: Payment) -> None:
    """Let nobody spend what is left on cards whose payment the provider took back; staff decide what follows."""
    cards = GiftCard.objects.filter(order_item__order=payment.order_id, is_active=True)
    switched = cards.update(is_active=False, updated_at=timezone.now())
    if switched:
        logger.error("sold_gift_cards_switched_off", extra={"payment_id": str(payment.pk), "cards": switched})


def _take_back(card: GiftCard, actor: User | None) -> None:
    card.is_active = False
    card.save(update_fields=["is_active", "updated_at"])
    books.take_back(card, actor=actor)


def refuse_for_gift_cards(order: Order) -> None:
    """Refuse to pay gift cards with credit: what expires, or belongs to one customer, would become new credit.

    Raises:
        GiftCardBuysNone: the order has gift cards in it.
    """
    if _gift_lines(order.pk).exists():
        raise GiftCardBuysNone()


def _gift_lines(order_id: UUID) -> QuerySet[OrderItem]:
    lines = OrderItem.objects.filter(order_id=order_id, product__kind=Product.Kind.GIFT_CARD, price__gt=0)
    return lines.order_by("position")


def _owe_mail(card: GiftCard) -> None:
    if card.recipient_email:
        send_gift_card.owe(f"gift-card:{card.pk}", card_id=str(card.pk))
