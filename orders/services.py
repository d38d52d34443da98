"""Orders: placing them, and every change of their state."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from accounts.models import User
from catalog import stock
from catalog.exceptions import InsufficientStock, ProductUnavailable, VariantRequired
from catalog.models import Product, StockMovement, Variant
from catalog.prices.rules import unit_price
from catalog.prices.selectors import offers_of, with_offers
from ecommerce.exceptions import ErrorRow
from orders import hooks
from orders.exceptions import InvalidOrderTransition, MixedCurrencies, OrderBeingPaid, PriceChanged, TotalTooLarge
from orders.models import Cart, Order, OrderEvent, OrderItem
from orders.pricing.baskets import price_basket
from orders.tasks import send_order_confirmation

LARGEST_TOTAL = Decimal("9999999999.99")


@dataclass(frozen=True)
class ItemInput:
    """A line that somebody wants. ``attr`` is where it stood in the request, for the error that names it."""

    quantity: int
    product_id: UUID | None = None
    variant_id: UUID | None = None
    attr: str = ""


@dataclass(frozen=True)
class Contact:
    email: str = ""
    phone_number: str = ""
    shipping_address: Mapping[str, Any] | None = None
    note: str = ""


@transaction.atomic
def place_order(
    *,
    user: User | None,
    items: Sequence[ItemInput],
    contact: Contact | None = None,
    cart: Cart | None = None,
    seen: Mapping[UUID, Decimal] | None = None,
) -> Order:
    """Create a pending order and reserve its stock until ``reserved_until``.

    Prices are what the variants cost this user in these quantities now; they are copied, so a later change in the
    catalogue does not touch this order. Lines of the same variant are added up. With ``cart`` (locked by the caller)
    the order belongs to that version of it. ``seen`` has the prices of the variants that the user was shown.

    Raises:
        ProductUnavailable: a product or variant is unknown or not for sale; one row each.
        VariantRequired: a product has several variants and none was named.
        InsufficientStock: names every short item; nothing is taken.
        PriceChanged: a price is not the one that was seen; one row each.
        MixedCurrencies: the products are priced in different currencies.
        TotalTooLarge: beyond what the amounts can hold.
    """
    contact = contact or Contact()
    wanted, attrs = resolve_items(items)
    variants = _locked_variants(wanted, user)
    _refuse_unavailable(wanted, variants, attrs)
    prices = {pk: unit_price(each.price, offers_of(each), wanted[pk]) for pk, each in variants.items()}
    if seen is not None:
        _refuse_changed(prices, seen, variants, attrs)
    currencies = {variant.product.currency for variant in variants.values()}
    if len(currencies) > 1:
        raise MixedCurrencies()
    totals = price_basket((pk, quantity, prices[pk]) for pk, quantity in wanted.items())
    if totals.total > LARGEST_TOTAL:
        raise TotalTooLarge()
    order = Order.objects.create(
        user=user,
        currency=currencies.pop(),
        subtotal=totals.subtotal,
        discount=totals.discount,
        shipping=totals.shipping,
        tax=totals.tax,
        total_amount=totals.total,
        email=contact.email or (user.email if user and user.email else ""),
        phone_number=contact.phone_number or (user.phone_number if user else ""),
        shipping_address=dict(contact.shipping_address or {}),
        note=contact.note,
        reserved_until=timezone.now() + settings.ORDER_RESERVATION,
        cart=cart,
        cart_version=cart.version if cart else None,
    )
    lines = OrderItem.objects.bulk_create(
        OrderItem(
            order=order,
            product=variants[pk].product,
            variant=variants[pk],
            product_name=variants[pk].product.product_name,
            sku=variants[pk].sku,
            options=variants[pk].options,
            quantity=quantity,
            price=prices[pk],
            position=position,
        )
        for position, (pk, quantity) in enumerate(wanted.items())
    )
    stock.apply_changes(
        (
            stock.Change(
                variant_id=line.variant_id,
                kind=StockMovement.Kind.RESERVE,
                available=-line.quantity,
                order_item_id=line.pk,
            )
            for line in lines
            if line.product.kind == Product.Kind.PHYSICAL
        ),
        actor=user,
    )
    OrderEvent.objects.create(order=order, to_status=order.status, actor=user)
    return order


def transition_order(order_id: UUID, target: Order.Status, *, actor: User | None = None, note: str = "") -> Order:
    """Change an order's status under its lock and note who did it. Must run inside a transaction.

    Raises:
        InvalidOrderTransition: the table does not allow it; carries the allowed ones.
    """
    order = lock_order(order_id)
    if target not in order.next_statuses:
        raise InvalidOrderTransition(order, target)
    order.events.create(from_status=order.status, to_status=target, actor=actor, note=note[:200])
    order.status = target
    order.save(update_fields=["status", "updated_at"])
    return order


def lock_order(order_id: UUID) -> Order:
    # NO KEY UPDATE: rows that merely point at the order may still be inserted meanwhile, without a deadlock.
    return Order.objects.select_for_update(no_key=True, of=("self",)).get(pk=order_id)


@transaction.atomic
def mark_paid(order_id: UUID) -> Order:
    """The money has arrived: the order is paid, and its confirmation mail is owed.

    One that was shipped to be paid at the door stays where it is on its way.

    Raises:
        InvalidOrderTransition: it does not wait for money (any more).
    """
    order = lock_order(order_id)
    if order.is_payable and order.status != Order.Status.PENDING:
        order.events.create(from_status=order.status, to_status=order.status, note="payment received")
    else:
        order = transition_order(order_id, Order.Status.PAID, note="payment received")
    order.paid_at = timezone.now()
    order.reserved_until = None
    order.save(update_fields=["paid_at", "reserved_until", "updated_at"])
    send_order_confirmation.owe(f"order-confirmation:{order.pk}", order_id=str(order.pk))
    return order


@transaction.atomic
def cancel_order(order_id: UUID, *, actor: User | None = None, note: str = "") -> Order:
    """Cancel an order that is not shipped: its stock comes back, and what was paid goes back, exactly once.

    Raises:
        InvalidOrderTransition: it is shipped, or cancelled already.
        OrderBeingPaid: a payment attempt is unresolved; the customer may have paid.
        DomainError: what was paid cannot go back now; see ``hooks.after_cancel``.
    """
    for prepare in hooks.before_cancel:
        prepare(order_id)
    order = _cancel(lock_order(order_id), actor=actor, note=note)
    for follow in hooks.after_cancel:
        follow(order, actor, note)
    return order


def _cancel(order: Order, *, actor: User | None, note: str) -> Order:
    if Order.Status.CANCELLED not in order.next_statuses:
        raise InvalidOrderTransition(order, Order.Status.CANCELLED)
    # Money that comes for a paid order is too much anyway, and goes back by itself.
    if order.status == Order.Status.PENDING and order.payment_open:
        raise OrderBeingPaid()
    order = transition_order(order.pk, Order.Status.CANCELLED, actor=actor, note=note)
    order.reserved_until = None
    order.save(update_fields=["reserved_until", "updated_at"])
    lines = list(order.items.filter(product__kind=Product.Kind.PHYSICAL))
    stock.lock_stock(line.variant_id for line in lines)
    stock.apply_changes(
        (
            stock.Change(
                variant_id=line.variant_id,
                kind=StockMovement.Kind.RELEASE,
                available=line.quantity,
                order_item_id=line.pk,
            )
            for line in lines
        ),
        actor=actor,
    )
    return order


@transaction.atomic
def ship_order(order_id: UUID, *, actor: User | None = None, note: str = "", warehouse_id: UUID | None = None) -> Order:
    """The goods have left the shelf: that of ``warehouse_id``, else those that ``catalog.inventory.picking`` says.

    Raises:
        InvalidOrderTransition: it is neither paid nor to be paid at the door.
        InsufficientInWarehouse: not all of it lies in the warehouse that was named.
    """
    order = transition_order(order_id, Order.Status.SHIPPED, actor=actor, note=note)
    order.reserved_until = None  # sold now, not held any more
    order.save(update_fields=["reserved_until", "updated_at"])
    lines = order.items.filter(product__kind=Product.Kind.PHYSICAL)
    stock.sell(
        [stock.Sale(order_item_id=line.pk, variant_id=line.variant_id, units=line.quantity) for line in lines],
        warehouse_id=warehouse_id,
        actor=actor,
    )
    return order


@transaction.atomic
def deliver_order(order_id: UUID, *, actor: User | None = None, note: str = "") -> Order:
    """The customer has the goods.

    Raises:
        InvalidOrderTransition: it is not shipped.
    """
    return transition_order(order_id, Order.Status.DELIVERED, actor=actor, note=note)


def resolve_items(items: Sequence[ItemInput]) -> tuple[Counter[UUID], dict[UUID, str]]:
    """Return how many of each variant are wanted, and where each first stood in the request.

    Raises:
        ProductUnavailable, VariantRequired: with one row for each item that names no single variant.
    """
    by_product = {item.product_id for item in items if item.variant_id is None and item.product_id is not None}
    choices: dict[UUID, list[UUID]] = {}
    if by_product:
        pairs = Variant.objects.filter(product_id__in=by_product, is_active=True).values_list("product_id", "pk")
        for product_id, variant_id in pairs:
            choices.setdefault(product_id, []).append(variant_id)
    wanted: Counter[UUID] = Counter()
    attrs: dict[UUID, str] = {}
    unavailable: list[ErrorRow] = []
    undecided: list[ErrorRow] = []
    for item in items:
        chosen = item.variant_id
        if chosen is None:
            candidates = choices.get(item.product_id, []) if item.product_id else []
            attr = f"{item.attr}.product_id".lstrip(".")
            if not candidates:
                unavailable.append(ErrorRow(ProductUnavailable.code, ProductUnavailable.message, attr))
                continue
            if len(candidates) > 1:
                undecided.append(ErrorRow(VariantRequired.code, VariantRequired.message, attr))
                continue
            chosen = candidates[0]
        wanted[chosen] += item.quantity
        attrs.setdefault(chosen, item.attr)
    if unavailable:
        raise ProductUnavailable(unavailable)
    if undecided:
        raise VariantRequired(undecided)
    return wanted, attrs


def _locked_variants(wanted: Counter[UUID], user: User | None) -> dict[UUID, Variant]:
    """Return the wanted variants with products and offers, stock rows locked in the one order, in one statement."""
    rows = (
        Variant.objects.select_for_update(of=("stock_level",), no_key=True)
        .filter(
            pk__in=wanted,
            is_active=True,
            product__is_active=True,
            product__deleted_at__isnull=True,
            stock_level__isnull=False,
        )
        .select_related("stock_level", "product")
        .defer("product__search_vector", "product__description")
        .order_by("product_id", "pk")
    )
    return {variant.pk: variant for variant in with_offers(rows, to=user.pk if user else None)}


def _refuse_unavailable(wanted: Counter[UUID], variants: Mapping[UUID, Variant], attrs: Mapping[UUID, str]) -> None:
    unknown = [pk for pk in wanted if pk not in variants]
    if unknown:
        raise ProductUnavailable(
            [
                ErrorRow(ProductUnavailable.code, ProductUnavailable.message, f"{attrs[pk]}.variant_id".lstrip("."))
                for pk in unknown
            ]
        )
    short = [
        ErrorRow(
            InsufficientStock.code,
            f"Only {variant.stock_level.available} left of {variant.product.product_name}.",
            f"{attrs[pk]}.quantity".lstrip("."),
        )
        for pk, variant in variants.items()
        if variant.product.kind == Product.Kind.PHYSICAL and variant.stock_level.available < wanted[pk]
    ]
    if short:
        raise InsufficientStock(short)


def _refuse_changed(
    prices: Mapping[UUID, Decimal],
    seen: Mapping[UUID, Decimal],
    variants: Mapping[UUID, Variant],
    attrs: Mapping[UUID, str],
) -> None:
    changed = [
        ErrorRow(PriceChanged.code, f"{variants[pk].sku} now costs {prices[pk]}.", f"{attrs[pk]}.price".lstrip("."))
        for pk in attrs
        if prices[pk] != seen[pk]
    ]
    if changed:
        raise PriceChanged(changed)


def cancel_unpaid_orders(limit: int = 500) -> int:
    """Cancel orders whose reservation has ended without a payment; return how many.

    Each in its own transaction, decided again under its lock: one that was paid a moment ago stays.
    """
    due = Order.objects.filter(status=Order.Status.PENDING, payment_open=False, reserved_until__lt=Now())
    cancelled = 0
    for order_id in due.order_by("reserved_until").values_list("pk", flat=True)[:limit]:
        with transaction.atomic():
            order = lock_order(order_id)
            if order.reserved_until is None or order.reserved_until > timezone.now():
                continue
            try:
                # Without the hooks: nothing was paid, and payments lock their rows before the order.
                _cancel(order, actor=None, note="not paid in time")
            except (InvalidOrderTransition, OrderBeingPaid):
                continue
            cancelled += 1
    return cancelled
