"""Phone and one-time code, instead of e-mail and password."""

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.authentication import signed_in
from accounts.otp import serializers, services
from accounts.passwords.identity import confirm_identity
from accounts.serializers import SECOND_FACTOR_EXAMPLE, MessageSerializer, log_in_answer
from accounts.views import PublicView
from ecommerce.http import checked
from ecommerce.throttling import LoginThrottle, RequestThrottle

PHONE = "+254712345678"
SENT = "A code is on its way by text message. It is good for five minutes."


class AskForCodeView(PublicView):
    @extend_schema(
        summary="Ask for a code by text message",
        description=(
            "Sends six digits to a phone, to log in or to sign up with at `POST /api/auth/otp/verify/`. The answer is "
            "the same whether or not the number has an account. A later code ends the former one. Three an hour to one "
            "phone; then 429 with `Retry-After`."
        ),
        request=serializers.AskForCodeSerializer,
        responses={200: MessageSerializer},
        examples=[OpenApiExample("Ask", value={"phone_number": "0712 345 678"}, request_only=True)],
    )
    def post(self, request: Request) -> Response:
        data = checked(serializers.AskForCodeSerializer, request)
        services.ask_to_log_in(request=request._request, **data)
        return Response({"detail": SENT})


class CodeLoginView(PublicView):
    throttle_classes = (RequestThrottle, LoginThrottle)

    @extend_schema(
        summary="Log in or sign up by a code",
        description=(
            "Exchanges phone number and code for an access and a refresh token. A number without an account gets one: "
            "no password, no e-mail. A code is good once, for five minutes and five tries; every refusal is told alike."
        ),
        request=serializers.CodeLoginSerializer,
        responses={200: serializers.CODE_LOG_IN_ANSWER},
        examples=[
            SECOND_FACTOR_EXAMPLE,
            OpenApiExample("Log in", value={"phone_number": PHONE, "code": "042917"}, request_only=True),
            OpenApiExample(
                "Sign up",
                value={"phone_number": PHONE, "code": "042917", "first_name": "Wanjiku"},
                request_only=True,
            ),
        ],
    )
    def post(self, request: Request) -> Response:
        data = checked(serializers.CodeLoginSerializer, request)
        done = services.log_in_by_code(request=request._request, **data)
        answer = log_in_answer(done.user, done.outcome)
        return Response(answer | {"created": done.created} if "access" in answer else answer)


class AskToConfirmPhoneView(APIView):
    schema_tag = "accounts"

    @extend_schema(
        summary="Ask for a code that confirms your number",
        description="Needs the password, or a log-in of the last ten minutes where there is none.",
        request=serializers.AskToConfirmPhoneSerializer,
        responses={200: MessageSerializer},
        examples=[
            OpenApiExample(
                "Ask", value={"phone_number": "0712 345 678", "password": "maji-ya-chai-7"}, request_only=True
            )
        ],
    )
    def post(self, request: Request) -> Response:
        data = checked(serializers.AskToConfirmPhoneSerializer, request)
        confirm_identity(request, wanted="phone_number", password=data.get("password", ""))
        services.ask_to_confirm_phone(
            request=request._request, user=signed_in(request), phone_number=data["phone_number"]
        )
        return Response({"detail": SENT})


class ConfirmPhoneView(APIView):
    schema_tag = "accounts"

    @extend_schema(
        summary="Confirm your number by the code",
        description="The number becomes the one of your profile, and you can log in with it.",
        request=serializers.ConfirmPhoneSerializer,
        responses={200: MessageSerializer},
        examples=[OpenApiExample("Confirm", value={"phone_number": PHONE, "code": "042917"}, request_only=True)],
    )
    def post(self, request: Request) -> Response:
        data = checked(serializers.ConfirmPhoneSerializer, request)
        services.confirm_phone(request=request._request, user=signed_in(request), **data)
        return Response({"detail": "The number is confirmed."})
