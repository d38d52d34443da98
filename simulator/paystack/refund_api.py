"""``/refund``: giving money back."""

from collections.abc import Callable
from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from simulator.documents import Document
from simulator.faults import Fault, FaultBox
from simulator.paystack.fault_kinds import READ, REFUND, faults_of
from simulator.paystack.models import Transaction
from simulator.paystack.objects import INTEGRATION
from simulator.paystack.refunds import Refunds, shown
from simulator.paystack.transactions import Transactions
from simulator.paystack.validation import read_amount, text_of
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


class RefundApi:
    def __init__(self, transactions: Transactions, refunds: Refunds, faults: FaultBox) -> None:
        self._transactions = transactions
        self._refunds = refunds
        self._faults = faults

    def routes(self, guard: Callable[[Handler], Handler]) -> list[Route]:
        return [
            Route("/refund", guard(self.create), methods=["POST"]),
            Route("/refund", guard(self.list_all), methods=["GET"]),
            Route("/refund/{id}", guard(self.fetch), methods=["GET"]),
            Route("/refund/retry_with_customer_details/{id}", guard(self.retry), methods=["POST"]),
        ]

    async def create(self, request: Request) -> Response:
        fields = await read_fields(request)
        transaction, amount = self._read(fields)
        struck = Struck(REFUND, self._draw(transaction), WORDING)
        if instead := await struck.instead():
            return instead
        transaction, amount = self._read(fields)  # another refund may have come meanwhile
        self._transactions.count_refund(transaction)
        refund = self._refunds.create(
            transaction,
            amount,
            struck.faults,
            customer_note=text_of(fields, "customer_note"),
            merchant_note=text_of(fields, "merchant_note"),
        )
        right = envelope("Refund has been queued for processing", self._queued(refund, transaction))
        return await struck.answer(right, partial(self._refunds.release, refund["id"]))

    def _read(self, fields: Fields) -> tuple[Transaction, int]:
        """Return what is to be refunded, and how many hundredths of it.

        Raises:
            PaystackError: it is unknown, not paid, or less than that is left.
        """
        wanted = text_of(fields, "transaction", required=True)
        transaction = self._transactions.find(wanted)
        if transaction is None:
            raise not_found("Transaction not found", "transaction_not_found")
        if not transaction.is_paid:
            raise invalid("Transaction cannot be refunded", "Ensure that the transaction was successful")
        if fields.get("currency") not in (None, "", transaction.currency):
            raise invalid("Currency does not match the transaction", "Use the currency of the transaction")
        left = self._refunds.left(transaction)
        if left < 1:
            raise invalid("Transaction has been fully reversed", "Nothing is left to refund")
        if fields.get("amount") in (None, ""):
            return transaction, left
        amount = read_amount(fields["amount"])
        if amount > left:
            raise invalid("Refund amount cannot be more than the transaction amount", f"{left} is left")
        return transaction, amount

    def _draw(self, transaction: Transaction) -> tuple[Fault, ...]:
        """Return the faults that came with the payment for its first refund, else what strikes any refund."""
        attached = faults_of(REFUND, transaction.faults)
        if attached and transaction.refunds == 0:
            return attached
        return self._faults.draw(REFUND, reference=transaction.reference)

    def _queued(self, refund: Document, transaction: Transaction) -> Fields:
        """Return a new refund with its transaction in full, as no other answer has it."""
        data = self._transactions.describe(transaction)
        names = ("id", "domain", "reference", "amount", "paid_at", "paidAt", "channel", "currency")
        return {
            "id": refund["id"],
            "status": "pending",
            "amount": refund["amount"],
            "deducted_amount": 0,
            "fully_deducted": False,
            "currency": refund["currency"],
            "domain": refund["domain"],
            "channel": None,
            "integration": INTEGRATION,
            **{name: refund[name] for name in ("merchant_note", "customer_note", "refunded_by", "expected_at")},
            "createdAt": refund["createdAt"],
            "updatedAt": refund["updatedAt"],
            "transaction": {
                **{name: data[name] for name in names},
                "authorization": {"exp_month": None, "exp_year": None, "account_name": None},
                "customer": {"international_format_phone": None},
                "plan": {},
                "subaccount": {"currency": None},
                "split": {},
                "order_id": None,
                "pos_transaction_data": None,
                "source": None,
                "fees_breakdown": None,
            },
        }

    async def list_all(self, request: Request) -> Response:
        """List refunds, newest first, by ``transaction`` (id or reference), ``currency, from, to``."""
        struck = Struck(READ, self._faults.draw(READ), WORDING)
        if instead := await struck.instead():
            return instead
        rows = self._refunds.listing()
        if wanted := request.query_params.get("transaction") or request.query_params.get("reference"):
            transaction = self._transactions.find(wanted)
            rows = [row for row in rows if transaction and row["transaction"] == transaction.id]
        asked = request.query_params
        rows = [
            row
            for row in rows
            if asked.get("currency", row["currency"]) == row["currency"]
            and asked.get("from", "") <= row["createdAt"] <= asked.get("to", "9")
        ]
        return await struck.answer(page_of(request, rows, shown, "Refunds retrieved"))

    async def fetch(self, request: Request) -> Response:
        struck = Struck(READ, self._faults.draw(READ), WORDING)
        if instead := await struck.instead():
            return instead
        return await struck.answer(envelope("Refund retrieved", shown(self._refund(request))))

    async def retry(self, request: Request) -> Response:
        fields = await read_fields(request)
        account = fields.get("refund_account_details")
        if not isinstance(account, dict):
            raise missing("refund_account_details is required", "Provide currency, account_number and bank_id")
        for name in ("currency", "account_number", "bank_id"):
            text_of(account, name, required=True)
        refund = self._refund(request)
        if refund["status"] != "needs-attention":
            raise PaystackError(422, "Refund does not need attention", "invalid_params")
        retried = self._refunds.retry(refund)
        return envelope("Refund has been retried and has been queued for processing", shown(retried))

    def _refund(self, request: Request) -> Document:
        refund = self._refunds.get(request.path_params["id"])
        if refund is None:
            raise not_found("Refund not found")
        return refund
