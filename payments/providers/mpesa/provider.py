"""M-Pesa as a payment provider: what it can do, made of the modules beside this one."""

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.conf import settings

from ecommerce.money import whole_units
from payments import outcomes
from payments.exceptions import AmountNotPayable, ProviderUnavailable
from payments.providers.base import (
    AttemptFacts,
    Charge,
    InitiateRequest,
    InitiateResult,
    PaymentProvider,
    PayoutRequest,
    ProviderResult,
    RefundRequest,
    StatementEntry,
    TransferResult,
    Verdict,
)
from payments.providers.mpesa import c2b, pull, results, stk, transfers
from payments.providers.mpesa.client import DarajaAnswer, DarajaClient
from payments.providers.mpesa.initiator import Initiator
from payments.providers.mpesa.reading import CURRENCY, clean, wire_msisdn
from payments.providers.values import text

logger = logging.getLogger(__name__)


class MpesaProvider(PaymentProvider):
    name = "mpesa"
    methods = ("mpesa",)
    # A reversal can happen to a receipt only once; a B2C payment carries our reference as its key.
    refund_is_repeatable = True
    payout_is_repeatable = True
    movements_listed = ("received",)
    movements_reach_back = pull.REACHES_BACK

    def __init__(self) -> None:
        self.settings: Mapping[str, Any] = settings.MPESA
        self.client = DarajaClient(self.settings)
        self.initiator = Initiator(self.settings)
        self.can_pay_out = self.initiator.is_configured
        self.shortcode: str = self.settings["SHORTCODE"]
        # For a till the money goes to the till, while the shortcode is the head office's.
        self.receiver: str = self.settings["TILL_NUMBER"] or self.shortcode
        self.paying_shortcode: str = self.settings["B2C_SHORTCODE"] or self.shortcode

    # --- collecting by STK push

    def payable_amount(self, amount: Decimal, currency: str) -> Charge:
        """M-Pesa takes whole shillings. Source: Daraja, M-Pesa Express, ``Amount``."""
        if currency != CURRENCY or not amount.is_finite():
            raise AmountNotPayable()
        whole = whole_units(amount)
        if not 1 <= whole <= self.settings["MAX_AMOUNT"]:
            raise AmountNotPayable()
        return Charge(whole, CURRENCY)

    def query_delays(self) -> tuple[int, ...]:
        return stk.QUERY_DELAYS

    def initiate(self, request: InitiateRequest) -> InitiateResult:
        msisdn = wire_msisdn(request.phone_number)
        if not msisdn:
            return InitiateResult(accepted=False, outcome=outcomes.REFUSED_PHONE, detail="not a Kenyan mobile number")
        body = {
            **stk.signature(self.settings),
            "TransactionType": self.settings["TRANSACTION_TYPE"],
            "Amount": int(request.amount),
            "PartyA": msisdn,
            "PartyB": self.receiver,
            "PhoneNumber": msisdn,
            "CallBackURL": request.callback_url,
            "AccountReference": clean(request.order_number, 12),
            "TransactionDesc": "Order",
        }
        return stk.read_push_answer(self.client.post(stk.PUSH_PATH, body))

    def query(self, attempt: AttemptFacts) -> ProviderResult:
        asked = attempt.provider_reference
        if not asked:  # lost with the push's answer; nothing else can be asked for
            return ProviderResult(verdict=Verdict.NO_ANSWER, outcome=outcomes.WAITING)
        body = {**stk.signature(self.settings), "CheckoutRequestID": asked}
        return stk.read_query_answer(self.client.post(stk.QUERY_PATH, body), asked, attempt.age_seconds)

    def parse_callback(self, body: bytes) -> ProviderResult:
        """Read what was posted to an attempt's ``callback_url``.

        Raises:
            UnreadableEvent: it has no known shape.
        """
        return stk.parse_callback(body)

    # --- paybill and till payments

    def parse_c2b(self, body: bytes) -> c2b.C2BPayment:
        """Raises: UnreadableEvent: it has no known shape."""
        return c2b.parse_c2b(body)

    def register_urls(self, confirmation_url: str, validation_url: str) -> c2b.Registration:
        """Tell Safaricom where to report payments that customers start. In production this works once.

        Raises:
            ProviderUnavailable: nobody knows whether the addresses are registered.
        """
        body = c2b.registration(self.shortcode, confirmation_url, validation_url)
        return c2b.read_registration(self.client.post(c2b.REGISTER_PATH, body))

    # --- giving back, paying out

    def refund(self, request: RefundRequest) -> TransferResult:
        """Give money back: a whole receipt by reversal, a part of one by a payment to the payer's phone.

        Whether a part can be reversed is not sure, so that is never tried. What M-Pesa cannot carry is left to a
        person, and then stays with the person, who may have paid it back by hand already.
        """
        route = request.route or self._refund_route(request)
        if route == transfers.BY_HAND or not self.initiator.is_configured:
            return _by_hand(request.route, "to be paid back by hand")
        if reason := transfers.unpayable_reason(request, route):
            return _by_hand(request.route, reason)
        self.initiator.check()
        if route == transfers.REVERSAL:
            body = transfers.reversal_body(request, self.initiator, self.shortcode)
            return transfers.read_acknowledgement(
                self.client.post(transfers.REVERSAL_PATH, body), reference="", route=route
            )
        return self._pay(request, remarks=f"Refund {request.order_number}", occasion=request.order_number)

    def query_refund(self, request: RefundRequest) -> TransferResult:
        """Ask about a refund; the answer comes to ``result_url``."""
        route = request.route or self._refund_route(request)
        if route == transfers.BY_HAND or not self.initiator.is_configured:
            return _by_hand(request.route, "to be paid back by hand")
        if route == transfers.B2C:
            return self._ask_about(request.reference, self.paying_shortcode, request.result_url, route)
        if request.provider_reference:
            return self._ask_about(request.provider_reference, self.shortcode, request.result_url, route)
        # Its acknowledgement was lost, and with it the only name to ask by. Sending it again is harmless.
        return TransferResult(verdict=Verdict.NO_ANSWER, route=route)

    def pay_out(self, request: PayoutRequest) -> TransferResult:
        if not self.initiator.is_configured:
            return _by_hand("", "to be paid by hand")
        if reason := transfers.unpayable_reason(request, transfers.B2C):
            return _by_hand("", reason)
        self.initiator.check()
        return self._pay(request, remarks=request.reason or "Payout", occasion=request.reference)

    def query_payout(self, request: PayoutRequest) -> TransferResult:
        """Ask about a payout; the answer comes to ``result_url``."""
        if not self.initiator.is_configured:
            return _by_hand("", "to be paid by hand")
        return self._ask_about(request.reference, self.paying_shortcode, request.result_url, transfers.B2C)

    def parse_result(self, body: bytes, request: RefundRequest | PayoutRequest) -> TransferResult:
        """Read what was posted to the ``result_url`` of a refund or payout: its end, or the answer to a question.

        What comes to the time-out address beside it says nothing: the transfer is as unknown as before.

        Raises:
            UnreadableEvent: it has no known shape.
        """
        result = self._note(results.read_result(body))
        route = request.route if isinstance(request, RefundRequest) else transfers.B2C
        if not route and isinstance(request, RefundRequest):  # the result was faster than the acknowledgement
            route = self._refund_route(request)
        return results.read_transfer(
            result, reference=request.reference, provider_reference=request.provider_reference, route=route
        )

    # --- questions about a receipt, and about our accounts

    def ask_receipt(self, receipt_number: str, result_url: str) -> bool:
        """Ask about a receipt that somebody claims to have paid with; the answer comes to ``result_url``.

        Return False when there is no initiator to ask as.

        Raises:
            ProviderUnavailable: the question was not taken.
        """
        if not self.initiator.is_configured:
            return False
        self._ask_status({"TransactionID": receipt_number}, self.shortcode, result_url)
        return True

    def read_status_result(self, body: bytes) -> results.StatusResult:
        """Read the answer to ``ask_receipt``. Believe only what is ``paid_to_us``.

        Raises:
            UnreadableEvent: it has no known shape.
        """
        return results.read_status(self._note(results.read_result(body)), (self.shortcode, self.receiver))

    def ask_balance(self, result_url: str) -> str:
        """Ask for our accounts' balances; the answer comes to ``result_url``.

        Return the conversation's id, empty when there is no initiator to ask as. Errors as for ``ask_receipt``.
        """
        if not self.initiator.is_configured:
            return ""
        body = transfers.balance_body(self.initiator, self.shortcode, result_url)
        answer = self._ask(transfers.BALANCE_PATH, body, "balance")
        return text(answer.body.get("OriginatorConversationID"), 100)

    def read_balance_result(self, body: bytes) -> tuple[results.Result, tuple[results.AccountBalance, ...]]:
        """Return the answer to ``ask_balance``, and our accounts, none when the question failed.

        Raises:
            UnreadableEvent: it has no known shape.
        """
        result = self._note(results.read_result(body))
        return result, results.read_balances(result)

    # --- Safaricom's own books

    def list_movements(self, since: datetime, until: datetime) -> Sequence[StatementEntry]:
        """Return what customers have paid, of the last 48 hours; nothing where the shortcode is not registered."""
        return pull.list_received(
            lambda body: self.client.post(pull.QUERY_PATH, body), self.shortcode, since=since, until=until
        )

    def register_pull(self, phone_number: str, callback_url: str) -> bool:
        """Register the shortcode for ``list_movements``; ``phone_number`` is the one Safaricom has on record for it.

        Raises:
            ProviderUnavailable: no answer.
        """
        body = pull.registration(self.shortcode, wire_msisdn(phone_number), callback_url)
        return pull.is_registered(self.client.post(pull.REGISTER_PATH, body))

    # --- parts of the above

    def _refund_route(self, request: RefundRequest) -> str:
        if not self.initiator.is_configured:
            return transfers.BY_HAND
        return transfers.REVERSAL if request.is_whole and request.receipt_number else transfers.B2C

    def _pay(self, request: RefundRequest | PayoutRequest, *, remarks: str, occasion: str) -> TransferResult:
        body = transfers.payment_body(
            request, self.initiator, self.paying_shortcode, remarks=remarks, occasion=occasion
        )
        return transfers.read_acknowledgement(
            self.client.post(transfers.B2C_PATH, body), reference=request.reference, route=transfers.B2C
        )

    def _ask_about(self, conversation_id: str, shortcode: str, result_url: str, route: str) -> TransferResult:
        self._ask_status({"OriginalConversationID": conversation_id}, shortcode, result_url)
        return TransferResult(verdict=Verdict.IN_FLIGHT, provider_reference=conversation_id, route=route)

    def _ask_status(self, asked: Mapping[str, str], shortcode: str, result_url: str) -> None:
        self._ask(transfers.STATUS_PATH, transfers.status_body(self.initiator, shortcode, result_url, asked), "status")

    def _ask(self, path: str, body: Mapping[str, Any], what: str) -> DarajaAnswer:
        """Raises: ProviderUnavailable: the question was not taken."""
        self.initiator.check()
        answer = self.client.post(path, body)
        if not answer.accepted:
            if transfers.refusal_of(answer):
                logger.error("mpesa_question_refused", extra={"question": what, "error_code": answer.error_code})
            raise ProviderUnavailable(f"{what} question answered {answer.status} {answer.error_code}".strip())
        return answer

    def _note(self, result: results.Result) -> results.Result:
        self.initiator.note_result(result.code, result.conversation_id)
        if result.code in results.OWN_FAULTS:
            logger.error("mpesa_result_own_fault", extra={"code": result.code})
        return result


def _by_hand(route: str, reason: str) -> TransferResult:
    return TransferResult(verdict=Verdict.IN_FLIGHT, route=route or transfers.BY_HAND, needs_person=True, detail=reason)
