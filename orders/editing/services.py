"""Editing an unpaid order: whatever staff change, it is priced again by the function that prices every order.

Rows are locked as everywhere: the payment, the order, the stock by product and variant, promotions, coupons. What the
order was promised it keeps: the prices of its lines, and promotions, also those that have ended since.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from catalog import stock
from catalog.models import StockMovement
from catalog.tax_kinds import TaxKind
from ecommerce.exceptions import ErrorRow
from ecommerce.money import ZERO
from orders import giving_back, hooks, services
from orders.editing.changes import Change, Facts, changes_between, facts_of, timeline_note
from orders.editing.exceptions import DiscountNotAllowed, NothingToBring, NothingToChange, OrderNotEditable
from orders.editing.lines import EditedLine, LineEdit, edited_lines, parcel_of_lines, targets_of
from orders.editing.models import ManualDiscount, OrderEdit
from orders.editing.pricing import DiscountInput, price_edited
from orders.editing.versions import refuse_changed
from orders.exceptions import NothingLeftToPay, OrderBeingPaid, TotalChanged, TotalTooLarge
from orders.fulfilment.exceptions import PartlyShipped
from orders.models import Order, OrderItem
from orders.placing import LARGEST_TOTAL
from orders.pricing.baskets import BasketTotals, Delivery, hundredths
from orders.pricing.promotions import Goods, Promotion
from orders.promotions import limits
from orders.promotions.customers import customer_key_of
from orders.promotions.exceptions import CouponRefused
from orders.promotions.held import held, redemptions_of
from orders.promotions.models import Redemption
from orders.promotions.refusals import refusal_of
from orders.promotions.selectors import promotions_in
from orders.shipping.quotes import quote_of
from orders.tasks import send_order_changed

DISCOUNT_RIGHT = "orders.add_manualdiscount"
_ORDER_FIELDS = (
    *("subtotal", "discount", "shipping", "tax", "total_amount", "shipping_discount", "shipping_tax"),
    *("prices_include_tax", "delivery", "shipping_address", "reserved_until", "updated_at"),
)
_ITEM_FIELDS = (
    *("quantity", "cancelled_quantity", "uncharged_quantity", "price", "discount", "tax", "tax_kind", "tax_rate"),
    *("product_name", "sku", "options", "awaited_quantity", "available_from", "updated_at"),
)


@dataclass(frozen=True)
class DeliveryEdit:
    """Where the order goes (None: as before), by which method (None: by the same), and to which pick-up point."""

    address: Mapping[str, Any] | None = None
    method_id: UUID | None = None
    pickup_point_id: UUID | None = None


@dataclass(frozen=True)
class Edit:
    """What shall become of an order; what is not said stays. ``codes`` are all that it shall have, normalised.

    ``discount`` replaces what was given by hand before, and ``drops_discount`` takes that away. With
    ``at_todays_prices`` all lines are priced as if they were ordered now.
    """

    lines: Sequence[LineEdit] = ()
    delivery: DeliveryEdit = field(default_factory=DeliveryEdit)
    codes: Sequence[str] | None = None
    discount: DiscountInput | None = None
    drops_discount: bool = False
    at_todays_prices: bool = False
    reason: str = ""

    @property
    def touches_parcel(self) -> bool:
        """Tell whether what bringing it costs must be asked again."""
        return bool(self.lines) or self.at_todays_prices or self.delivery != DeliveryEdit()


@transaction.atomic
def edit_order(
    order_id: UUID,
    edit: Edit,
    *,
    actor: User,
    etags: Sequence[str] = (),
    expected_total: Decimal | None = None,
) -> Order:
    """Change an order that is not paid, and tell its customer. The time to pay it begins anew.

    ``etags`` are of what the editor has seen, ``expected_total`` is what they expect it to cost then.

    Raises:
        OrderChanged, TotalChanged: it is not what the editor has seen, or would not cost what they expect.
        OrderNotEditable, PartlyShipped: it is paid or has ended, or some of it has left.
        OrderBeingPaid: a payment attempt is open; the customer was asked for another total.
        NothingToChange, NothingLeft, NothingLeftToPay, TotalTooLarge, TooManyOfAnOrder, DiscountNotAllowed
        UnknownOrderItem, ProductUnavailable, VariantRequired, MixedCurrencies, InsufficientStock: see ``lines``.
        CouponRefused: with one row for each code that gives nothing.
        NothingToBring, and what ``shipping.quotes.quote_of`` raises.
        DomainError: money has come for it; see ``hooks.total_changed``.
    """
    giving_back.prepare(order_id)
    order = services.lock_order(order_id)
    refuse_changed(order, etags)
    if (edit.discount or edit.drops_discount) and (not actor.has_perm(DISCOUNT_RIGHT) or order.user_id == actor.pk):
        raise DiscountNotAllowed()
    items = list(order.items.select_related("product"))
    _refuse_uneditable(order, items)
    targets = targets_of(items, edit.lines)
    stock.lock_stock({*targets, *(item.variant_id for item in items)})
    had = redemptions_of(order)
    kept = _kept(had, edit.codes)
    limits.give_back(order)  # it may have again what it has now
    customer_key = customer_key_of(order.user_id, email=order.email, phone_number=order.phone_number)
    own_codes = {one.coupon.code for one in had if one.coupon}
    codes = sorted(own_codes) if edit.codes is None else list(dict.fromkeys(edit.codes))
    lines = edited_lines(
        order,
        items,
        targets,
        codes=codes,
        customer_key=customer_key,
        held=held(kept),
        at_todays_prices=edit.at_todays_prices,
    )
    new_codes = [code for code in codes if code not in own_codes]
    _refuse_codes(order, new_codes, lines, customer_key=customer_key)

    given = ManualDiscount.objects.filter(order=order).first()
    before, total_before = facts_of(order, codes=own_codes, by_hand=given), order.total_amount
    by_hand = _by_hand(given, edit)
    promotions = _promotions(lines)
    delivery = _delivery(order, edit, lines, promotions)
    totals, off_by_hand = price_edited(
        (line.basket_line for line in lines if line.units), delivery=delivery, promotions=promotions, by_hand=by_hand
    )
    _write_sums(order, totals, delivery, edit)
    if expected_total is not None and order.total_amount != expected_total:
        raise TotalChanged(order)
    discount = _write_discount(order, given, by_hand, off=off_by_hand, is_new=edit.discount is not None, actor=actor)
    _write_lines(order, lines, totals, actor=actor)
    coupons = {one.promotion_id: one.coupon for one in kept if one.coupon}
    limits.redeem(order, totals.applied, customer_key=customer_key, codes=new_codes, kept=coupons)
    has_now = {one.coupon.code for one in redemptions_of(order) if one.coupon}
    after = facts_of(order, codes=has_now, by_hand=discount)
    reason = edit.reason or (edit.discount.reason if edit.discount else "")
    _tell(order, lines, (before, after), total_before=total_before, reason=reason, actor=actor)
    for follow in hooks.total_changed:
        follow(order)
    return order


def _refuse_uneditable(order: Order, items: Sequence[OrderItem]) -> None:
    if order.status != Order.Status.PENDING:
        raise OrderNotEditable(order.status)
    if order.payment_open:
        raise OrderBeingPaid()
    if any(item.shipped_quantity for item in items):
        raise PartlyShipped()


def _kept(had: Sequence[Redemption], codes: Sequence[str] | None) -> list[Redemption]:
    """Return what an order keeps of its promotions: those without a code, and those whose code it shall still have."""
    return [one for one in had if codes is None or one.coupon is None or one.coupon.code in codes]


def _refuse_codes(order: Order, codes: Sequence[str], lines: Sequence[EditedLine], *, customer_key: str) -> None:
    bought = [line for line in lines if line.units]
    goods = [Goods(line.variant.pk, line.units, hundredths(line.price)) for line in bought]
    rows = []
    for index, code in enumerate(codes):
        refusal = refusal_of(
            code, to=order.user_id, rows=[line.variant for line in bought], goods=goods, customer_key=customer_key
        )
        if refusal:
            rows += [ErrorRow(row.code, row.detail, f"coupons.{index}") for row in refusal.rows]
    if rows:
        raise CouponRefused(rows)


def _promotions(lines: Sequence[EditedLine]) -> list[Promotion]:
    found: list[tuple[UUID, Any]] = []
    for line in lines:
        variant: Any = line.variant  # annotated
        if line.units:
            found += [(variant.pk, variant.promotions), (variant.pk, variant.held_promotions)]
    return promotions_in(found)


def _by_hand(given: ManualDiscount | None, edit: Edit) -> DiscountInput | None:
    if edit.discount or edit.drops_discount or given is None:
        return edit.discount
    return DiscountInput(reason=given.reason, percent=given.percent, amount=given.amount)


def _delivery(
    order: Order, edit: Edit, lines: Sequence[EditedLine], promotions: Sequence[Promotion]
) -> Delivery | None:
    """Return what bringing the order costs: as before, or by today's tariff where what is brought or where has changed.

    Without a method, the order's or a new one, how it is brought is still to be agreed upon.
    """
    own = str(order.delivery.get("method_id") or "")
    as_it_was = Delivery(order.shipping, TaxKind(order.delivery.get("tax_kind") or TaxKind.STANDARD), order.delivery)
    method_id = edit.delivery.method_id or (UUID(own) if own else None)
    if method_id is None or not edit.touches_parcel:
        return as_it_was if own or order.shipping else None
    goods, _ = price_edited(
        (line.basket_line for line in lines if line.units), delivery=None, promotions=promotions, by_hand=None
    )
    parcel = parcel_of_lines(order, lines, worth=goods.subtotal - goods.discount)
    if parcel is None:
        if edit.delivery.method_id:
            raise NothingToBring()
        return None
    point = edit.delivery.pickup_point_id
    if point is None and edit.delivery.method_id is None:
        kept_point = (order.delivery.get("pickup_point") or {}).get("id")
        point = UUID(kept_point) if kept_point else None
    address = order.shipping_address if edit.delivery.address is None else edit.delivery.address
    return quote_of(method_id, address, parcel, pickup_point_id=point).delivery()


def _write_sums(order: Order, totals: BasketTotals, delivery: Delivery | None, edit: Edit) -> None:
    """Put the new sums, and where it goes, into the order's row.

    Raises:
        TotalTooLarge, NothingLeftToPay
    """
    if totals.total > LARGEST_TOTAL:
        raise TotalTooLarge()
    if totals.total == ZERO:
        raise NothingLeftToPay()
    order.subtotal, order.discount, order.shipping = totals.subtotal, totals.discount, totals.shipping
    order.tax, order.total_amount = totals.tax, totals.total
    order.shipping_discount, order.shipping_tax = totals.shipping_discount, totals.shipping_tax
    order.prices_include_tax = totals.prices_include_tax
    order.delivery = dict(delivery.snapshot or {}) if delivery else {}
    if edit.delivery.address is not None:
        order.shipping_address = dict(edit.delivery.address)
    if order.reserved_until is not None:
        order.reserved_until = max(order.reserved_until, timezone.now() + settings.ORDER_RESERVATION)
    order.save(update_fields=_ORDER_FIELDS)


def _write_lines(order: Order, lines: Sequence[EditedLine], totals: BasketTotals, *, actor: User) -> None:
    """Write the lines and reserve or release what is more or less of each; their stock is locked."""
    position = max((line.item.position for line in lines if line.item), default=-1)
    own: list[OrderItem] = []
    new: list[OrderItem] = []
    moved: dict[OrderItem, EditedLine] = {}
    for line in lines:
        if line.item is None and not line.units:
            continue
        item = line.item
        if item is None:
            position += 1
            item = OrderItem(order=order, product=line.variant.product, variant=line.variant, position=position)
        _fill(item, line, totals)
        (own if line.item else new).append(item)
        if line.more and line.keeps_stock:
            moved[item] = line
    OrderItem.objects.bulk_create(new)
    OrderItem.objects.bulk_update(own, _ITEM_FIELDS)
    kinds = StockMovement.Kind
    parts = {kind: services.next_parts(moved, kind) for kind in (kinds.RESERVE, kinds.RELEASE)} if moved else {}
    stock.apply_changes(
        [
            stock.Change(
                variant_id=item.variant_id,
                kind=(kind := kinds.RESERVE if line.more > 0 else kinds.RELEASE),
                available=-line.more,
                order_item_id=item.pk,
                part=parts[kind][item.pk],
            )
            for item, line in moved.items()
        ],
        actor=actor,
    )


def _fill(item: OrderItem, line: EditedLine, totals: BasketTotals) -> None:
    if not line.before:  # new, or there again: it is what it is today
        item.product_name, item.sku = line.variant.product.product_name, line.variant.sku
        item.options = line.variant.options
    if line.more and line.units:
        item.quantity, item.cancelled_quantity, item.uncharged_quantity = line.units, 0, 0
    elif line.more:  # the row stays: the ledger of the stock knows it
        item.cancelled_quantity = item.uncharged_quantity = item.quantity
    item.awaited_quantity = line.awaited
    if line.more:
        item.available_from = line.variant.stock_level.available_from if line.awaited else None
    item.price = line.price
    sums = totals.lines.get(line.variant.pk)
    item.discount, item.tax = (sums.discount, sums.tax) if sums else (ZERO, ZERO)
    if sums:
        item.tax_kind, item.tax_rate = sums.rate.kind, sums.rate.rate
    item.updated_at = timezone.now()


def _write_discount(
    order: Order,
    given: ManualDiscount | None,
    by_hand: DiscountInput | None,
    *,
    off: Decimal,
    is_new: bool,
    actor: User,
) -> ManualDiscount | None:
    if by_hand is None:
        if given is not None:
            given.delete()
        return None
    discount = given or ManualDiscount(order=order)
    discount.taken_off = off
    if is_new:
        discount.percent, discount.amount, discount.reason = by_hand.percent, by_hand.amount, by_hand.reason
        discount.given_by = actor
    discount.save()
    return discount


def _tell(
    order: Order,
    lines: Sequence[EditedLine],
    facts: tuple[Facts, Facts],
    *,
    total_before: Decimal,
    reason: str,
    actor: User,
) -> None:
    """Write down what was changed, and owe the customer the mail about it.

    Raises:
        NothingToChange
    """
    changes = changes_between(*facts, lines, order.currency)
    total = Change("total", str(total_before), str(order.total_amount))
    if not changes and total.before == total.after:
        raise NothingToChange()
    edit = OrderEdit.objects.create(
        order=order,
        actor=actor,
        reason=reason,
        changes=[{"what": one.what, "before": one.before, "after": one.after} for one in changes],
        total_before=total_before,
        total_after=order.total_amount,
    )
    services.note_event(order, timeline_note(changes, total=total, reason=reason), actor=actor)
    if order.email:
        send_order_changed.owe(f"order-changed:{edit.pk}", edit_id=str(edit.pk))
