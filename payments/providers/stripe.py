"""Cards through Stripe Checkout: a page of Stripe's for each attempt, asked about until it is decided.

Source: Stripe documentation, Checkout Sessions, Payment Intents, Refunds, API version 2026-10-28.endive. A status
that is not listed here means "outcome unknown", never "paid" and never "failed".
"""

import math
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit, urlunsplit

from payments import outcomes
from payments.exceptions import AmountNotPayable, ProviderUnavailable, ProviderUnreachable
from payments.providers import stripe_reading, stripe_webhooks
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
from payments.providers.stripe_client import KeyTaken, StripeApi, StripeFault, StripeRefused, page
from payments.providers.stripe_units import payable, to_units
from payments.providers.values import mapping, page_address, text

if TYPE_CHECKING:
    from stripe.params import RefundCreateParams
    from stripe.params.checkout import SessionCreateParams

# A page can be paid for 35 to 60 minutes (Stripe asks for 30 at least). Its end is one of these marks and not a moment
# of its own, because a repeat under the same key must have the same parameters.
_MARK = 25 * 60
_SHORTEST = 35 * 60
_LONGEST = _SHORTEST + _MARK
_EARLIER_MARKS = 2  # tried for a repeat that comes after the mark has moved
# An attempt that Stripe does not list by then has never arrived there.
_UNSEEN_AFTER = 120.0
_CLOCKS_DIFFER = 300
_SESSION_PAGES = 10
_REFUND_PAGES = 5
_MOVEMENT_PAGES = 200

_INTENT = ("latest_charge.balance_transaction",)
_QUERY_DELAYS = (20, 40, 60, 90, 150, 300, 600, 900, 1800, 2700, 3660, 5400, *range(7200, 86401, 3600))

_REFUSALS = {
    "amount_too_small": outcomes.AMOUNT_REFUSED,
    "amount_too_large": outcomes.AMOUNT_REFUSED,
}


