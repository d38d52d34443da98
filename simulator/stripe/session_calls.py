"""``/v1/checkout/sessions``."""

import time
from dataclasses import replace
from typing import Any

from starlette.routing import Route

from simulator.documents import Document, Documents
from simulator.stripe.calls import Call, Calls, Job, Reading
from simulator.stripe.errors import invalid, no_such
from simulator.stripe.events import Events
from simulator.stripe.fields import Fields, check_amount
from simulator.stripe.identifiers import new_session_id
from simulator.stripe.intent_calls import CAPTURE_METHODS, Opened
from simulator.stripe.listing import page
from simulator.stripe.payments import Payment, Payments, reference_of
from simulator.stripe.sessions import KIND, Sessions, checkout_session, line_item
from simulator.stripe.wire import Answer, Struck

URL = "/v1/checkout/sessions"
MOST_LINES = 100
SHORTEST_SECONDS, LONGEST_SECONDS = 30 * 60, 24 * 3600
REFERENCE_LENGTH = 200
# Parameters that change nothing here; what is sent is given back.
_GIVEN_BACK = (
    *("after_expiration", "allow_promotion_codes", "billing_address_collection", "consent_collection"),
    *("customer", "customer_creation", "integration_identifier", "locale", "origin_context"),
    *("phone_number_collection", "saved_payment_method_options", "shipping_address_collection", "submit_type"),
)
_IGNORED = (
    *("adaptive_pricing", "allowed_payment_method_types", "automatic_tax", "branding_settings", "custom_fields"),
    *("custom_text", "customer_account", "customer_update", "excluded_payment_method_types", "invoice_creation"),
    *("name_collection", "payment_method_collection", "payment_method_configuration", "payment_method_data"),
    *("payment_method_options", "permissions", "redirect_on_completion", "tax_id_collection", "wallet_options"),
)


class SessionCalls:
    def __init__(
        self, sessions: Sessions, payments: Payments, documents: Documents, events: Events, opened: Opened
    ) -> None:
        self._sessions = sessions
        self._payments = payments
        self._documents = documents
        self._events = events
        self._opened = opened

    def routes(self, calls: Calls) -> list[Route]:
        one = f"{URL}/{{id}}"
        return [
            Route(URL, calls.post(self._create, "create"), methods=["POST"]),
            Route(URL, calls.get(self._list, "list"), methods=["GET"]),
            Route(one, calls.get(self._retrieve), methods=["GET"]),
            Route(one, calls.post(self._update, "change"), methods=["POST"]),
            Route(f"{one}/expire", calls.post(self._expire, "change"), methods=["POST"]),
            Route(f"{one}/line_items", calls.get(self._list_line_items, "list"), methods=["GET"]),
        ]

    def _create(self, call: Call) -> Job:
        fields = call.fields
        _check_mode(fields)
        currency = fields.text("currency")
        lines = [_read_line(line, livemode=self._events.livemode) for line in fields.inners("line_items")]
        total = _total(lines, currency)
        email = fields.text("customer_email", longest=512)
        reference_id = fields.text("client_reference_id", longest=REFERENCE_LENGTH)
        session_id = new_session_id(livemode=self._events.livemode)
        wanted: Document = {
            "id": session_id,
            "url": f"{call.origin}/checkout/stripe/{session_id}",
            "amount_subtotal": total,
            "amount_total": total,
            "currency": lines[0]["currency"],
            "client_reference_id": reference_id,
            "customer_email": email,
            "metadata": fields.metadata(),
            "success_url": fields.required_text("success_url"),
            "cancel_url": fields.text("cancel_url"),
            "expires_at": _expiry(fields),
            "payment_method_types": fields.texts("payment_method_types") or ["card"],
            **{name: fields.raw(name) for name in _GIVEN_BACK if fields.has(name)},
        }
        template = _read_intent_data(fields, total, lines[0]["currency"], email)
        fields.refuse_rest(*_IGNORED)
        reference = reference_of(reference_id, wanted["metadata"] or template["metadata"], template["description"])
        payment = Payment(session_id, reference, call.origin, session=session_id, template=template)
        session = checkout_session(wanted, livemode=self._events.livemode)

        def run(struck: Struck) -> Answer:
            opened = self._sessions.open(session, lines, replace(payment, faults=struck.rest))
            return Answer(opened, opened=session_id)

        return Job(run, reference=reference, then=lambda answer: self._opened(answer.opened))

    def _retrieve(self, call: Call) -> Reading:
        call.fields.refuse_rest()
        session = self._known(call)
        return Reading(session, self._payments.get(session["id"]), KIND)

    def _list(self, call: Call) -> Reading:
        found = page(self._documents.all(KIND), call.fields, URL, ("payment_intent", "status", "customer"), KIND)
        call.fields.refuse_rest("customer_details", "payment_link", "subscription", "customer_account")
        return Reading(found)

    def _update(self, call: Call) -> Job:
        session = self._known(call)
        metadata = call.fields.metadata("metadata", session["metadata"])
        call.fields.refuse_rest()

        def run(_: Struck) -> Answer:
            return Answer(self._documents.save(KIND, {**self._known(call), "metadata": metadata}))

        return Job(run, self._payments.get(session["id"]))

    def _expire(self, call: Call) -> Job:
        session = self._known(call)
        call.fields.refuse_rest()

        def run(_: Struck) -> Answer:
            current = self._known(call)
            if current["status"] != "open":
                raise invalid(
                    'Only Checkout Sessions with a status in ["open"] can be expired. This Checkout Session has a'
                    f" status of `{current['status']}`."
                )
            return Answer(self._sessions.expire(current))

        return Job(run, self._payments.get(session["id"]))

    def _list_line_items(self, call: Call) -> Reading:
        session = self._known(call)
        limit = call.fields.integer("limit") or MOST_LINES
        call.fields.refuse_rest("starting_after", "ending_before")
        items = self._sessions.line_items(session["id"])
        return Reading(_line_item_list(session["id"], items[:limit], more=len(items) > limit))

    def expanded_line_items(self, session_id: str) -> Document:
        """Return the first lines of a session, as ``expand[]=line_items`` shows them."""
        items = self._sessions.line_items(session_id)
        return _line_item_list(session_id, items[:10], more=len(items) > 10)

    def _known(self, call: Call) -> Document:
        wanted = call.path["id"]
        session = self._sessions.get(wanted)
        if session is None:
            raise no_such(KIND, wanted, "session")
        return session


