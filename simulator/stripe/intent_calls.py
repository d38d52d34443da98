"""``/v1/payment_intents``."""

from collections.abc import Callable
from typing import Any

from starlette.routing import Route

from simulator.documents import Document, Documents
from simulator.stripe.calls import Call, Calls, Job, Reading
from simulator.stripe.cards import Card
from simulator.stripe.errors import invalid, no_such, unexpected_state
from simulator.stripe.fields import Fields, check_amount
from simulator.stripe.intents import CANCELABLE, KIND, PAYABLE, Intents, card_error
from simulator.stripe.listing import page
from simulator.stripe.methods import read_card
from simulator.stripe.payments import Payment, Payments, reference_of
from simulator.stripe.searching import search
from simulator.stripe.sessions import Sessions
from simulator.stripe.wire import Answer, Struck

URL = "/v1/payment_intents"
CAPTURE_METHODS = ("automatic", "automatic_async", "manual")
CANCELLATION_REASONS = ("duplicate", "fraudulent", "requested_by_customer", "abandoned")
Opened = Callable[[str], None]
_IGNORED = (
    *("allowed_payment_method_types", "amount_details", "confirmation_token", "customer_account"),
    *("excluded_payment_method_types", "hooks", "mandate", "mandate_data", "off_session", "on_behalf_of"),
    *("payment_details", "payment_method_configuration", "payment_method_options", "radar_options", "use_stripe_sdk"),
)
_SEARCHABLE = ("amount", "created", "currency", "customer", "metadata", "status")
_AMOUNT_CHANGES_IN = (*PAYABLE, "requires_action")


