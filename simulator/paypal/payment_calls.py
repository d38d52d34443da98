"""``/v2/payments/captures``, ``/v2/payments/refunds``, ``/v1/customer/disputes``."""

from starlette.routing import Route

from simulator.documents import Document, Documents
from simulator.paypal.calls import REFUND, Call, Calls, Done, Job, Reading
from simulator.paypal.disputes import KIND as DISPUTE
from simulator.paypal.disputes import UNDER_REVIEW, WAITING, Disputes, dispute_view
from simulator.paypal.errors import issue, not_found
from simulator.paypal.models import Order, capture_view, refund_view
from simulator.paypal.orders import CAPTURE, Orders
from simulator.paypal.refunds import KIND, Refunds
from simulator.paypal.validation import missing, read_choice, read_refund
from simulator.transport import Struck

_NOT_NOW = "ACTION_NOT_ALLOWED_IN_CURRENT_DISPUTE_STATE"
_WINNERS = {"BUYER_FAVOR": "buyer", "SELLER_FAVOR": "seller"}


class PaymentCalls:
    def __init__(self, documents: Documents, orders: Orders, refunds: Refunds, disputes: Disputes) -> None:
        self._documents = documents
        self._orders = orders
        self._refunds = refunds
        self._disputes = disputes

    def routes(self, calls: Calls) -> list[Route]:
        capture = "/v2/payments/captures/{id}"
        dispute = "/v1/customer/disputes"
        return [
            Route(capture, calls.get(self._retrieve_capture), methods=["GET"]),
            Route(f"{capture}/refund", calls.post(self._refund, REFUND), methods=["POST"]),
            Route("/v2/payments/refunds/{id}", calls.get(self._retrieve_refund), methods=["GET"]),
            Route(dispute, calls.get(self._list_disputes), methods=["GET"]),
            Route(f"{dispute}/{{id}}", calls.get(self._retrieve_dispute), methods=["GET"]),
            Route(f"{dispute}/{{id}}/accept-claim", calls.write(self._accept_claim), methods=["POST"]),
            Route(f"{dispute}/{{id}}/provide-evidence", calls.write(self._provide_evidence), methods=["POST"]),
            Route(f"{dispute}/{{id}}/adjudicate", calls.write(self._adjudicate), methods=["POST"]),
        ]

    def view_refund(self, refund_id: str) -> Document:
        refund, order = self._known(KIND, refund_id)
        return refund_view(refund, order)

    def _known(self, kind: str, document_id: str) -> tuple[Document, Order]:
        document, order = self._documents.get(kind, document_id), self._orders.of(kind, document_id)
        if document is None or order is None:
            raise not_found()
        return document, order

    def _retrieve_capture(self, call: Call) -> Reading:
        capture, order = self._known(CAPTURE, call.path["id"])
        return Reading(capture_view(capture, order, related=True), order)

    def _retrieve_refund(self, call: Call) -> Reading:
        refund, order = self._known(KIND, call.path["id"])
        return Reading(refund_view(refund, order), order)

    def _refund(self, call: Call) -> Job:
        capture, order = self._known(CAPTURE, call.path["id"])
        wanted = read_refund(call.body)

        def run(struck: Struck) -> Done:
            current, current_order = self._known(CAPTURE, capture["id"])
            return Done(KIND, self._refunds.create(current_order, current, wanted, struck)["id"])

        return Job(run, order)

    # --- disputes

    def _list_disputes(self, call: Call) -> Reading:
        wanted = call.page.get("disputed_transaction_id")
        found = [
            dispute_view(dispute, call.base)
            for dispute in self._documents.all(DISPUTE)
            if wanted in (None, dispute["capture"])
        ]
        return Reading({"items": found, "links": []})

    def _retrieve_dispute(self, call: Call) -> Reading:
        dispute, order = self._known(DISPUTE, call.path["id"])
        return Reading(dispute_view(dispute, call.base), order)

    def _accept_claim(self, call: Call) -> tuple[Document | None, int]:
        dispute, order = self._known(DISPUTE, call.path["id"])
        if dispute["status"] == "RESOLVED":
            raise issue(_NOT_NOW)
        self._disputes.resolve(order, dispute, "buyer")
        return _links_of(dispute, call)

    def _provide_evidence(self, call: Call) -> tuple[Document | None, int]:
        dispute, order = self._known(DISPUTE, call.path["id"])
        if dispute["status"] != WAITING:
            raise issue(_NOT_NOW)
        self._disputes.review(order, dispute)
        return _links_of(dispute, call)

    def _adjudicate(self, call: Call) -> tuple[Document | None, int]:
        """Decide a dispute as PayPal's agents would; the sandbox offers this to merchants."""
        dispute, order = self._known(DISPUTE, call.path["id"])
        outcome = read_choice(call.body, "adjudication_outcome", "", tuple(_WINNERS))
        if not outcome:
            raise missing("/adjudication_outcome")
        if dispute["status"] != UNDER_REVIEW:
            raise issue(_NOT_NOW)
        self._disputes.resolve(order, dispute, _WINNERS[outcome])
        return _links_of(dispute, call)


def _links_of(dispute: Document, call: Call) -> tuple[Document | None, int]:
    return {"links": dispute_view(dispute, call.base)["links"][:1]}, 200
