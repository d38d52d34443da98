"""The addresses that payment services call, and the one where they send a customer's browser back to.

Each stores what came as it came and answers at once; workers do the rest. What is refused is counted.
"""

from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET
from drf_spectacular.utils import extend_schema
from rest_framework import exceptions
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from ecommerce.client import client_address
from ecommerce.exceptions import Busy, PayloadTooLarge
from ecommerce.schema import ErrorSerializer
from ecommerce.throttling import RequestThrottle
from payments import c2b, inbox, serializers, transfer_results, webhooks
from payments.event_store import count_refused
from payments.exceptions import ForgedEvent, ProviderUnavailable, UnknownCallback
from payments.models import PaymentAttempt
from payments.queries import ask_soon

MAX_CALLBACK = 256 * 1024


class ProviderView(APIView):
    """What every address for providers keeps to: no log-in, no parsing, no limit for those who are who they say."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_classes = ()
    schema_tag = "payments"

    def raw_body(self, request: Request, provider: str) -> bytes:
        """Return the bytes as they came, whatever they claim to be: whoever knows a secret is heard, bad JSON and all.

        Raises:
            PayloadTooLarge: there are too many of them.
        """
        if int(request.META.get("CONTENT_LENGTH") or 0) > MAX_CALLBACK:
            count_refused(provider, "too_large")
            raise PayloadTooLarge()
        return request._request.body

    def refuse(self, request: Request, provider: str = "", reason: str = "") -> None:
        """Count a refusal, and slow down an address that collects them.

        Raises:
            Throttled: it has had too many.
        """
        if reason:
            count_refused(provider, reason)
        throttle = RequestThrottle()
        if not throttle.allow_request(request, self):
            raise exceptions.Throttled(throttle.wait())


class MpesaCallbackView(ProviderView):
    """Where Safaricom reports the end of an STK push. The secret in the address is the only credential."""

    @extend_schema(
        summary="Receive an M-Pesa callback",
        description="For Safaricom. Stored as it came, answered at once, settled by a worker.",
        request={"application/json": {"type": "object"}},
        responses={200: serializers.CallbackAnswerSerializer},
        auth=[],
    )
    def post(self, request: Request, secret: str) -> Response:
        body = self.raw_body(request, "mpesa")
        try:
            inbox.receive_callback(provider="mpesa", token=secret, body=body, address=client_address(request._request))
        except UnknownCallback:
            self.refuse(request, "mpesa", "unknown_secret")
            raise
        return Response({"ResultCode": 0, "ResultDesc": "Accepted"})


class C2BView(ProviderView):
    """Where Safaricom asks about, and reports, payments that customers make by themselves at a till or paybill."""

    def get_throttles(self) -> list[Any]:
        # Safaricom is never slowed down; anybody else who found the address is.
        request = self.request._request
        trusted = c2b.is_trusted(self.kwargs.get("secret", ""), client_address(request))
        return [] if trusted else [RequestThrottle()]

    def read(self, request: Request, secret: str) -> tuple[bytes, bool]:
        return self.raw_body(request, "mpesa"), c2b.is_trusted(secret, client_address(request._request))


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


class TransferResultView(ProviderView):
    """Where Safaricom reports the end of a refund or payout. The secret in the address is the only credential."""

    timed_out = False

    @extend_schema(
        summary="Receive the result of a refund or payout",
        description="For Safaricom. Stored as it came, answered at once, settled by a worker.",
        request={"application/json": {"type": "object"}},
        responses={200: serializers.CallbackAnswerSerializer},
        auth=[],
    )
    def post(self, request: Request, secret: str) -> Response:
        body = self.raw_body(request, "mpesa")
        try:
            transfer_results.receive_result(
                token=secret, body=body, address=client_address(request._request), timed_out=self.timed_out
            )
        except UnknownCallback:
            self.refuse(request, "mpesa", "unknown_secret")
            raise
        return Response({"ResultCode": 0, "ResultDesc": "Accepted"})


class TillAnswerView(ProviderView):
    """Where Safaricom answers a question that was asked by hand, such as for the balance."""

    @extend_schema(
        summary="Receive the answer to a question about the shop's account",
        description="For Safaricom. Kept for whoever asked; it settles nothing.",
        request={"application/json": {"type": "object"}},
        responses={200: serializers.CallbackAnswerSerializer},
        auth=[],
    )
    def post(self, request: Request, secret: str) -> Response:
        body = self.raw_body(request, "mpesa")
        try:
            c2b.keep_answer(secret=secret, body=body)
        except UnknownCallback:
            self.refuse(request, "mpesa", "unknown_secret")
            raise
        return Response({"ResultCode": 0, "ResultDesc": "Accepted"})


class WebhookView(ProviderView):
    """Where providers that sign what they send report everything."""

    @extend_schema(
        summary="Receive a provider's webhook",
        description=(
            "For Paystack (`/payments/webhook/` too), Chapa, Stripe and PayPal. The signature is checked over the raw "
            "bytes; what does not fit is refused and counted. The rest is stored once, answered at once, and makes a "
            "worker ask the provider."
        ),
        request={"application/json": {"type": "object"}},
        responses={200: serializers.WebhookAnswerSerializer, 403: ErrorSerializer},
        auth=[],
    )
    def post(self, request: Request, provider: str = "paystack") -> Response:
        try:
            headers = {name.lower(): value for name, value in request.headers.items()}
            webhooks.receive(provider_name=provider, headers=headers, body=self.raw_body(request, provider))
        except ForgedEvent:
            self.refuse(request)
            raise exceptions.PermissionDenied("The signature does not fit.", code="bad_signature") from None
        except UnknownCallback:
            self.refuse(request)
            raise
        except ProviderUnavailable:
            raise Busy("This cannot be checked now. Send it again.") from None
        return Response({"received": True})


@never_cache
@require_GET
def come_back(request: HttpRequest, reference: str) -> HttpResponse:
    """Send a customer who comes back from a provider's page on to the shop's frontend, and ask how it went.

    Whoever has the address learns nothing from it, and what it says about the payment is not looked at.
    """
    attempt = PaymentAttempt.objects.filter(reference=reference).first()
    if attempt is not None:
        ask_soon(attempt.pk)
    if settings.FRONTEND_URL == settings.PUBLIC_BASE_URL:  # there is no frontend
        return render(request, "payments/returned.html", {"shop_name": settings.SHOP_NAME})
    return HttpResponseRedirect(f"{settings.FRONTEND_URL}/payment-result?reference={quote(reference, safe='')}")
