"""Parcels, as shop staff send and follow them."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin
from django.db.models import QuerySet, Sum
from django.http import HttpRequest, HttpResponseBase
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminSplitDateTimeWidget,
    UnfoldAdminTextInputWidget,
)

from accounts.models import User
from catalog.inventory.models import Warehouse
from catalog.models import Product
from ecommerce.admin_base import (
    EMPTY,
    WAITING,
    NoteForm,
    ReadOnlyAdmin,
    Table,
    Waiting,
    badge,
    column,
    detail_action,
    link_to,
    may,
    table,
    when,
)
from orders.fulfilment import services
from orders.fulfilment.carriers import carrier_choices, carrier_name
from orders.fulfilment.models import Shipment, ShipmentEvent, ShipmentItem
from orders.models import Order

SHIPMENT_LOOKS = {
    Shipment.Status.PACKED: "warning",
    Shipment.Status.SHIPPED: "info",
    Shipment.Status.IN_TRANSIT: "info",
    Shipment.Status.OUT_FOR_DELIVERY: "primary",
    Shipment.Status.READY_FOR_PICKUP: "primary",
    Shipment.Status.DELIVERED: "success",
    Shipment.Status.FAILED: "danger",
    Shipment.Status.RETURNED: "danger",
}
_LINE = "line_"  # a field of the form for each line of the order

_PARCELS = Shipment.objects.all()
WAITING += [
    Waiting("Parcels to be handed over", "package_2", Shipment.objects.filter(status="packed"), "status__exact=packed"),
    Waiting(
        "Deliveries that failed", "wrong_location", Shipment.objects.filter(status="failed"), "status__exact=failed"
    ),
]


class CarriedForm(NoteForm):
    carrier = forms.ChoiceField(
        choices=lambda: [("", EMPTY), *carrier_choices()], required=False, widget=UnfoldAdminSelectWidget()
    )
    tracking_number = forms.RegexField(
        r"^[A-Za-z0-9]([A-Za-z0-9 ./_-]*[A-Za-z0-9])?\Z",
        required=False,
        max_length=64,
        widget=UnfoldAdminTextInputWidget(),
    )
    tracking_url = forms.URLField(
        required=False,
        max_length=300,
        assume_scheme="https",
        label="Tracking page",
        widget=UnfoldAdminTextInputWidget(),
        help_text="Empty: the carrier's own page, if it is known.",
    )

    def clean_tracking_url(self) -> str:
        url: str = self.cleaned_data["tracking_url"]
        if url and not url.startswith("https://"):
            raise forms.ValidationError("Give an address that begins with https://.", code="invalid")
        return url


class ShipForm(CarriedForm):
    warehouse = forms.ModelChoiceField(
        Warehouse.objects.filter(is_active=True),
        required=False,
        empty_label="By priority, from as few places as can be",
        widget=UnfoldAdminSelectWidget(),
        help_text="Where the goods are taken from.",
    )
    is_packed = forms.BooleanField(
        required=False, label="Only packed", help_text="The carrier does not have it yet; the customer is not told."
    )

    def clean(self) -> dict[str, Any]:
        """Put together as ``lines`` the units that were typed in; None if no line has any: all that is left."""
        data: dict[str, Any] = super().clean() or {}
        typed = {name: data.pop(name) for name in list(data) if name.startswith(_LINE)}
        chosen = {UUID(name.removeprefix(_LINE)): units for name, units in typed.items() if units is not None}
        data["lines"] = [services.ShipLine(pk, units) for pk, units in chosen.items() if units] if chosen else None
        return data


class EventForm(forms.Form):
    status = forms.ChoiceField(choices=Shipment.Status.choices, widget=UnfoldAdminSelectWidget())
    place = forms.CharField(required=False, max_length=120, widget=UnfoldAdminTextInputWidget())
    note = forms.CharField(
        required=False, max_length=200, widget=UnfoldAdminTextInputWidget(), help_text="The customer sees it."
    )
    occurred_at = forms.SplitDateTimeField(
        required=False, label="When", widget=UnfoldAdminSplitDateTimeWidget(), help_text="Empty: now."
    )


def ship_form(order: Order) -> type[ShipForm]:
    """Return a form with one quantity for each line of which something is left to ship."""
    fields: dict[str, Any] = {}
    for item in order.items.filter(product__kind=Product.Kind.PHYSICAL):
        if left := item.quantity - item.cancelled_quantity - item.shipped_quantity:
            fields[f"{_LINE}{item.pk}"] = forms.IntegerField(
                label=f"{item.product_name} ({item.sku})",
                required=False,
                min_value=0,
                max_value=left,
                initial=left,
                widget=UnfoldAdminIntegerFieldWidget(),
                help_text=f"{left} left of {item.quantity}.",
            )
    fields["known_parcels"] = forms.IntegerField(
        required=False, initial=order.shipments.count(), widget=forms.HiddenInput()
    )
    return type("ShipForm", (ShipForm,), {**fields, "field_order": list(fields)})


def send_parcel(order: Order, data: dict[str, Any], *, actor: User) -> str:
    """Ship what a ``ship_form`` says; return what to tell."""
    place = data.pop("warehouse")
    shipment = services.ship(order.pk, warehouse_id=place.pk if place else None, actor=actor, **data)
    return f"{shipment.get_status_display()}."


def shipments_of_order(request: HttpRequest, order: Order) -> list[Table]:
    """Return the table of an order's parcels, for the order's page."""
    rows = [
        (
            link_to(shipment, shipment.number),
            _state(shipment),
            shipment.units,
            _carried(shipment),
            when(shipment.shipped_at),
            when(shipment.delivered_at),
        )
        for shipment in order.shipments.annotate(units=Sum("items__quantity"))
    ]
    return [table("Parcels", ("Number", "Status", "Units", "Carrier", "Shipped", "Delivered"), rows)] if rows else []


@admin.register(Shipment)
class ShipmentAdmin(ReadOnlyAdmin):
    """Parcels by what staff know of them. They are made on the order's page."""

    list_display = ("number", "state", "customer", "carried", "place", "shipped_at", "delivered_at", "created_at")
    list_filter = ("status", "carrier", "warehouse", "created_at")
    list_select_related = ("order", "warehouse")
    search_fields = ("number", "tracking_number", "order__number", "order__phone_number")
    search_help_text = "Parcel, order or tracking number, phone number"
    ordering = ("-created_at", "-id")
    actions_detail = ("add_event", "change_tracking")
    fieldsets = (
        (
            None,
            {"fields": (("number", "state", "order_link"), ("shipped_at", "delivered_at"), ("place", "created_by"))},
        ),
        ("Carrier", {"fields": (("carried", "tracking_url"), "note")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Shipment]:
        rows: QuerySet[Shipment] = super().get_queryset(request)
        return rows.select_related("order", "warehouse", "created_by")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may(request, "view", Order) or may(request, "change", Order)

    def has_act_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may(request, "change", Order)

    def offers(self, name: str, obj: Shipment) -> bool:
        return name != "add_event" or bool(obj.next_statuses)

    @detail_action("What happened", icon="add_location_alt")
    def add_event(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        def do(shipment: Shipment, data: dict[str, Any]) -> str:
            event, _ = services.record_event(shipment.pk, actor=request.user, **data)  # type: ignore[arg-type]
            return f"{event.get_status_display()}."

        return self.confirmed(
            request, object_id, do, title="What happened", button="Write it down", form_class=EventForm
        )

    @detail_action("Carrier and number", icon="edit")
    def change_tracking(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        def do(shipment: Shipment, data: dict[str, Any]) -> str:
            services.change_tracking(shipment.pk, actor=request.user, **data)  # type: ignore[arg-type]
            return "Changed."

        shown = self.get_object(request, object_id)
        initial = {name: getattr(shown, name, "") for name in ("carrier", "tracking_number", "note")}
        return self.confirmed(
            request, object_id, do, title="Carrier and number", button="Save", form_class=CarriedForm, initial=initial
        )

    def tables(self, request: HttpRequest, obj: Shipment) -> list[Table]:
        items = ShipmentItem.objects.filter(shipment=obj).select_related("order_item").order_by("order_item__position")
        events = ShipmentEvent.objects.filter(shipment=obj).select_related("actor")
        return [
            table(
                "Inside",
                ("Product", "SKU", "Units"),
                [(item.order_item.product_name, item.order_item.sku, item.quantity) for item in items],
            ),
            table(
                "What happened",
                ("Time", "Status", "Place", "Note", "Who"),
                [
                    (
                        when(event.occurred_at),
                        event.get_status_display(),
                        event.place or EMPTY,
                        event.note or EMPTY,
                        str(event.actor or "the shop"),
                    )
                    for event in events
                ],
            ),
        ]

    @column("Status", ordering="status")
    def state(self, shipment: Shipment) -> str:
        return _state(shipment)

    @column("Order", ordering="order__number")
    def order_link(self, shipment: Shipment) -> str:
        return link_to(shipment.order, shipment.order.number)

    @column("Customer")
    def customer(self, shipment: Shipment) -> str:
        return shipment.order.email or shipment.order.phone_number or EMPTY

    @column("Carrier", ordering="carrier")
    def carried(self, shipment: Shipment) -> str:
        return _carried(shipment)

    @column("From", ordering="warehouse__code")
    def place(self, shipment: Shipment) -> str:
        return shipment.warehouse.name if shipment.warehouse else EMPTY


def _state(shipment: Shipment) -> str:
    return badge(shipment.get_status_display(), SHIPMENT_LOOKS[Shipment.Status(shipment.status)])


def _carried(shipment: Shipment) -> str:
    return f"{carrier_name(shipment.carrier)} {shipment.tracking_number}".strip() or EMPTY
