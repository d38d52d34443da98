"""Zones, methods and pick-up points from a file, all of them or none."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db import transaction
from rest_framework.serializers import ModelSerializer

from ecommerce.exceptions import DomainError
from orders.shipping import services
from orders.shipping.models import PickupPoint, ShippingMethod, ShippingZone
from orders.shipping.rates import Band
from orders.shipping.serializers import PickupPointSerializer, ShippingMethodSerializer, ShippingZoneSerializer

SAMPLE = Path(__file__).resolve().parent.parent / "sample" / "shipping.json"


class RefusedFile(Exception):
    """Something in the file is wrong, so nothing of it is stored. ``problems`` names each by its place."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("; ".join(problems))


@dataclass(frozen=True)
class Loaded:
    zones: int
    methods: int
    pickup_points: int

    def __str__(self) -> str:
        return f"{self.zones} zones, {self.methods} methods, {self.pickup_points} pick-up points"


def load_shipping(path: Path) -> Loaded:
    """Store what a file says; docs/shipping.md has its form. What has the name of a row changes that row.

    Raises:
        RefusedFile: something is wrong; nothing is stored.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise RefusedFile([f"{path.name}: {error}"]) from None
    if not isinstance(content, dict):
        raise RefusedFile([f"{path.name}: an object with zones and pickup_points is wanted."])
    unknown = sorted(set(content) - {"zones", "pickup_points"})
    if unknown:
        raise RefusedFile([f"{name}: this is not known here." for name in unknown])
    with transaction.atomic():
        methods: dict[tuple[str, str], ShippingMethod] = {}
        zones = _rows(content, "zones", "")
        for place, row in zones:
            methods |= _load_zone(row, place)
        points = _rows(content, "pickup_points", "")
        for place, row in points:
            _load_point(row, place, methods)
        return Loaded(len(zones), len(methods), len(points))


def _load_zone(row: Mapping[str, Any], place: str) -> dict[tuple[str, str], ShippingMethod]:
    below = _rows(row, "methods", f"{place}.")
    fields = {name: value for name, value in row.items() if name != "methods"}
    known = ShippingZone.objects.filter(name=str(fields.get("name"))).first()
    data = _checked(ShippingZoneSerializer(known, data=fields), place)
    zone = _stored(lambda: services.save_zone(known, **data), place)
    methods = {}
    for method_place, one in below:
        known_method = zone.methods.filter(name=str(one.get("name"))).first()
        data = _checked(ShippingMethodSerializer(known_method, data={**one, "zone": str(zone.pk)}), method_place)
        if "bands" in data:
            data["bands"] = [Band(**band) for band in data["bands"]]
        method = _stored(lambda known=known_method, data=data: services.save_method(known, **data), method_place)
        methods[zone.name, method.name] = method
    return methods


def _load_point(row: Mapping[str, Any], place: str, methods: Mapping[tuple[str, str], ShippingMethod]) -> None:
    serving = []
    for method_place, named in _rows(row, "methods", f"{place}."):
        method = methods.get((str(named.get("zone")), str(named.get("name"))))
        if method is None:
            raise RefusedFile([f"{method_place}: the file has no such method."])
        serving.append(str(method.pk))
    known = PickupPoint.objects.filter(name=str(row.get("name"))).first()
    data = _checked(PickupPointSerializer(known, data={**row, "methods": serving}), place)
    _stored(lambda: services.save_pickup_point(known, **data), place)


def _rows(content: Mapping[str, Any], name: str, before: str) -> list[tuple[str, dict[str, Any]]]:
    """Return the objects of a list with their places: ``zones.0.methods.1``."""
    rows = content.get(name, [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise RefusedFile([f"{before}{name}: a list of objects is wanted."])
    return [(f"{before}{name}.{index}", row) for index, row in enumerate(rows)]


def _checked(form: ModelSerializer[Any], place: str) -> dict[str, Any]:
    writable = {name for name, field in form.fields.items() if not field.read_only}
    unknown = [f"{place}.{name}: this is not known here." for name in form.initial_data if name not in writable]
    if unknown or not form.is_valid():
        raise RefusedFile(unknown or list(_told(form.errors, place)))
    data: dict[str, Any] = form.validated_data
    return data


def _stored(service: Any, place: str) -> Any:
    try:
        return service()
    except DomainError as error:
        raise RefusedFile([f"{place}.{row.attr}: {row.detail}" for row in error.rows]) from None


def _told(errors: Any, place: str) -> Iterator[str]:
    """Yield each refusal of a form with its place."""
    if isinstance(errors, Mapping):
        for name, below in errors.items():
            yield from _told(below, f"{place}.{name}")
    elif isinstance(errors, list) and any(isinstance(each, Mapping) for each in errors):
        for index, below in enumerate(errors):
            yield from _told(below, f"{place}.{index}")
    else:
        yield f"{place}: {' '.join(map(str, errors))}"