def _line_item_list(session_id: str, items: list[Document], *, more: bool) -> Document:
    return {"object": "list", "data": items, "has_more": more, "url": f"{URL}/{session_id}/line_items"}


def _check_mode(fields: Fields) -> None:
    if fields.choice("mode", ("payment", "setup", "subscription"), required=True) != "payment":
        raise invalid("This simulator knows Checkout Sessions of the mode payment only.", param="mode")
    if fields.choice("ui_mode", ("hosted", "hosted_page", "embedded", "embedded_page", "elements", "form")) not in (
        None,
        "hosted",
        "hosted_page",
    ):
        raise invalid("This simulator knows Checkout Sessions with a hosted page only.", param="ui_mode")


def _read_line(line: Fields, *, livemode: bool) -> Document:
    quantity = line.integer("quantity", required=True) or 1
    if price := line.text("price"):
        raise no_such("price", price, line.name_of("price"), status=400)
    price_data = line.inner("price_data")
    if price_data is None:
        raise invalid(
            "You must provide one of `price` or `price_data` for each line item when using prices.", param="line_items"
        )
    currency = price_data.currency()
    unit_amount = price_data.integer("unit_amount", required=True, smallest=0) or 0
    product = price_data.required_inner("product_data")
    name = product.required_text("name")
    product.refuse_rest("description", "images", "metadata", "tax_code", "tax_details", "unit_label")
    price_data.refuse_rest("tax_behavior")
    line.refuse_rest("adjustable_quantity", "metadata")
    return line_item(name=name, unit_amount=unit_amount, quantity=quantity, currency=currency, livemode=livemode)


def _total(lines: list[Document], currency: str | None) -> int:
    if not lines:
        raise invalid("Missing required param: line_items.", code="parameter_missing", param="line_items")
    if len(lines) > MOST_LINES:
        raise invalid(f"Checkout Sessions can have up to {MOST_LINES} line items.", param="line_items")
    currencies = {line["currency"] for line in lines} | ({currency.lower()} if currency else set())
    if len(currencies) > 1:
        raise invalid(
            "All line items of a Checkout Session must use the same currency, but they use: "
            + ", ".join(sorted(currencies)),
            param="line_items",
        )
    total = sum(line["amount_total"] for line in lines)
    check_amount(total, lines[0]["currency"], "line_items")
    return int(total)


def _expiry(fields: Fields) -> int:
    now = int(time.time())
    expires_at = fields.integer("expires_at") or now + LONGEST_SECONDS
    # A few seconds may pass between the merchant's clock and this one.
    if not now + SHORTEST_SECONDS - 60 <= expires_at <= now + LONGEST_SECONDS + 60:
        raise invalid(
            "The `expires_at` timestamp must be at least 30 minutes and less than 24 hours from Checkout Session"
            " creation.",
            param="expires_at",
        )
    return expires_at


def _read_intent_data(fields: Fields, amount: int, currency: str, email: str | None) -> dict[str, Any]:
    """Return what the session's intent will be made from. Metadata are not copied from the session."""
    data = fields.inner("payment_intent_data") or Fields({})
    template = {
        "amount": amount,
        "currency": currency,
        "automatic_payment_methods": None,
        "application_fee_amount": data.amount("application_fee_amount"),
        "capture_method": data.choice("capture_method", CAPTURE_METHODS) or "automatic_async",
        "description": data.text("description", longest=1000),
        "metadata": data.metadata(),
        "receipt_email": data.text("receipt_email") or email,
        "setup_future_usage": data.choice("setup_future_usage", ("on_session", "off_session")),
        "statement_descriptor": data.text("statement_descriptor", longest=22),
        "statement_descriptor_suffix": data.text("statement_descriptor_suffix", longest=22),
        "transfer_data": data.raw("transfer_data"),
        "transfer_group": data.text("transfer_group"),
    }
    data.refuse_rest("on_behalf_of", "shipping")
    return template
