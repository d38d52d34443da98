"""Shipping: what leaves the shelf for an order, in how many parcels, and what becomes of these.

Whoever writes here holds the order's row. Its status follows its goods (``settle_fulfilment``): it is shipped when
nothing is left that could be, and delivered when no parcel is on its way any more.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import F, Max, QuerySet
from django.utils import timezone

from accounts.models import User
from catalog import stock
from catalog.models import Product, StockMovement
from ecommerce.exceptions import ErrorRow
from orders import hooks
from orders.exceptions import InvalidOrderTransition
from orders.fulfilment.carriers import carrier_name, tracking_link
from orders.fulfilment.exceptions import (
    GoodsAwaited,
    InvalidShipmentTransition,
    MoreThanLeft,
    NothingToShip,
    OccurredInFuture,
    ParcelsChanged,
    SourceIdReused,
    UnknownLine,
)
from orders.fulfilment.models import Shipment, ShipmentEvent, ShipmentItem
from orders.models import Order, OrderItem
from orders.tasks import send_shipment_mail
from orders.transitions import lock_order, transition_order

CLOCKS_DIFFER = timedelta(minutes=5)
# What the customer gets a mail of; and what is for those who follow the parcel, not for the order's own timeline.
MAILED = (Shipment.Status.SHIPPED, Shipment.Status.READY_FOR_PICKUP, Shipment.Status.DELIVERED)
_ON_THE_ROAD = (Shipment.Status.IN_TRANSIT, Shipment.Status.OUT_FOR_DELIVERY)


@dataclass(frozen=True)
class ShipLine:
    """Units of an order's line. ``attr`` is where it stood in the request, for the error that names it."""

    order_item_id: UUID
    quantity: int
    attr: str = ""


@transaction.atomic
def ship(
    order_id: UUID,
    *,
    lines: Sequence[ShipLine] | None = None,
    carrier: str = "",
    tracking_number: str = "",
    tracking_url: str = "",
    warehouse_id: UUID | None = None,
    is_packed: bool = False,
    known_parcels: int | None = None,
    of_seller: User | None = None,
    actor: User | None = None,
    note: str = "",
) -> Shipment:
    """Take units of an order off the shelf and make a parcel of them: those of ``lines``, else all that are here.

    They come from ``warehouse_id``, else from where ``catalog.inventory.picking`` says. One that ``is_packed`` waits
    for its carrier, and the order with it. Without a ``tracking_url`` it is the carrier's own. ``known_parcels`` is how
    many parcels the sender knew of, where no key makes sure that it is sent once. With ``of_seller`` the order has no
    lines but those of the seller's products. Locks the order.

    Raises:
        InvalidOrderTransition: the order is neither paid nor to be paid at the door.
        NothingToShip: nothing is left, or no line was named.
        UnknownLine: a line is none of the order's; one row each.
        MoreThanLeft: a line has not so many units left to ship; one row each. Nothing is shipped.
        GoodsAwaited: what is left has not come yet; one row for each line.
        ParcelsChanged: there are others than ``known_parcels``.
        InsufficientInWarehouse: not all of it lies in the warehouse that was named.
    """
    order = lock_order(order_id)
    if Order.Status.SHIPPED not in order.next_statuses:
        raise InvalidOrderTransition(order, Order.Status.SHIPPED)
    sent = order.shipments.count()  # they are never deleted
    if known_parcels not in (None, sent):
        raise ParcelsChanged()
    concerned = order.items.all() if of_seller is None else order.items.filter(product__seller=of_seller)
    items = {item.pk: item for item in concerned.filter(product__kind=Product.Kind.PHYSICAL)}
    units = _wanted(concerned, items, lines)
    places = stock.sell(
        [
            stock.Sale(order_item_id=pk, variant_id=items[pk].variant_id, units=count, first_part=first)
            for pk, count, first in _with_first_parts(units)
        ],
        warehouse_id=warehouse_id,
        actor=actor,
    )
    shipment = Shipment.objects.create(
        order=order,
        number=f"{order.number}-{sent + 1}",
        status=Shipment.Status.PACKED if is_packed else Shipment.Status.SHIPPED,
        carrier=carrier,
        tracking_number=tracking_number,
        tracking_url=tracking_url or tracking_link(carrier, tracking_number),
        warehouse_id=next(iter(places)) if len(places) == 1 else None,
        note=note[:200],
        shipped_at=None if is_packed else timezone.now(),
        created_by=actor,
    )
    ShipmentItem.objects.bulk_create(
        ShipmentItem(shipment=shipment, order_item_id=pk, quantity=count) for pk, count in units.items()
    )
    for pk, count in units.items():
        items[pk].shipped_quantity += count
        items[pk].updated_at = timezone.now()
    OrderItem.objects.bulk_update([items[pk] for pk in units], ["shipped_quantity", "updated_at"])
    if order.reserved_until is not None:  # a part of it is sold now; the rest is not given up by a clock
        order.reserved_until = None
        order.save(update_fields=["reserved_until", "updated_at"])
    shipment.events.create(status=shipment.status, occurred_at=shipment.shipped_at or timezone.now(), actor=actor)
    _owe_mail(order, shipment)
    _let_order_follow(order, shipment, actor=actor, note=note or _described(shipment))
    return shipment


