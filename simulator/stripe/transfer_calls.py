"""``/v1/transfers``, ``/v1/balance``, ``/v1/balance_transactions``."""

from starlette.routing import Route

from simulator.documents import Document, Documents
from simulator.stripe.calls import Call, Calls, Job, Reading
from simulator.stripe.errors import no_such
from simulator.stripe.events import Events
from simulator.stripe.ledger import KIND as BALANCE_TRANSACTION
from simulator.stripe.ledger import Ledger
from simulator.stripe.listing import page
from simulator.stripe.transfers import KIND, Transfers
from simulator.stripe.wire import Answer, Struck

URL = "/v1/transfers"
_BALANCE_URL = "/v1/balance_transactions"


class TransferCalls:
    def __init__(self, transfers: Transfers, documents: Documents) -> None:
        self._transfers = transfers
        self._documents = documents

    def routes(self, calls: Calls) -> list[Route]:
        one = f"{URL}/{{id}}"
        return [
            Route(URL, calls.post(self._create, "transfer"), methods=["POST"]),
            Route(URL, calls.get(self._list, "list"), methods=["GET"]),
            Route(one, calls.get(self._retrieve), methods=["GET"]),
            Route(f"{one}/reversals", calls.post(self._reverse, "transfer"), methods=["POST"]),
            Route(f"{one}/reversals", calls.get(self._list_reversals, "list"), methods=["GET"]),
        ]

    def _create(self, call: Call) -> Job:
        fields = call.fields
        wanted: Document = {
            "amount": fields.integer("amount", required=True),
            "currency": fields.currency(),
            "destination": fields.required_text("destination"),
            "description": fields.text("description"),
            "metadata": fields.metadata(),
            "source_transaction": fields.text("source_transaction"),
            "transfer_group": fields.text("transfer_group"),
        }
        fields.refuse_rest("source_type")
        if not wanted["destination"].startswith("acct_"):
            raise no_such("destination", wanted["destination"], "destination", status=400)

        def run(_: Struck) -> Answer:
            return Answer(self._transfers.create(wanted))

        return Job(run, reference=wanted["transfer_group"])

    def _retrieve(self, call: Call) -> Reading:
        call.fields.refuse_rest()
        return Reading(self._known(call), kind=KIND)

    def _list(self, call: Call) -> Reading:
        found = page(self._documents.all(KIND), call.fields, URL, ("destination", "transfer_group"), KIND)
        call.fields.refuse_rest()
        return Reading(found)

    def _reverse(self, call: Call) -> Job:
        self._known(call)
        amount, metadata = call.fields.amount("amount"), call.fields.metadata()
        call.fields.refuse_rest("description", "refund_application_fee")

        def run(_: Struck) -> Answer:
            return Answer(self._transfers.reverse(self._known(call), amount, metadata))

        return Job(run)

    def _list_reversals(self, call: Call) -> Reading:
        transfer = self._known(call)
        reversals = self._documents.owned("transfer_reversal", transfer["id"])
        found = page(reversals, call.fields, f"{URL}/{transfer['id']}/reversals", kind="transfer_reversal")
        call.fields.refuse_rest()
        return Reading(found)

    def _known(self, call: Call) -> Document:
        transfer = self._documents.get(KIND, call.path["id"])
        if transfer is None:
            raise no_such(KIND, call.path["id"])
        return transfer


class BalanceCalls:
    def __init__(self, ledger: Ledger, documents: Documents, events: Events) -> None:
        self._ledger = ledger
        self._documents = documents
        self._events = events

    def routes(self, calls: Calls) -> list[Route]:
        return [
            Route("/v1/balance", calls.get(self._show, "list"), methods=["GET"]),
            Route(_BALANCE_URL, calls.get(self._list, "list"), methods=["GET"]),
            Route(f"{_BALANCE_URL}/{{id}}", calls.get(self._retrieve), methods=["GET"]),
        ]

    def _show(self, call: Call) -> Reading:
        call.fields.refuse_rest()
        return Reading(self._ledger.balance(livemode=self._events.livemode))

    def _list(self, call: Call) -> Reading:
        found = page(
            self._documents.all(BALANCE_TRANSACTION),
            call.fields,
            _BALANCE_URL,
            ("currency", "source", "type"),
            kind=BALANCE_TRANSACTION,
        )
        call.fields.refuse_rest("payout")
        return Reading(found)

    def _retrieve(self, call: Call) -> Reading:
        call.fields.refuse_rest()
        transaction = self._documents.get(BALANCE_TRANSACTION, call.path["id"])
        if transaction is None:
            raise no_such(BALANCE_TRANSACTION, call.path["id"])
        return Reading(transaction, kind=BALANCE_TRANSACTION)