class IntentCalls:
    def __init__(
        self, intents: Intents, sessions: Sessions, payments: Payments, documents: Documents, opened: Opened
    ) -> None:
        self._intents = intents
        self._sessions = sessions
        self._payments = payments
        self._documents = documents
        self._opened = opened

    def routes(self, calls: Calls) -> list[Route]:
        one = f"{URL}/{{id}}"
        return [
            Route(URL, calls.post(self._create, "create"), methods=["POST"]),
            Route(URL, calls.get(self._list, "list"), methods=["GET"]),
            Route(f"{URL}/search", calls.get(self._search, "list"), methods=["GET"]),
            Route(one, calls.get(self._retrieve), methods=["GET"]),
            Route(one, calls.post(self._update, "change"), methods=["POST"]),
            Route(f"{one}/confirm", calls.post(self._confirm, "change"), methods=["POST"]),
            Route(f"{one}/capture", calls.post(self._capture, "change"), methods=["POST"]),
            Route(f"{one}/cancel", calls.post(self._cancel, "change"), methods=["POST"]),
        ]

    def _create(self, call: Call) -> Job:
        fields = call.fields
        amount = fields.integer("amount", required=True) or 0
        currency = fields.currency()
        check_amount(amount, currency)
        wanted = {"amount": amount, "currency": currency, **_read_methods(fields), **_read_common(fields, {})}
        wanted["capture_method"] = fields.choice("capture_method", CAPTURE_METHODS) or "automatic_async"
        wanted["confirmation_method"] = fields.choice("confirmation_method", ("automatic", "manual")) or "automatic"
        confirmation = _Confirmation(fields, self._documents)
        confirm = fields.boolean("confirm")
        fields.refuse_rest(*_IGNORED)
        if confirmation.return_url and not confirm:
            raise invalid(
                "The parameter `return_url` cannot be passed when creating a PaymentIntent unless `confirm` is set to"
                " true.",
                param="return_url",
            )
        reference = reference_of(None, wanted["metadata"], wanted["description"])

        def run(struck: Struck) -> Answer:
            intent = self._intents.create(wanted)
            self._payments.save(Payment(intent["id"], reference, call.origin, intent=intent["id"], faults=struck.rest))
            self._intents.announce(intent)
            if confirmation.card:
                intent = self._intents.update(
                    self._intents.use(intent, confirmation.card), {"status": "requires_confirmation"}
                )
            if confirm:
                return self._confirmed(call, intent, confirmation)
            return Answer(intent, opened=intent["id"])

        return Job(run, reference=reference, then=self._wait_for_customer)

    def _wait_for_customer(self, answer: Answer) -> None:
        if answer.opened:
            self._opened(answer.opened)

    def _retrieve(self, call: Call) -> Reading:
        call.fields.refuse_rest("client_secret")
        intent = self._known(call)
        return Reading(intent, self._payments.of(KIND, intent["id"]), KIND)

    def _list(self, call: Call) -> Reading:
        found = page(self._documents.all(KIND), call.fields, URL, ("customer",), KIND)
        call.fields.refuse_rest("customer_account")
        return Reading(found)

    def _search(self, call: Call) -> Reading:
        found = search(self._documents.all(KIND), call.fields, f"{URL}/search", _SEARCHABLE)
        call.fields.refuse_rest()
        return Reading(found)

    def _update(self, call: Call) -> Job:
        intent, fields = self._known(call), call.fields
        changes = _read_common(fields, intent)
        amount = fields.integer("amount")
        currency = fields.currency() if fields.has("currency") else intent["currency"]
        capture_method = fields.choice("capture_method", CAPTURE_METHODS)
        card = read_card(fields, self._documents)
        fields.refuse_rest(*_IGNORED)
        if amount is not None:
            check_amount(amount, currency)

        def run(_: Struck) -> Answer:
            current = self._known(call)
            allowed = current["status"] in _AMOUNT_CHANGES_IN
            if (amount is not None or currency != current["currency"] or card) and not allowed:
                raise unexpected_state(
                    f"This PaymentIntent's amount could not be updated because it has a status of {current['status']}."
                    " You may only update the amount of a PaymentIntent with one of the following statuses:"
                    f" {', '.join(_AMOUNT_CHANGES_IN)}.",
                    current,
                )
            current = {**current, **changes, "amount": amount or current["amount"], "currency": currency}
            if capture_method:
                current["capture_method"] = capture_method
            if card:
                current = self._intents.use({**current, "status": "requires_confirmation"}, card)
            return Answer(self._intents.update(current, {}))

        return Job(run, self._payments.of(KIND, intent["id"]))

    def _confirm(self, call: Call) -> Job:
        intent = self._known(call)
        fields = call.fields
        changes = _read_common(fields, intent)
        capture_method = fields.choice("capture_method", CAPTURE_METHODS)
        confirmation = _Confirmation(fields, self._documents)
        fields.refuse_rest("amount_to_confirm", "client_secret", *_IGNORED)

        def run(_: Struck) -> Answer:
            current = self._known(call)
            if current["status"] not in PAYABLE:
                raise unexpected_state(
                    f"You cannot confirm this PaymentIntent because it has already {_deed(current['status'])}.", current
                )
            current = {**current, **changes}
            if capture_method:
                current["capture_method"] = capture_method
            if confirmation.card:
                current = self._intents.use(current, confirmation.card)
            return self._confirmed(call, current, confirmation)

        return Job(run, self._payments.of(KIND, intent["id"]))

    def _confirmed(self, call: Call, intent: Document, confirmation: "_Confirmation") -> Answer:
        if intent["payment_method"] is None:
            raise unexpected_state(
                "You cannot confirm this PaymentIntent because it's missing a payment method. You can either update the"
                " PaymentIntent with a payment method and then confirm it again, or confirm it again directly with a"
                " payment method or ConfirmationToken.",
                intent,
            )
        methods = intent["automatic_payment_methods"]
        if methods and methods["allow_redirects"] != "never" and not confirmation.return_url:
            raise invalid(
                "This PaymentIntent is configured to accept payment methods enabled in your Dashboard. Because some of"
                " these payment methods might redirect your customer off of your page, you must provide a `return_url`."
                " If you don't want to accept redirect-based payment methods, set"
                " `automatic_payment_methods[enabled]` to `true` and `automatic_payment_methods[allow_redirects]` to"
                " `never` when creating Setup Intents and Payment Intents.",
                payment_intent=intent,
            )
        paid = self._intents.pay(
            intent,
            return_url=confirmation.return_url,
            error_on_requires_action=confirmation.error_on_requires_action,
        )
        if paid["last_payment_error"]:
            error = card_error(paid)
            return Answer(error.body(call.caller.request_id), error.status)
        return Answer(paid, opened=paid["id"] if paid["status"] == "requires_action" else "")

    def _capture(self, call: Call) -> Job:
        intent = self._known(call)
        amount = call.fields.integer("amount_to_capture")
        metadata = call.fields.metadata("metadata", intent["metadata"])
        call.fields.refuse_rest(
            *("amount_details", "application_fee_amount", "final_capture", "hooks", "payment_details"),
            *("statement_descriptor", "statement_descriptor_suffix", "transfer_data"),
        )

        def run(_: Struck) -> Answer:
            current = self._known(call)
            if current["status"] != "requires_capture":
                raise unexpected_state(
                    f"This PaymentIntent could not be captured because it has a status of {current['status']}. Only a"
                    " PaymentIntent with one of the following statuses may be captured: requires_capture.",
                    current,
                )
            wanted = current["amount_capturable"] if amount is None else amount
            if wanted > current["amount_capturable"]:
                raise invalid(
                    "The remaining amount to capture for this PaymentIntent is"
                    f" {current['amount_capturable']}, and you requested {wanted}.",
                    code="amount_too_large",
                    param="amount_to_capture",
                )
            captured = self._intents.capture({**current, "metadata": metadata}, wanted)
            self._sessions.follow_intent(captured)
            return Answer(captured)

        return Job(run, self._payments.of(KIND, intent["id"]))

    def _cancel(self, call: Call) -> Job:
        intent = self._known(call)
        reason = call.fields.choice("cancellation_reason", CANCELLATION_REASONS)
        call.fields.refuse_rest()
        payment = self._payments.of(KIND, intent["id"])

        def run(_: Struck) -> Answer:
            current = self._known(call)
            if payment and payment.session and current["status"] != "requires_capture":
                raise invalid(
                    "You cannot cancel a PaymentIntent that was created by a Checkout Session. Expire the Checkout"
                    " Session instead."
                )
            if current["status"] not in CANCELABLE:
                raise unexpected_state(
                    f"You cannot cancel this PaymentIntent because it has a status of {current['status']}. Only a"
                    f" PaymentIntent with one of the following statuses may be canceled: {', '.join(CANCELABLE)}.",
                    current,
                )
            return Answer(self._intents.cancel(current, reason))

        return Job(run, payment)

    def _known(self, call: Call) -> Document:
        wanted = call.path["id"]
        intent = self._intents.get(wanted)
        if intent is None:
            raise no_such(KIND, wanted, "intent")
        return intent


