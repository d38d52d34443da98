"""Tags over HTTP: anyone reads, staff write."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework import mixins, status
from rest_framework.decorators import action
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.authentication import signed_in
from catalog.below_product import PRODUCT_KEY, named_product
from catalog.duplicates import naming_duplicates
from catalog.images.selectors import products_visible_to
from catalog.models import Product
from catalog.permissions import StaffByPermission
from catalog.tagging import selectors, services
from catalog.tagging.models import Tag
from catalog.tagging.serializers import (
    MergeTagSerializer,
    ProductTagsSerializer,
    TaggedSerializer,
    TagSerializer,
    WriteTagSerializer,
)
from catalog.views import ByIdOrUrlKey
from ecommerce.http import checked
from ecommerce.schema import ErrorSerializer
from ecommerce.transactions import retry_on_conflict

_TAG = {
    "id": "0198c0de-0000-7000-8000-000000000071",
    "name": "Back to school",
    "url_key": "back-to-school",
    "former": ["school"],
    "product_count": 37,
    "created_at": "2026-11-21T07:45:00Z",
}
_SHOWN = OpenApiExample("A tag", value=_TAG, response_only=True, status_codes=["200", "201"])
_NEW = OpenApiExample("By its name", value={"name": "Back to school"}, request_only=True)
_FOLLOW = "With a new `url_key` products follow, a thousand at once, more within seconds; the old one still means it."


@extend_schema_view(
    list=extend_schema(summary="List tags", description="By name, with the products for sale that carry each."),
    retrieve=extend_schema(summary="Show a tag", examples=[_SHOWN]),
)
class TagViewSet(ByIdOrUrlKey, mixins.ListModelMixin, mixins.RetrieveModelMixin):
    queryset = Tag.objects.none()
    permission_classes = (StaffByPermission,)
    public_reads = True
    action_permissions = {"merge": ("change", "delete")}
    serializer_class = TagSerializer
    orderings = {"name": ("name", "id"), "created_at": ("created_at", "id")}
    schema_tag = "catalog"
    api_key_area = "catalogue"

    def get_queryset(self) -> QuerySet[Tag]:
        return selectors.tags()

    @extend_schema(
        summary="Create a tag",
        request=WriteTagSerializer,
        responses={201: TagSerializer, 403: ErrorSerializer},
        examples=[_NEW, _SHOWN],
    )
    def create(self, request: Request) -> Response:
        data = checked(WriteTagSerializer, request)
        with naming_duplicates("name", "url_key"):
            tag = retry_on_conflict(lambda: services.save_tag(**data))
        return self._shown(tag, status.HTTP_201_CREATED)

    @extend_schema(
        summary="Replace a tag's fields",
        description=_FOLLOW,
        request=WriteTagSerializer,
        responses={200: TagSerializer, 403: ErrorSerializer},
        examples=[_SHOWN],
    )
    def update(self, request: Request, *args: Any, partial: bool = False, **kwargs: Any) -> Response:
        tag = self.get_object()
        form = WriteTagSerializer(tag, data=request.data, partial=partial)
        form.is_valid(raise_exception=True)
        with naming_duplicates("name", "url_key"):
            changed = retry_on_conflict(lambda: services.save_tag(tag_id=tag.pk, **form.validated_data))
        return self._shown(changed)

    @extend_schema(
        summary="Rename a tag",
        description=_FOLLOW,
        request=WriteTagSerializer,
        responses={200: TagSerializer, 403: ErrorSerializer},
        examples=[OpenApiExample("Another url_key", value={"url_key": "school-2027"}, request_only=True), _SHOWN],
    )
    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self.update(request, *args, partial=True, **kwargs)

    @extend_schema(
        summary="Delete a tag",
        description="Products carry it no longer; a thousand at once, more within seconds.",
        responses={204: None, 403: ErrorSerializer},
    )
    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        tag = self.get_object()
        retry_on_conflict(lambda: services.delete_tag(tag.pk))
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(
        summary="Merge a tag into another one",
        description="Its products carry the other one, and its url_key means it. For staff who may change and delete.",
        request=MergeTagSerializer,
        responses={200: TagSerializer, 403: ErrorSerializer},
        examples=[
            OpenApiExample("By url_key", value={"into": "back-to-school"}, request_only=True),
            OpenApiExample("The tag that stays", value=_TAG, response_only=True),
        ],
    )
    @action(detail=True, methods=["post"])
    def merge(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        tag, into = self.get_object(), checked(MergeTagSerializer, request)["into"]
        return self._shown(retry_on_conflict(lambda: services.merge_tags(tag.pk, into=into.pk)))

    def _shown(self, tag: Tag, code: int = status.HTTP_200_OK) -> Response:
        shown = get_object_or_404(self.get_queryset(), pk=tag.pk)
        return Response(TagSerializer(shown).data, status=code)


class ProductTagsView(APIView):
    permission_classes = (StaffByPermission,)
    permission_model = Product
    schema_tag = "catalog"
    api_key_area = "catalogue"

    @extend_schema(
        summary="Set a product's tags",
        description=(
            "For staff who may change products. These tags and no others, by name or url_key; one that is unknown is "
            "made when the staff may add tags, else it is a 400 that names it."
        ),
        parameters=[PRODUCT_KEY],
        request=ProductTagsSerializer,
        responses={200: TaggedSerializer, 400: ErrorSerializer, 403: ErrorSerializer},
        examples=[
            OpenApiExample("Two tags", value={"tags": ["Back to school", "sale"]}, request_only=True),
            OpenApiExample("As the product has them", value={"tags": ["back-to-school", "sale"]}, response_only=True),
        ],
    )
    def put(self, request: Request, key: str) -> Response:
        product = named_product(key, products_visible_to(request.user))
        names = checked(ProductTagsSerializer, request)["tags"]
        create = signed_in(request).has_perm("catalog.add_tag")
        tags = retry_on_conflict(lambda: services.set_tags(product.pk, names, create=create))
        return Response({"tags": tags})
