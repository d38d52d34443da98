"""Categories and brands over HTTP: anyone reads, staff write."""

from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response

from catalog import selectors
from catalog.documents.answers import answer_kept, rendered
from catalog.duplicates import naming_duplicates
from catalog.models import Brand, Category
from catalog.permissions import StaffByPermission
from catalog.serializers import CategorySerializer
from catalog.services import save_brand, save_category
from catalog.taxonomy import services
from catalog.taxonomy.serializers import (
    BrandDetailSerializer,
    CategoryDetailSerializer,
    MergeBrandSerializer,
    WriteBrandSerializer,
    WriteCategorySerializer,
)
from catalog.views import ByIdOrUrlKey, KeptMixin
from ecommerce.http import IF_NONE_MATCH_HEADER, checked
from ecommerce.schema import ErrorSerializer
from ecommerce.transactions import retry_on_conflict

_CATEGORY: dict[str, Any] = {
    "id": "0198c0de-0000-7000-8000-000000000041",
    "category_name": "Smartphones",
    "url_key": "smartphones",
    "parent": "0198c0de-0000-7000-8000-000000000040",
    "product_count": 0,
    "created_at": "2026-11-21T07:45:00Z",
    "ancestors": [
        {
            "id": "0198c0de-0000-7000-8000-000000000040",
            "category_name": "Phones & Tablets",
            "url_key": "phones-tablets",
        }
    ],
    "only_defined_attributes": False,
}
_BRAND: dict[str, Any] = {
    "id": "0198c0de-0000-7000-8000-000000000051",
    "name": "Cooler Master",
    "url_key": "cooler-master",
    "image_url": "https://cdn.example/cooler-master.svg",
    "product_count": 12,
    "created_at": "2026-11-21T07:45:00Z",
}
_NEW_CATEGORY = OpenApiExample(
    "Below another one", value={"category_name": "Smartphones", "parent": "phones-tablets"}, request_only=True
)
_NEW_BRAND = OpenApiExample(
    "With a logo",
    value={"name": "Cooler Master", "image_url": "https://cdn.example/cooler-master.svg"},
    request_only=True,
)
_CATEGORY_SHOWN = OpenApiExample("A category", value=_CATEGORY, response_only=True, status_codes=["200", "201"])
_BRAND_SHOWN = OpenApiExample("A brand", value=_BRAND, response_only=True, status_codes=["200", "201"])
_MOVE = (
    "A new `parent` takes everything below along; what would stand below itself is 400 `category_cycle`, what would "
    "stand more than 20 levels deep 400 `category_too_deep`. What is left out stays as it is."
)


@extend_schema_view(
    list=extend_schema(summary="List categories", parameters=[IF_NONE_MATCH_HEADER]),
    retrieve=extend_schema(
        summary="Show a category",
        description="By id or url_key, with its ancestors.",
        parameters=[IF_NONE_MATCH_HEADER],
        examples=[_CATEGORY_SHOWN],
    ),
)
class CategoryViewSet(KeptMixin, ByIdOrUrlKey):
    queryset = Category.objects.none()
    permission_classes = (StaffByPermission,)
    public_reads = True
    orderings = {"category_name": ("category_name", "id"), "created_at": ("created_at", "id")}
    schema_tag = "catalog"
    api_key_area = "catalogue"

    def get_queryset(self) -> QuerySet[Category]:
        return selectors.categories_with_counts()

    def get_serializer_class(self) -> Any:
        return CategorySerializer if self.action == "list" else CategoryDetailSerializer

    @extend_schema(
        summary="Create a category",
        description="For staff who may add categories.",
        request=WriteCategorySerializer,
        responses={201: CategoryDetailSerializer, 403: ErrorSerializer},
        examples=[_NEW_CATEGORY, _CATEGORY_SHOWN],
    )
    def create(self, request: Request) -> Response:
        data = checked(WriteCategorySerializer, request)
        with naming_duplicates("category_name", "url_key"):
            category = retry_on_conflict(lambda: save_category(**data))
        return self._shown(category, status.HTTP_201_CREATED)

    @extend_schema(
        summary="Replace a category's fields",
        description=_MOVE,
        request=WriteCategorySerializer,
        responses={200: CategoryDetailSerializer, 403: ErrorSerializer},
        examples=[_CATEGORY_SHOWN],
    )
    def update(self, request: Request, *args: Any, partial: bool = False, **kwargs: Any) -> Response:
        category = self.get_object()
        form = WriteCategorySerializer(category, data=request.data, partial=partial)
        form.is_valid(raise_exception=True)
        with naming_duplicates("category_name", "url_key"):
            changed = retry_on_conflict(lambda: services.update_category(category.pk, **form.validated_data))
        return self._shown(changed)

    @extend_schema(
        summary="Change or move a category",
        description=_MOVE,
        request=WriteCategorySerializer,
        responses={200: CategoryDetailSerializer, 403: ErrorSerializer},
        examples=[OpenApiExample("To the root", value={"parent": None}, request_only=True), _CATEGORY_SHOWN],
    )
    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self.update(request, *args, partial=True, **kwargs)

    @extend_schema(
        summary="Delete a category",
        description="An empty one; 409 `category_in_use` tells how many `products` and `children` stand in it.",
        responses={204: None, 403: ErrorSerializer},
    )
    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        category = self.get_object()
        retry_on_conflict(lambda: services.delete_category(category.pk))
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _shown(self, category: Category, code: int = status.HTTP_200_OK) -> Response:
        shown = get_object_or_404(self.get_queryset(), pk=category.pk)
        return Response(CategoryDetailSerializer(shown).data, status=code)


