"""From which warehouses goods are taken."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

from catalog.inventory.exceptions import InsufficientInWarehouse
from catalog.inventory.models import WarehouseStock
from ecommerce.exceptions import ErrorRow


@dataclass(frozen=True)
class Pick:
    """Units of a variant that are taken from one warehouse."""

    variant_id: UUID
    warehouse_id: UUID
    units: int


def balances_of(variant_ids: Iterable[UUID], *, warehouse_id: UUID | None = None) -> dict[UUID, dict[UUID, int]]:
    """Return how much of each variant lies where, the first warehouse to pick from first.

    To act on them, the variants' stock rows must be locked.
    """
    rows = WarehouseStock.objects.filter(variant_id__in=set(variant_ids), on_hand__gt=0)
    if warehouse_id is not None:
        rows = rows.filter(warehouse_id=warehouse_id)
    balances: dict[UUID, dict[UUID, int]] = {}
    ordered = rows.order_by("warehouse__position", "warehouse__code")
    for variant, warehouse, on_hand in ordered.values_list("variant_id", "warehouse_id", "on_hand"):
        balances.setdefault(variant, {})[warehouse] = on_hand
    return balances


def pick(wanted: Mapping[UUID, int], *, warehouse_id: UUID | None = None) -> list[Pick]:
    """Say where the wanted units are taken from, in one statement. The stock rows must be locked.

    One parcel is better than two: the first warehouse by priority that has everything gives everything. Else each
    variant comes from the first one that has enough of it, and only what lies nowhere in one place is put together
    from several, by priority. With ``warehouse_id`` everything comes from that one.

    Raises:
        InsufficientInWarehouse: there is not so much, names every variant.
    """
    if not wanted:
        return []
    balances = balances_of(wanted, warehouse_id=warehouse_id)
    short = [
        ErrorRow(
            InsufficientInWarehouse.code,
            f"Only {sum(balances.get(pk, {}).values())} of this variant lie there, {units} are wanted.",
            str(pk),
        )
        for pk, units in wanted.items()
        if sum(balances.get(pk, {}).values()) < units
    ]
    if short:
        raise InsufficientInWarehouse(short)
    for place in balances[next(iter(wanted))]:  # what has everything, has some of the first
        if all(balances[pk].get(place, 0) >= units for pk, units in wanted.items()):
            return [Pick(pk, place, units) for pk, units in wanted.items()]
    return [part for pk, units in wanted.items() for part in _from_places(pk, units, balances[pk])]


def _from_places(variant_id: UUID, units: int, places: Mapping[UUID, int]) -> list[Pick]:
    enough = next((place for place, on_hand in places.items() if on_hand >= units), None)
    if enough is not None:
        return [Pick(variant_id, enough, units)]
    picks = []
    for place, on_hand in places.items():
        taken = min(on_hand, units)
        picks.append(Pick(variant_id, place, taken))
        units -= taken
        if not units:
            break
    return picks
