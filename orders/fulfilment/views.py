"""Parcels over HTTP: staff send them and say what becomes of them; customers follow them."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import mixins, status, viewsets
from rest_framework.generics import get_object_or_404
from rest_framework.permissions import AllowAny, BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.authentication import signed_in
from accounts.models import User
from catalog.inventory.selectors import named_warehouses
from ecommerce import idempotency
from ecommerce.http import checked
from ecommerce.schema import ErrorSerializer
from ecommerce.transactions import retry_on_conflict
from orders.fulfilment import selectors, serializers, services
from orders.fulfilment.filters import ShipmentFilter
from orders.fulfilment.models import Shipment
from orders.fulfilment.permissions import MayHandleOrders, MayShip
from orders.guests.access import ORDER_TOKEN_HEADER, SignedInOrHolder, buyer_of
from orders.links import order_of_token
from orders.models import Order
from orders.selectors import orders_open_to
from orders.sellers.selectors import orders_of, shipments_of, shipments_sent_by

_REQUIRED_KEY = OpenApiParameter(
    "Idempotency-Key",
    location=OpenApiParameter.HEADER,
    required=True,
    description="Any text of yours, 1 to 255 printable ASCII characters: goods move here, and must not move twice.",
)
_EVENT: dict[str, Any] = {
    "status": "out_for_delivery",
    "place": "Westlands, Nairobi",
    "note": "Rider Otieno",
    "occurred_at": "2026-11-22T06:10:00Z",
}
_TRACKED: dict[str, Any] = {
    "number": "1000019-1",
    "status": "out_for_delivery",
    "carrier": "dhl",
    "carrier_name": "DHL",
    "tracking_number": "1234567890",
    "tracking_url": "https://www.dhl.com/ke-en/home/tracking.html?tracking-id=1234567890",
    "shipped_at": "2026-11-21T14:00:00Z",
    "delivered_at": None,
    "items": [
        {
            "item_id": "0198c0de-0000-7000-8000-000000000021",
            "product_name": "Samsung Galaxy A07",
            "sku": "SM-A075-128-BLK",
            "options": {"color": "Black"},
            "quantity": 1,
        }
    ],
    "events": [{"status": "shipped", "place": "", "note": "", "occurred_at": "2026-11-21T14:00:00Z"}, _EVENT],
}
_STAFF_ONLY = {"source_id": None, "actor": None, "created_at": "2026-11-22T06:12:03Z"}
_SHIPMENT: dict[str, Any] = {
    "id": "0198c0de-0000-7000-8000-000000000081",
    "order_id": "0198c0de-0000-7000-8000-000000000031",
    "order_number": "1000019",
    **_TRACKED,
    "events": [{**event, **_STAFF_ONLY} for event in _TRACKED["events"]],
    "next_statuses": ["delivered", "failed", "in_transit", "ready_for_pickup", "returned"],
    "warehouse": "NBO-1",
    "note": "",
    "created_by": "0198c0de-0000-7000-8000-000000000001",
    "created_at": "2026-11-21T14:00:00Z",
    "updated_at": "2026-11-22T06:12:03Z",
}
_SHOWN = OpenApiExample("A parcel", value=_SHIPMENT, response_only=True, status_codes=["200", "201"])
TRACKING = OpenApiExample(
    "One parcel on its way",
    value={
        "number": "1000019",
        "status": "paid",
        "fulfilment_status": "partial",
        "placed_at": "2026-11-21T09:30:00Z",
        "first_name": "Wanjiku",
        "town": "Ruiru",
        "county": "Kiambu",
        "items": [
            {
                "product_name": "Samsung Galaxy A07",
                "sku": "SM-A075-128-BLK",
                "options": {"color": "Black"},
                "quantity": 2,
                "cancelled_quantity": 0,
                "shipped_quantity": 1,
            }
        ],
        "shipments": [_TRACKED],
    },
    response_only=True,
    status_codes=["200"],
)


class OrderShipmentsView(APIView):
    permission_classes = (MayShip,)
    schema_tag = "orders"
    api_key_area = "orders"

    @extend_schema(
        summary="List the parcels of an order",
        description="For staff, the first one first.",
        responses={200: serializers.ShipmentSerializer(many=True)},
        examples=[_SHOWN],
    )
    def get(self, request: Request, order_id: UUID) -> Response:
        order = _order(request, order_id)
        parcels = selectors.shipments().filter(order=order)
        return Response(serializers.ShipmentSerializer(parcels, many=True).data)

    @extend_schema(
        summary="Ship an order, or a part of it",
        description=(
            "Takes the goods off the shelf, all lines or none. The order is paid, or to be paid at the door: else "
            "409 `invalid_order_transition` with what is `allowed`. 409 `more_than_left` has a row for each line of "
            "which less is left, `insufficient_in_warehouse` one for each variant that does not lie there. The order "
            "itself is `shipped` when nothing is left and no parcel is `packed` any more. Sellers ship lines of their "
            "own products: the others are not there for them, and they name no `warehouse`."
        ),
        parameters=[_REQUIRED_KEY],
        request=serializers.ShipSerializer,
        responses={201: serializers.ShipmentSerializer},
        examples=[
            OpenApiExample(
                "One unit of one line",
                value={
                    "items": [{"item_id": "0198c0de-0000-7000-8000-000000000021", "quantity": 1}],
                    "carrier": "dhl",
                    "tracking_number": "1234567890",
                    "warehouse": "NBO-1",
                },
                request_only=True,
            ),
            OpenApiExample("All that is left", value={"carrier": "own_rider"}, request_only=True),
            _SHOWN,
        ],
    )
    def post(self, request: Request, order_id: UUID) -> Response:
        user = signed_in(request)
        seller = None if MayHandleOrders().has_permission(request, self) else user
        order = get_object_or_404(orders_of(seller), pk=order_id) if seller else _order(request, order_id)
        data = checked(serializers.SellerShipSerializer if seller else serializers.ShipSerializer, request)

        def effect() -> Response:
            place = named_warehouses({"warehouse": data["warehouse"]})["warehouse"] if "warehouse" in data else None
            shipment = services.ship(
                order.pk,
                lines=_lines_from(data.get("items")),
                warehouse_id=place.pk if place else None,
                is_packed=data["status"] == Shipment.Status.PACKED,
                of_seller=seller,
                actor=user,
                **{name: data[name] for name in _CARRIED if name in data},
            )
            return Response(_shown(shipment.pk, to=seller), status=status.HTTP_201_CREATED)

        return idempotency.run_once(
            request, owner=f"user:{user.pk}", operation="orders.ship", effect=effect, required=True
        )


@extend_schema_view(
    list=extend_schema(summary="List parcels", description="For staff, newest first.", examples=[_SHOWN]),
    retrieve=extend_schema(summary="Show a parcel", description="For staff.", examples=[_SHOWN]),
)
class ShipmentViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Shipment]):
    queryset = Shipment.objects.none()
    serializer_class = serializers.ShipmentSerializer
    filterset_class = ShipmentFilter
    orderings = {"-created_at": ("-created_at", "-id"), "created_at": ("created_at", "id")}
    schema_tag = "orders"
    api_key_area = "orders"

    def get_permissions(self) -> list[BasePermission]:
        return [MayShip()] if self.action == "events" else [MayHandleOrders()]

    def get_queryset(self) -> QuerySet[Shipment]:
        if self.action == "events" and (seller := self._seller()):
            return shipments_sent_by(seller)
        return selectors.shipments()

    def _seller(self) -> User | None:
        """Return who asks, if it is a seller and no staff: then only their own parcels are there."""
        return None if MayHandleOrders().has_permission(self.request, self) else signed_in(self.request)

    @extend_schema(
        summary="Change who brings a parcel",
        description="Carrier, number, link and note. The link becomes that of the carrier, unless one is given.",
        request=serializers.ChangeShipmentSerializer,
        responses={200: serializers.ShipmentSerializer},
        examples=[
            OpenApiExample("Its number", value={"carrier": "g4s", "tracking_number": "KE2217"}, request_only=True),
            _SHOWN,
        ],
    )
    def partial_update(self, request: Request, pk: UUID) -> Response:
        shipment = self.get_object()
        data = checked(serializers.ChangeShipmentSerializer, request)
        retry_on_conflict(lambda: services.change_tracking(shipment.pk, actor=signed_in(request), **data))
        return Response(_shown(shipment.pk))

    @extend_schema(
        summary="Say what happened to a parcel",
        description=(
            "The parcel takes its `status`, which must be one that may follow: else 409 `invalid_shipment_transition` "
            "with what is `allowed`. The customer gets a mail when it is shipped, can be collected, and is delivered. "
            "With a `source_id` that is known the answer is a 200 and nothing happens; if it stood for something else, "
            "409 `source_id_reused`. Sellers say it of parcels that hold nothing but what is theirs."
        ),
        request=serializers.RecordEventSerializer,
        responses={
            200: serializers.ShipmentSerializer,
            201: serializers.ShipmentSerializer,
            409: ErrorSerializer,
        },
        examples=[OpenApiExample("On the road", value={**_EVENT, "source_id": "scan-771"}, request_only=True), _SHOWN],
    )
    def events(self, request: Request, pk: UUID) -> Response:
        shipment = self.get_object()
        data = checked(serializers.RecordEventSerializer, request)
        user = signed_in(request)
        _, is_new = retry_on_conflict(lambda: services.record_event(shipment.pk, actor=user, **data))
        shown = _shown(shipment.pk, to=self._seller())
        return Response(shown, status=status.HTTP_201_CREATED if is_new else status.HTTP_200_OK)


class TrackingView(APIView):
    permission_classes = (SignedInOrHolder,)
    schema_tag = "orders"
    api_key_area = "orders"

    @extend_schema(
        summary="Follow an order",
        description="Its parcels, with carrier, number and what happened to each. For its owner, and for staff.",
        parameters=[ORDER_TOKEN_HEADER],
        responses={200: serializers.TrackingSerializer},
        examples=[TRACKING],
    )
    def get(self, request: Request, order_id: UUID) -> Response:
        order = _order(request, order_id)
        return Response(serializers.TrackingSerializer(selectors.tracking_of(order)).data)


class GuestTrackingView(APIView):
    authentication_classes = ()  # the link is enough, and an expired log-in beside it must not shut the page
    permission_classes = (AllowAny,)
    schema_tag = "orders"

    @extend_schema(
        summary="Follow an order by its link",
        description=(
            "For whoever holds the signed link of the order's mails; it ends after `ORDER_LINK_DAYS`. No more of the "
            "customer than a first name, a town and a county."
        ),
        auth=[],
        parameters=[OpenApiParameter("token", str, OpenApiParameter.PATH, description="The end of the link.")],
        responses={200: serializers.TrackingSerializer},
        examples=[TRACKING],
    )
    def get(self, request: Request, token: str) -> Response:
        order_id = order_of_token(token)
        if order_id is None:
            raise Http404
        order = get_object_or_404(Order.objects.select_related("user"), pk=order_id)
        # The address is the key: it must neither be kept by caches nor told to the pages that this one links to.
        return Response(
            serializers.TrackingSerializer(selectors.tracking_of(order)).data,
            headers={"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"},
        )


_CARRIED = ("carrier", "tracking_number", "tracking_url", "note")


def _order(request: Request, order_id: UUID) -> Order:
    """Return an order that this person may see, without its lines; or it is a 404."""
    orders = orders_open_to(buyer_of(request)).prefetch_related(None).select_related("user")
    order: Order = get_object_or_404(orders, pk=order_id)
    return order


def _lines_from(items: list[dict[str, Any]] | None) -> list[services.ShipLine] | None:
    if items is None:
        return None
    return [services.ShipLine(item["item_id"], item["quantity"], f"items.{n}") for n, item in enumerate(items)]


def _shown(shipment_id: UUID, *, to: User | None = None) -> Any:
    """Return a parcel as staff see it, or a seller."""
    if to is not None:
        return serializers.SellerShipmentSerializer(shipments_of(to).get(pk=shipment_id)).data
    return serializers.ShipmentSerializer(selectors.shipments().get(pk=shipment_id)).data
