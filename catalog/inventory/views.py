"""Stock and warehouses over HTTP: for staff; a seller sees how much there is of their own."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import mixins, status, viewsets
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.authentication import signed_in
from catalog import stock
from catalog.inventory import adjusting, selectors, serializers, warehouses
from catalog.inventory.availability import AvailabilityPolicy
from catalog.inventory.exceptions import SameWarehouse
from catalog.inventory.filters import AlertFilter, MovementFilter, StockFilter
from catalog.inventory.models import LowStockAlert, Warehouse
from catalog.inventory.pagination import LedgerPagination
from catalog.inventory.permissions import MaySeeStock
from catalog.models import Stock, StockMovement
from catalog.permissions import StaffByPermission
from ecommerce import idempotency
from ecommerce.http import checked
from ecommerce.schema import ErrorSerializer
from ecommerce.transactions import retry_on_conflict

_REQUIRED_KEY = OpenApiParameter(
    "Idempotency-Key",
    location=OpenApiParameter.HEADER,
    required=True,
    description="Any text of yours, 1 to 255 printable ASCII characters: goods move here, and must not move twice.",
)
_VARIANT = OpenApiParameter(
    "id", location=OpenApiParameter.PATH, description="The variant.", type={"format": "uuid", "type": "string"}
)
_KEY = OpenApiParameter("key", location=OpenApiParameter.PATH, description="The warehouse's id or code.", type=str)
_WAREHOUSE: dict[str, Any] = {
    "id": "0198c0de-0000-7000-8000-000000000041",
    "name": "Moi Avenue shop",
    "code": "NBO-1",
    "county": "Nairobi",
    "address": "Moi Avenue 12, ground floor",
    "position": 0,
    "is_active": True,
    "is_default": True,
    "units": 4210,
    "created_at": "2026-11-21T07:45:00Z",
    "updated_at": "2026-11-21T07:45:00Z",
}
_STOCK: dict[str, Any] = {
    "variant_id": "0198c0de-0000-7000-8000-000000000011",
    "sku": "SM-A075-128-BLK",
    "product_id": "0198c0de-0000-7000-8000-000000000001",
    "product_name": "Samsung Galaxy A07",
    "options": {"color": "Black", "storage": "128GB"},
    "is_active": True,
    "available": 9,
    "promised": 3,
    "on_hand": 12,
    "low_stock_threshold": None,
    "threshold": 5,
    "low": False,
    "availability": "in_stock",
    "availability_policy": "backorder",
    "backorder_limit": 5,
    "available_from": "2026-12-14",
    "warehouses": [
        {"id": _WAREHOUSE["id"], "code": "NBO-1", "on_hand": 10},
        {"id": "0198c0de-0000-7000-8000-000000000042", "code": "MSA-1", "on_hand": 2},
    ],
}
_MOVEMENT = {
    "id": 90117,
    "created_at": "2026-11-21T07:45:00Z",
    "kind": "receive",
    "variant_id": _STOCK["variant_id"],
    "sku": _STOCK["sku"],
    "product_id": _STOCK["product_id"],
    "product_name": _STOCK["product_name"],
    "warehouse": "NBO-1",
    "available_change": 10,
    "on_hand_change": 10,
    "order_item_id": None,
    "document_id": None,
    "reason": "delivery note 2217",
    "actor": "0198c0de-0000-7000-8000-000000000005",
}
_SHOWN = OpenApiExample("A phone in two warehouses", value=_STOCK, response_only=True, status_codes=["200"])


@extend_schema_view(
    list=extend_schema(
        summary="List stock",
        description=(
            "What there is of each variant, and where it lies. Staff see everything, sellers their own. "
            "`?low=true` is what should be ordered again."
        ),
        examples=[_SHOWN],
    ),
    retrieve=extend_schema(summary="Show a variant's stock", parameters=[_VARIANT], examples=[_SHOWN]),
)
class StockViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Stock]):
    queryset = Stock.objects.none()
    serializer_class = serializers.StockSerializer
    permission_classes = (MaySeeStock,)
    filterset_class = StockFilter
    orderings = {
        "sku": ("variant__sku",),
        "-sku": ("-variant__sku",),
        "available": ("available", "variant_id"),
        "-available": ("-available", "variant_id"),
        "on_hand": ("on_hand", "variant_id"),
        "-on_hand": ("-on_hand", "variant_id"),
    }
    schema_tag = "inventory"
    api_key_area = "stock"

    def get_queryset(self) -> QuerySet[Stock]:
        if getattr(self, "swagger_fake_view", False):
            return self.queryset
        return selectors.stock_visible_to(self.request.user)

    @extend_schema(
        summary="Say when a variant is low, and whether it is sold when nothing is left",
        description=(
            "Its own threshold; null makes it the shop's (`LOW_STOCK_THRESHOLD`) again. With `availability_policy` "
            "`backorder` or `preorder` so many units are sold beyond those that are here as `backorder_limit` says; "
            "`deny` ends it. What was sold beyond a lower limit stays sold."
        ),
        parameters=[_VARIANT],
        request=serializers.StockSettingsSerializer,
        responses={200: serializers.StockSerializer},
        examples=[
            OpenApiExample("Low at 20", value={"low_stock_threshold": 20}, request_only=True),
            OpenApiExample(
                "A pre-order",
                value={"availability_policy": "preorder", "backorder_limit": 50, "available_from": "2026-12-14"},
                request_only=True,
            ),
            _SHOWN,
        ],
    )
    def partial_update(self, request: Request, pk: UUID) -> Response:
        told = checked(serializers.StockSettingsSerializer, request)
        level = self.get_object()
        retry_on_conflict(lambda: _set_up(level.pk, told))
        return Response(self.get_serializer(self.get_object()).data)


@transaction.atomic
def _set_up(variant_id: UUID, told: Mapping[str, Any]) -> None:
    if "low_stock_threshold" in told:
        stock.set_threshold(variant_id, told["low_stock_threshold"])
    if "availability_policy" in told:
        stock.set_availability(
            variant_id,
            policy=AvailabilityPolicy(told["availability_policy"]),
            limit=told.get("backorder_limit", 0),
            available_from=told.get("available_from"),
        )


@extend_schema_view(
    list=extend_schema(
        summary="List stock movements",
        description=(
            "The ledger: every unit that came, went, was promised or moved; newest first. `since` (included) and "
            "`until` (not included) are times."
        ),
        examples=[OpenApiExample("A delivery", value=_MOVEMENT, response_only=True, status_codes=["200"])],
    )
)
class MovementViewSet(mixins.ListModelMixin, viewsets.GenericViewSet[StockMovement]):
    queryset = StockMovement.objects.none()
    serializer_class = serializers.MovementSerializer
    permission_classes = (StaffByPermission,)
    pagination_class = LedgerPagination
    filterset_class = MovementFilter
    extra_query_parameters = ("cursor",)
    schema_tag = "inventory"
    api_key_area = "stock"

    def get_queryset(self) -> QuerySet[StockMovement]:
        return selectors.movements()


class AdjustStockView(APIView):
    permission_classes = (MaySeeStock,)
    schema_tag = "inventory"
    api_key_area = "stock"

    @extend_schema(
        summary="Adjust stock",
        description=(
            "Goods that came in (`receive`), came back (`return`), or are more or fewer than thought (`adjust`); all "
            "lines or none. What is promised to orders cannot be taken: 409 `insufficient_stock`. What lies in another "
            "warehouse cannot be taken from this one: 409 `insufficient_in_warehouse`."
        ),
        parameters=[_REQUIRED_KEY],
        request=serializers.AdjustSerializer,
        responses={201: serializers.AdjustedSerializer},
        examples=[
            OpenApiExample(
                "A delivery, and what broke on its way",
                value={
                    "items": [
                        {
                            "sku": "SM-A075-128-BLK",
                            "warehouse": "NBO-1",
                            "change": 10,
                            "kind": "receive",
                            "reason": "delivery note 2217",
                        },
                        {"sku": "SM-A075-128-BLK", "warehouse": "NBO-1", "change": -1, "reason": "screen broken"},
                    ]
                },
                request_only=True,
            ),
            OpenApiExample("What there is now", value={"items": [_STOCK]}, response_only=True, status_codes=["201"]),
        ],
    )
    def post(self, request: Request) -> Response:
        items = checked(serializers.AdjustSerializer, request)["items"]
        actor = signed_in(request)

        def effect() -> Response:
            variants = selectors.named_variants(items)
            places = selectors.named_warehouses(
                {f"items.{n}.warehouse": row["warehouse"] for n, row in enumerate(items)}
            )
            adjusting.adjust(
                [
                    adjusting.Adjustment(
                        variant_id=variant,
                        warehouse=places[f"items.{n}.warehouse"],
                        change=row["change"],
                        kind=StockMovement.Kind(row["kind"]),
                        reason=row["reason"],
                        attr=f"items.{n}",
                    )
                    for n, (variant, row) in enumerate(zip(variants, items, strict=True))
                ],
                actor=actor,
            )
            return Response({"items": _levels(variants)}, status=status.HTTP_201_CREATED)

        return idempotency.run_once(
            request, owner=f"user:{actor.pk}", operation="stock.adjust", effect=effect, required=True
        )


class TransferStockView(APIView):
    permission_classes = (MaySeeStock,)
    schema_tag = "inventory"
    api_key_area = "stock"

    @extend_schema(
        summary="Transfer goods between warehouses",
        description=(
            "All lines or none. What can be sold stays the same; goods that are promised to orders are moved as well."
        ),
        parameters=[_REQUIRED_KEY],
        request=serializers.TransferSerializer,
        responses={201: serializers.TransferredSerializer},
        examples=[
            OpenApiExample(
                "Two phones to Mombasa",
                value={
                    "from_warehouse": "NBO-1",
                    "to_warehouse": "MSA-1",
                    "reason": "Mombasa is running out",
                    "items": [{"sku": "SM-A075-128-BLK", "units": 2}],
                },
                request_only=True,
            ),
            OpenApiExample(
                "Moved",
                value={"id": "0198c0de-0000-7000-8000-000000000051", "items": [_STOCK]},
                response_only=True,
                status_codes=["201"],
            ),
        ],
    )
    def post(self, request: Request) -> Response:
        data = checked(serializers.TransferSerializer, request)
        actor = signed_in(request)

        def effect() -> Response:
            variants = selectors.named_variants(data["items"])
            places = selectors.named_warehouses({name: data[name] for name in ("from_warehouse", "to_warehouse")})
            if places["from_warehouse"] == places["to_warehouse"]:
                raise SameWarehouse()
            moved = [
                adjusting.Moved(variant, row["units"], f"items.{n}")
                for n, (variant, row) in enumerate(zip(variants, data["items"], strict=True))
            ]
            document = adjusting.transfer(
                moved,
                source=places["from_warehouse"],
                target=places["to_warehouse"],
                reason=data["reason"],
                actor=actor,
            )
            body = {"id": str(document), "items": _levels(variants)}
            return Response(body, status=status.HTTP_201_CREATED)

        return idempotency.run_once(
            request, owner=f"user:{actor.pk}", operation="stock.transfer", effect=effect, required=True
        )


@extend_schema_view(
    list=extend_schema(
        summary="List warehouses",
        description="In the order in which orders are picked from them.",
        examples=[OpenApiExample("A shop", value=_WAREHOUSE, response_only=True, status_codes=["200"])],
    ),
    retrieve=extend_schema(summary="Show a warehouse", parameters=[_KEY]),
)
class WarehouseViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Warehouse]):
    queryset = Warehouse.objects.none()
    serializer_class = serializers.WarehouseSerializer
    permission_classes = (StaffByPermission,)
    orderings = {"position": ("position", "code"), "code": ("code",), "name": ("name",)}
    schema_tag = "inventory"
    api_key_area = "stock"

    def get_queryset(self) -> QuerySet[Warehouse]:
        return selectors.warehouses_with_units()

    def get_object(self) -> Warehouse:
        warehouse: Warehouse = get_object_or_404(self.get_queryset(), selectors.by_id_or_code(self.kwargs["key"]))
        return warehouse

    @extend_schema(
        summary="Add a warehouse",
        description="The shop's first one is its default, whatever is said.",
        request=serializers.WriteWarehouseSerializer,
        responses={201: serializers.WarehouseSerializer},
        examples=[
            OpenApiExample(
                "In Mombasa",
                value={"name": "Nyali store", "code": "MSA-1", "county": "Mombasa", "position": 1},
                request_only=True,
            )
        ],
    )
    def create(self, request: Request) -> Response:
        data = checked(serializers.WriteWarehouseSerializer, request)
        warehouse = retry_on_conflict(lambda: warehouses.save_warehouse(**data))
        return self._answer(warehouse, status.HTTP_201_CREATED)

    @extend_schema(
        summary="Change a warehouse",
        description=(
            "`is_active: false` closes it: 409 `warehouse_not_empty` while something lies in it. `is_default: true` "
            "takes that from the one before; the default itself cannot be closed (409 `warehouse_is_default`)."
        ),
        parameters=[_KEY],
        request=serializers.WriteWarehouseSerializer,
        responses={200: serializers.WarehouseSerializer},
        examples=[OpenApiExample("Pick from it first", value={"position": 0}, request_only=True)],
    )
    def partial_update(self, request: Request, key: str) -> Response:
        warehouse = self.get_object()
        form = serializers.WriteWarehouseSerializer(warehouse, data=request.data, partial=True)
        form.is_valid(raise_exception=True)
        try:
            changed = retry_on_conflict(lambda: warehouses.save_warehouse(warehouse, **form.validated_data))
        except Warehouse.DoesNotExist:
            raise Http404 from None
        return self._answer(changed, status.HTTP_200_OK)

    @extend_schema(
        summary="Delete a warehouse",
        description=(
            "One in which nothing has ever been. 409 `warehouse_not_empty` with goods in it, `warehouse_in_ledger` "
            "when there were some once: close that one instead."
        ),
        parameters=[_KEY],
        responses={204: None, 409: ErrorSerializer},
    )
    def destroy(self, request: Request, key: str) -> Response:
        warehouse = self.get_object()
        try:
            retry_on_conflict(lambda: warehouses.delete_warehouse(warehouse.pk))
        except Warehouse.DoesNotExist:
            raise Http404 from None
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _answer(self, warehouse: Warehouse, code: int) -> Response:
        return Response(self.get_serializer(self.get_queryset().get(pk=warehouse.pk)).data, status=code)


@extend_schema_view(
    list=extend_schema(
        summary="List low-stock alerts",
        description=(
            "One for each time that a variant fell to its threshold, newest first; `?open=true` are still low. "
            "An alert is cleared when there is more again, by whatever."
        ),
        examples=[
            OpenApiExample(
                "Four left",
                value={
                    "id": "0198c0de-0000-7000-8000-000000000071",
                    **{name: _STOCK[name] for name in ("variant_id", "sku", "product_id", "product_name")},
                    "available": 5,
                    "threshold": 5,
                    "left": 4,
                    "raised_at": "2026-11-21T07:45:00Z",
                    "told_at": "2026-11-21T07:46:02Z",
                    "cleared_at": None,
                },
                response_only=True,
                status_codes=["200"],
            )
        ],
    )
)
class AlertViewSet(mixins.ListModelMixin, viewsets.GenericViewSet[LowStockAlert]):
    queryset = LowStockAlert.objects.none()
    serializer_class = serializers.AlertSerializer
    permission_classes = (StaffByPermission,)
    filterset_class = AlertFilter
    orderings = {
        "-raised_at": ("-created_at", "-id"),
        "raised_at": ("created_at", "id"),
        "left": ("left", "-created_at"),
    }
    schema_tag = "inventory"
    api_key_area = "stock"

    def get_queryset(self) -> QuerySet[LowStockAlert]:
        return selectors.alerts()


def _levels(variant_ids: list[UUID]) -> Any:
    levels = selectors.stock_with_places().filter(pk__in=variant_ids).order_by("variant__sku")
    return serializers.StockSerializer(levels, many=True).data
