"""The form of requests and answers about parcels."""

from typing import Any

from django.conf import settings
from django.core.validators import URLValidator
from rest_framework import serializers

from orders.fulfilment.carriers import carrier_choices, carrier_name
from orders.fulfilment.models import Shipment, ShipmentEvent, ShipmentItem
from orders.fulfilment.selectors import FulfilmentStatus, Tracking
from orders.models import Order
from orders.serializers import quantity_field

START_STATUSES = [Shipment.Status.SHIPPED, Shipment.Status.PACKED]


class HttpsURLField(serializers.CharField):
    """An address that a customer may be sent to: https, or empty."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=300, allow_blank=True, **kwargs)
        self.validators.append(URLValidator(schemes=["https"], message="Give an address that begins with https://."))


class CarriedSerializer(serializers.Serializer[Any]):
    """Who brings a parcel, and where one can see how far it is."""

    carrier = serializers.ChoiceField(choices=carrier_choices(), required=False, allow_blank=True)
    tracking_number = serializers.RegexField(
        r"^[A-Za-z0-9]([A-Za-z0-9 ./_-]*[A-Za-z0-9])?\Z", required=False, allow_blank=True, max_length=64
    )
    tracking_url = HttpsURLField(
        required=False, help_text="Without one, it is the carrier's own page, if there is one."
    )
    note = serializers.CharField(
        required=False, allow_blank=True, max_length=200, help_text="Kept with the parcel and in the order's timeline."
    )


class ShipLineSerializer(serializers.Serializer[Any]):
    item_id = serializers.UUIDField(help_text="A line of the order.")
    quantity = quantity_field()


class SellerShipSerializer(CarriedSerializer):
    """What a seller says of a parcel; where its goods lie is the shop's business."""

    items = ShipLineSerializer(  # type: ignore[call-arg]
        many=True,
        required=False,
        allow_empty=False,
        max_length=settings.ORDER_MAX_LINES,
        help_text="Without it, all that is left to ship.",
    )
    status = serializers.ChoiceField(choices=START_STATUSES, default=Shipment.Status.SHIPPED)


class ShipSerializer(SellerShipSerializer):
    warehouse = serializers.CharField(
        required=False,
        max_length=36,
        help_text="The id or code of where the goods are taken from; else by priority, from as few places as can be.",
    )


class ChangeShipmentSerializer(CarriedSerializer):
    pass


class RecordEventSerializer(serializers.Serializer[Any]):
    status = serializers.ChoiceField(choices=Shipment.Status.choices)
    place = serializers.CharField(required=False, default="", allow_blank=True, max_length=120)
    note = serializers.CharField(
        required=False, default="", allow_blank=True, max_length=200, help_text="The customer sees it."
    )
    occurred_at = serializers.DateTimeField(required=False, default=None, help_text="Without it, now.")
    source_id = serializers.CharField(
        required=False,
        default=None,
        max_length=100,
        help_text="What the carrier calls this event. The same one sent again changes nothing.",
    )


class TrackingEventSerializer(serializers.ModelSerializer[ShipmentEvent]):
    class Meta:
        model = ShipmentEvent
        fields: tuple[str, ...] = ("status", "place", "note", "occurred_at")
        read_only_fields = fields


class ShipmentEventSerializer(TrackingEventSerializer):
    class Meta(TrackingEventSerializer.Meta):
        fields = ("status", "place", "note", "occurred_at", "source_id", "actor", "created_at")
        read_only_fields = fields


class ShipmentItemSerializer(serializers.ModelSerializer[ShipmentItem]):
    item_id = serializers.UUIDField(source="order_item_id", read_only=True)
    product_name = serializers.CharField(source="order_item.product_name", read_only=True)
    sku = serializers.CharField(source="order_item.sku", read_only=True)
    options = serializers.JSONField(source="order_item.options", read_only=True)

    class Meta:
        model = ShipmentItem
        fields = ("item_id", "product_name", "sku", "options", "quantity")
        read_only_fields = fields


class TrackedShipmentSerializer(serializers.ModelSerializer[Shipment]):
    """A parcel as whoever follows it sees it."""

    carrier_name = serializers.SerializerMethodField()
    items = ShipmentItemSerializer(many=True, read_only=True)
    events = TrackingEventSerializer(many=True, read_only=True)

    class Meta:
        model = Shipment
        fields: tuple[str, ...] = (
            "number",
            "status",
            "carrier",
            "carrier_name",
            "tracking_number",
            "tracking_url",
            "shipped_at",
            "delivered_at",
            "items",
            "events",
        )
        read_only_fields = fields

    def get_carrier_name(self, shipment: Shipment) -> str:
        return carrier_name(shipment.carrier)


class ShipmentSerializer(TrackedShipmentSerializer):
    """A parcel as staff see it."""

    order_id = serializers.UUIDField(read_only=True)
    order_number = serializers.CharField(source="order.number", read_only=True)
    next_statuses = serializers.SerializerMethodField()
    warehouse = serializers.CharField(source="warehouse.code", read_only=True, allow_null=True, default=None)
    events = ShipmentEventSerializer(many=True, read_only=True)

    class Meta(TrackedShipmentSerializer.Meta):
        fields = (
            "id",
            "order_id",
            "order_number",
            *TrackedShipmentSerializer.Meta.fields,
            "next_statuses",
            "warehouse",
            "note",
            "created_by",
            "created_at",
            "updated_at",
        )
        read_only_fields = fields

    def get_next_statuses(self, shipment: Shipment) -> list[str]:
        return sorted(shipment.next_statuses)


class SellerShipmentSerializer(TrackedShipmentSerializer):
    """A parcel as its seller sees it: their own lines of it, and nothing of the staff's."""

    order_number = serializers.CharField(source="order.number", read_only=True)
    next_statuses = serializers.SerializerMethodField()

    class Meta(TrackedShipmentSerializer.Meta):
        fields = ("id", "order_id", "order_number", *TrackedShipmentSerializer.Meta.fields, "next_statuses")
        read_only_fields = fields

    def get_next_statuses(self, shipment: Shipment) -> list[str]:
        return sorted(shipment.next_statuses)


class TrackedLineSerializer(serializers.Serializer[Any]):
    product_name = serializers.CharField()
    sku = serializers.CharField()
    options = serializers.JSONField()
    quantity = serializers.IntegerField()
    cancelled_quantity = serializers.IntegerField()
    shipped_quantity = serializers.IntegerField()


class TrackingSerializer(serializers.Serializer[Tracking]):
    """Where an order is. No more of the customer than a first name, a town and a county."""

    number = serializers.CharField(source="order.number")
    status = serializers.ChoiceField(source="order.status", choices=Order.Status.choices)
    fulfilment_status = serializers.ChoiceField(choices=FulfilmentStatus.choices)
    placed_at = serializers.DateTimeField(source="order.created_at")
    first_name = serializers.CharField()
    town = serializers.SerializerMethodField()
    county = serializers.SerializerMethodField()
    items = TrackedLineSerializer(many=True)
    shipments = TrackedShipmentSerializer(many=True)

    def get_town(self, tracking: Tracking) -> str:
        return str(tracking.order.shipping_address.get("town") or "")

    def get_county(self, tracking: Tracking) -> str:
        return str(tracking.order.shipping_address.get("county") or "")
