"""PayPal through Orders v2: the customer approves an order, then we capture it, and only the capture is money.

PayPal takes none of our currencies, so the order's amount is converted once, at the start. Source: PayPal
documentation, Orders v2 and Payments v2. A status or issue that is not listed here means "outcome unknown".
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from urllib.parse import quote

from django.conf import settings

from catalog.currencies.conversion import convert
from ecommerce.currencies import ISO_4217
from ecommerce.money import CENT, whole_units
from payments import outcomes
from payments.exceptions import AmountNotPayable, ProviderUnavailable, ProviderUnreachable
from payments.outcomes import Outcome
from payments.providers import paypal_reading, paypal_webhooks
from payments.providers.base import (
    AttemptFacts,
    Charge,
    InitiateRequest,
    InitiateResult,
    Notice,
    PaymentProvider,
    ProviderResult,
    RefundRequest,
    StatementEntry,
    TransferResult,
    Verdict,
)
from payments.providers.paypal_client import KeysRefused, PayPalAnswer, PayPalClient
from payments.providers.values import text

# Left out: BRL, CNY and MYR, which only accounts in those countries may take.
CURRENCIES = {
    *("AUD", "CAD", "CHF", "CZK", "DKK", "EUR", "GBP", "HKD", "HUF", "ILS", "JPY"),
    *("MXN", "NOK", "NZD", "PHP", "PLN", "RUB", "SEK", "SGD", "THB", "TWD", "USD"),
}

LIFETIME = timedelta(hours=3)  # to approve an order, and for us to capture it then
CAPTURE_READ_TIMEOUT = 60.0  # the customer's bank is asked meanwhile
_MOST_NAMES = 3
_QUERY_DELAYS = (20, 40, 60, 90, 150, 300, 600, 900, 1800, 3600, 5400, 7200, 9000, 10_860, *range(14_400, 86_401, 7200))

_CREATE_REFUSALS = {
    "CANNOT_BE_ZERO_OR_NEGATIVE": outcomes.AMOUNT_REFUSED,
    "MAX_VALUE_EXCEEDED": outcomes.AMOUNT_REFUSED,
}

# Why nothing was captured. The first table leaves the order open, the second ends the attempt.
_OPEN_ISSUES: dict[str, Outcome] = {
    "ORDER_NOT_APPROVED": outcomes.WAITING_ON_PAGE,
    "INSTRUMENT_DECLINED": outcomes.INSTRUMENT_DECLINED,
    "PAYER_ACTION_REQUIRED": outcomes.GO_BACK_TO_PAGE,
}
_FINAL_ISSUES: dict[str, Outcome] = {
    "MAX_NUMBER_OF_PAYMENT_ATTEMPTS_EXCEEDED": outcomes.DECLINED,
    "TRANSACTION_REFUSED": outcomes.DECLINED,
    "PAYER_CANNOT_PAY": outcomes.DECLINED,
    "COMPLIANCE_VIOLATION": outcomes.DECLINED,
    "PAYEE_BLOCKED_TRANSACTION": outcomes.MISCONFIGURED,
    "INVALID_RESOURCE_ID": outcomes.EXPIRED,
}
# Somebody captures or has captured: the order tells.
_LOOK_ISSUES = {"ORDER_ALREADY_CAPTURED", "ORDER_COMPLETION_IN_PROGRESS", "PREVIOUS_REQUEST_IN_PROGRESS"}


class PayPalProvider(PaymentProvider):
    name = "paypal"
    methods = ("paypal",)
    redirects = True
    initiate_is_repeatable = True  # for 6 hours, twice as long as an order can be paid
    can_be_superseded = True
    sends_webhooks = True
    refund_is_repeatable = True  # for 45 days

    def __init__(self) -> None:
        self.client = PayPalClient()

    def payable_amount(self, amount: Decimal, currency: str) -> Charge:
        """Convert where PayPal does not take the currency, at a fresh rate, rounded once, half up."""
        if currency not in ISO_4217 or not amount.is_finite() or amount <= 0:
            raise AmountNotPayable()
        target = currency if currency in CURRENCIES else settings.PAYPAL["CURRENCY"]
        if target != currency:
            amount = convert(amount, currency, target, for_charging=True).amount
            step = Decimal(1) if target in paypal_reading.ZERO_DECIMAL else CENT
            amount = amount.quantize(step, rounding=ROUND_HALF_UP)
        elif target in paypal_reading.ZERO_DECIMAL:
            amount = whole_units(amount)
        if amount <= 0 or amount != amount.quantize(CENT):
            raise AmountNotPayable()
        return Charge(amount, target)

    def query_delays(self) -> tuple[int, ...]:
        return _QUERY_DELAYS

    @property
    def lifetime(self) -> timedelta:
        return LIFETIME

    # --- collecting

    def initiate(self, request: InitiateRequest) -> InitiateResult:
        order = {
            "intent": "CAPTURE",
            # Neither items nor a breakdown: after a conversion they would not add up.
            "purchase_units": [
                {
                    "custom_id": request.reference,
                    "invoice_id": request.reference,  # a second payment with it is refused
                    "description": f"Order {request.order_number}"[:127],
                    "amount": paypal_reading.money(request.amount, request.currency),
                }
            ],
            "payment_source": {
                "paypal": {
                    "experience_context": {
                        "return_url": request.return_url,
                        "cancel_url": request.return_url,
                        "user_action": "PAY_NOW",
                        "shipping_preference": "NO_SHIPPING",
                        "payment_method_preference": "IMMEDIATE_PAYMENT_REQUIRED",
                        "brand_name": settings.SHOP_NAME[:127],
                    }
                }
            },
        }
        try:
            answer = self.client.call(
                "POST", "/v2/checkout/orders", json=order, request_id=f"create:{request.reference}"
            )
        except KeysRefused as refused:
            return InitiateResult(accepted=False, outcome=outcomes.MISCONFIGURED, detail=text(refused))
        if answer.is_refusal and "DUPLICATE_INVOICE_ID" not in answer.issues:
            outcome = _CREATE_REFUSALS.get(answer.issue, outcomes.MISCONFIGURED)
            return InitiateResult(accepted=False, outcome=outcome, detail=answer.detail)
        links = paypal_reading.links(answer.body)
        order_id, url = text(answer.body.get("id"), 100), links.get("payer-action") or links.get("approve", "")
        if not answer.is_success or not order_id or not url.startswith("http"):
            raise ProviderUnavailable(f"create answered {answer.detail}")
        return InitiateResult(
            accepted=True, provider_reference=order_id, outcome=outcomes.WAITING_ON_PAGE, authorization_url=url
        )

    def query(self, attempt: AttemptFacts) -> ProviderResult:
        """Ask about the order, and capture it when the customer has approved it."""
        if not attempt.provider_reference:
            return ProviderResult(verdict=Verdict.NO_ANSWER)  # an order can only be asked about by its id
        order = self._order(attempt)
        if order is None:
            # An order that nobody paid is forgotten some time after its end. One that should still live is not gone.
            ended = attempt.age_seconds >= LIFETIME.total_seconds()
            return ProviderResult(
                verdict=Verdict.FAILED if ended else Verdict.NO_ANSWER,
                provider_reference=attempt.provider_reference,
                outcome=outcomes.EXPIRED if ended else outcomes.UNKNOWN,
                result_code="RESOURCE_NOT_FOUND",
            )
        if paypal_reading.may_be_captured(order, attempt):
            return self._capture(order, attempt)
        result = paypal_reading.read_order(order, attempt.reference)
        if order.get("status") == "APPROVED" and result.outcome in (outcomes.WAITING_ON_PAGE, outcomes.GO_BACK_TO_PAGE):
            # Approved is something else than we asked for: not ours to take.
            return replace(result, verdict=Verdict.NO_ANSWER, outcome=outcomes.UNKNOWN, detail="the order differs")
        return result

    def _order(self, attempt: AttemptFacts) -> dict[str, Any] | None:
        answer = self.client.call("GET", _order_path(attempt))
        if answer.status == 404 and answer.name == "RESOURCE_NOT_FOUND":
            return None
        return _order_of(answer, attempt)

    def _capture(self, order: Mapping[str, Any], attempt: AttemptFacts) -> ProviderResult:
        """Capture an approved order.

        A repeat under one name is answered as before, also with a decline, so the name must change when the customer
        has gone back and chosen another card. PayPal shows that by ``update_time``, or by a capture that it declined;
        where neither tells, a few more names are tried as long as the order says that it is approved. That does no
        harm: an order is captured once, under whatever name.
        """
        first = 1 + len(paypal_reading.capture_statuses(order))
        changed = re.sub(r"[^0-9]", "", text(order.get("update_time"), 40))
        for number in range(first, first + _MOST_NAMES):
            answer = self.client.call(
                "POST",
                f"{_order_path(attempt)}/capture",
                request_id=f"capture:{attempt.reference}:{number}{changed and '-'}{changed}",
                read_timeout=CAPTURE_READ_TIMEOUT,
            )
            if answer.issue != "INSTRUMENT_DECLINED":
                break
            current = self._order(attempt)
            if current is None or not paypal_reading.may_be_captured(current, attempt):
                break
        return self._read_capture(answer, attempt)

    def _read_capture(self, answer: PayPalAnswer, attempt: AttemptFacts) -> ProviderResult:
        if answer.is_success and paypal_reading.capture_statuses(answer.body):
            return paypal_reading.read_order(_order_of(answer, attempt), attempt.reference)
        if answer.is_success or _LOOK_ISSUES.intersection(answer.issues) or answer.status == 409:
            return self._look_again(attempt)
        shared: dict[str, Any] = {
            "provider_reference": attempt.provider_reference,
            "result_code": answer.issue[:40],
            "detail": answer.detail,
        }
        if answer.issue in _OPEN_ISSUES:
            return ProviderResult(verdict=Verdict.IN_FLIGHT, outcome=_OPEN_ISSUES[answer.issue], **shared)
        if answer.issue in _FINAL_ISSUES:
            return ProviderResult(verdict=Verdict.FAILED, outcome=_FINAL_ISSUES[answer.issue], **shared)
        # DUPLICATE_INVOICE_ID among them: a payment with our reference exists, and this order does not show it.
        return ProviderResult(verdict=Verdict.NO_ANSWER, **shared)

    def _look_again(self, attempt: AttemptFacts) -> ProviderResult:
        order = self._order(attempt)
        if order is None:
            raise ProviderUnavailable("an order vanished")
        result = paypal_reading.read_order(order, attempt.reference)
        if result.verdict == Verdict.IN_FLIGHT:  # approved still: another process is capturing
            return replace(result, outcome=outcomes.PROVIDER_CHECKS)
        return result

    # --- giving back

    def refund(self, request: RefundRequest) -> TransferResult:
        if not request.receipt_number:
            return TransferResult(verdict=Verdict.FAILED, code="receipt_unknown")
        try:
            amount = paypal_reading.money(request.amount, request.currency)
        except AmountNotPayable as error:
            return TransferResult(verdict=Verdict.FAILED, code=error.code)
        body = {
            "amount": amount,  # always said: without it PayPal gives back whatever is left
            "custom_id": request.reference,
            "invoice_id": request.reference,
            "note_to_payer": f"Refund for order {request.order_number}" if request.order_number else "Refund",
        }
        path = f"/v2/payments/captures/{quote(request.receipt_number, safe='')}/refund"
        answer = self.client.call("POST", path, json=body, request_id=request.reference)
        if answer.status == 403:
            raise ProviderUnreachable(f"refund answered {answer.detail}")  # a right that staff must ask PayPal for
        if answer.is_refusal:
            return TransferResult(verdict=Verdict.FAILED, code=answer.issue[:40], detail=answer.detail)
        if not answer.is_success:
            raise ProviderUnavailable(f"refund answered {answer.detail}")
        return paypal_reading.read_refund(answer.body, request.receipt_number)

    def query_refund(self, request: RefundRequest) -> TransferResult:
        """Ask about a refund by PayPal's id. Without one there is nothing to ask by; sending it again tells."""
        if not request.provider_reference:
            return TransferResult(verdict=Verdict.NO_ANSWER)
        answer = self.client.call("GET", f"/v2/payments/refunds/{quote(request.provider_reference, safe='')}")
        if answer.is_refusal:
            return TransferResult(verdict=Verdict.NO_ANSWER, code=answer.issue[:40], detail=answer.detail)
        if not answer.is_success or answer.body.get("id") != request.provider_reference:
            raise ProviderUnavailable(f"refund answered {answer.detail}")
        return paypal_reading.read_refund(answer.body, request.receipt_number)

    # --- hearing from it

    def check_webhook(self, headers: Mapping[str, str], body: bytes) -> bool:
        return paypal_webhooks.check_webhook(self.client, headers, body)

    def read_webhook(self, body: bytes) -> Notice:
        return paypal_webhooks.read_webhook(body)

    def list_movements(self, since: datetime, until: datetime) -> Sequence[StatementEntry]:
        """Return nothing: PayPal's list of movements is another product, Transaction Search."""
        return ()


def _order_path(attempt: AttemptFacts) -> str:
    return f"/v2/checkout/orders/{quote(attempt.provider_reference, safe='')}"


def _order_of(answer: PayPalAnswer, attempt: AttemptFacts) -> dict[str, Any]:
    if not answer.is_success or answer.body.get("id") != attempt.provider_reference:
        raise ProviderUnavailable(f"order answered {answer.detail}")
    return answer.body