@transaction.atomic
def record_event(
    shipment_id: UUID,
    *,
    status: str,
    place: str = "",
    note: str = "",
    occurred_at: datetime | None = None,
    source_id: str | None = None,
    actor: User | None = None,
) -> tuple[ShipmentEvent, bool]:
    """Write down what happened to a parcel, and let it and its order follow; tell whether that is new.

    ``place`` and ``note`` are for the customer's eyes too. With a ``source_id`` that is known, nothing happens.

    Raises:
        InvalidShipmentTransition: this cannot follow; carries what can.
        OccurredInFuture: ``occurred_at`` is later than clocks differ.
        SourceIdReused: the ``source_id`` stands for something else.
    """
    order = lock_order(Shipment.objects.values_list("order_id", flat=True).get(pk=shipment_id))
    shipment = Shipment.objects.get(pk=shipment_id)
    known = shipment.events.filter(source_id=source_id).first() if source_id else None
    if known is not None:
        if (known.status, known.place, known.note) != (status, place, note):
            raise SourceIdReused()
        return known, False
    now = timezone.now()
    if occurred_at is not None and occurred_at > now + CLOCKS_DIFFER:
        raise OccurredInFuture()
    event = _move(
        order,
        shipment,
        Shipment.Status(status),
        actor=actor,
        place=place,
        note=note,
        occurred_at=occurred_at or now,
        source_id=source_id or None,
    )
    told = ", ".join(filter(None, (place, note)))
    _let_order_follow(
        order, shipment, actor=actor, note=f"{_described(shipment)}: {shipment.get_status_display()}. {told}".strip()
    )
    return event, True


@transaction.atomic
def deliver_all(order_id: UUID, *, actor: User | None = None, note: str = "") -> Order:
    """The customer has every parcel of a shipped order that has not come back.

    Raises:
        InvalidOrderTransition: the order is not shipped, or every parcel of it has come back.
    """
    order = lock_order(order_id)
    if Order.Status.DELIVERED not in order.next_statuses:
        raise InvalidOrderTransition(order, Order.Status.DELIVERED)
    for shipment in order.shipments.exclude(status__in=Shipment.ENDED):
        _move(order, shipment, Shipment.Status.DELIVERED, actor=actor, occurred_at=timezone.now())
    order = settle_fulfilment(order, actor=actor, note=note)
    if order.status != Order.Status.DELIVERED:
        raise InvalidOrderTransition(order, Order.Status.DELIVERED)
    return order


