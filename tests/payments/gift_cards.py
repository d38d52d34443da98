"""Gift cards and store credit for several test modules."""

from decimal import Decimal
from typing import Any

from accounts.models import User
from orders.models import Order
from payments.credit import codes, issuing
from payments.credit.models import GiftCard, StoreCredit
from tests.factories import UserFactory


def gift_card(amount: str = "500.00", currency: str = "KES", **fields: Any) -> GiftCard:
    """Issue a gift card without an e-mail address."""
    return issuing.issue_gift_card(amount=Decimal(amount), currency=currency, actor=None, **fields)


def code_of(card: GiftCard) -> str:
    """Return a card's code as it is written for people."""
    return codes.grouped(codes.code_of(card.pk, card.code_hash))


def give_credit(user: User, amount: str = "500.00", currency: str = "KES") -> StoreCredit:
    """Let staff give a customer store credit."""
    movement = issuing.adjust_store_credit(
        user, amount=Decimal(amount), currency=currency, actor=UserFactory(), reason="a kindness"
    )
    assert movement.store_credit is not None
    return movement.store_credit


def left_on(balance: GiftCard | StoreCredit) -> Decimal:
    balance.refresh_from_db()
    return balance.balance


def status_of(order: Order) -> tuple[str, str]:
    """Return the status of an order and of its payment."""
    order.refresh_from_db()
    payment = order.payment
    payment.refresh_from_db()
    return order.status, payment.status
