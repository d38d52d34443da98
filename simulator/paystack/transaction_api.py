"""``/transaction`` and ``/charge``: starting payments and asking about them."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from simulator.faults import FaultBox
from simulator.msisdn import normalise_msisdn
from simulator.paystack.charges import STEPS, read_charge, step_data
from simulator.paystack.events import Events
from simulator.paystack.fault_kinds import READ, START, SUBMIT, VERIFY, faults_of
from simulator.paystack.instruments import CONFIRM, SAVED_CARD, WRONG_CODE
from simulator.paystack.models import Transaction
from simulator.paystack.objects import altered
from simulator.paystack.transactions import Transactions, duplicate_reference
from simulator.paystack.validation import Start, read_hosted, text_of
from simulator.paystack.wire import (
    WORDING,
    Fields,
    Handler,
    PaystackError,
    envelope,
    invalid,
    missing,
    not_found,
    page_of,
    read_fields,
)
from simulator.transport import Struck

Answer = Callable[[Transaction], Response]


class TransactionApi:
    def __init__(self, transactions: Transactions, events: Events, faults: FaultBox) -> None:
        self._transactions = transactions
        self._events = events
        self._faults = faults

    def routes(self, guard: Callable[[Handler], Handler]) -> list[Route]:
        submits = [
            Route(f"/charge/submit_{step.removeprefix('send_')}", guard(partial(self.submit, step)), methods=["POST"])
            for step in STEPS
        ]
        return [
            Route("/transaction/initialize", guard(self.initialize), methods=["POST"]),
            Route("/transaction/charge_authorization", guard(self.charge_authorization), methods=["POST"]),
            Route("/transaction/verify/{reference}", guard(self.verify), methods=["GET"]),
            Route("/transaction", guard(self.list_all), methods=["GET"]),
            Route("/transaction/{id}", guard(self.fetch), methods=["GET"]),
            Route("/charge", guard(self.charge), methods=["POST"]),
            *submits,
            Route("/charge/{reference}", guard(self.check), methods=["GET"]),
        ]

    # --- starting

    async def initialize(self, request: Request) -> Response:
        return await self._start(request, read_hosted(await read_fields(request)))

    async def charge(self, request: Request) -> Response:
        return await self._start(request, read_charge(await read_fields(request)))

    async def charge_authorization(self, request: Request) -> Response:
        fields = await read_fields(request)
        if not fields.get("authorization_code"):
            raise missing("authorization_code is required", "Provide the code of a saved card")
        return await self._start(request, read_charge(fields))

    async def _start(self, request: Request, start: Start) -> Response:
        if self._transactions.has(start.reference):
            raise duplicate_reference()
        # Only a start that would be accepted uses up a queued scenario.
        drawn = self._faults.draw(START, normalise_msisdn(start.phone or ""), start.reference)
        struck = Struck(START, drawn, WORDING)
        if struck.get("paystack_initialize_duplicate_short"):
            raise PaystackError(400, "Duplicate Transaction Reference")
        if instead := await struck.instead():
            return instead
        if start.direct:
            start = _as_struck(start, struck)
        address = request.client.host if request.client else "127.0.0.1"
        transaction = self._transactions.open(start, drawn, address)
        right = self._charged(request, transaction, struck) if start.direct else _opened(request, transaction)
        early: Callable[[], Awaitable[None]] | None = None
        if fault := struck.get("paystack_webhook_early"):
            early = partial(self._events.wait_for_first, str(transaction.id), fault.parameters["seconds"])
        return await struck.answer(right, partial(self._transactions.release, start.reference), early)

    def _charged(self, request: Request, transaction: Transaction, struck: Struck) -> Response:
        if transaction.details.get("authorization_code"):
            return self._whole(self._transactions.pay(transaction, SAVED_CARD))
        if struck.get("paystack_charge_whole"):
            paying = next((choice for choice in transaction.choices() if choice.outcome == "paid"), CONFIRM)
            return self._whole(self._transactions.pay(transaction, paying))
        return _next_step(request, transaction)

    def _whole(self, transaction: Transaction) -> Response:
        data = self._transactions.describe(transaction)
        authorization = dict(data["authorization"])
        # Numbers here, text elsewhere. Source: Paystack's samples.
        authorization.update({name: int(authorization[name]) for name in ("exp_month", "exp_year")})
        return envelope("Charge attempted", {**data, "authorization": authorization})

    # --- what the customer tells the merchant

    async def submit(self, step: str, request: Request) -> Response:
        """Take a PIN, an OTP, a phone number, a birthday or an address."""
        fields = await read_fields(request)
        reference = text_of(fields, "reference", required=True)
        value = _submitted(step, fields)
        self._waiting_for(step, reference)
        struck = Struck(SUBMIT, self._faults.draw(SUBMIT, reference=reference), WORDING)
        if instead := await struck.instead():
            return instead
        transaction = self._waiting_for(step, reference)
        if step == "send_otp" and value != transaction.details.get("otp", value):
            failed = self._transactions.fail(transaction, WRONG_CODE)
            data = {"reference": reference, "status": "failed", "message": failed.message}
            return await struck.answer(envelope("Charge attempted", data))
        steps: list[str] = transaction.details.get("then", [])
        following = steps[steps.index(step) + 1 :] if step in steps else steps
        if following:
            transaction = self._transactions.wait_for(reference, following[0])
            return await struck.answer(_next_step(request, transaction))
        return await struck.answer(self._whole(self._transactions.pay(transaction, CONFIRM)))

    def _waiting_for(self, step: str, reference: str) -> Transaction:
        transaction = self._transactions.find(reference)
        if transaction is None:
            raise PaystackError(400, "Transaction reference is invalid")
        if transaction.page != "open" or transaction.step != step:
            raise PaystackError(400, "Charge attempt cannot be fulfilled", "invalid_params")
        return transaction

    # --- asking

    async def verify(self, request: Request) -> Response:
        reference: str = request.path_params["reference"]
        struck = self._struck_question(reference)
        if instead := await struck.instead():
            return instead
        transaction = self._known(reference, struck)
        return await struck.answer(envelope("Verification successful", self._shown(transaction, struck)))

    async def check(self, request: Request) -> Response:
        """Answer ``GET /charge/:reference``: the whole transaction, or why there is none yet."""
        reference: str = request.path_params["reference"]
        struck = self._struck_question(reference)
        if instead := await struck.instead():
            return instead
        transaction = self._transactions.find(reference)
        if transaction is None or struck.get("paystack_verify_not_found"):
            raise PaystackError(400, "Transaction reference is invalid")
        message = "Reference check successful"
        if transaction.is_paid:
            return await struck.answer(envelope(message, self._shown(transaction, struck)))
        data: Fields = {"reference": reference, "status": transaction.status}
        if transaction.page in ("failed", "expired"):
            data["status"] = "timeout" if transaction.page == "expired" else "failed"
            data["message"] = transaction.message
        elif transaction.direct and transaction.page == "open" and transaction.step not in ("pay_offline", "pending"):
            step, details = transaction.step, transaction.details
            data = step_data(reference, step, transaction.requested, details, page_url(request, transaction))
        return await struck.answer(envelope(message, data))

    async def fetch(self, request: Request) -> Response:
        wanted: str = request.path_params["id"]
        transaction = self._transactions.find(wanted) if wanted.isdecimal() else None
        struck = self._struck_question(transaction.reference if transaction else wanted)
        if instead := await struck.instead():
            return instead
        transaction = self._known(transaction.reference if transaction else wanted, struck)
        if str(transaction.id) != wanted:
            raise not_found("Transaction not found", "transaction_not_found")
        return await struck.answer(envelope("Transaction retrieved", self._shown(transaction, struck)))

    async def list_all(self, request: Request) -> Response:
        """List transactions, newest first, by ``status, from, to, customer, amount, reference``."""
        struck = Struck(READ, self._faults.draw(READ), WORDING)
        if instead := await struck.instead():
            return instead
        rows = [row for row in reversed(self._transactions.listing()) if self._matches(request, row)]
        return await struck.answer(page_of(request, rows, self._transactions.describe, "Transactions retrieved"))

    def _matches(self, request: Request, row: Transaction) -> bool:
        asked = request.query_params
        customer = self._transactions.customer(row)
        return (
            asked.get("status", row.status) == row.status
            and asked.get("amount", str(row.amount)) == str(row.amount)
            and asked.get("currency", row.currency) == row.currency
            and asked.get("reference", row.reference) == row.reference
            and asked.get("customer", str(customer["id"])) == str(customer["id"])
            and moment_of(request, "from", 0.0) <= row.created_at <= moment_of(request, "to", 1e12)
        )

    def _struck_question(self, reference: str) -> Struck:
        """Draw the fault that came with a payment for this question, else what strikes any question."""
        if transaction := self._transactions.find(reference):
            earlier = self._transactions.count_verify(transaction)
            attached = faults_of(VERIFY, transaction.faults)
            if earlier < len(attached):
                return Struck(VERIFY, (attached[earlier],), WORDING)
        return Struck(VERIFY, self._faults.draw(VERIFY, reference=reference), WORDING)

    def _known(self, reference: str, struck: Struck) -> Transaction:
        transaction = self._transactions.find(reference)
        if struck.get("paystack_verify_not_found_400"):
            raise PaystackError(400, "Transaction not found", "transaction_not_found")
        if transaction is None or struck.get("paystack_verify_not_found"):
            raise not_found("Transaction reference not found", "transaction_not_found")
        return transaction

    def _shown(self, transaction: Transaction, struck: Struck) -> Fields:
        """Return what this question is told: the truth, or what a fault makes of it."""
        shown = transaction
        for status in ("abandoned", "ongoing", "failed"):
            if struck.get(f"paystack_verify_{status}"):
                shown = replace(
                    transaction,
                    status=status,
                    gateway_response="Declined" if status == "failed" else "The transaction was not completed",
                    instrument="",
                    fees=None,
                    paid_at=None,
                )
        data = self._transactions.describe(shown)
        if other := struck.get("paystack_verify_other_status"):
            data["status"] = other.parameters["status"]
        if struck.get("paystack_verify_without_requested_amount"):
            del data["requested_amount"]
        return altered(data, "paystack_verify", {fault.name: fault for fault in struck.faults})


def page_url(request: Request, transaction: Transaction) -> str:
    """Return the address of a transaction's page, on the host that the merchant called."""
    return f"{request.url.scheme}://{request.url.netloc}/checkout/paystack/{transaction.access_code}"


