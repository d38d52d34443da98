"""What an edit has changed, in the words of the timeline and of the customer's mail."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ecommerce.money import format_money
from orders.editing.lines import EditedLine
from orders.editing.models import ManualDiscount
from orders.models import Order

_ADDRESS = ("recipient", "line1", "line2", "estate", "landmark", "town", "sub_county", "county", "phone_number")
LONGEST_NOTE = 200


@dataclass(frozen=True)
class Change:
    what: str
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.what}: {self.before or '–'} → {self.after or '–'}"


@dataclass(frozen=True)
class Facts:
    """What an order was before it is edited, as far as an edit can change it."""

    address: str  # compared, and not kept: what outlives an erasure names no more than the place
    place: str
    delivery: str
    shipping: str
    codes: str
    discount: str


def facts_of(order: Order, *, codes: Iterable[str], by_hand: ManualDiscount | None) -> Facts:
    point = order.delivery.get("pickup_point") or {}
    return Facts(
        address=address_text(order.shipping_address),
        place=str(order.shipping_address.get("county") or order.shipping_address.get("country") or ""),
        delivery=", ".join(filter(None, (str(order.delivery.get("name") or ""), str(point.get("name") or "")))),
        shipping=format_money(order.shipping, order.currency),
        codes=", ".join(sorted(codes)),
        discount="" if by_hand is None else f"{_worth(by_hand, order.currency)} ({by_hand.reason})",
    )


def address_text(address: dict[str, Any]) -> str:
    # Nairobi is town, county and sub-county at once: it stands there once.
    return ", ".join(dict.fromkeys(str(address[name]) for name in _ADDRESS if address.get(name)))


def changes_between(before: Facts, after: Facts, lines: Sequence[EditedLine], currency: str) -> list[Change]:
    """Return everything that an edit has changed, the lines first."""
    changes = []
    for line in lines:
        name = line.item.sku if line.item else line.variant.sku
        if line.more:
            changes.append(Change(name, str(line.before), str(line.units)))
        if line.old_price not in (None, line.price) and line.units:
            prices = (format_money(price, currency) for price in (line.old_price, line.price))
            changes.append(Change(f"price of {name}", *prices))
    if before.address != after.address:
        changes.append(Change("address", before.place, after.place))
    then, now = asdict(before), asdict(after)
    names = {"delivery": "delivery", "shipping": "shipping", "codes": "coupons", "discount": "discount by hand"}
    for field, what in names.items():
        if then[field] != now[field]:
            changes.append(Change(what, then[field], now[field]))
    return changes


def timeline_note(changes: Sequence[Change], *, total: Change, reason: str) -> str:
    """Return a line for the timeline: as many changes as fit, then the total, which is always told."""
    ending = f"; {total}" if total.before != total.after else ""
    if reason:
        ending += f" ({reason})"
    told = "; ".join(str(change) for change in changes)
    room = LONGEST_NOTE - len("edited: ") - len(ending)
    if len(told) > room:
        told = f"{told[: room - 1]}…"
    return f"edited: {told}{ending}"


def _worth(by_hand: ManualDiscount, currency: str) -> str:
    if by_hand.percent is not None:
        return f"{by_hand.percent.normalize():f} %"
    return format_money(by_hand.amount or by_hand.taken_off, currency)