@transaction.atomic
def change_tracking(
    shipment_id: UUID,
    *,
    carrier: str | None = None,
    tracking_number: str | None = None,
    tracking_url: str | None = None,
    note: str | None = None,
    actor: User | None = None,
) -> Shipment:
    """Put right who brings a parcel, and by which number; what is None stays. The link follows, unless it is given."""
    order = lock_order(Shipment.objects.values_list("order_id", flat=True).get(pk=shipment_id))
    shipment = Shipment.objects.get(pk=shipment_id)
    before = _described(shipment)
    if carrier is not None:
        shipment.carrier = carrier
    if tracking_number is not None:
        shipment.tracking_number = tracking_number
    if tracking_url:
        shipment.tracking_url = tracking_url
    elif (carrier, tracking_number, tracking_url) != (None, None, None):
        shipment.tracking_url = tracking_link(shipment.carrier, shipment.tracking_number)
    if note is not None:
        shipment.note = note
    shipment.save(update_fields=["carrier", "tracking_number", "tracking_url", "note", "updated_at"])
    if _described(shipment) != before:
        _note(order, actor, _described(shipment))
    return shipment


def settle_fulfilment(order: Order, *, actor: User | None = None, note: str = "") -> Order:
    """Let the status of a (locked) order follow its goods; return the order as it is then. A repeat changes nothing.

    For whatever changes what is left to ship: call it with the order's lock held, after ``cancelled_quantity`` or
    ``shipped_quantity`` are written. Goods that are not shipped (digital ones) are handed over when the order is paid.
    With nothing left to ship, and something handed over, the order is shipped, once no parcel waits for its carrier;
    it is delivered when every parcel has ended and one at least has arrived, or when there never was one to send. An
    order of which everything is cancelled is left to whoever cancelled it.
    """
    lines = list(order.items.annotate(kind=F("product__kind")).defer("options"))
    if order.status == Order.Status.PAID or order.paid_at is not None:
        _hand_over(order, [line for line in lines if line.kind != Product.Kind.PHYSICAL])
    goods = [line for line in lines if line.kind == Product.Kind.PHYSICAL]
    if any(_left(line) for line in goods) or not any(line.shipped_quantity for line in lines):
        return order
    parcels = set(order.shipments.values_list("status", flat=True))
    if Order.Status.SHIPPED in order.next_statuses and Shipment.Status.PACKED not in parcels:
        order = transition_order(order.pk, Order.Status.SHIPPED, actor=actor, note=note)
    arrived = Shipment.Status.DELIVERED in parcels or not any(line.shipped_quantity for line in goods)
    if Order.Status.DELIVERED in order.next_statuses and arrived and parcels <= set(Shipment.ENDED):
        order = transition_order(order.pk, Order.Status.DELIVERED, actor=actor, note=note)
    return order


def _left(line: OrderItem) -> int:
    return line.quantity - line.cancelled_quantity - line.shipped_quantity


def _hand_over(order: Order, lines: Iterable[OrderItem]) -> None:
    open_lines = [line for line in lines if _left(line)]
    for line in open_lines:
        line.shipped_quantity += _left(line)
        line.save(update_fields=["shipped_quantity", "updated_at"])
    for follow in hooks.handed_over if open_lines else ():
        follow(order, open_lines)


def _wanted(
    concerned: QuerySet[OrderItem], items: Mapping[UUID, OrderItem], lines: Sequence[ShipLine] | None
) -> dict[UUID, int]:
    """Return how many units of which line go into the parcel: none that has not come yet."""
    left = {pk: _left(item) for pk, item in items.items()}
    if lines is None:
        units = {pk: here for pk, item in items.items() if (here := left[pk] - item.awaited_quantity)}
        if not units:
            _refuse_awaited({item: left[pk] for pk, item in items.items() if left[pk]})
    else:
        _refuse_wrong(concerned, left, lines)
        units = dict(sum((Counter({line.order_item_id: line.quantity}) for line in lines), Counter()))
        _refuse_awaited(
            {items[pk]: count for pk, count in units.items()}, {line.order_item_id: line.attr for line in lines}
        )
    if not units:
        raise NothingToShip()
    return units


