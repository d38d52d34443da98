"""Getting one's own data, and ending the account."""

from django.http import HttpResponseBase, StreamingHttpResponse
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.audit.models import SecurityEvent
from accounts.audit.services import record
from accounts.authentication import signed_in
from accounts.privacy import services
from accounts.privacy.exporting import export_of
from accounts.privacy.proof import demand_proof
from accounts.privacy.serializers import EraseSerializer, ErasureSerializer, ExportSerializer
from ecommerce.http import checked
from ecommerce.schema import ErrorSerializer
from ecommerce.throttling import RequestThrottle
from ecommerce.transactions import retry_on_conflict


class PrivacyThrottle(RequestThrottle):
    """An export reads everything, and a proof is a guess at a password: both are rare by nature."""

    def scope_and_identity(self, request: Request) -> tuple[str, str]:
        identity = super().scope_and_identity(request)[1]
        return ("export", identity) if request.method == "GET" else ("erase", identity)


class ExportView(APIView):
    permission_classes = (IsAuthenticated,)
    throttle_classes = (RequestThrottle, PrivacyThrottle)
    schema_tag = "accounts"

    @extend_schema(
        summary="Get everything held about you",
        description=(
            "A JSON document, sent while it is made: the rows of every table that say something about you, without "
            "hashes and tokens. Pictures are named by their addresses. Five times an hour."
        ),
        responses={200: OpenApiResponse(ExportSerializer, description="A file for keeping.")},
    )
    def get(self, request: Request) -> HttpResponseBase:
        user = signed_in(request)
        record(SecurityEvent.Kind.DATA_EXPORTED, user=user, request=request._request)
        return StreamingHttpResponse(
            export_of(user),
            content_type="application/json",
            headers={
                "Content-Disposition": 'attachment; filename="my-data.json"',
                "Cache-Control": "no-store",
                "X-Content-Type-Options": "nosniff",
            },
        )


class EraseView(APIView):
    permission_classes = (IsAuthenticated,)
    throttle_classes = (RequestThrottle, PrivacyThrottle)
    schema_tag = "accounts"

    @extend_schema(
        summary="Erase your account",
        description=(
            "Cannot be undone. Needs the second factor's `code` where there is one, else the `password`; an account "
            "without one needs a log-in of the last 15 minutes (403 `fresh_log_in_required`). Every session ends at "
            "once, and nobody can log in; "
            "within moments name, addresses, picture, carts and everything else that tells who you were is gone, and "
            "the e-mail address and phone number are free. Invoices and the books stay as long as the law says, under "
            "a pseudonym. While an order or money is open the answer is 409, with a row for each: `order_open`, "
            "`return_open`, `payment_open`, `refund_open`, `money_open`, `store_credit_left`, `sells_products`, "
            "`staff_account`."
        ),
        request=EraseSerializer,
        responses={202: ErasureSerializer, 403: ErrorSerializer, 409: ErrorSerializer},
        examples=[OpenApiExample("By password", value={"password": "maji-ya-chai-7"}, request_only=True)],
    )
    def post(self, request: Request) -> Response:
        proof, user = checked(EraseSerializer, request), signed_in(request)
        demand_proof(request, password=proof.get("password", ""), code=proof.get("code", ""))
        erasure = retry_on_conflict(lambda: services.ask_for_erasure(user, request=request._request))
        body = {"detail": "Your account is closed and is being erased.", "created_at": erasure.created_at}
        return Response(ErasureSerializer(body).data, status=status.HTTP_202_ACCEPTED)
