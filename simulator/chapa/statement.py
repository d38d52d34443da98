"""Chapa's statement of a day, as a merchant downloads it."""

import csv
import io
from collections.abc import Sequence
from datetime import date, datetime

from simulator.chapa import money
from simulator.chapa.models import Payment
from simulator.chapa.payouts import SUCCESS
from simulator.chapa.refunds import DONE, FAILED
from simulator.clock import iso_utc, nairobi
from simulator.documents import Document

HEADER = ("type", "reference", "id", "amount", "fee", "currency", "status", "channel", "paid_at")


def statement(
    day: date, payments: Sequence[Payment], refunds: Sequence[Document], transfers: Sequence[Document]
) -> str:
    """Return the CSV of what moved on a day in East Africa, amounts in major units.

    A refund and a reversal bear their payment's ``tx_ref``; what was not paid is not listed.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(HEADER)
    by_reference = {payment.tx_ref: payment for payment in payments}
    for payment in by_reference.values():
        if payment.paid_at is not None and nairobi(payment.paid_at).date() == day:
            fee, amount = money.text(payment.charge or 0), money.text(payment.amount)
            about = (payment.currency, payment.status, payment.method, iso_utc(payment.paid_at))
            writer.writerow(("payment", payment.tx_ref, payment.reference, amount, fee, *about))
    for refund in refunds:
        if refund["status"] == DONE and _day(refund["updated_at"]) == day:
            payment = by_reference[refund["tx_ref"]]
            about = (refund["currency"], "refunded", payment.method, refund["updated_at"])
            amount = money.text(refund["amount"])
            writer.writerow(("refund", payment.tx_ref, refund["ref"], amount, "0.00", *about))
    for payment in payments:
        left = payment.amount - _refunded(payment, refunds)
        if payment.status == "reversed" and left > 0 and nairobi(payment.updated_at).date() == day:
            about = (payment.currency, payment.status, payment.method, iso_utc(payment.updated_at))
            own = f"{payment.reference}-reversal"
            writer.writerow(("reversal", payment.tx_ref, own, money.text(left), "0.00", *about))
    for transfer in transfers:
        if transfer["status"] == SUCCESS and _day(transfer["updated_at"]) == day:
            about = (transfer["currency"], transfer["status"], transfer["bank_name"], transfer["updated_at"])
            amount, own = money.text(transfer["amount"]), transfer["chapa_reference"]
            writer.writerow(("transfer", transfer["reference"], own, amount, "0.00", *about))
    return text.getvalue()


def _refunded(payment: Payment, refunds: Sequence[Document]) -> int:
    own = (refund for refund in refunds if refund["tx_ref"] == payment.tx_ref and refund["status"] != FAILED)
    return sum(refund["amount"] for refund in own)


def _day(text: str) -> date:
    return nairobi(datetime.fromisoformat(text).timestamp()).date()
