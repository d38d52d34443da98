"""Placing an order: what is wanted becomes a pending order with its stock reserved."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from catalog import stock
from catalog.exceptions import InsufficientStock, ProductUnavailable, VariantRequired
from catalog.models import Product, StockMovement, Variant
from catalog.prices.rules import unit_price
from catalog.prices.selectors import offers_of, with_offers
from ecommerce.exceptions import ErrorRow
from orders.exceptions import MixedCurrencies, PriceChanged, TotalTooLarge
from orders.models import Cart, Order, OrderEvent, OrderItem
from orders.pricing.baskets import price_basket

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
