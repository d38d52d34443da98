"""Webhooks over HTTP, for staff with the right."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework import mixins, status, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.authentication import signed_in
from accounts.freshness import demand_fresh_log_in
from catalog.permissions import StaffByPermission
from ecommerce.http import checked
from ecommerce.schema import ErrorSerializer
from ecommerce.transactions import retry_on_conflict
from inbox.catalogue import KINDS
from inbox.pagination import NewestFirst
from inbox.webhooks import serializers, services
from inbox.webhooks.filters import DeliveryFilter
from inbox.webhooks.models import WebhookDelivery, WebhookEndpoint

_WEBHOOK = {
    "id": "01990c6e-6d0c-7d44-b2b5-63a1e9f0c0aa",
    "url": "https://erp.example.com/hooks/shop",
    "description": "Bookkeeping",
    "events": ["order.paid", "refund.succeeded"],
    "is_paused": False,
    "pause": "",
    "paused_at": None,
    "failing_since": None,
    "former_until": None,
    "created_at": "2026-11-22T06:10:00Z",
    "updated_at": "2026-11-22T06:10:00Z",
}
_SECRET = _WEBHOOK | {"secret": "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oDazf3Ku3dMZo="}  # gitleaks:allow - an example
_DELIVERY = {
    "id": "01990c70-3f1e-7a08-9d61-0c6f4a0c2b11",
    "webhook_id": "evt_4711",
    "type": "order.paid",
    "object_id": "01990c6f-92b4-7c1b-8a5d-7f1b3c0d9e22",
    "status": "delivered",
    "attempts": 1,
    "next_attempt_at": "2026-11-22T06:12:00Z",
    "delivered_at": "2026-11-22T06:12:01Z",
    "response_status": 200,
    "response_text": "ok",
    "error": "",
    "duration_ms": 84,
    "created_at": "2026-11-22T06:12:00Z",
}
_SHOWN = OpenApiExample("A webhook", value=_WEBHOOK, response_only=True, status_codes=["200"])
_WITH_SECRET = OpenApiExample("With its secret", value=_SECRET, response_only=True, status_codes=["200", "201"])
_NO_STORE = {"Cache-Control": "no-store"}


@extend_schema_view(
    list=extend_schema(summary="List webhooks", description="Oldest first. No secrets.", examples=[_SHOWN]),
    retrieve=extend_schema(summary="Show a webhook", examples=[_SHOWN]),
)
class WebhookViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[WebhookEndpoint]):
    queryset = WebhookEndpoint.objects.all()
    serializer_class = serializers.WebhookSerializer
    permission_classes = (StaffByPermission,)
    lookup_value_converter = "uuid"
    schema_tag = "webhooks"

    @extend_schema(
        summary="Add a webhook",
        description=(
            "The address is told of events, signed in the form of the Standard Webhooks specification. Nothing is "
            "ever sent into private networks: `address_not_public`, `https_required`, `unknown_host`, `invalid_url`. "
            "Takes a fresh log-in (`fresh_log_in_required`)."
        ),
        request=serializers.CreateWebhookSerializer,
        responses={201: serializers.SecretShownSerializer, 403: ErrorSerializer},
        examples=[
            OpenApiExample(
                "For the books",
                value={name: _WEBHOOK[name] for name in ("url", "events", "description")},
                request_only=True,
            ),
            _WITH_SECRET,
        ],
    )
    def create(self, request: Request) -> Response:
        demand_fresh_log_in(request)
        data = checked(serializers.CreateWebhookSerializer, request)
        endpoint, secret = services.create_endpoint(actor=signed_in(request), request=request._request, **data)
        answer = {**serializers.WebhookSerializer(endpoint).data, "secret": secret}
        return Response(answer, status=status.HTTP_201_CREATED, headers=_NO_STORE)

    @extend_schema(
        summary="Change a webhook",
        description=(
            "What is not sent stays. `is_paused: false` lets a paused webhook go on: what waited is sent, in its order."
            " Another `url` takes a fresh log-in."
        ),
        request=serializers.ChangeWebhookSerializer,
        responses={200: serializers.WebhookSerializer},
        examples=[OpenApiExample("Go on", value={"is_paused": False}, request_only=True), _SHOWN],
    )
    def partial_update(self, request: Request, pk: UUID) -> Response:
        endpoint = self.get_object()
        data = checked(serializers.ChangeWebhookSerializer, request)
        if "url" in data:
            demand_fresh_log_in(request)
        changed = retry_on_conflict(
            lambda: services.change_endpoint(
                endpoint.pk, actor=signed_in(request), request=request._request, **dict(data)
            )
        )
        return Response(serializers.WebhookSerializer(changed).data)

    @extend_schema(
        summary="Delete a webhook",
        description="With its log. What it is still owed is never sent.",
        responses={204: None},
    )
    def destroy(self, request: Request, pk: UUID) -> Response:
        services.delete_endpoint(self.get_object().pk, actor=signed_in(request), request=request._request)
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(
        summary="Give a webhook a new secret",
        description=(
            "Until `former_until` messages carry two signatures, so that the receiver can change over without losing "
            "any. `overlap_hours: 0` ends the old secret at once, as after a leak. Takes a fresh log-in."
        ),
        request=serializers.RotateSerializer,
        responses={200: serializers.SecretShownSerializer},
        examples=[OpenApiExample("Within a day", value={"overlap_hours": 24}, request_only=True), _WITH_SECRET],
    )
    @action(detail=True, methods=["post"], url_path="rotate-secret")
    def rotate_secret(self, request: Request, pk: UUID) -> Response:
        demand_fresh_log_in(request)
        endpoint = self.get_object()
        data = checked(serializers.RotateSerializer, request)
        changed, secret = services.rotate_secret(
            endpoint.pk,
            overlap=timedelta(hours=data["overlap_hours"]),
            actor=signed_in(request),
            request=request._request,
        )
        return Response({**serializers.WebhookSerializer(changed).data, "secret": secret}, headers=_NO_STORE)

    @extend_schema(
        summary="Send a test",
        description="A `webhook.ping`, whatever it has subscribed to. The log tells what came of it.",
        request=None,
        responses={202: serializers.DeliverySerializer},
    )
    @action(detail=True, methods=["post"])
    def ping(self, request: Request, pk: UUID) -> Response:
        delivery = services.ping(self.get_object().pk)
        return Response(serializers.DeliverySerializer(delivery).data, status=status.HTTP_202_ACCEPTED)

    @extend_schema(
        summary="Send again what was given up",
        request=serializers.ReplayFailedSerializer,
        responses={202: serializers.ReplayedSerializer},
        examples=[OpenApiExample("Since midnight", value={"since": "2026-11-22T00:00:00Z"}, request_only=True)],
    )
    @action(detail=True, methods=["post"])
    def replay(self, request: Request, pk: UUID) -> Response:
        endpoint = self.get_object()
        since = checked(serializers.ReplayFailedSerializer, request)["since"]
        count = services.replay_failed(endpoint.pk, since=since, actor=signed_in(request), request=request._request)
        return Response({"replayed": count}, status=status.HTTP_202_ACCEPTED)


@extend_schema_view(
    list=extend_schema(
        summary="List deliveries",
        description="What was and is sent to a webhook, newest first. Kept for 30 days.",
        examples=[OpenApiExample("A delivery", value=_DELIVERY, response_only=True)],
    ),
    retrieve=extend_schema(
        summary="Show a delivery",
        description="With the body, as it is sent.",
        responses={200: serializers.DeliveryDetailSerializer},
    ),
)
class DeliveryViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[WebhookDelivery]):
    queryset = WebhookDelivery.objects.none()
    serializer_class = serializers.DeliverySerializer
    permission_classes = (StaffByPermission,)
    permission_model = WebhookEndpoint
    pagination_class = NewestFirst
    filterset_class = DeliveryFilter
    extra_query_parameters = ("cursor",)
    lookup_value_converter = "uuid"
    schema_tag = "webhooks"

    def get_queryset(self) -> QuerySet[WebhookDelivery]:
        if getattr(self, "swagger_fake_view", False):
            return WebhookDelivery.objects.none()
        endpoint = get_object_or_404(WebhookEndpoint, pk=self.kwargs["webhook_id"])
        return endpoint.deliveries.all()

    def get_serializer_class(self) -> Any:
        return serializers.DeliveryDetailSerializer if self.action == "retrieve" else self.serializer_class

    @extend_schema(
        summary="Send a delivery again",
        description="The same bytes under the same `webhook-id`: a receiver that has them drops them.",
        request=None,
        responses={202: serializers.DeliverySerializer},
    )
    @action(detail=True, methods=["post"])
    def replay(self, request: Request, webhook_id: UUID, pk: UUID) -> Response:
        delivery = self.get_object()
        again = services.replay(webhook_id, delivery.pk, actor=signed_in(request), request=request._request)
        return Response(serializers.DeliverySerializer(again).data, status=status.HTTP_202_ACCEPTED)


class CatalogueView(APIView):
    permission_classes = (StaffByPermission,)
    permission_model = WebhookEndpoint
    schema_tag = "webhooks"

    @extend_schema(
        summary="List the events",
        description="What webhooks may subscribe to, each with the JSON schema of its body.",
        operation_id="webhooks_events_list",
        responses={200: serializers.KindSerializer(many=True)},
    )
    def get(self, request: Request) -> Response:
        return Response(
            [{"type": kind.name, "summary": kind.summary, "schema": kind.schema} for kind in KINDS.values()]
        )
