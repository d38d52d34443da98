"""Second factors over HTTP."""

from dataclasses import asdict

from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.authentication import signed_in
from accounts.freshness import is_fresh
from accounts.second_factor import log_in, services
from accounts.second_factor.gate import must_have_factor
from accounts.second_factor.serializers import (
    RecoveryCodesSerializer,
    SecondFactorBeginningSerializer,
    SecondFactorBeginSerializer,
    SecondFactorCodeSerializer,
    SecondFactorProofSerializer,
    SecondFactorStateSerializer,
    VerifySerializer,
)
from accounts.serializers import LoginAnswerSerializer, log_in_answer
from accounts.throttling import ProofThrottle
from accounts.views import PublicView
from ecommerce.http import checked
from ecommerce.schema import ErrorSerializer
from ecommerce.throttling import RequestThrottle

CODES_EXAMPLE = OpenApiExample(
    "Recovery codes", value={"recovery_codes": ["7k3m-q9xd-2vhp", "c4wn-8rty-h6ze"]}, response_only=True
)
CODE_EXAMPLE = OpenApiExample("A code of the app", value={"code": "492039"}, request_only=True)
PASSWORD_EXAMPLE = OpenApiExample("The password", value={"password": "maji-ya-chai-7"}, request_only=True)


class SecondFactorView(APIView):
    """For whoever is signed in; also for staff who cannot do anything else yet."""

    open_without_factor = True
    schema_tag = "accounts"

    def finalize_response(self, request: Request, response: Response, *args: object, **kwargs: object) -> Response:
        response = super().finalize_response(request, response, *args, **kwargs)
        response["Cache-Control"] = "no-store"  # secrets and codes are shown here
        return response


class StateView(SecondFactorView):
    @extend_schema(
        summary="Show the state of your second factor",
        responses={200: SecondFactorStateSerializer},
        examples=[
            OpenApiExample(
                "On",
                value={
                    "enabled": True,
                    "enabled_at": "2026-11-22T08:00:00Z",
                    "demanded": False,
                    "recovery_codes_left": 9,
                },
                response_only=True,
            )
        ],
    )
    def get(self, request: Request) -> Response:
        user = signed_in(request)
        state = {
            "enabled": user.second_factor_at is not None,
            "enabled_at": user.second_factor_at,
            "demanded": must_have_factor(user),
            "recovery_codes_left": services.codes_left(user),
        }
        return Response(SecondFactorStateSerializer(state).data)


class BeginView(SecondFactorView):
    throttle_classes = (RequestThrottle, ProofThrottle)

    @extend_schema(
        summary="Begin to set up a second factor",
        description=(
            "Makes a secret for an authenticator app (TOTP, RFC 6238) and shows it once. Nothing changes until its "
            "first code is sent to `confirm`; beginning again makes another secret. The password is needed when the "
            "log-in is older than 15 minutes."
        ),
        request=SecondFactorBeginSerializer,
        responses={
            200: SecondFactorBeginningSerializer,
            403: OpenApiResponse(ErrorSerializer, description="`fresh_log_in_required`"),
        },
        examples=[
            PASSWORD_EXAMPLE,
            OpenApiExample(
                "Secret",
                value={
                    "secret": "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP",
                    "otpauth_uri": "otpauth://totp/ByteMtaani:wanjiku%40example.com?digits=6&secret=JBSWY3DPEHPK3PXP…",
                    "qr_svg": "<svg …",
                },
                response_only=True,
            ),
        ],
    )
    def post(self, request: Request) -> Response:
        data = checked(SecondFactorBeginSerializer, request)
        beginning = services.begin(
            signed_in(request),
            request=request._request,
            is_fresh=is_fresh(request),
            password=data.get("password", ""),
        )
        return Response(asdict(beginning))


class ConfirmView(SecondFactorView):
    throttle_classes = (RequestThrottle, ProofThrottle)

    @extend_schema(
        summary="Confirm the second factor",
        description=(
            "The app's first code proves that it works. From now on every log-in asks for one. The answer holds ten "
            "recovery codes, each for one use; they are never shown again."
        ),
        request=SecondFactorCodeSerializer,
        responses={200: RecoveryCodesSerializer},
        examples=[CODE_EXAMPLE, CODES_EXAMPLE],
    )
    def post(self, request: Request) -> Response:
        code = checked(SecondFactorCodeSerializer, request)["code"]
        return Response({"recovery_codes": services.confirm(signed_in(request), request=request._request, code=code)})


class DisableView(SecondFactorView):
    throttle_classes = (RequestThrottle, ProofThrottle)

    @extend_schema(
        summary="Remove the second factor",
        description="Needs a code or the password; a code of staff, where the shop demands a second factor of them.",
        request=SecondFactorProofSerializer,
        responses={204: None},
        examples=[CODE_EXAMPLE, PASSWORD_EXAMPLE],
    )
    def post(self, request: Request) -> Response:
        services.remove(signed_in(request), request=request._request, **checked(SecondFactorProofSerializer, request))
        return Response(status=status.HTTP_204_NO_CONTENT)


class RecoveryCodesView(SecondFactorView):
    throttle_classes = (RequestThrottle, ProofThrottle)

    @extend_schema(
        summary="Make new recovery codes",
        description="The old ones are void. Needs a code or the password. The new ones are never shown again.",
        request=SecondFactorProofSerializer,
        responses={200: RecoveryCodesSerializer},
        examples=[CODE_EXAMPLE, PASSWORD_EXAMPLE, CODES_EXAMPLE],
    )
    def post(self, request: Request) -> Response:
        codes = services.renew_codes(
            signed_in(request), request=request._request, **checked(SecondFactorProofSerializer, request)
        )
        return Response({"recovery_codes": codes})


class VerifyView(PublicView):
    throttle_classes = (RequestThrottle, ProofThrottle)

    @extend_schema(
        summary="Finish a log-in with a code",
        description=(
            "The second step of every way in, where it answered `second_factor_required`. The challenge works once, "
            "for five minutes; a code works once. After three wrong codes in a row each further try has to wait, "
            "longer each time: 429 with `Retry-After`."
        ),
        request=VerifySerializer,
        responses={
            200: LoginAnswerSerializer,
            401: OpenApiResponse(ErrorSerializer, description="`invalid_challenge`: log in again"),
        },
        examples=[
            OpenApiExample(
                "A code of the app",
                value={"challenge": "pV0b3w0p7u2nHk1Xq5b8rJ6tWm4sZc9dEy3fGh7iLkA", "code": "492039"},
                request_only=True,
            ),
            OpenApiExample(
                "A recovery code",
                value={"challenge": "pV0b3w0p7u2nHk1Xq5b8rJ6tWm4sZc9dEy3fGh7iLkA", "code": "7k3m-q9xd-2vhp"},
                request_only=True,
            ),
        ],
    )
    def post(self, request: Request) -> Response:
        user, pair = log_in.finish(request=request._request, **checked(VerifySerializer, request))
        return Response(log_in_answer(user, pair))
