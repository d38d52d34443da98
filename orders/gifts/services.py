"""Saying for whom ordered gift cards are."""

from uuid import UUID

from django.db import transaction

from accounts.models import User
from catalog.models import Product
from orders import hooks
from orders.gifts.exceptions import GiftCardOver, NoGiftCard
from orders.gifts.models import GiftRecipient
from orders.models import Order
from orders.services import lock_order, note_event


@transaction.atomic
def tell_recipient(
    order_id: UUID, item_id: UUID, *, recipient_email: str, message: str = "", actor: User | None = None
) -> GiftRecipient:
    """Say who gets the gift cards of a line, as long as their codes were mailed to nobody. Locks the order.

    Raises:
        NoGiftCard: the order has no such line of gift cards.
        GiftCardOver: the order was cancelled or paid back.
        DomainError: they have been mailed; see ``hooks.gift_told``.
    """
    order = lock_order(order_id)
    line = order.items.filter(pk=item_id, product__kind=Product.Kind.GIFT_CARD).first()
    if line is None:
        raise NoGiftCard()
    if order.status in (Order.Status.CANCELLED, Order.Status.REFUNDED):
        raise GiftCardOver()
    recipient, _ = GiftRecipient.objects.update_or_create(
        order_item=line, defaults={"recipient_email": recipient_email, "message": message}
    )
    for follow in hooks.gift_told:
        follow(line, recipient_email, message)
    note_event(order, f"{line.sku}: a recipient was named", actor=actor)
    return recipient
