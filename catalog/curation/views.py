"""Collections over HTTP; anyone may read what is published."""

from collections.abc import Callable
from typing import Any

from django.db.models import QuerySet
from django.http import Http404, HttpResponse
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema, extend_schema_view
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.viewsets import ModelViewSet

from catalog.curation import selectors, services
from catalog.curation.models import Collection
from catalog.curation.serializers import CollectionSerializer, SetProductsSerializer
from catalog.currencies.views import DISPLAY_CURRENCY
from catalog.documents.answers import respond
from catalog.documents.conditions import among
from catalog.documents.keeping import unkept
from catalog.documents.listing import list_page, listing_asked
from catalog.documents.shaping import FIELDS, INCLUDE, shape_asked
from catalog.documents.sql import Fragment
from catalog.models import Product
from catalog.permissions import StaffByPermission
from catalog.prices.selectors import member_of_a_group
from catalog.selectors import by_id_or_url_key
from catalog.views import OF_SHAPE, ORDERING_PARAMETER, ByIdOrUrlKey, ProductViewSet
from ecommerce.http import checked
from ecommerce.schema import ErrorSerializer
from ecommerce.transactions import retry_on_conflict

_KEY = OpenApiParameter("key", location=OpenApiParameter.PATH, description="The collection's id or url_key.", type=str)
_COLLECTION = {
    "id": "0198c0de-0000-7000-8000-000000000051",
    "name": "Phones under 20,000",
    "url_key": "phones-under-20000",
    "description": "Good phones for little money.",
    "position": 1,
    "kind": "by_rule",
    "rule": {"category": ["0198c0de-0000-7000-8000-000000000011"], "max_price": "20000.00", "in_stock": True},
    "published_from": "2026-11-21T00:00:00Z",
    "published_until": None,
    "created_at": "2026-11-21T07:45:00Z",
    "updated_at": "2026-11-21T07:45:00Z",
}
_SHOWN = OpenApiExample("A collection by rule", value=_COLLECTION, response_only=True, status_codes=["200", "201"])
_ASKED = OpenApiExample(
    "By rule",
    value={
        "name": _COLLECTION["name"],
        "kind": "by_rule",
        "rule": {"category": ["phones"], "max_price": "20000.00", "in_stock": True},
        "published_from": "2026-11-21T00:00:00Z",
    },
    request_only=True,
)


@extend_schema_view(
    list=extend_schema(
        summary="List collections",
        description="Those that are published, in their order; staff who may see collections see all.",
        examples=[_SHOWN],
    ),
    retrieve=extend_schema(summary="Show a collection", description="By id or url_key.", examples=[_SHOWN]),
    create=extend_schema(
        summary="Make a collection",
        description=(
            "`by_hand`: its products come by `PUT /collections/{key}/products/`. `by_rule`: every product that fits at "
            "the moment of reading. A wrong condition is a 400 with a row of its own: `unknown_condition`, "
            "`unknown_category`, `unknown_brand`, `unknown_attribute`, `price_range_backwards`, `invalid`."
        ),
        examples=[_ASKED, _SHOWN],
    ),
    update=extend_schema(summary="Replace a collection", description="Its products stay.", examples=[_ASKED, _SHOWN]),
    partial_update=extend_schema(
        summary="Change a collection",
        examples=[OpenApiExample("Not published", value={"published_from": None}, request_only=True), _SHOWN],
    ),
    destroy=extend_schema(summary="Delete a collection", description="Its products stay what they are."),
)
class CollectionViewSet(ByIdOrUrlKey, ModelViewSet[Collection]):
    queryset = Collection.objects.none()
    serializer_class = CollectionSerializer
    permission_classes = (StaffByPermission,)
    public_reads = True
    orderings = {"position": ("position", "name", "id"), "name": ("name", "id"), "-created_at": ("-created_at", "id")}
    schema_tag = "catalog"
    api_key_area = "catalogue"

    def get_queryset(self) -> QuerySet[Collection]:
        reads = self.request.method in SAFE_METHODS
        return selectors.collections_visible_to(self.request.user) if reads else Collection.objects.all()

    def perform_create(self, serializer: BaseSerializer[Collection]) -> None:
        serializer.instance = services.save_collection(**serializer.validated_data)

    def perform_update(self, serializer: BaseSerializer[Collection]) -> None:
        collection, fields = serializer.instance, serializer.validated_data
        serializer.instance = _found(lambda: services.save_collection(collection, **fields))


@extend_schema_view(
    list=extend_schema(
        operation_id="collections_products_list",
        summary="List the products of a collection",
        description=(
            "Those for sale, with every filter of `GET /products/`. One by hand is in its own order (`position`), one "
            "by rule has the newest first, unless another `ordering` is asked for."
        ),
        parameters=[_KEY, ORDERING_PARAMETER, FIELDS, INCLUDE, DISPLAY_CURRENCY],
    )
)
class CollectionProductViewSet(ProductViewSet):
    permission_classes = (StaffByPermission,)
    permission_model = Collection
    public_reads = True
    api_key_area = "catalogue"

    def list(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:  # type: ignore[override]
        collection, member = self._collection(), member_of_a_group(request.user)
        own = {"position": _by_place(collection)} if collection.kind == Collection.Kind.BY_HAND else {}

        def make() -> bytes:
            shape = shape_asked(request, member=member)
            within = among(selectors.within(collection, Product.objects.all()))
            asked = listing_asked(request, also=OF_SHAPE, within=within, own=own)
            return list_page(asked, shape, request.build_absolute_uri())

        # Not kept: who may see a collection, and until when, is not said by the address.
        return respond(request, unkept(make))

    @extend_schema(
        operation_id="collections_products_set",
        summary="Set the products of a collection",
        description=(
            "All of them, in their order, in one call: what is not named goes. One unknown or named twice "
            "(`unknown_product`, `product_twice`), and nothing changes. 409 `collection_by_rule` for one by rule."
        ),
        parameters=[_KEY],
        request=SetProductsSerializer,
        responses={200: CollectionSerializer, 403: ErrorSerializer},
        examples=[
            OpenApiExample(
                "Two products",
                value={"products": ["0198c0de-0000-7000-8000-000000000001", "0198c0de-0000-7000-8000-000000000002"]},
                request_only=True,
            )
        ],
    )
    def set_all(self, request: Request, key: str) -> Response:
        collection = self._collection()
        ids = checked(SetProductsSerializer, request)["products"]
        _found(lambda: services.set_products(collection.pk, ids))
        return Response(CollectionSerializer(Collection.objects.get(pk=collection.pk)).data)

    def _collection(self) -> Collection:
        """Return the collection of the address, read once for the request.

        Raises:
            Http404: there is none that the reader may see.
        """
        if not hasattr(self, "_named"):
            key, reads = self.kwargs["key"], self.request.method in SAFE_METHODS
            rows = selectors.collections_visible_to(self.request.user) if reads else Collection.objects.all()
            found = rows.filter(by_id_or_url_key(key)).first()
            if found is None:
                raise Http404
            self._named = found
        return self._named


def _by_place(collection: Collection) -> Fragment:
    """Return the order that staff have put the products in."""
    place = "SELECT position FROM catalog_collectionproduct WHERE collection_id = %s::uuid AND product_id"
    return Fragment(f"({place} = catalog_product.id), catalog_product.id", (str(collection.pk),))


def _found(write: Callable[[], Any]) -> Any:
    try:
        return retry_on_conflict(write)
    except Collection.DoesNotExist:
        raise Http404 from None
