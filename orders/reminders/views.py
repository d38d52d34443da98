"""Ending and beginning reminders of carts."""

from typing import Any

from django.conf import settings
from django.http import Http404, HttpResponse
from django.shortcuts import render
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.authentication import signed_in
from accounts.models import User
from ecommerce.http import checked
from orders.reminders import services

_ONLY = "Reminders are marketing: they go to who consented to that at `PUT /api/users/consents/`, and wants them."


class RemindersSerializer(serializers.Serializer[Any]):
    wanted = serializers.BooleanField(help_text="Whether to be told by mail of a cart that was left.")


class RemindersView(APIView):
    schema_tag = "cart"

    @extend_schema(
        summary="Show whether you are reminded of a cart", description=_ONLY, responses={200: RemindersSerializer}
    )
    def get(self, request: Request) -> Response:
        return Response({"wanted": services.wants_reminders(signed_in(request))})

    @extend_schema(
        summary="Choose whether you are reminded of a cart",
        description=_ONLY,
        request=RemindersSerializer,
        responses={200: RemindersSerializer},
        examples=[OpenApiExample("No mail", value={"wanted": False})],
    )
    def put(self, request: Request) -> Response:
        wanted = checked(RemindersSerializer, request)["wanted"]
        services.set_reminders(signed_in(request), wanted=wanted)
        return Response({"wanted": wanted})


class UnsubscribeView(APIView):
    """The link in a reminder. It works without a log-in, also a year later and on another device."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    parser_classes = ()  # what mail programs send with it says nothing more
    schema_tag = "cart"

    @extend_schema(
        summary="Show the page that ends reminders",
        description="For people: a page with one button. Opening it changes nothing, because mail filters open links.",
        responses={(200, "text/html"): OpenApiResponse(str)},
    )
    def get(self, request: Request, token: str) -> HttpResponse:
        self._user(token)
        return self._page(request, is_done=False)

    @extend_schema(
        summary="End reminders",
        description="For the page's button, and for the one that mail programs show (RFC 8058).",
        request=None,
        responses={(200, "text/html"): OpenApiResponse(str)},
    )
    def post(self, request: Request, token: str) -> HttpResponse:
        services.set_reminders(self._user(token), wanted=False)
        return self._page(request, is_done=True)

    def _user(self, token: str) -> User:
        user = services.user_of_token(token)
        if user is None:
            raise Http404
        return user

    def _page(self, request: Request, *, is_done: bool) -> HttpResponse:
        context = {"shop_name": settings.SHOP_NAME, "is_done": is_done}
        return render(request._request, "orders/unsubscribe.html", context)