def moment_of(request: Request, name: str, default: float) -> float:
    """Read an ISO 8601 date or moment from the query.

    Raises:
        PaystackError: it is none.
    """
    text = request.query_params.get(name)
    if not text:
        return default
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise invalid(f"Invalid {name} passed", "Use an ISO 8601 date") from error
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _opened(request: Request, transaction: Transaction) -> Response:
    return envelope(
        "Authorization URL created",
        {
            "authorization_url": page_url(request, transaction),
            "access_code": transaction.access_code,
            "reference": transaction.reference,
        },
    )


def _next_step(request: Request, transaction: Transaction) -> Response:
    data = step_data(
        transaction.reference,
        transaction.step,
        transaction.requested,
        transaction.details,
        page_url(request, transaction),
    )
    return envelope("Charge attempted", data)


def _as_struck(start: Start, struck: Struck) -> Start:
    """Return a charge with the first step that a fault gives it."""
    if not start.step:
        return start
    if struck.get("paystack_charge_pending"):
        return replace(start, step="pending")
    if asks := struck.get("paystack_charge_asks"):
        step = asks.parameters["step"]
        if step in STEPS:
            return replace(start, step=step, details={**start.details, "then": []})
    return start


def _submitted(step: str, fields: Fields) -> str:
    """Return what was submitted for a step.

    Raises:
        PaystackError: it is missing, or not in its form.
    """
    if step == "send_address":
        return ", ".join(text_of(fields, name, required=True) for name in ("address", "city", "state", "zip_code"))
    name = step.removeprefix("send_")
    value = text_of(fields, name, required=True)
    forms = {"pin": r"[0-9]{4}", "otp": r"[0-9]{4,8}", "phone": r"\+?[0-9]{9,15}", "birthday": r"\d{4}-\d{2}-\d{2}"}
    if not re.fullmatch(forms[name], value):
        raise invalid(f"Invalid {name} passed")
    return value
