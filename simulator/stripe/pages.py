"""The pages on which customers pay: a session's own, and a stand-in for the merchant's page with an intent."""

from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from simulator.checkout.models import Action, ActionUnknown, Checkout, CheckoutGone
from simulator.documents import Document, Documents
from simulator.stripe import money
from simulator.stripe.cards import VISA, card_named
from simulator.stripe.events import Events
from simulator.stripe.intents import PAYABLE, Intents
from simulator.stripe.payments import Payment, Payments
from simulator.stripe.sessions import Sessions

PROVIDER = "stripe"
MERCHANT = "ByteMtaani"
_CARDS = {
    "pay-card": VISA,
    "pay-3ds": card_named("authenticationRequired"),
    "fail-3ds": card_named("authenticationRequired"),
    "decline": card_named("chargeDeclined"),
    "insufficient-funds": card_named("chargeDeclinedInsufficientFunds"),
}
_BY_CARD = (
    Action("pay-card", "Pay by card 4242 4242 4242 4242", "paid"),
    Action("pay-3ds", "Pay by card, pass 3-D Secure", "paid"),
    Action("fail-3ds", "Pay by card, fail 3-D Secure", "failed"),
    Action("decline", "Pay by a card that is declined", "failed"),
    Action("insufficient-funds", "Pay by a card without funds", "failed"),
)
_SESSION = (
    *_BY_CARD,
    Action("pay-delayed", "Pay by bank debit; the money comes later", "paid"),
    Action("cancel", "Back to the shop", "cancelled"),
)
_DELAYED = (
    Action("delayed-success", "Let the bank debit succeed", "paid"),
    Action("delayed-failure", "Let the bank debit fail", "failed"),
)
_AUTHENTICATION = (
    Action("authenticate", "Pass 3-D Secure", "paid"),
    Action("fail-authentication", "Fail 3-D Secure", "failed"),
)
_STATES = {"succeeded": "paid", "requires_capture": "paid", "canceled": "cancelled", "processing": "open"}


class Pages:
    def __init__(
        self, documents: Documents, payments: Payments, sessions: Sessions, intents: Intents, events: Events
    ) -> None:
        self._documents = documents
        self._payments = payments
        self._sessions = sessions
        self._intents = intents
        self._events = events

    def checkout(self, checkout_id: str) -> Checkout | None:
        if session := self._sessions.get(checkout_id):
            return self._of_session(session)
        payment = self._payments.of("payment_intent", checkout_id)
        intent = self._intents.get(checkout_id)
        return self._of_intent(intent, payment) if intent and payment and not payment.session else None

    def open_checkouts(self) -> list[Checkout]:
        sessions = self._documents.matching("checkout.session", "status", "open")
        found = [self._of_session(session) for session in sessions]
        for status in (*PAYABLE, "requires_action"):
            for intent in self._documents.matching("payment_intent", "status", status):
                payment = self._payments.of("payment_intent", intent["id"])
                if payment and not payment.session:
                    found.append(self._of_intent(intent, payment))
        return found

    def act(self, checkout_id: str, action: str) -> str:
        """Do what the customer chose. Raises: CheckoutGone, ActionUnknown."""
        checkout = self.checkout(checkout_id)
        if checkout is None or not checkout.actions:
            raise CheckoutGone
        if action not in [known.name for known in checkout.actions]:
            raise ActionUnknown
        with self._events.outbox.sent_at_once():
            if session := self._sessions.get(checkout_id):
                return self._act_on_session(session, action)
            return self._act_on_intent(checkout_id, action)

    # --- sessions

    def _of_session(self, session: Document) -> Checkout:
        payment = self._payments.get(session["id"])
        intent = self._intents.get(payment.intent) if payment.intent else None
        waits_for_bank = session["status"] == "complete" and intent is not None and intent["status"] == "processing"
        actions: tuple[Action, ...] = _DELAYED if waits_for_bank else ()
        if session["status"] == "open":
            actions = _SESSION if session["cancel_url"] else tuple(a for a in _SESSION if a.name != "cancel")
        items = self._sessions.line_items(session["id"])
        return Checkout(
            provider=PROVIDER,
            id=session["id"],
            reference=payment.reference,
            merchant=MERCHANT,
            description=", ".join(f"{item['quantity']} × {item['description']}" for item in items[:3]),
            amount=money.major(session["amount_total"], session["currency"]),
            currency=session["currency"].upper(),
            customer=session["customer_email"] or "",
            state=_session_state(session, intent),
            actions=actions,
            return_url=_success_url(session) if session["status"] == "complete" else session["cancel_url"] or "",
            note=_note(intent),
        )

    def _act_on_session(self, session: Document, action: str) -> str:
        if action == "cancel":
            cancel_url: str = session["cancel_url"]  # the session stays open, the customer may come back
            return cancel_url
        if action in ("delayed-success", "delayed-failure"):
            self._sessions.settle(session, succeeded=action == "delayed-success")
            return ""
        if action == "pay-delayed":
            return _success_url(self._sessions.pay_later(session))
        tried = self._sessions.pay(session, _CARDS[action], authenticated=action != "fail-3ds")
        return _success_url(tried) if tried["status"] == "complete" else ""

    # --- intents without a session

    def _of_intent(self, intent: Document, payment: Payment) -> Checkout:
        actions: tuple[Action, ...] = _BY_CARD if intent["status"] in PAYABLE else ()
        if intent["status"] == "requires_action":
            actions = _AUTHENTICATION
        return Checkout(
            provider=PROVIDER,
            id=intent["id"],
            reference=payment.reference,
            merchant=MERCHANT,
            description=intent["description"] or "",
            amount=money.major(intent["amount"], intent["currency"]),
            currency=intent["currency"].upper(),
            customer=intent["receipt_email"] or "",
            state=_STATES.get(intent["status"], "open"),
            actions=actions,
            note=_note(intent),
        )

    def _act_on_intent(self, intent_id: str, action: str) -> str:
        intent = self._intents.get(intent_id) or {}
        if action in ("authenticate", "fail-authentication"):
            redirect = intent["next_action"].get("redirect_to_url")
            ended = self._intents.pay(intent, authenticated=action == "authenticate")
            return _with_result(redirect["return_url"], ended) if redirect else ""
        intent = self._intents.pay(self._intents.use(intent, _CARDS[action]))
        if intent["status"] == "requires_action":
            self._intents.pay(intent, authenticated=action == "pay-3ds")
        return ""


def _session_state(session: Document, intent: Document | None) -> str:
    if session["status"] == "expired":
        return "expired"
    if session["status"] == "open":
        return "open"
    if session["payment_status"] == "paid" or (intent and intent["status"] == "requires_capture"):
        return "paid"
    return "open" if intent and intent["status"] == "processing" else "failed"


def _success_url(session: Document) -> str:
    url: str = session["success_url"]
    return url.replace("{CHECKOUT_SESSION_ID}", session["id"])


def _note(intent: Document | None) -> str:
    error = intent["last_payment_error"] if intent else None
    return error["message"] if error else ""


def _with_result(return_url: str, intent: Document) -> str:
    """Return where the customer goes after 3-D Secure, with what Stripe adds to the merchant's address."""
    parts = urlsplit(return_url)
    result = {
        "payment_intent": intent["id"],
        "payment_intent_client_secret": intent["client_secret"],
        "redirect_status": "failed" if intent["last_payment_error"] else "succeeded",
    }
    query = urlencode([*parse_qsl(parts.query, keep_blank_values=True), *result.items()])
    return urlunsplit((parts.scheme, parts.netloc, parts.path, query, parts.fragment))