class StripeProvider(PaymentProvider):
    name = "stripe"
    methods = ("card",)
    redirects = True
    initiate_is_repeatable = True  # Stripe keeps a key for 24 hours, and a page lives for one at most
    can_be_superseded = True
    sends_webhooks = True
    refund_is_repeatable = True
    movements_listed = ("received", "refunds")

    def __init__(self) -> None:
        self.api = StripeApi()

    def payable_amount(self, amount: Decimal, currency: str) -> Charge:
        return Charge(payable(amount, currency), currency)

    def query_delays(self) -> tuple[int, ...]:
        return _QUERY_DELAYS

    # --- collecting

    def initiate(self, request: InitiateRequest) -> InitiateResult:
        expires_at = _page_end(time.time())
        for earlier in range(_EARLIER_MARKS):
            try:
                return self._open_page(request, expires_at - earlier * _MARK)
            except KeyTaken:
                continue
        return self._open_page(request, expires_at - _EARLIER_MARKS * _MARK)

    def _open_page(self, request: InitiateRequest, expires_at: int) -> InitiateResult:
        metadata = {"reference": request.reference, "order": request.order_number}
        name = f"Order {request.order_number}"
        parameters: SessionCreateParams = {
            "mode": "payment",
            # One line with the total: what is added up by somebody else may come out differently.
            "line_items": [
                {
                    "quantity": 1,
                    "price_data": {
                        "currency": request.currency.lower(),
                        "unit_amount": to_units(request.amount, request.currency),
                        "product_data": {"name": name},
                    },
                }
            ],
            "allowed_payment_method_types": ["card"],
            "adaptive_pricing": {"enabled": False},  # it would offer to pay in another currency
            "success_url": _with_result(request.return_url, "completed"),
            "cancel_url": _with_result(request.return_url, "cancelled"),
            "client_reference_id": request.reference,
            "metadata": metadata,
            # Stripe does not copy the session's.
            "payment_intent_data": {"metadata": metadata, "description": name},
            "expires_at": expires_at,
        }
        if request.email:
            parameters["customer_email"] = request.email
        key = f"cs-create:{request.reference}"
        try:
            session = self.api.ask(lambda: self.api.v1.checkout.sessions.create(parameters, {"idempotency_key": key}))
        except StripeRefused as refused:
            outcome = _REFUSALS.get(refused.code, outcomes.MISCONFIGURED)
            return InitiateResult(accepted=False, outcome=outcome, detail=text(refused))
        except StripeFault as fault:
            session = self._find_open(request.reference, fault)
        session_id, url = text(session.get("id"), 100), page_address(session.get("url"))
        if not session_id or not url:
            raise ProviderUnavailable("a session without id or address")
        return InitiateResult(
            accepted=True, provider_reference=session_id, outcome=outcomes.WAITING_ON_PAGE, authorization_url=url
        )

    def _find_open(self, reference: str, fault: StripeFault) -> dict[str, Any]:
        """Return the page that was opened in spite of a fault; no repeat under its key would ever show its address."""
        try:
            found = self._sessions_of(reference, int(time.time()) - _LONGEST - _CLOCKS_DIFFER)
        except (StripeRefused, ProviderUnavailable):
            found = []
        if not found or found[0].get("status") != "open":
            raise fault
        return found[0]

    def query(self, attempt: AttemptFacts) -> ProviderResult:
        try:
            session_id = attempt.provider_reference or self._find_session(attempt)
            if not session_id:
                verdict = Verdict.NEVER_SEEN if attempt.age_seconds >= _UNSEEN_AFTER else Verdict.NO_ANSWER
                return ProviderResult(verdict=verdict)
            session = self._session(session_id)
        except StripeRefused as refused:
            # Also "no such session": an id that we were given does not vanish, so this tells of our key, not of money.
            return ProviderResult(
                verdict=Verdict.NO_ANSWER,
                provider_reference=attempt.provider_reference,
                result_code=refused.code,
                detail=refused.detail,
            )
        if session.get("id") != session_id:
            raise ProviderUnavailable("answered about another session")
        return stripe_reading.read_session(session, attempt.reference, is_live=self.api.is_live)

    def _session(self, session_id: str) -> dict[str, Any]:
        expand = [f"payment_intent.{path}" for path in _INTENT]
        session = self.api.ask(lambda: self.api.v1.checkout.sessions.retrieve(session_id, {"expand": expand}))
        intent_id = session.get("payment_intent")
        if stripe_reading.is_intent_id(intent_id):  # not expanded
            intent = self.api.ask(lambda: self.api.v1.payment_intents.retrieve(intent_id, {"expand": list(_INTENT)}))
            if intent.get("id") != intent_id:
                raise ProviderUnavailable("answered about another intent")
            session["payment_intent"] = intent
        return session

    def _find_session(self, attempt: AttemptFacts) -> str:
        if not math.isfinite(attempt.age_seconds):
            return ""
        found = self._sessions_of(attempt.reference, int(time.time() - attempt.age_seconds) - _CLOCKS_DIFFER)
        return text(found[0].get("id"), 100) if found else ""

    def _sessions_of(self, reference: str, since: int) -> list[dict[str, Any]]:
        """Look through the sessions since a moment; a list, unlike Stripe's search, does not lag behind."""
        found = [
            session
            for session in self.api.ask_all(
                lambda after: self.api.v1.checkout.sessions.list(page({"created": {"gte": since}}, after)),
                _SESSION_PAGES,
            )
            if session.get("client_reference_id") == reference
        ]
        return sorted(found, key=lambda session: session.get("payment_status") == "paid", reverse=True)

    def close(self, attempt: AttemptFacts) -> None:
        if not attempt.provider_reference:
            return  # nobody was ever given its address
        try:
            self.api.ask(lambda: self.api.v1.checkout.sessions.expire(attempt.provider_reference))
        except StripeRefused as refused:
            if refused.is_misconfigured:
                raise ProviderUnavailable(str(refused)) from refused
            # It is complete or has ended: a query tells which.

    # --- giving back

    def refund(self, request: RefundRequest) -> TransferResult:
        """Give money back, once: looked for first, because Stripe forgets a key after a day."""
        if not request.receipt_number:
            return TransferResult(verdict=Verdict.FAILED, code="receipt_unknown")
        try:
            refund = self._find_refund(request) or self._create_refund(request)
        except AmountNotPayable as error:
            return TransferResult(verdict=Verdict.FAILED, code=error.code)
        except StripeRefused as refused:
            if refused.is_misconfigured:
                raise ProviderUnreachable(str(refused)) from refused
            return TransferResult(verdict=Verdict.FAILED, code=refused.code, detail=refused.detail)
        return stripe_reading.read_refund(refund, request.receipt_number)

    def query_refund(self, request: RefundRequest) -> TransferResult:
        try:
            if request.provider_reference:
                refund: Mapping[str, Any] | None = self.api.ask(
                    lambda: self.api.v1.refunds.retrieve(request.provider_reference)
                )
            else:
                refund = self._find_refund(request)
        except StripeRefused as refused:
            return TransferResult(verdict=Verdict.NO_ANSWER, code=refused.code, detail=refused.detail)
        if refund is None:
            return TransferResult(verdict=Verdict.NEVER_SEEN)
        return stripe_reading.read_refund(refund, request.receipt_number)

    def _create_refund(self, request: RefundRequest) -> dict[str, Any]:
        parameters = _refunded(request.receipt_number) | {
            # Always said: without it Stripe gives back whatever is left.
            "amount": to_units(request.amount, request.currency),
            "reason": "requested_by_customer",
            "metadata": {"reference": request.reference, "order": request.order_number},
        }
        key = f"refund:{request.reference}"
        return self.api.ask(
            lambda: self.api.v1.refunds.create(cast("RefundCreateParams", parameters), {"idempotency_key": key})
        )

    def _find_refund(self, request: RefundRequest) -> dict[str, Any] | None:
        parameters = _refunded(request.receipt_number)
        refunds = self.api.ask_all(lambda after: self.api.v1.refunds.list(page(parameters, after)), _REFUND_PAGES)
        ours = (refund for refund in refunds if mapping(refund.get("metadata")).get("reference") == request.reference)
        return next(ours, None)

    # --- hearing from it

    def check_webhook(self, headers: Mapping[str, str], body: bytes) -> bool:
        return stripe_webhooks.check_webhook(headers.get("stripe-signature", ""), body)

    def read_webhook(self, body: bytes) -> Notice:
        return stripe_webhooks.read_webhook(body, is_live=self.api.is_live)

    def list_movements(self, since: datetime, until: datetime) -> Sequence[StatementEntry]:
        """Return the balance transactions made from ``since`` until just before ``until``."""
        created = {"gte": int(since.timestamp()), "lt": math.ceil(until.timestamp())}
        parameters = {"created": created, "expand": ["data.source"]}
        try:
            return tuple(
                stripe_reading.read_movement(movement)
                for movement in self.api.ask_all(
                    lambda after: self.api.v1.balance_transactions.list(page(parameters, after)),
                    _MOVEMENT_PAGES,
                )
            )
        except StripeRefused as refused:
            raise ProviderUnavailable(str(refused)) from refused


def _page_end(now: float) -> int:
    return math.ceil((now + _SHORTEST) / _MARK) * _MARK


def _with_result(url: str, result: str) -> str:
    """Return the address with how the page was left: a word for the customer's eyes, and no proof of anything."""
    parts = urlsplit(url)
    query = f"{parts.query}&checkout={result}" if parts.query else f"checkout={result}"
    return urlunsplit(parts._replace(query=query))


def _refunded(receipt_number: str) -> dict[str, Any]:
    """Return what a refund refers to: our receipts are intents, while a movement without one is known as a charge."""
    return {"payment_intent" if receipt_number.startswith("pi_") else "charge": receipt_number}
