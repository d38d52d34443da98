"""Other goods for those that came back: an order of its own that costs nothing, as its goods are paid already.

Only even exchanges are made so, of things that cost the same. No money moves: what was paid stays with the order that
it paid, and the units of the replacement are worth what those were that it was given for. Things of another price are
ordered with what the returned ones were worth: ``orders.returns.other_prices``.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from uuid import UUID

from django.utils import timezone

from accounts.models import User
from catalog import stock
from catalog.exceptions import InsufficientStock
from catalog.models import Product, StockMovement, Variant
from catalog.prices.rules import unit_price
from catalog.prices.selectors import offers_of, with_offers
from ecommerce.events import emit
from ecommerce.exceptions import ErrorRow
from ecommerce.money import ZERO
from orders import hooks
from orders.models import Order, OrderItem
from orders.returns.exceptions import ExchangeUnavailable
from orders.returns.models import Return, ReturnItem

# A line that comes back, the variant wanted for it, how many units, and where that stood in the request.
Wanted = tuple[OrderItem, UUID, int, str]


def takes_any_price(order: Order) -> bool:
    """Tell whether goods of another price can be had for an order's: its customer has an account to credit."""
    return order.user_id is not None and bool(hooks.give_credit) and bool(hooks.pay_with_credit)


def is_even(wanted: Sequence[Wanted], variants: Mapping[UUID, Variant]) -> bool:
    """Tell whether all that is wanted costs what was paid for what it is wanted for, or is the same again."""
    return all(
        variant_id == item.variant_id
        or unit_price(variants[variant_id].price, offers_of(variants[variant_id]), quantity) == item.price
        for item, variant_id, quantity, _ in wanted
    )


def find_wanted(order: Order, wanted: Sequence[Wanted]) -> dict[UUID, Variant]:
    """Return the wanted variants, with their products and stock.

    The same variant again is even whatever it costs now.

    Raises:
        ExchangeUnavailable: one is unknown, not for sale, or costs something else and nobody has an account to credit;
            with one row each.
    """
    any_price = takes_any_price(order)
    ids = {variant_id for _, variant_id, *_ in wanted}
    rows = (
        Variant.objects.select_related("stock_level", "product")
        .filter(
            pk__in=ids,
            is_active=True,
            stock_level__isnull=False,
            product__is_active=True,
            product__deleted_at__isnull=True,
            product__kind=Product.Kind.PHYSICAL,
        )
        .defer("product__search_vector", "product__description")
    )
    variants = {variant.pk: variant for variant in with_offers(rows, to=order.user_id)}
    wrong: list[ErrorRow] = []
    for item, variant_id, quantity, attr in wanted:
        variant = variants.get(variant_id)
        if variant is None:
            detail = "This is not for sale."
        elif variant_id == item.variant_id:
            continue
        elif variant.product.currency != order.currency:
            detail = f"{variant.sku} is not sold in {order.currency}."
        else:
            price = unit_price(variant.price, offers_of(variant), quantity)
            if price == item.price or any_price:
                continue
            detail = f"{variant.sku} costs {price}, and {item.sku} did {item.price}. Return it and order the other."
        wrong.append(ErrorRow(ExchangeUnavailable.code, detail, f"{attr}.exchange_variant_id".strip(".")))
    if wrong:
        raise ExchangeUnavailable(wrong)
    return variants


def wanted_for(goods_return: Return) -> tuple[list[ReturnItem], list[Wanted]]:
    """Return what has come of an exchange, and what is wanted for it.

    Raises:
        ExchangeUnavailable: nothing is.
    """
    came = [
        item
        for item in goods_return.items.select_related("order_item")
        if item.received_quantity and item.exchange_variant_id
    ]
    wanted = [
        (item.order_item, item.exchange_variant_id, item.received_quantity, "")
        for item in came
        if item.exchange_variant_id
    ]
    if not wanted:
        raise ExchangeUnavailable()
    return came, wanted


def place_replacement(
    goods_return: Return,
    came: Sequence[ReturnItem],
    wanted: Sequence[Wanted],
    variants: Mapping[UUID, Variant],
    *,
    actor: User | None,
) -> Order:
    """Make the order of the goods that are wanted, evenly, for those that were received, and take its stock.

    Raises:
        InsufficientStock: names every short variant.
    """
    order = goods_return.order
    units: dict[UUID, int] = {}
    prices: dict[UUID, Decimal] = {}
    for line, variant_id, quantity, _ in wanted:
        units[variant_id] = units.get(variant_id, 0) + quantity
        prices[variant_id] = line.price
    _refuse_short(units, variants)
    subtotal = sum((prices[pk] * quantity for pk, quantity in units.items()), ZERO)
    replacement = Order.objects.create(
        user_id=order.user_id,
        status=Order.Status.PAID,
        paid_at=timezone.now(),
        currency=order.currency,
        subtotal=subtotal,
        discount=subtotal,
        shipping=ZERO,
        tax=ZERO,
        total_amount=ZERO,
        prices_include_tax=order.prices_include_tax,
        email=order.email,
        phone_number=order.phone_number,
        shipping_address=order.shipping_address,
        delivery=order.delivery,
        note=f"In exchange: return {goods_return.number}",
    )
    lines = {
        pk: OrderItem(
            order=replacement,
            product=variants[pk].product,
            variant=variants[pk],
            product_name=variants[pk].product.product_name,
            sku=variants[pk].sku,
            options=variants[pk].options,
            quantity=quantity,
            price=prices[pk],
            discount=prices[pk] * quantity,
            tax_kind=variants[pk].product.tax_kind,
            position=position,
        )
        for position, (pk, quantity) in enumerate(units.items())
    }
    OrderItem.objects.bulk_create(lines.values())
    for item in came:
        if item.exchange_variant_id:
            item.replaced_by = lines[item.exchange_variant_id]
    ReturnItem.objects.bulk_update(came, ["replaced_by"])
    stock.apply_changes(
        (
            stock.Change(
                variant_id=pk, kind=StockMovement.Kind.RESERVE, available=-line.quantity, order_item_id=line.pk
            )
            for pk, line in lines.items()
        ),
        actor=actor,
    )
    replacement.events.create(to_status=replacement.status, actor=actor, note=f"for return {goods_return.number}")
    emit("order.placed", replacement.pk, user_id=replacement.user_id, status=str(replacement.status))
    return replacement


def _refuse_short(units: Mapping[UUID, int], variants: Mapping[UUID, Variant]) -> None:
    rows = stock.lock_stock(units)
    short = [
        ErrorRow(InsufficientStock.code, f"Only {rows[pk].units_here} left of {variants[pk].sku}.")
        for pk, quantity in units.items()
        if rows[pk].available < quantity
    ]
    if short:
        raise InsufficientStock(short)
