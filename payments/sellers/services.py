"""Booking what was sold for sellers. Every booking is a difference between what is in the books and what is true now.

An order's row is locked meanwhile, so it does not matter who speaks first, nor how often: the sweep or a refund.
"""

from collections.abc import Iterable
from decimal import Decimal
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from ecommerce.currencies import round_to_minor_unit
from ecommerce.money import ZERO
from orders.hooks import Refunded
from orders.models import Order, OrderItem
from orders.services import lock_order
from payments import ledger
from payments.sellers.models import SellerSale
from payments.sellers.selectors import commission_of, unbooked_orders

_ALL = Decimal(10_000)  # basis points


def book_due_sales(limit: int = 200) -> int:
    """Book what was delivered and is not in the books; return how many orders that were."""
    found = list(unbooked_orders().values_list("pk", flat=True)[:limit])
    for order_id in found:
        book_sales(order_id)
    return len(found)


@transaction.atomic
def book_sales(order_id: UUID) -> None:
    """Bring the books to what the sellers of an order have earned by it. A repeat changes nothing."""
    order = lock_order(order_id)
    is_earned = order.status == Order.Status.DELIVERED and order.paid_at is not None
    if is_earned:
        for item in _unbooked(order):
            _begin(order, item)
    sales = SellerSale.objects.filter(order_item__order=order).select_related("order_item").order_by("pk")
    _follow(order, sales)


def follow_refund(refunded: Refunded) -> None:
    """A refund of an order has gone: what came back is no sale any more. Told by ``orders.hooks``."""
    if SellerSale.objects.filter(order_item__order=refunded.order_id).exists():
        book_sales(refunded.order_id)


def _unbooked(order: Order) -> QuerySet[OrderItem]:
    sold = order.items.filter(product__seller__isnull=False, seller_sale__isnull=True, shipped_quantity__gt=0)
    return sold.select_related("product__category").order_by("pk")


def _begin(order: Order, item: OrderItem) -> None:
    seller_id = item.product.seller_id
    if seller_id is None:
        return
    delivered = order.events.filter(to_status=Order.Status.DELIVERED).order_by("-pk").first()
    since = delivered.created_at if delivered else timezone.now()
    SellerSale.objects.create(
        order_item=item,
        seller_id=seller_id,
        basis_points=commission_of(item.product),
        currency=order.currency,
        due_at=since + settings.SELLER_PAYOUT_AFTER,
    )


def _follow(order: Order, sales: Iterable[SellerSale]) -> None:
    for sale in sales:
        item = sale.order_item
        kept = item.shipped_quantity - item.returned_quantity
        units = 0 if order.status == Order.Status.REFUNDED else kept
        gross = _gross(order, item, units)
        commission = round_to_minor_unit(gross * sale.basis_points / _ALL, sale.currency)
        earned, taken = gross - sale.gross, commission - sale.commission
        if not earned and not taken and units == sale.units:
            continue
        if earned or taken:
            sale.bookings += 1
            ledger.record_seller_sale(
                f"sale:{sale.pk.hex}:{sale.bookings}",
                seller_id=sale.seller_id,
                gross=earned,
                commission=taken,
                currency=sale.currency,
            )
        sale.units, sale.gross, sale.commission = units, gross, commission
        sale.save(update_fields=["units", "gross", "commission", "bookings", "updated_at"])


def _gross(order: Order, item: OrderItem, units: int) -> Decimal:
    """Return what the customer paid for ``units`` of a line, with tax; rounded once, and exact for all of them."""
    charged = item.charged_quantity
    if not charged or not units:
        return ZERO
    total = item.price * charged - item.discount
    if not order.prices_include_tax:
        total += item.tax
    return round_to_minor_unit(total * units / charged, order.currency)
