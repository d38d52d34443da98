"""``/v1/transaction``: making links, asking about them, closing them."""

from collections.abc import Awaitable, Callable
from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from simulator.chapa.events import Events
from simulator.chapa.fault_kinds import CANCEL, READ, START, VERIFY, faults_of
from simulator.chapa.models import Payment
from simulator.chapa.money import CURRENCIES
from simulator.chapa.objects import OTHER_MODE, altered, listed, verify_data
from simulator.chapa.payments import Payments, used_before
from simulator.chapa.validation import read_start
from simulator.chapa.wire import WORDING, ChapaError, Fields, Handler, envelope, read_fields
from simulator.faults import FaultBox
from simulator.transport import Struck

PAGE_SIZE = 10


class PaymentApi:
    def __init__(self, payments: Payments, events: Events, faults: FaultBox) -> None:
        self._payments = payments
        self._events = events
        self._faults = faults

    def routes(self, guard: Callable[[Handler], Handler]) -> list[Route]:
        return [
            Route("/v1/transaction/initialize", guard(self.initialize), methods=["POST"]),
            Route("/v1/transaction/mobile-initialize", guard(self.initialize), methods=["POST"]),
            Route("/v1/transaction/verify/{tx_ref}", guard(self.verify), methods=["GET"]),
            Route("/v1/transaction/cancel/{tx_ref}", guard(self.cancel), methods=["PUT"]),
            Route("/v1/transaction/events/{reference}", guard(self.log), methods=["GET"]),
            Route("/v1/transactions", guard(self.list_all), methods=["GET"]),
            Route("/v1/currency_supported", guard(self.currencies), methods=["GET"]),
        ]

    async def initialize(self, request: Request) -> Response:
        start = read_start(await read_fields(request))
        if self._payments.find(start.tx_ref):
            raise used_before()
        # Only a start that would be accepted uses up a queued scenario.
        struck = Struck(START, self._faults.draw(START, reference=start.tx_ref), WORDING)
        if struck.get("chapa_initialize_disabled"):
            raise ChapaError(404, "Payments through API is disabled, please contact us")
        if instead := await struck.instead():
            return instead
        payment = self._payments.open(start, struck.faults)
        if struck.get("chapa_initialize_used_before"):
            self._payments.release(start.tx_ref)
            raise used_before()
        url = f"{request.url.scheme}://{request.url.netloc}/checkout/chapa/{payment.code}"
        early: Callable[[], Awaitable[None]] | None = None
        if fault := struck.get("chapa_webhook_early"):
            early = partial(self._events.wait_for_first, payment.reference, fault.parameters["seconds"])
        right = envelope("Hosted Link", {"checkout_url": url})
        return await struck.answer(right, partial(self._payments.release, start.tx_ref), early)

    # --- asking

    async def verify(self, request: Request) -> Response:
        tx_ref: str = request.path_params["tx_ref"]
        struck = self._struck_question(tx_ref)
        if instead := await struck.instead():
            return instead
        _refuse_question(struck, self._payments.mode)
        payment = self._payments.get(tx_ref)
        claimed = self._claimed_status(payment, struck)
        if not claimed:
            raise ChapaError(404, "Payment not paid yet", "null")
        data: Fields = {**verify_data(payment, self._payments.mode), "status": claimed}
        shown = altered(data, "chapa_verify", {fault.name: fault for fault in struck.faults})
        return await struck.answer(envelope("Payment details", shown))

    def _claimed_status(self, payment: Payment, struck: Struck) -> str:
        if other := struck.get("chapa_verify_other_status"):
            text: str = other.parameters["status"]
            return text
        if struck.get("chapa_verify_pending"):
            return "pending"
        if struck.get("chapa_verify_failed"):
            return "failed/cancelled"
        return payment.status.upper() if struck.get("chapa_verify_upper_case") else payment.status

    def _struck_question(self, tx_ref: str) -> Struck:
        """Draw the fault that came with a payment for this question, else what strikes any question."""
        if payment := self._payments.find(tx_ref):
            earlier = self._payments.count_verify(payment)
            attached = faults_of(VERIFY, payment.faults)
            if earlier < len(attached):
                return Struck(VERIFY, (attached[earlier],), WORDING)
        return Struck(VERIFY, self._faults.draw(VERIFY, reference=tx_ref), WORDING)

    async def log(self, request: Request) -> Response:
        struck = Struck(READ, self._faults.draw(READ), WORDING)
        if instead := await struck.instead():
            return instead
        payment = self._payments.by_reference(request.path_params["reference"])
        if payment is None:
            raise ChapaError(404, "Transaction not found")
        return await struck.answer(envelope("Timeline fetched successfully", payment.log))

    async def list_all(self, request: Request) -> Response:
        """List payments, newest first, page by page."""
        struck = Struck(READ, self._faults.draw(READ), WORDING)
        if instead := await struck.instead():
            return instead
        rows = self._payments.listing()[::-1]
        page = page_number(request)
        address = f"{request.url.scheme}://{request.url.netloc}{request.url.path}?page="
        start = (page - 1) * PAGE_SIZE
        more = start + PAGE_SIZE < len(rows)
        data = {
            "transactions": [listed(payment) for payment in rows[start : start + PAGE_SIZE]],
            "pagination": {
                "per_page": PAGE_SIZE,
                "current_page": page,
                "first_page_url": f"{address}1",
                "next_page_url": f"{address}{page + 1}" if more else None,
                "prev_page_url": f"{address}{page - 1}" if page > 1 else None,
            },
        }
        return await struck.answer(envelope("Transactions retrieved successfully", data))

    async def currencies(self, _: Request) -> Response:
        return envelope("Supported currencies", list(CURRENCIES))

    # --- closing

    async def cancel(self, request: Request) -> Response:
        payment = self._open(request.path_params["tx_ref"])
        struck = Struck(CANCEL, self._faults.draw(CANCEL, reference=payment.tx_ref), WORDING)
        if instead := await struck.instead():
            return instead
        self._payments.cancel(self._open(payment.tx_ref))  # it may have been paid meanwhile
        return await struck.answer(envelope("Checkout link expired successfully", None))

    def _open(self, tx_ref: str) -> Payment:
        payment = self._payments.get(tx_ref)
        if payment.is_paid:
            raise ChapaError(400, "Payment has already been made")
        if payment.page != "open":
            raise ChapaError(400, "Payment link already expired")
        return payment


def _refuse_question(struck: Struck, mode: str) -> None:
    """Raise what a fault says in place of the answer; ``mode`` is the key's.

    Raises:
        ChapaError: there is such a fault.
    """
    if struck.get("chapa_verify_unknown"):
        raise ChapaError(404, "Invalid transaction or Transaction not found")
    if struck.get("chapa_verify_not_paid"):
        raise ChapaError(404, "Payment not paid yet", "null")
    if struck.get("chapa_verify_null_status"):
        raise ChapaError(404, "Payment not paid yet", None)
    if struck.get("chapa_verify_wrong_mode_401"):
        other = OTHER_MODE[mode]
        raise ChapaError(401, f"{mode.capitalize()} secret keys can't be used to verify a {other} transaction")
    if struck.get("chapa_verify_message_object"):
        raise ChapaError(400, {"tx_ref": ["validation.exists"]})


def page_number(request: Request) -> int:
    text = request.query_params.get("page", "1")
    return int(text) if text.isascii() and text.isdecimal() and 0 < len(text) < 7 and int(text) > 0 else 1
