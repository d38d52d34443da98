"""Signing up and logging in."""

from django.core.exceptions import ValidationError as DjangoValidationError
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import status
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import serializers, services, tokens
from accounts.authentication import signed_in
from ecommerce.http import checked
from ecommerce.throttling import LoginThrottle, RegisterThrottle, RequestThrottle


class PublicView(APIView):
    """A view for anyone. No authentication runs: a stale token must not keep somebody from logging in."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    schema_tag = "accounts"

    def get_authenticate_header(self, request: Request) -> str:
        # Without one, a wrong password would be answered 403 instead of 401.
        return 'Bearer realm="api"'


class RegisterView(PublicView):
    throttle_classes = (RequestThrottle, RegisterThrottle)

    @extend_schema(
        summary="Register",
        description=(
            "Creates a customer and sends a verification mail. The answer is the same whether or not the address is "
            "known; its owner learns it by mail."
        ),
        request=serializers.RegisterSerializer,
        responses={201: serializers.MessageSerializer},
        examples=[
            OpenApiExample(
                "Register",
                value={
                    "email": "wanjiku@example.com",
                    "password": "maji-ya-chai-7",
                    "first_name": "Wanjiku",
                    "phone_number": "0712345678",
                },
                request_only=True,
            )
        ],
    )
    def post(self, request: Request) -> Response:
        data = checked(serializers.RegisterSerializer, request)
        try:
            services.register(**data)
        except DjangoValidationError as error:
            raise serializers.password_errors(error) from None
        return Response({"detail": "Check your e-mail to confirm the address."}, status=status.HTTP_201_CREATED)


class LoginView(PublicView):
    throttle_classes = (RequestThrottle, LoginThrottle)

    @extend_schema(
        summary="Log in",
        description=(
            "Exchanges e-mail address, username or confirmed phone number, and password, for an access and a refresh "
            "token. Where the user has a second factor, the answer is a challenge instead: send it with a code to "
            "`POST /api/auth/2fa/verify/`."
        ),
        request=serializers.LoginSerializer,
        responses={200: serializers.LOG_IN_ANSWER},
        examples=[
            serializers.SECOND_FACTOR_EXAMPLE,
            OpenApiExample(
                "Log in", value={"email": "wanjiku@example.com", "password": "maji-ya-chai-7"}, request_only=True
            ),
            OpenApiExample(
                "By phone number",
                value={"phone_number": "0712 345 678", "password": "maji-ya-chai-7"},
                request_only=True,
            ),
        ],
    )
    def post(self, request: Request) -> Response:
        data = checked(serializers.LoginSerializer, request)
        user, outcome = services.log_in(request=request._request, name=data["name"], password=data["password"])
        return Response(serializers.log_in_answer(user, outcome))


class RefreshView(PublicView):
    @extend_schema(
        summary="Refresh the tokens",
        description="Gives a new pair and consumes the old refresh token. Sending a used one again ends the session.",
        request=serializers.RefreshSerializer,
        responses={200: serializers.TokenPairSerializer},
    )
    def post(self, request: Request) -> Response:
        data = checked(serializers.RefreshSerializer, request)
        pair = tokens.rotate(data["refresh"], request=request._request)
        return Response({"access": pair.access, "refresh": pair.refresh})


class LogoutView(APIView):
    open_without_factor = True
    schema_tag = "accounts"

    @extend_schema(
        summary="Log out",
        description="Ends this session, or with `everywhere: true` all of them at once.",
        request=serializers.LogoutSerializer,
        responses={204: None},
    )
    def post(self, request: Request) -> Response:
        data = checked(serializers.LogoutSerializer, request)
        user = signed_in(request)
        if data["everywhere"]:
            tokens.log_out_everywhere(user, request=request._request)
        else:
            tokens.end_session(data["refresh"], user=user, request=request._request)
        return Response(status=status.HTTP_204_NO_CONTENT)


class VerifyEmailView(PublicView):
    @extend_schema(
        summary="Confirm an e-mail address",
        description=(
            "By the token of the link, or by the address and the six digits that are in the same mail. Five tries; the "
            "digits are good for an hour, the link for a day, each once."
        ),
        request=serializers.VerifyEmailSerializer,
        responses={200: serializers.MessageSerializer},
        examples=[
            OpenApiExample("By link", value={"token": "2Yx4hX7mB0c1pUuQe0Jm3l0kq9dT5vN8wZr6sGfLh"}, request_only=True),
            OpenApiExample("By code", value={"email": "wanjiku@example.com", "code": "314159"}, request_only=True),
        ],
    )
    def post(self, request: Request) -> Response:
        data = checked(serializers.VerifyEmailSerializer, request)
        if "token" in data:
            services.verify_email(**data)
        else:
            services.verify_email_by_code(request=request._request, **data)
        return Response({"detail": "The address is confirmed."})


class ResendVerificationView(PublicView):
    throttle_classes = (RequestThrottle, RegisterThrottle)

    @extend_schema(
        summary="Send the verification mail again",
        request=serializers.EmailSerializer,
        responses={200: serializers.MessageSerializer},
    )
    def post(self, request: Request) -> Response:
        services.resend_verification(**checked(serializers.EmailSerializer, request))
        return Response({"detail": "If the address is waiting to be confirmed, a mail is on its way."})
