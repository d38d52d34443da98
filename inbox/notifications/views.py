"""Notifications over HTTP, for their owners alone."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import generics
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.authentication import signed_in
from accounts.profiles.selectors import profile_of
from ecommerce.http import checked
from inbox.notifications import serializers, services
from inbox.notifications.filters import NotificationFilter
from inbox.notifications.models import Notification
from inbox.pagination import NewestFirst

_PAGE = {
    "unread": 1,
    "next": None,
    "previous": None,
    "results": [
        {
            "id": "01990c71-0a55-7e0e-b3a1-5f3f0d1c2b3a",
            "kind": "order.shipped",
            "topic": "orders",
            "object_id": "01990c6f-92b4-7c1b-8a5d-7f1b3c0d9e22",
            "data": {"order_id": "01990c6f-92b4-7c1b-8a5d-7f1b3c0d9e22", "number": "1000019"},
            "text": "Order 1000019 is on its way.",
            "is_read": False,
            "read_at": None,
            "created_at": "2026-11-22T06:20:00Z",
        }
    ],
}
_WISHES = {"orders": True, "payments": True, "returns": True, "stock": False}


class NotificationsView(generics.ListAPIView[Notification]):
    queryset = Notification.objects.none()
    serializer_class = serializers.NotificationSerializer
    permission_classes = (IsAuthenticated,)
    pagination_class = NewestFirst
    filterset_class = NotificationFilter
    extra_query_parameters = ("cursor",)
    schema_tag = "notifications"

    def get_queryset(self) -> QuerySet[Notification]:
        if getattr(self, "swagger_fake_view", False):
            return Notification.objects.none()
        return services.notifications_of(signed_in(self.request))

    def get_serializer_context(self) -> dict[str, Any]:
        context: dict[str, Any] = dict(super().get_serializer_context())
        if not getattr(self, "swagger_fake_view", False):
            context["language"] = profile_of(signed_in(self.request)).language
        return context

    @extend_schema(
        summary="List your notifications",
        description="Newest first, kept for 180 days. `unread` counts all, whatever the list is narrowed to.",
        responses={200: serializers.NotificationPageSerializer},
        examples=[OpenApiExample("One", value=_PAGE, response_only=True)],
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        answer = super().get(request, *args, **kwargs)
        answer.data = {"unread": services.unread_count(signed_in(request)), **answer.data}
        return answer


class ReadView(APIView):
    permission_classes = (IsAuthenticated,)
    schema_tag = "notifications"

    @extend_schema(
        summary="Mark notifications as read",
        description="Those of `ids`, or all up to one. Ids that are not yours are passed over.",
        request=serializers.ReadSerializer,
        responses={200: serializers.UnreadSerializer},
        examples=[
            OpenApiExample("All that was shown", value={"up_to": _PAGE["results"][0]["id"]}, request_only=True),  # type: ignore[index]
            OpenApiExample("None is left", value={"unread": 0}, response_only=True),
        ],
    )
    def post(self, request: Request) -> Response:
        user = signed_in(request)
        services.mark_read(user, **checked(serializers.ReadSerializer, request))
        return Response({"unread": services.unread_count(user)})


class WishesView(APIView):
    permission_classes = (IsAuthenticated,)
    schema_tag = "notifications"

    @extend_schema(
        summary="Show which notifications you want",
        responses={200: serializers.NotificationWishesSerializer},
        examples=[OpenApiExample("Nothing of stock", value=_WISHES, response_only=True)],
    )
    def get(self, request: Request) -> Response:
        return Response(services.wishes_of(signed_in(request)))

    @extend_schema(
        summary="Say which notifications you want",
        description="Topics that are not named stay. Mails are not changed by it.",
        request=serializers.NotificationWishesSerializer,
        responses={200: serializers.NotificationWishesSerializer},
        examples=[
            OpenApiExample("No more of stock", value={"stock": False}, request_only=True),
            OpenApiExample("Nothing of stock", value=_WISHES, response_only=True),
        ],
    )
    def patch(self, request: Request) -> Response:
        user = signed_in(request)
        services.set_wishes(user, checked(serializers.NotificationWishesSerializer, request))
        return Response(services.wishes_of(user))
