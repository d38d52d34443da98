"""Payments over HTTP, and the address that providers call."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework import mixins, status, viewsets
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.authentication import signed_in
from ecommerce import idempotency
from ecommerce.client import client_address
from ecommerce.exceptions import PayloadTooLarge
from ecommerce.http import IDEMPOTENCY_HEADER, IF_NONE_MATCH_HEADER, ConditionalMixin, checked
from ecommerce.throttling import PaymentThrottle, RequestThrottle
from payments import c2b, inbox, selectors, serializers, services, transfer_results
from payments.filters import PaymentFilter
from payments.models import Payment

MAX_CALLBACK = 256 * 1024


@extend_schema_view(
    list=extend_schema(summary="List payments", description="A customer's own; newest first."),
    retrieve=extend_schema(
        summary="Show a payment",
        description=(
            "With its attempts and advice for the customer. Where the stream cannot be used, ask again every few "
            "seconds with `If-None-Match`."
        ),
        parameters=[IF_NONE_MATCH_HEADER],
        responses={200: serializers.PaymentSerializer, 304: None},
    ),
)
class PaymentViewSet(
    ConditionalMixin, mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Payment]
):
    queryset = Payment.objects.none()
    serializer_class = serializers.PaymentSerializer
    filterset_class = PaymentFilter
    throttle_classes = (RequestThrottle, PaymentThrottle)
    orderings = {"-created_at": ("-created_at", "-id"), "created_at": ("created_at", "id")}
    schema_tag = "payments"

    def get_queryset(self) -> QuerySet[Payment]:
        if getattr(self, "swagger_fake_view", False):
            return Payment.objects.none()
        return selectors.payments_visible_to(signed_in(self.request))

    @extend_schema(
        summary="Start a payment",
        description=(
            "With `method: mpesa` the phone shows a prompt for the PIN. While an attempt is live, another call returns "
            "it (200) instead of prompting again. Watch `status` here or on the order."
        ),
        parameters=[IDEMPOTENCY_HEADER],
        request=serializers.StartPaymentSerializer,
        responses={201: serializers.PaymentSerializer, 200: serializers.PaymentSerializer},
        examples=[
            OpenApiExample(
                "M-Pesa",
                value={
                    "order_id": "0198c0de-0000-7000-8000-000000000002",
                    "method": "mpesa",
                    "phone_number": "0712345678",
                },
                request_only=True,
            )
        ],
    )
    def create(self, request: Request) -> Response:
        data = checked(serializers.StartPaymentSerializer, request)
        user = signed_in(request)

        def effect() -> Response:
            started = services.start_payment(
                user=user,
                order_id=data["order_id"],
                method=data["method"],
                phone_number=data.get("phone_number", ""),
            )
            payment = self.get_queryset().get(pk=started.payment.pk)
            code = status.HTTP_201_CREATED if started.is_new else status.HTTP_200_OK
            return Response(self.get_serializer(payment).data, status=code)

        return idempotency.run_once(request, owner=f"user:{user.pk}", operation="payments.start", effect=effect)


class MpesaCallbackView(APIView):
    """Where Safaricom reports the end of an STK push. The secret in the address is the only credential."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_classes = ()
    schema_tag = "payments"

    @extend_schema(
        summary="Receive an M-Pesa callback",
        description="For Safaricom. Stored as it came, answered at once, settled by a worker.",
        request={"application/json": {"type": "object"}},
        responses={200: serializers.CallbackAnswerSerializer},
        auth=[],
    )
    def post(self, request: Request, secret: str) -> Response:
        # The raw bytes, not request.data: whatever comes from a holder of the secret is kept, even bad JSON.
        if int(request.META.get("CONTENT_LENGTH") or 0) > MAX_CALLBACK:
            raise PayloadTooLarge()
        body = request._request.body
        inbox.receive_callback(provider="mpesa", token=secret, body=body, address=client_address(request._request))
        return Response({"ResultCode": 0, "ResultDesc": "Accepted"})


class C2BView(APIView):
    """Where Safaricom asks about, and reports, payments that customers make by themselves at a till or paybill."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    schema_tag = "payments"

    def get_throttles(self) -> list[Any]:
        # Safaricom is never slowed down; anybody else who found the address is.
        request = self.request._request
        trusted = c2b.is_trusted(self.kwargs.get("secret", ""), client_address(request))
        return [] if trusted else [RequestThrottle()]

    def read(self, request: Request, secret: str) -> tuple[bytes, bool]:
        if int(request.META.get("CONTENT_LENGTH") or 0) > MAX_CALLBACK:
            raise PayloadTooLarge()
        return request._request.body, c2b.is_trusted(secret, client_address(request._request))


class C2BConfirmationView(C2BView):
    @extend_schema(
        summary="Receive a paybill or till payment",
        description=(
            "For Safaricom. Stored as it came and matched by a worker. What comes without the secret, and from an "
            "unlisted address, is a claim until it is confirmed."
        ),
        request={"application/json": {"type": "object"}},
        responses={200: serializers.CallbackAnswerSerializer},
        auth=[],
    )
    def post(self, request: Request, secret: str = "") -> Response:
        body, trusted = self.read(request, secret)
        c2b.receive_confirmation(body=body, trusted=trusted)
        return Response({"ResultCode": 0, "ResultDesc": "Success"})


class C2BValidationView(C2BView):
    @extend_schema(
        summary="Answer whether a paybill or till payment is welcome",
        description="For Safaricom, before it takes the money.",
        request={"application/json": {"type": "object"}},
        responses={200: serializers.ValidationAnswerSerializer},
        auth=[],
    )
    def post(self, request: Request, secret: str = "") -> Response:
        body, _ = self.read(request, secret)
        refusal = c2b.reason_to_refuse(body)
        if refusal is None:
            return Response({"ResultCode": "0", "ResultDesc": "Accepted"})
        return Response({"ResultCode": refusal.value, "ResultDesc": "Rejected"})


class TransferResultView(APIView):
    """Where Safaricom reports the end of a refund. The secret in the address is the only credential."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_classes = ()
    schema_tag = "payments"
    timed_out = False

    @extend_schema(
        summary="Receive the result of a refund",
        description="For Safaricom. Stored as it came, answered at once, settled by a worker.",
        request={"application/json": {"type": "object"}},
        responses={200: serializers.CallbackAnswerSerializer},
        auth=[],
    )
    def post(self, request: Request, secret: str) -> Response:
        if int(request.META.get("CONTENT_LENGTH") or 0) > MAX_CALLBACK:
            raise PayloadTooLarge()
        transfer_results.receive_result(
            token=secret,
            body=request._request.body,
            address=client_address(request._request),
            timed_out=self.timed_out,
        )
        return Response({"ResultCode": 0, "ResultDesc": "Accepted"})
