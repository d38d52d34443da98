"""``/v1/payments/payouts``."""

from typing import Any

from starlette.routing import Route

from simulator.documents import Document, Documents
from simulator.paypal.calls import PAYOUT, Call, Calls, Done, Job, Reading
from simulator.paypal.errors import PayPalError, not_found
from simulator.paypal.payouts import BATCH, ITEM, Payouts, created_view, item_view
from simulator.paypal.validation import missing, read_choice, read_money, read_object, read_text
from simulator.transport import Struck

URL = "/v1/payments/payouts"
MOST_ITEMS = 15_000
BATCH_ID_LENGTH = 256
ITEM_ID_LENGTH = 63
RECIPIENT_TYPES = ("EMAIL", "PHONE", "PAYPAL_ID", "USER_HANDLE")


class PayoutCalls:
    def __init__(self, documents: Documents, payouts: Payouts) -> None:
        self._documents = documents
        self._payouts = payouts

    def routes(self, calls: Calls) -> list[Route]:
        return [
            Route(URL, calls.post(self._create, PAYOUT), methods=["POST"]),
            Route(f"{URL}/{{id}}", calls.get(self._retrieve), methods=["GET"]),
            Route("/v1/payments/payouts-item/{id}", calls.get(self._retrieve_item), methods=["GET"]),
        ]

    def view(self, batch_id: str) -> Document:
        return created_view(self._known(BATCH, batch_id))

    def _known(self, kind: str, document_id: str) -> Document:
        document = self._documents.get(kind, document_id)
        if document is None:
            raise not_found()
        return document

    def _create(self, call: Call) -> Job:
        header = read_object(call.body, "sender_batch_header", "")
        if header is None:
            raise missing("/sender_batch_header")
        path = "/sender_batch_header"
        batch_id = read_text(header, "sender_batch_id", path, BATCH_ID_LENGTH)
        usual = read_choice(header, "recipient_type", path, RECIPIENT_TYPES)
        items = call.body.get("items")
        if not isinstance(items, list) or not 1 <= len(items) <= MOST_ITEMS:
            raise missing("/items")
        for number, item in enumerate(items):
            _check_item(item, f"/items/{number}", usual)

        def run(_: Struck) -> Done:
            if batch_id and (earlier := self._payouts.sent_with(batch_id)):
                raise _sent_before(earlier)
            return Done(BATCH, self._payouts.create(header, items, call.base)["id"])

        return Job(run, reference=batch_id or None)

    def _retrieve(self, call: Call) -> Reading:
        return Reading(self._payouts.batch_view(self._known(BATCH, call.path["id"])))

    def _retrieve_item(self, call: Call) -> Reading:
        item = self._known(ITEM, call.path["id"])
        return Reading(item_view(item, self._known(BATCH, item["batch"])))


def _check_item(item: Any, path: str, usual: str) -> None:
    if not isinstance(item, dict):
        raise missing(path)
    if not (read_choice(item, "recipient_type", path, RECIPIENT_TYPES) or usual):
        raise missing(f"{path}/recipient_type")
    read_text(item, "receiver", path, required=True)
    read_text(item, "sender_item_id", path, ITEM_ID_LENGTH)
    read_text(item, "note", path, 4000)
    amount = read_object(item, "amount", path)
    if amount is None:
        raise missing(f"{path}/amount")
    read_money(amount, f"{path}/amount", key="currency")


def _sent_before(batch: Document) -> PayPalError:
    detail = {
        "field": "SENDER_BATCH_ID",
        "location": "body",
        "issue": "Batch with given sender_batch_id already exists",
        "link": created_view(batch)["links"],
    }
    return PayPalError(400, name="USER_BUSINESS_ERROR", message="User business error.", details=(detail,))