class _Confirmation:
    """What a request says about paying at once."""

    def __init__(self, fields: Fields, documents: Documents) -> None:
        self.card: Card | None = read_card(fields, documents)
        self.return_url = fields.text("return_url")
        self.error_on_requires_action = fields.boolean("error_on_requires_action")


def _read_methods(fields: Fields) -> Document:
    """Return how the customer may pay: by what the dashboard says unless the merchant lists types."""
    automatic = fields.inner("automatic_payment_methods")
    types = fields.texts("payment_method_types")
    if types and "card" not in types:
        raise invalid("This simulator knows the payment method type card only.", param="payment_method_types")
    if automatic is None:
        enabled, redirects = not types, "always"
    else:
        enabled = automatic.boolean("enabled")
        redirects = automatic.choice("allow_redirects", ("always", "never")) or "always"
        automatic.refuse_rest()
    if enabled and types:
        raise invalid("You may only specify one of these parameters: automatic_payment_methods, payment_method_types.")
    return {
        "automatic_payment_methods": {"allow_redirects": redirects, "enabled": True} if enabled else None,
        "payment_method_types": types or ["card"],
    }


def _read_common(fields: Fields, kept: Document) -> dict[str, Any]:
    """Return what can be set at any time, merged into what is kept."""

    def text(name: str, longest: int = 5000) -> str | None:
        given = fields.text(name, longest=longest)
        kept_text: str | None = kept.get(name)
        return given if fields.has(name) else kept_text

    return {
        "metadata": fields.metadata("metadata", kept.get("metadata")),
        "description": text("description", 1000),
        "receipt_email": text("receipt_email"),
        "customer": text("customer"),
        "statement_descriptor": text("statement_descriptor", 22),
        "statement_descriptor_suffix": text("statement_descriptor_suffix", 22),
        "transfer_group": text("transfer_group"),
        "setup_future_usage": fields.choice("setup_future_usage", ("on_session", "off_session"))
        or kept.get("setup_future_usage"),
        "application_fee_amount": fields.amount("application_fee_amount") or kept.get("application_fee_amount"),
        "transfer_data": fields.raw("transfer_data") or kept.get("transfer_data"),
        "shipping": fields.raw("shipping") or kept.get("shipping"),
    }


def _deed(status: str) -> str:
    deeds = {"succeeded": "succeeded after being previously confirmed", "canceled": "been canceled"}
    return deeds.get(status, f"a status of {status}")
