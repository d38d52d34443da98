"""Where an order goes and who brings it, in the form that edits it in the admin."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django import forms
from rest_framework.exceptions import ValidationError
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from accounts.addresses.models import PLACE_FIELDS
from accounts.addresses.serializers import AddressSerializer
from ecommerce.geography.counties import KENYA
from orders.editing.services import DeliveryEdit
from orders.models import Order
from orders.shipping.models import PickupPoint, ShippingMethod

_PLACE = "to_"  # a field of the form for each of an address
_LONGEST = {name: getattr(field, "max_length", None) for name, field in AddressSerializer().fields.items()}


def delivery_fields(order: Order) -> dict[str, forms.Field]:
    """Return fields with what an order has, and what it could have. What is left as it is stays."""
    point = (order.delivery.get("pickup_point") or {}).get("id", "")
    place: dict[str, forms.Field] = {
        f"{_PLACE}{name}": forms.CharField(
            label=f"To: {name.replace('_', ' ')}",
            required=False,
            max_length=_LONGEST.get(name) or 20,
            initial=order.shipping_address.get(name, ""),
            widget=UnfoldAdminTextInputWidget(),
        )
        for name in PLACE_FIELDS
    }
    return place | {
        "method": forms.ChoiceField(
            label="Shipping method",
            required=False,
            choices=_with(order.delivery.get("method_id"), order.delivery.get("name"), _methods(order)),
            initial=order.delivery.get("method_id") or "",
            widget=UnfoldAdminSelectWidget(),
            help_text="It is charged by today's tariff when the method, the address or the goods change.",
        ),
        "point": forms.ChoiceField(
            label="Pick-up point",
            required=False,
            choices=_with(point, (order.delivery.get("pickup_point") or {}).get("name"), _points()),
            initial=point,
            widget=UnfoldAdminSelectWidget(),
            help_text="For methods of pick-up.",
        ),
    }


def read_delivery(form: forms.Form, data: Mapping[str, Any]) -> DeliveryEdit:
    """Return what a form changes of an order's delivery; what is wrong with an address is told at its fields."""
    address = None
    if _changed(form, data, *(f"{_PLACE}{name}" for name in PLACE_FIELDS)):
        sent = {name: data[f"{_PLACE}{name}"] for name in PLACE_FIELDS if data.get(f"{_PLACE}{name}")}
        try:
            address = AddressSerializer().run_validation({"country": KENYA, **sent})
        except ValidationError as refusal:
            told: Mapping[str, Any] = refusal.detail  # type: ignore[assignment]  # by field
            for name, faults in told.items():
                form.add_error(f"{_PLACE}{name}" if name in PLACE_FIELDS else None, [str(fault) for fault in faults])
    if not _changed(form, data, "method", "point"):
        return DeliveryEdit(address)
    method, point = data.get("method"), data.get("point")
    if not method:
        form.add_error("method", "Choose a method.")
        return DeliveryEdit(address)
    is_pickup = ShippingMethod.objects.filter(pk=method, kind=ShippingMethod.Kind.PICKUP).exists()
    return DeliveryEdit(address, UUID(method), UUID(point) if point and is_pickup else None)


def _changed(form: forms.Form, data: Mapping[str, Any], *names: str) -> bool:
    return any(name in data and data[name] != (form.fields[name].initial or "") for name in names)


def _methods(order: Order) -> list[tuple[str, str]]:
    offered = ShippingMethod.objects.filter(is_active=True, zone__is_active=True, currency=order.currency)
    return [(str(each.pk), f"{each.zone}: {each}") for each in offered.select_related("zone").order_by("zone__name")]


def _points() -> list[tuple[str, str]]:
    points = PickupPoint.objects.filter(is_active=True, methods__isnull=False).distinct()
    return [(str(each.pk), f"{each.county}: {each}") for each in points]


def _with(own: Any, name: Any, offered: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return choices that have what the order has, also where that is offered no more."""
    had = [] if not own or str(own) in dict(offered) else [(str(own), f"{name} (no longer offered)")]
    return [("", "–"), *had, *offered]
