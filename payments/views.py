"""Payments over HTTP, for those who pay."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework import mixins, status, viewsets
from rest_framework.exceptions import NotAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.authentication import signed_in
from ecommerce import idempotency
from ecommerce.http import IDEMPOTENCY_HEADER, IF_NONE_MATCH_HEADER, ConditionalMixin, checked
from ecommerce.schema import ErrorSerializer
from ecommerce.throttling import PaymentThrottle, RequestThrottle
from orders.guests.access import ORDER_TOKEN_HEADER, SignedInOrHolder, buyer_of, key_owner_of
from orders.selectors import Buyer
from payments import examples, inline, outcomes, selectors, serializers, services
from payments.credit import spending
from payments.exceptions import PaymentPageUnavailable
from payments.filters import PaymentFilter
from payments.models import Payment, PaymentAttempt


@extend_schema_view(
    list=extend_schema(summary="List payments", description="A customer's own; newest first."),
    retrieve=extend_schema(
        summary="Show a payment",
        description=(
            "With its attempts, the newest first, and advice for the customer. Where the stream cannot be used, ask "
            "again every few seconds with `If-None-Match`."
        ),
        parameters=[IF_NONE_MATCH_HEADER, ORDER_TOKEN_HEADER],
        responses={200: serializers.PaymentSerializer, 304: None},
    ),
)
class PaymentViewSet(
    ConditionalMixin, mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Payment]
):
    queryset = Payment.objects.none()
    permission_classes = (SignedInOrHolder,)
    serializer_class = serializers.PaymentSerializer
    filterset_class = PaymentFilter
    throttle_classes = (RequestThrottle, PaymentThrottle)
    orderings = {"-created_at": ("-created_at", "-id"), "created_at": ("created_at", "id")}
    schema_tag = "payments"
    api_key_area = "payments"

    def get_queryset(self) -> QuerySet[Payment]:
        if getattr(self, "swagger_fake_view", False):
            return Payment.objects.none()
        if self.action == "list":  # a link opens one order, and no list
            return selectors.payments_visible_to(signed_in(self.request))
        return selectors.payments_open_to(buyer_of(self.request))

    @extend_schema(
        summary="Start a payment",
        description=(
            "With `method: mpesa` the phone shows a prompt for the PIN. While an attempt is live, another call returns "
            "it (200) instead of prompting again. Watch `status` here or on the order. With `cash_on_delivery` the "
            "attempt's `instructions` say what to do, a moment later, and staff say when the money is here. For a "
            "transfer to the shop's own account see `POST /api/payments/initialize/`, which also answers with the "
            "`instructions` at once.\n\n"
            "`gift_card` (with its `code`) and `store_credit` pay at once, as far as they go or as `amount` says; what "
            "is still lacking (`amount` less `paid_amount`) is then paid by any other way."
        ),
        parameters=[IDEMPOTENCY_HEADER, ORDER_TOKEN_HEADER],
        request=serializers.StartPaymentSerializer,
        responses={
            201: serializers.PaymentSerializer,
            200: serializers.PaymentSerializer,
            404: ErrorSerializer,
        },
        examples=[
            examples.PROMPTED,
            OpenApiExample(
                "M-Pesa",
                value={
                    "order_id": "0198c0de-0000-7000-8000-000000000002",
                    "method": "mpesa",
                    "phone_number": "0712345678",
                },
                request_only=True,
            ),
            OpenApiExample(
                "Cash on delivery",
                value={"order_id": "0198c0de-0000-7000-8000-000000000002", "method": "cash_on_delivery"},
                request_only=True,
            ),
            OpenApiExample(
                "A gift card",
                value={
                    "order_id": "0198c0de-0000-7000-8000-000000000002",
                    "method": "gift_card",
                    "code": "7KMW-Q2XD-9HFA-3PTB",
                },
                request_only=True,
            ),
            OpenApiExample(
                "A part, with store credit",
                value={
                    "order_id": "0198c0de-0000-7000-8000-000000000002",
                    "method": "store_credit",
                    "amount": "500.00",
                },
                request_only=True,
            ),
        ],
    )
    def create(self, request: Request) -> Response:
        data = checked(serializers.StartPaymentSerializer, request)
        buyer = buyer_of(request)

        def effect() -> Response:
            payment_id, is_new = _pay(buyer, data)
            payment = self.get_queryset().get(pk=payment_id)
            code = status.HTTP_201_CREATED if is_new else status.HTTP_200_OK
            return Response(self.get_serializer(payment).data, status=code)

        return idempotency.run_once(request, owner=key_owner_of(buyer), operation="payments.start", effect=effect)


def _pay(buyer: Buyer, data: dict[str, Any]) -> tuple[UUID, bool]:
    """Do what a checked request asks for; return the payment's id, and whether anything is new."""
    order_id, method, amount = data["order_id"], data["method"], data.get("amount")
    holds_link = buyer.order_id == order_id
    if method == Payment.Method.GIFT_CARD:
        spent = spending.spend_gift_card(
            user=buyer.user, order_id=order_id, code=data["code"], amount=amount, holds_link=holds_link
        )
        return spent.payment.pk, True
    if method == Payment.Method.STORE_CREDIT:
        if buyer.user is None:
            raise NotAuthenticated()
        spent = spending.spend_store_credit(user=buyer.user, order_id=order_id, amount=amount)
        return spent.payment.pk, True
    started = services.start_payment(
        user=buyer.user,
        order_id=order_id,
        holds_link=holds_link,
        method=method,
        phone_number=data.get("phone_number", ""),
    )
    return started.payment.pk, started.is_new


