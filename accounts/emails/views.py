"""Changing the address that one logs in with."""

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.authentication import signed_in
from accounts.emails import services
from accounts.emails.serializers import ChangeEmailSerializer
from accounts.passwords.identity import confirm_identity
from accounts.serializers import EmailTokenSerializer, MessageSerializer
from accounts.views import PublicView
from ecommerce.http import checked


class ChangeEmailView(APIView):
    schema_tag = "accounts"

    @extend_schema(
        summary="Ask for another e-mail address",
        description=(
            "Sends a link to the new address; until it comes back, nothing changes. Needs the password, or a log-in of "
            "the last ten minutes where there is none. A phone account adds its first address this way."
        ),
        request=ChangeEmailSerializer,
        responses={200: MessageSerializer},
        examples=[
            OpenApiExample(
                "Change", value={"email": "wanjiku@example.com", "password": "maji-ya-chai-7"}, request_only=True
            )
        ],
    )
    def post(self, request: Request) -> Response:
        data = checked(ChangeEmailSerializer, request)
        confirm_identity(request, wanted="email", password=data.get("password", ""))
        services.ask_to_change_email(request=request._request, user=signed_in(request), email=data["email"])
        return Response({"detail": "Check the new address: the link that is sent there confirms it."})


class ConfirmEmailChangeView(PublicView):
    @extend_schema(
        summary="Confirm another e-mail address",
        description="The token of the link. The former address is told.",
        request=EmailTokenSerializer,
        responses={200: MessageSerializer},
        examples=[
            OpenApiExample("Confirm", value={"token": "2Yx4hX7mB0c1pUuQe0Jm3l0kq9dT5vN8wZr6sGfLhaA"}, request_only=True)
        ],
    )
    def post(self, request: Request) -> Response:
        services.change_email(request=request._request, **checked(EmailTokenSerializer, request))
        return Response({"detail": "The address is changed."})
