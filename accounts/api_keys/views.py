"""Keys over HTTP: for staff and sellers, each their own."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework import mixins, status, viewsets
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api_keys import selectors, services
from accounts.api_keys.models import ApiKey
from accounts.api_keys.serializers import ApiKeySerializer, MadeKeySerializer, MakeKeySerializer
from accounts.authentication import signed_in
from accounts.freshness import demand_fresh_log_in
from accounts.models import User
from ecommerce.http import checked
from ecommerce.schema import ErrorSerializer

_KEY = {
    "id": "01990c6e-6d0c-7d44-b2b5-63a1e9f0c0aa",
    "name": "Warehouse",
    "prefix": "bm_3f0c2a5e",
    "scopes": ["orders:read", "stock:write"],
    "created_at": "2026-11-22T06:10:00Z",
    "expires_at": "2027-02-20T06:10:00Z",
    "last_used_at": None,
}


class MayHoldKeys(BasePermission):
    def has_permission(self, request: Request, view: APIView) -> bool:
        return isinstance(request.user, User) and selectors.may_hold_keys(request.user)


@extend_schema_view(
    list=extend_schema(
        summary="List your API keys",
        description="Those that were not ended; newest first. An expired one stays until you end it.",
        examples=[OpenApiExample("A key", value=_KEY, response_only=True)],
    ),
    retrieve=extend_schema(
        summary="Show an API key", examples=[OpenApiExample("A key", value=_KEY, response_only=True)]
    ),
    destroy=extend_schema(summary="End an API key", description="At once and for ever."),
)
class ApiKeyViewSet(
    mixins.ListModelMixin, mixins.RetrieveModelMixin, mixins.DestroyModelMixin, viewsets.GenericViewSet[ApiKey]
):
    queryset = ApiKey.objects.none()
    serializer_class = ApiKeySerializer
    permission_classes = (MayHoldKeys,)
    schema_tag = "accounts"

    def get_queryset(self) -> QuerySet[ApiKey]:
        if getattr(self, "swagger_fake_view", False):
            return ApiKey.objects.none()
        return selectors.keys_of(signed_in(self.request)).select_related("user")

    @extend_schema(
        summary="Make an API key",
        description=(
            "For an integration: it acts for you, within the scopes that it has, and never with more rights than you "
            "have at that moment. Send it as `X-API-Key` or as `Authorization: Api-Key`. Making one takes a fresh "
            "log-in (`fresh_log_in_required`)."
        ),
        request=MakeKeySerializer,
        responses={201: MadeKeySerializer, 403: ErrorSerializer},
        examples=[
            OpenApiExample(
                "Make", value={"name": "Warehouse", "scopes": ["orders:read", "stock:write"]}, request_only=True
            ),
            OpenApiExample(
                "Made",
                value={**_KEY, "key": "bm_3f0c2a5e_8b7d4c1e9a6f5b2d8c7e4a1b0f3d6c9e5a2b8d7f"},
                response_only=True,
                status_codes=["201"],
            ),
        ],
    )
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        demand_fresh_log_in(request)
        data = checked(MakeKeySerializer, request)
        key, text = services.make_key(signed_in(request), request=request._request, **data)
        answer = {**ApiKeySerializer(key).data, "key": text}
        return Response(answer, status=status.HTTP_201_CREATED, headers={"Cache-Control": "no-store"})

    def perform_destroy(self, instance: ApiKey) -> None:
        services.end_key(instance, actor=signed_in(self.request), request=self.request._request)