class InitializeView(APIView):
    permission_classes = (SignedInOrHolder,)
    throttle_classes = (RequestThrottle, PaymentThrottle)
    schema_tag = "payments"

    @extend_schema(
        summary="Start a payment on a provider's page",
        description=(
            "As `POST /api/payments/`, for ways of paying that happen on a page of the provider: send the customer to "
            "`authorization_url`. They come back to the frontend's `/payment-result?reference=…`, where "
            "`GET /api/payments/verify/{reference}/` tells how it went. Where the page is not ready at once the "
            "answer is 202, and it follows at the payment's address. Choosing another way of paying leaves the first "
            "one behind. The same `Idempotency-Key` answers with the payment as it has become meanwhile.\n\n"
            "Without a `provider` the first of the shop's that collects by the method is taken. With "
            "`provider: manual` there is no page: `instructions` say how to pay. When the provider refuses, the answer "
            "is 503 with advice for the customer as `detail`, and its `outcome`."
        ),
        parameters=[IDEMPOTENCY_HEADER, ORDER_TOKEN_HEADER],
        request=serializers.InitializePaymentSerializer,
        responses={
            201: serializers.InitializedPaymentSerializer,
            200: serializers.InitializedPaymentSerializer,
            202: serializers.InitializedPaymentSerializer,
            404: ErrorSerializer,
            503: ErrorSerializer,
        },
        examples=[
            examples.PAGE_READY,
            OpenApiExample(
                "A card",
                value={"order_id": "0198c0de-0000-7000-8000-000000000002", "method": "card"},
                request_only=True,
            ),
            OpenApiExample(
                "A transfer to the shop's bank account",
                value={
                    "order_id": "0198c0de-0000-7000-8000-000000000002",
                    "method": "bank_transfer",
                    "provider": "manual",
                },
                request_only=True,
            ),
        ],
    )
    def post(self, request: Request) -> Response:
        data = checked(serializers.InitializePaymentSerializer, request)
        buyer = buyer_of(request)
        with inline.spare_thread() as is_spare:

            def effect() -> Response:
                started = services.start_payment(
                    user=buyer.user,
                    order_id=data["order_id"],
                    holds_link=buyer.order_id == data["order_id"],
                    method=data["method"],
                    phone_number=data.get("phone_number", ""),
                    provider_name=data.get("provider", ""),
                    send_after=inline.WORKER_WAITS if is_spare else None,
                )
                code = status.HTTP_201_CREATED if started.is_new else status.HTTP_200_OK
                return Response({"attempt": str(started.attempt.pk)}, status=code)

            started = idempotency.run_once(
                request, owner=key_owner_of(buyer), operation="payments.initialize", effect=effect
            )
            attempt_id = UUID(started.data["attempt"])
            if is_spare:
                inline.send_now(attempt_id)
        attempt = PaymentAttempt.objects.get(pk=attempt_id)
        outcome = outcomes.BY_NAME.get(attempt.outcome, outcomes.UNKNOWN)
        if attempt.status == PaymentAttempt.Status.FAILED:
            raise PaymentPageUnavailable(outcome.advice, outcome=outcome.name, reference=attempt.reference)
        started.data = self._answer(attempt)
        if attempt.is_live and not (attempt.authorization_url or attempt.instructions):
            started.status_code = status.HTTP_202_ACCEPTED
        return started

    def _answer(self, attempt: PaymentAttempt) -> dict[str, Any]:
        payment = selectors.payments_with_attempts().get(pk=attempt.payment_id)
        shown = {
            "reference": attempt.reference,
            "authorization_url": attempt.authorization_url,
            "instructions": attempt.instructions,
            "provider": attempt.provider,
            "payment": payment,
        }
        return dict(serializers.InitializedPaymentSerializer(shown).data)


class VerifyView(APIView):
    permission_classes = (SignedInOrHolder,)
    throttle_classes = (RequestThrottle,)
    schema_tag = "payments"
    api_key_area = "payments"

    @extend_schema(
        summary="Ask the provider how a payment went",
        description=(
            "By the `reference` of an attempt. Asks, settles and answers with the payment; every three seconds at most."
        ),
        parameters=[ORDER_TOKEN_HEADER],
        responses={200: serializers.PaymentSerializer},
    )
    def get(self, request: Request, reference: str) -> Response:
        payments = selectors.payments_open_to(buyer_of(request))
        payment = get_object_or_404(payments, attempts__reference=reference)
        attempt = PaymentAttempt.objects.get(reference=reference)
        if attempt.status not in (PaymentAttempt.Status.SUCCEEDED, PaymentAttempt.Status.REVIEW):
            inline.ask_now(attempt.pk)
            payment = payments.get(pk=payment.pk)
        return Response(serializers.PaymentSerializer(payment).data)