@extend_schema_view(list=extend_schema(summary="List brands", parameters=[IF_NONE_MATCH_HEADER]))
class BrandViewSet(KeptMixin, ByIdOrUrlKey):
    queryset = Brand.objects.none()
    permission_classes = (StaffByPermission,)
    public_reads = True
    action_permissions = {"merge": ("change", "delete")}
    serializer_class = BrandDetailSerializer
    orderings = {"name": ("name", "id")}
    schema_tag = "catalog"
    api_key_area = "catalogue"

    def get_queryset(self) -> QuerySet[Brand]:
        return selectors.brands()

    @extend_schema(
        summary="Show a brand",
        description="By id or url_key; those of a brand that was merged into it find it too.",
        parameters=[IF_NONE_MATCH_HEADER],
        examples=[_BRAND_SHOWN],
    )
    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:  # type: ignore[override]
        def make() -> bytes:
            brand = selectors.find_brand(self.kwargs["pk"])
            if brand is None:
                raise NotFound()
            return rendered(self._shown(brand).data)

        return answer_kept(request, make)

    @extend_schema(
        summary="Create a brand",
        description="For staff who may add brands.",
        request=WriteBrandSerializer,
        responses={201: BrandDetailSerializer, 403: ErrorSerializer},
        examples=[_NEW_BRAND, _BRAND_SHOWN],
    )
    def create(self, request: Request) -> Response:
        data = checked(WriteBrandSerializer, request)
        with naming_duplicates("name", "url_key"):
            brand = retry_on_conflict(lambda: save_brand(**data))
        return self._shown(brand, status.HTTP_201_CREATED)

    @extend_schema(
        summary="Replace a brand's fields",
        request=WriteBrandSerializer,
        responses={200: BrandDetailSerializer, 403: ErrorSerializer},
        examples=[_BRAND_SHOWN],
    )
    def update(self, request: Request, *args: Any, partial: bool = False, **kwargs: Any) -> Response:
        brand = self._named()
        form = WriteBrandSerializer(brand, data=request.data, partial=partial)
        form.is_valid(raise_exception=True)
        with naming_duplicates("name", "url_key"):
            changed = retry_on_conflict(lambda: services.update_brand(brand.pk, **form.validated_data))
        return self._shown(changed)

    @extend_schema(
        summary="Change a brand",
        request=WriteBrandSerializer,
        responses={200: BrandDetailSerializer, 403: ErrorSerializer},
        examples=[OpenApiExample("Another name", value={"name": "Coolermaster"}, request_only=True), _BRAND_SHOWN],
    )
    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self.update(request, *args, partial=True, **kwargs)

    @extend_schema(
        summary="Delete a brand",
        description="One without products; 409 `brand_in_use` tells how many `products` it has. A former name is free "
        "again when it is deleted.",
        responses={204: None, 403: ErrorSerializer},
    )
    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        brand = self._named()
        retry_on_conflict(lambda: services.delete_brand(brand.pk))
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(
        summary="Merge a brand into another one",
        description=(
            "Its products get the other brand, a thousand of them at once, more within seconds. Its id, url_key and "
            "name find the other brand from now on, also for imports. For staff who may change and delete brands."
        ),
        request=MergeBrandSerializer,
        responses={200: BrandDetailSerializer, 403: ErrorSerializer},
        examples=[
            OpenApiExample("By url_key", value={"into": "cooler-master"}, request_only=True),
            OpenApiExample("The brand that stays", value=_BRAND, response_only=True),
        ],
    )
    @action(detail=True, methods=["post"])
    def merge(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        brand, into = self._named(), checked(MergeBrandSerializer, request)["into"]
        return self._shown(retry_on_conflict(lambda: services.merge_brands(brand.pk, into=into.pk)))

    def _named(self) -> Brand:
        """Return exactly the brand with this id or url_key, be it a former name: what is written is never guessed."""
        brand: Brand = get_object_or_404(Brand.objects.all(), selectors.by_id_or_url_key(self.kwargs["pk"]))
        return brand

    def _shown(self, brand: Brand, code: int = status.HTTP_200_OK) -> Response:
        shown = get_object_or_404(self.get_queryset(), pk=brand.pk)
        return Response(BrandDetailSerializer(shown).data, status=code)
