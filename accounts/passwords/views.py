"""Forgotten and changed passwords."""

from django.contrib.auth import update_session_auth_hash
from django.core.exceptions import ValidationError as DjangoValidationError
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.authentication import SessionAuthentication
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.authentication import signed_in
from accounts.passwords import serializers, services
from accounts.passwords.identity import confirm_identity
from accounts.serializers import MessageSerializer, TokenPairSerializer, password_errors
from accounts.views import PublicView
from ecommerce.http import checked

EXAMPLE = "2Yx4hX7mB0c1pUuQe0Jm3l0kq9dT5vN8wZr6sGfLhaA"


class AskForResetView(PublicView):
    @extend_schema(
        summary="Forgot the password",
        description=(
            "Sends a link by mail, good once, for an hour; or a code to a confirmed number. A new one ends the former. "
            "The answer is the same whether or not there is such an account."
        ),
        request=serializers.AskForResetSerializer,
        responses={200: MessageSerializer},
        examples=[
            OpenApiExample("By mail", value={"email": "wanjiku@example.com"}, request_only=True),
            OpenApiExample("By text message", value={"phone_number": "0712 345 678"}, request_only=True),
        ],
    )
    def post(self, request: Request) -> Response:
        data = checked(serializers.AskForResetSerializer, request)
        if "email" in data:
            services.ask_for_link(request=request._request, email=data["email"])
        else:
            services.ask_for_reset_code(request=request._request, phone_number=data["phone_number"])
        return Response({"detail": "If there is such an account, a message is on its way."})


class ResetView(PublicView):
    @extend_schema(
        summary="Set a forgotten password",
        description="By the token of the mail, or by number and code. Ends every session; then log in.",
        request=serializers.ResetSerializer,
        responses={200: MessageSerializer},
        examples=[
            OpenApiExample("By mail", value={"token": EXAMPLE, "password": "chai-ya-maji-9"}, request_only=True),
            OpenApiExample(
                "By text message",
                value={"phone_number": "+254712345678", "code": "042917", "password": "chai-ya-maji-9"},
                request_only=True,
            ),
        ],
    )
    def post(self, request: Request) -> Response:
        data = checked(serializers.ResetSerializer, request)
        try:
            if "token" in data:
                services.reset_by_link(request=request._request, **data)
            else:
                services.reset_by_code(request=request._request, **data)
        except DjangoValidationError as error:
            raise password_errors(error) from None
        return Response({"detail": "The password is set. Log in with it."})


class ChangePasswordView(APIView):
    schema_tag = "accounts"

    @extend_schema(
        summary="Change the password",
        description=(
            "Needs the old one, or a log-in of the last ten minutes where there is none. Ends every session; this one "
            "goes on with the pair of the answer. A mail tells the owner."
        ),
        request=serializers.ChangePasswordSerializer,
        responses={200: TokenPairSerializer},
        examples=[
            OpenApiExample(
                "Change",
                value={"old_password": "maji-ya-chai-7", "new_password": "chai-ya-maji-9"},
                request_only=True,
            )
        ],
    )
    def post(self, request: Request) -> Response:
        data = checked(serializers.ChangePasswordSerializer, request)
        confirm_identity(request, wanted="password", password=data.get("old_password", ""), attr="old_password")
        user = signed_in(request)
        try:
            pair = services.change_password(request=request._request, user=user, password=data["new_password"])
        except DjangoValidationError as error:
            raise password_errors(error, attr="new_password") from None
        if isinstance(request.successful_authenticator, SessionAuthentication):
            update_session_auth_hash(request._request, user)
        return Response({"access": pair.access, "refresh": pair.refresh})
