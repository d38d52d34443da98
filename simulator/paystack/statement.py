"""Paystack's statement of a day, as a merchant downloads it."""

import csv
import io
from collections.abc import Iterable
from datetime import date, datetime

from simulator.clock import iso_utc, nairobi
from simulator.documents import Document
from simulator.paystack.models import Transaction
from simulator.paystack.money import major

HEADER = ("type", "reference", "id", "amount", "fee", "currency", "status", "channel", "paid_at")


def statement(
    day: date, transactions: Iterable[Transaction], refunds: Iterable[Document], transfers: Iterable[Document]
) -> str:
    """Return the CSV of what moved on a day in Nairobi, amounts in major units.

    A refund bears its transaction's reference; a failed payment is not listed.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(HEADER)
    by_id = {transaction.id: transaction for transaction in transactions}
    for transaction in by_id.values():
        if transaction.paid_at is not None and nairobi(transaction.paid_at).date() == day:
            fee = major(transaction.fees or 0)
            amount, moment = major(transaction.amount), iso_utc(transaction.paid_at)
            about = (transaction.currency, transaction.status, transaction.channel, moment)
            writer.writerow(("payment", transaction.reference, transaction.id, amount, fee, *about))
    for refund in refunds:
        if refund["refunded_at"] and _day(refund["refunded_at"]) == day:
            transaction = by_id[refund["transaction"]]
            about = (refund["currency"], refund["status"], transaction.channel, refund["refunded_at"])
            writer.writerow(("refund", transaction.reference, refund["id"], major(refund["amount"]), "0.00", *about))
    for transfer in transfers:
        moment = transfer["transferred_at"] or transfer["createdAt"]
        if transfer["status"] in ("success", "reversed") and _day(moment) == day:
            about = (transfer["currency"], transfer["status"], "transfer", moment)
            reference, code = transfer["reference"], transfer["transfer_code"]
            writer.writerow(("transfer", reference, code, major(transfer["amount"]), "0.00", *about))
    return text.getvalue()


def _day(moment: str) -> date:
    return nairobi(datetime.fromisoformat(moment).timestamp()).date()
