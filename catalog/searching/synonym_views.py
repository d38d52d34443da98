"""The search's synonyms over HTTP, for staff."""

from typing import Any

from django.db.models import QuerySet
from django_filters import rest_framework as filters
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from catalog.permissions import StaffByPermission
from catalog.searching.models import SearchSynonym
from catalog.searching.synonyms import SynonymInput, add_synonym
from ecommerce.http import checked

_SYNONYM = {
    "id": "0198c0de-0000-7000-8000-000000000061",
    "term": "simu",
    "meaning": "phone",
    "two_way": False,
    "created_at": "2026-11-21T07:45:00Z",
}
_SHOWN = OpenApiExample("Simu is a phone", value=_SYNONYM, response_only=True, status_codes=["200", "201"])


class SynonymSerializer(serializers.ModelSerializer[SearchSynonym]):
    class Meta:
        model = SearchSynonym
        fields = ("id", "term", "meaning", "two_way", "created_at")
        read_only_fields = fields


class AddSynonymSerializer(serializers.Serializer[Any]):
    term = serializers.CharField(max_length=100, help_text="What people write: up to four words.")
    meaning = serializers.CharField(max_length=100, help_text="What it means in this shop: up to four words.")
    two_way = serializers.BooleanField(default=False, help_text="Who writes the meaning means the term as well.")


class SynonymFilter(filters.FilterSet):
    term = filters.CharFilter(lookup_expr="icontains")
    meaning = filters.CharFilter(lookup_expr="icontains")

    class Meta:
        model = SearchSynonym
        fields = ()


@extend_schema_view(
    list=extend_schema(summary="List the search's synonyms", description="Staff only.", examples=[_SHOWN]),
    destroy=extend_schema(summary="Delete a synonym", description="The next search does not know it any more."),
)
class SynonymViewSet(mixins.ListModelMixin, mixins.DestroyModelMixin, viewsets.GenericViewSet[SearchSynonym]):
    queryset = SearchSynonym.objects.none()
    serializer_class = SynonymSerializer
    filterset_class = SynonymFilter
    permission_classes = (StaffByPermission,)
    orderings = {"term": ("term", "meaning", "id"), "-created_at": ("-created_at", "id")}
    schema_tag = "catalog"
    api_key_area = "catalogue"

    def get_queryset(self) -> QuerySet[SearchSynonym]:
        return SearchSynonym.objects.all()

    @extend_schema(
        summary="Add a synonym",
        description=(
            "Case and accents do not count. It holds from the next search on. 409 `synonym_exists` when the search "
            "knows it already."
        ),
        request=AddSynonymSerializer,
        responses={201: SynonymSerializer},
        examples=[
            OpenApiExample("One-way", value={"term": "simu", "meaning": "phone"}, request_only=True),
            OpenApiExample(
                "Two-way", value={"term": "tv", "meaning": "television", "two_way": True}, request_only=True
            ),
            _SHOWN,
        ],
    )
    def create(self, request: Request) -> Response:
        synonym = add_synonym(SynonymInput(**checked(AddSynonymSerializer, request)))
        return Response(self.get_serializer(synonym).data, status=status.HTTP_201_CREATED)
