"""M-Pesa's books in the form that all providers share: payments with their refunds, and payouts."""

from collections import defaultdict
from typing import Any

from simulator.daraja.c2b_payments import C2BPayments
from simulator.daraja.models import C2BPayment, Operation, Payment
from simulator.daraja.operations import Operations
from simulator.daraja.payments import Payments


class Books:
    """A B2C payment counts as a refund where its ``Occassion`` is the reference or the receipt of an earlier payment
    by the phone that it goes to, else as a payout. M-Pesa itself knows no such link."""

    def __init__(self, payments: Payments, c2b: C2BPayments, operations: Operations) -> None:
        self._payments = payments
        self._c2b = c2b
        self._operations = operations

    def payments(self, msisdn: str | None, reference: str | None) -> list[dict[str, Any]]:
        """Return STK and C2B payments, oldest first, each with the reversals and the B2C payments that undo it."""
        refunds: dict[str, list[Operation]] = defaultdict(list)
        for receipt, operation in self._refunds():
            refunds[receipt].append(operation)
        entries: list[dict[str, Any]] = []
        for payment in self._all(msisdn, reference):
            entry = payment.as_book_entry()
            undone = refunds.get(entry["receipt_number"] or "", ())
            entries.append({**entry, "refunds": [operation.as_refund() for operation in undone]})
        return entries

    def payouts(self, msisdn: str | None, reference: str | None) -> list[dict[str, Any]]:
        """Return the B2C and B2B payments that are nobody's refund, oldest first."""
        refunds = {operation.conversation_id for _, operation in self._refunds()}
        entries = [
            operation.as_payout()
            for operation in self._operations.of_kinds("b2c", "b2b")
            if operation.conversation_id not in refunds
        ]
        return [
            entry
            for entry in entries
            if msisdn in (None, entry["recipient"]) and reference in (None, entry["reference"])
        ]

    def _all(self, msisdn: str | None, reference: str | None) -> list[Payment | C2BPayment]:
        payments: list[Payment | C2BPayment] = [
            *self._payments.listing(msisdn, reference),
            *self._c2b.listing(msisdn, reference),
        ]
        return sorted(payments, key=lambda payment: payment.created_at)

    def _refunds(self) -> list[tuple[str, Operation]]:
        """Return refunds with the receipt of the payment that each undoes, oldest first."""
        operations = self._operations.of_kinds("b2c", "reversal")
        if not operations:
            return []
        receipts: dict[tuple[str, str], list[tuple[float, str]]] = defaultdict(list)
        for payment in self._all(None, None):
            if receipt := payment.trans_id if isinstance(payment, C2BPayment) else payment.receipt_number:
                for name in {payment.reference, receipt} - {""}:
                    receipts[payment.msisdn, name].append((payment.created_at, receipt))
        refunds: list[tuple[str, Operation]] = []
        for operation in operations:
            if operation.kind == "reversal":
                refunds.append((operation.receipt, operation))
                continue
            named = receipts.get((operation.other_party, operation.occasion), ())
            earlier = [receipt for created_at, receipt in named if created_at <= operation.created_at]
            if earlier:
                refunds.append((earlier[-1], operation))
        return refunds
