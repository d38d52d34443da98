"""``/v1/refunds``, ``/v1/charges``, ``/v1/disputes``."""

from starlette.routing import Route

from simulator.documents import Document, Documents
from simulator.stripe.calls import Call, Calls, Job, Reading
from simulator.stripe.disputes import EVIDENCE, Disputes
from simulator.stripe.errors import invalid, no_such
from simulator.stripe.fields import Fields
from simulator.stripe.listing import page
from simulator.stripe.payments import Payments
from simulator.stripe.refunds import Refunds, no_successful_charge
from simulator.stripe.wire import Answer, Struck

REASONS = ("duplicate", "fraudulent", "requested_by_customer")


class RefundCalls:
    def __init__(self, refunds: Refunds, payments: Payments, documents: Documents) -> None:
        self._refunds = refunds
        self._payments = payments
        self._documents = documents

    def routes(self, calls: Calls) -> list[Route]:
        one = "/v1/refunds/{id}"
        return [
            Route("/v1/refunds", calls.post(self._create, "refund"), methods=["POST"]),
            Route("/v1/refunds", calls.get(self._list, "list"), methods=["GET"]),
            Route(one, calls.get(self._retrieve), methods=["GET"]),
            Route(one, calls.post(self._update, "change"), methods=["POST"]),
            Route("/v1/charges", calls.get(self._list_charges, "list"), methods=["GET"]),
            Route("/v1/charges/{id}", calls.get(self._retrieve_charge), methods=["GET"]),
        ]

    def _create(self, call: Call) -> Job:
        fields = call.fields
        intent_id, charge_id = fields.text("payment_intent"), fields.text("charge")
        amount = fields.amount("amount")
        reason = fields.choice("reason", REASONS)
        metadata = fields.metadata()
        fields.refuse_rest(
            *("currency", "customer", "instructions_email", "origin", "refund_application_fee", "reverse_transfer")
        )
        charge = self._charge_of(intent_id, charge_id)

        def run(struck: Struck) -> Answer:
            current = self._documents.get("charge", charge["id"]) or charge
            return Answer(self._refunds.create(current, amount, reason, metadata, struck))

        return Job(run, self._payments.of("charge", charge["id"]))

    def _charge_of(self, intent_id: str | None, charge_id: str | None) -> Document:
        if intent_id:
            intent = self._documents.get("payment_intent", intent_id)
            if intent is None:
                raise no_such("payment_intent", intent_id, "payment_intent")
            charge_id = intent["latest_charge"]
            if charge_id is None:
                raise no_successful_charge(intent_id)
        if not charge_id:
            raise invalid(
                "One of the following params should be provided for this request: payment_intent or charge.",
                code="parameter_missing",
            )
        charge = self._documents.get("charge", charge_id)
        if charge is None:
            raise no_such("charge", charge_id, "charge")
        return charge

    def _retrieve(self, call: Call) -> Reading:
        refund = _known(self._documents, "refund", call)
        call.fields.refuse_rest()
        return Reading(refund, self._payments.of("refund", refund["id"]), "refund")

    def _list(self, call: Call) -> Reading:
        found = page(
            self._documents.all("refund"), call.fields, "/v1/refunds", ("payment_intent", "charge"), kind="refund"
        )
        call.fields.refuse_rest()
        return Reading(found)

    def _update(self, call: Call) -> Job:
        refund = _known(self._documents, "refund", call)
        metadata = call.fields.metadata("metadata", refund["metadata"])
        call.fields.refuse_rest()

        def run(_: Struck) -> Answer:
            return Answer(self._refunds.update(_known(self._documents, "refund", call), metadata))

        return Job(run, self._payments.of("refund", refund["id"]))

    def _retrieve_charge(self, call: Call) -> Reading:
        charge = _known(self._documents, "charge", call)
        call.fields.refuse_rest()
        return Reading(charge, self._payments.of("charge", charge["id"]), "charge")

    def _list_charges(self, call: Call) -> Reading:
        filters = ("payment_intent", "customer", "transfer_group")
        found = page(self._documents.all("charge"), call.fields, "/v1/charges", filters, kind="charge")
        call.fields.refuse_rest()
        return Reading(found)


class DisputeCalls:
    def __init__(self, disputes: Disputes, payments: Payments, documents: Documents) -> None:
        self._disputes = disputes
        self._payments = payments
        self._documents = documents

    def routes(self, calls: Calls) -> list[Route]:
        one = "/v1/disputes/{id}"
        return [
            Route("/v1/disputes", calls.get(self._list, "list"), methods=["GET"]),
            Route(one, calls.get(self._retrieve), methods=["GET"]),
            Route(one, calls.post(self._update, "change"), methods=["POST"]),
            Route(f"{one}/close", calls.post(self._close, "change"), methods=["POST"]),
        ]

    def _retrieve(self, call: Call) -> Reading:
        dispute = _known(self._documents, "dispute", call)
        call.fields.refuse_rest()
        return Reading(dispute, self._payments.of("dispute", dispute["id"]), "dispute")

    def _list(self, call: Call) -> Reading:
        found = page(
            self._documents.all("dispute"), call.fields, "/v1/disputes", ("charge", "payment_intent"), kind="dispute"
        )
        call.fields.refuse_rest()
        return Reading(found)

    def _update(self, call: Call) -> Job:
        dispute = _known(self._documents, "dispute", call)
        inner = call.fields.inner("evidence") or Fields({})
        evidence = {name: text for name in EVIDENCE if (text := inner.text(name, longest=150_000))}
        inner.refuse_rest("enhanced_evidence")
        metadata = call.fields.metadata("metadata", dispute["metadata"])
        submit = call.fields.boolean("submit", default=True)
        call.fields.refuse_rest()

        def run(_: Struck) -> Answer:
            current = _known(self._documents, "dispute", call)
            return Answer(self._disputes.respond(current, evidence, metadata, submit=submit))

        return Job(run, self._payments.of("dispute", dispute["id"]))

    def _close(self, call: Call) -> Job:
        dispute = _known(self._documents, "dispute", call)
        call.fields.refuse_rest()

        def run(_: Struck) -> Answer:
            return Answer(self._disputes.close(_known(self._documents, "dispute", call)))

        return Job(run, self._payments.of("dispute", dispute["id"]))


def _known(documents: Documents, kind: str, call: Call) -> Document:
    document = documents.get(kind, call.path["id"])
    if document is None:
        raise no_such(kind, call.path["id"])
    return document