def _refuse_awaited(units: Mapping[OrderItem, int], attrs: Mapping[UUID, str] | None = None) -> None:
    awaited = []
    for item, count in units.items():
        here = _left(item) - item.awaited_quantity
        if count > here:
            detail = f"Only {here} of {item.sku} are here, {item.awaited_quantity} have not come yet."
            place = f"{attrs.get(item.pk, '')}.quantity".lstrip(".") if attrs else None
            awaited.append(ErrorRow(GoodsAwaited.code, detail, place))
    if awaited:
        raise GoodsAwaited(awaited)


def _refuse_wrong(concerned: QuerySet[OrderItem], left: Mapping[UUID, int], lines: Sequence[ShipLine]) -> None:
    known = set(concerned.values_list("pk", flat=True))
    unknown = [line for line in lines if line.order_item_id not in known]
    if unknown:
        raise UnknownLine(
            [ErrorRow(UnknownLine.code, UnknownLine.message, f"{line.attr}.item_id".lstrip(".")) for line in unknown]
        )
    wanted: Counter[UUID] = Counter()
    wrong = []
    for line in lines:
        wanted[line.order_item_id] += line.quantity
        most = left.get(line.order_item_id, 0)  # what is not shipped at all has none left
        if wanted[line.order_item_id] > most:
            detail = f"Only {most} left to ship of this line."
            wrong.append(ErrorRow(MoreThanLeft.code, detail, f"{line.attr}.quantity".lstrip(".")))
    if wrong:
        raise MoreThanLeft(wrong)


def _with_first_parts(units: Mapping[UUID, int]) -> list[tuple[UUID, int, int]]:
    """Return each line's units with the number of the first part in which they leave: the one after the last."""
    sold = StockMovement.objects.filter(order_item_id__in=units, kind=StockMovement.Kind.SELL).order_by()
    last = dict(sold.values("order_item_id").annotate(last=Max("part")).values_list("order_item_id", "last"))
    return [(pk, count, last.get(pk, -1) + 1) for pk, count in units.items()]


def _move(
    order: Order,
    shipment: Shipment,
    status: Shipment.Status,
    *,
    actor: User | None,
    occurred_at: datetime,
    place: str = "",
    note: str = "",
    source_id: str | None = None,
) -> ShipmentEvent:
    """Write an event of a parcel and change its status, under the order's lock; owe the customer the mail about it."""
    if status not in shipment.next_statuses:
        raise InvalidShipmentTransition(shipment, status)
    event: ShipmentEvent = shipment.events.create(
        status=status, place=place, note=note, occurred_at=occurred_at, source_id=source_id, actor=actor
    )
    if shipment.shipped_at is None:
        shipment.shipped_at = occurred_at
    if status == Shipment.Status.DELIVERED:
        shipment.delivered_at = occurred_at
    shipment.status = status
    shipment.save(update_fields=["status", "shipped_at", "delivered_at", "updated_at"])
    _owe_mail(order, shipment)
    return event


def _owe_mail(order: Order, shipment: Shipment) -> None:
    if order.email and shipment.status in MAILED:
        send_shipment_mail.owe(
            f"shipment-{shipment.status}:{shipment.pk}", shipment_id=str(shipment.pk), status=shipment.status
        )


def _let_order_follow(order: Order, shipment: Shipment, *, actor: User | None, note: str) -> None:
    """Let the order follow its parcel; what does not change the order's status still stands in its timeline."""
    followed = settle_fulfilment(order, actor=actor, note=note)
    if followed.status == order.status and shipment.status not in _ON_THE_ROAD:
        _note(order, actor, note)


def _note(order: Order, actor: User | None, note: str) -> None:
    order.events.create(from_status=order.status, to_status=order.status, actor=actor, note=note[:200])


def _described(shipment: Shipment) -> str:
    """Return what the timeline calls a parcel: ``parcel 1000019-1, G4S Courier 123``."""
    with_whom = f"{carrier_name(shipment.carrier)} {shipment.tracking_number}".strip()
    return f"parcel {shipment.number}{', ' if with_whom else ''}{with_whom}"
