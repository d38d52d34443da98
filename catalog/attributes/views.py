"""Attributes over HTTP: anyone reads, staff write."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import mixins, status, viewsets
from rest_framework.generics import get_object_or_404
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from catalog.attributes import selectors, services
from catalog.attributes.models import Attribute
from catalog.attributes.serializers import AttributeSerializer, AttributeSetSerializer, WriteAttributeSerializer
from catalog.duplicates import naming_duplicates
from catalog.models import Category
from catalog.permissions import StaffByPermission
from catalog.selectors import by_id_or_url_key
from ecommerce.filters import refuse_unknown_parameters
from ecommerce.http import checked
from ecommerce.schema import ErrorSerializer
from ecommerce.transactions import retry_on_conflict

_CATEGORY = {
    "id": "0198c0de-0000-7000-8000-000000000041",
    "category_name": "Smartphones",
    "url_key": "smartphones",
}
_STORAGE: dict[str, Any] = {
    "id": "0198c0de-0000-7000-8000-000000000061",
    "code": "storage",
    "label": "Storage",
    "type": "number",
    "unit": "GB",
    "choices": [],
    "steps": ["0", "64", "128", "256"],
    "filterable": True,
    "facetable": True,
    "categories": [{"category": _CATEGORY, "required": True, "position": 1}],
    "created_at": "2026-11-21T07:45:00Z",
}
_NEW = OpenApiExample(
    "A number with a unit",
    value={
        "code": "storage",
        "label": "Storage",
        "type": "number",
        "unit": "GB",
        "steps": ["0", "64", "128", "256"],
        "categories": [{"category": "smartphones", "required": True, "position": 1}],
    },
    request_only=True,
)
_RENAME = OpenApiExample(
    "A choice gets another code",
    value={"choices": [{"code": "midnight", "label": "Midnight", "was": "black"}, {"code": "white", "label": "White"}]},
    request_only=True,
)
_SHOWN = OpenApiExample("An attribute", value=_STORAGE, response_only=True, status_codes=["200", "201"])
_SET = {
    "category": _CATEGORY,
    "only_defined_attributes": False,
    "attributes": [
        {name: _STORAGE[name] for name in ("code", "label", "type", "unit", "choices", "filterable", "facetable")}
        | {"required": True, "position": 1, "category": _CATEGORY, "inherited": False}
    ],
}
_CODE = OpenApiParameter("code", location=OpenApiParameter.PATH, description="The attribute's code.")
_CHANGE = (
    "`choices` and `categories` replace the lists that are there; what is left out stays. The `code` never changes; "
    "`type` and `unit` only while no product has the attribute (409 `attribute_in_use`). A choice that products have "
    "does not go (409 `choice_in_use`), but another code may take its place: name the old one in `was`. Products "
    "follow within seconds, and the old code keeps meaning the new one."
)


@extend_schema_view(
    list=extend_schema(summary="List attributes", description="By code.", examples=[_SHOWN]),
    retrieve=extend_schema(summary="Show an attribute", parameters=[_CODE], examples=[_SHOWN]),
)
class AttributeViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Attribute]):
    queryset = Attribute.objects.none()
    permission_classes = (StaffByPermission,)
    public_reads = True
    serializer_class = AttributeSerializer
    lookup_field = "code"
    lookup_value_regex = "[^/.]+"
    orderings = {"code": ("code",), "label": ("label", "code"), "created_at": ("created_at", "id")}
    schema_tag = "catalog"
    api_key_area = "catalogue"

    def get_queryset(self) -> QuerySet[Attribute]:
        return selectors.attributes()

    @extend_schema(
        summary="Define an attribute",
        description=(
            "Products that have it already, under this name or one that folds to it (`Screen Size`: `screen_size`), "
            "follow within seconds: values that fit become of its type, others stay and are not found. For staff who "
            "may add attributes."
        ),
        request=WriteAttributeSerializer,
        responses={201: AttributeSerializer, 403: ErrorSerializer},
        examples=[_NEW, _SHOWN],
    )
    def create(self, request: Request) -> Response:
        data = checked(WriteAttributeSerializer, request)
        with naming_duplicates("code"):
            attribute = retry_on_conflict(lambda: services.save_attribute(**data))
        return self._shown(attribute, status.HTTP_201_CREATED)

    @extend_schema(
        summary="Replace an attribute's fields",
        description=_CHANGE,
        parameters=[_CODE],
        request=WriteAttributeSerializer,
        responses={200: AttributeSerializer, 403: ErrorSerializer},
        examples=[_SHOWN],
    )
    def update(self, request: Request, *args: Any, partial: bool = False, **kwargs: Any) -> Response:
        attribute = self.get_object()
        form = WriteAttributeSerializer(attribute, data=request.data, partial=partial)
        form.is_valid(raise_exception=True)
        data = {name: value for name, value in form.validated_data.items() if name != "code"}
        changed = retry_on_conflict(lambda: services.save_attribute(attribute_id=attribute.pk, **data))
        return self._shown(changed)

    @extend_schema(
        summary="Change an attribute",
        description=_CHANGE,
        parameters=[_CODE],
        request=WriteAttributeSerializer,
        responses={200: AttributeSerializer, 403: ErrorSerializer},
        examples=[_RENAME, _SHOWN],
    )
    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self.update(request, *args, partial=True, **kwargs)

    @extend_schema(
        summary="Delete an attribute",
        description="One that no product has; 409 `attribute_in_use` tells how many `products` do.",
        parameters=[_CODE],
        responses={204: None, 403: ErrorSerializer},
    )
    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        attribute = self.get_object()
        retry_on_conflict(lambda: services.delete_attribute(attribute.pk))
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _shown(self, attribute: Attribute, code: int = status.HTTP_200_OK) -> Response:
        shown = get_object_or_404(self.get_queryset(), pk=attribute.pk)
        return Response(self.get_serializer(shown).data, status=code)


class CategoryAttributesView(APIView):
    permission_classes = (AllowAny,)
    schema_tag = "catalog"
    api_key_area = "catalogue"

    @extend_schema(
        summary="Show the attributes of a category",
        description="What its products have, in its order: given to it or to a category above it; the nearest wins.",
        parameters=[
            OpenApiParameter(
                "key", location=OpenApiParameter.PATH, description="The category's id or url_key.", type=str
            )
        ],
        responses=AttributeSetSerializer,
        examples=[OpenApiExample("Smartphones", value=_SET, response_only=True)],
    )
    def get(self, request: Request, key: str) -> Response:
        refuse_unknown_parameters(request)
        category = get_object_or_404(Category.objects.all(), by_id_or_url_key(key))
        return Response(AttributeSetSerializer(selectors.effective_attributes(category)).data)
