"""PaymentIntents from the first try to pay to the money."""

import time
from typing import Any

from simulator.documents import Document, Documents
from simulator.later import Later
from simulator.stripe import money
from simulator.stripe.cards import Card, Decline, bank_debit, card_named, payment_method
from simulator.stripe.errors import StripeError
from simulator.stripe.events import Events
from simulator.stripe.ledger import Ledger
from simulator.stripe.payments import Payment, Payments
from simulator.stripe.shapes import charge as new_charge
from simulator.stripe.shapes import payment_intent, three_d_secure

KIND = "payment_intent"
PAYABLE = ("requires_payment_method", "requires_confirmation")
CANCELABLE = (
    "requires_payment_method",
    "requires_capture",
    "requires_reauthorization",
    "requires_confirmation",
    "requires_action",
    "processing",
)
DISPUTE_SECONDS = 0.2
_NOT_AUTHENTICATED = Decline(
    "payment_intent_authentication_failure",
    None,
    "The provided PaymentMethod has failed authentication. You can provide payment_method_data or a new PaymentMethod"
    " to attempt to fulfill this PaymentIntent again.",
)
_NEEDS_AUTHENTICATION = Decline(
    "authentication_required",
    "authentication_required",
    "Your card was declined. This transaction requires authentication.",
)
_BANK_REFUSED = Decline("payment_intent_payment_attempt_failed", None, "The payment failed.")


class Intents:
    """Call its methods in a transaction; they keep the events of what they do."""

    def __init__(self, documents: Documents, payments: Payments, events: Events, ledger: Ledger, later: Later) -> None:
        self._documents = documents
        self._payments = payments
        self._events = events
        self._ledger = ledger
        self._later = later

    def create(self, wanted: Document, payment_id: str | None = None) -> Document:
        """Make an intent: for a payment that exists already, else its id becomes the payment's."""
        intent = payment_intent(wanted, livemode=self._events.livemode)
        self._documents.save(KIND, intent, payment_id or intent["id"])
        return intent

    def announce(self, intent: Document) -> None:
        self._emit("payment_intent.created", intent)

    def get(self, intent_id: str) -> Document | None:
        return self._documents.get(KIND, intent_id)

    def use(self, intent: Document, card: Card, email: str | None = None) -> Document:
        """Put a new payment method of a test card on an intent; nothing is charged."""
        method = payment_method(card, livemode=intent["livemode"], email=email)
        self._documents.save("payment_method", method, card.name)
        return self._save({**intent, "payment_method": method["id"], "last_payment_error": None})

    def card_of(self, intent: Document) -> Card:
        return card_named(self._documents.owner_of("payment_method", intent["payment_method"]))

    def pay(
        self,
        intent: Document,
        *,
        return_url: str | None = None,
        authenticated: bool | None = None,
        error_on_requires_action: bool = False,
    ) -> Document:
        """Charge the payment method of an intent.

        A card that wants an authentication leads to ``requires_action`` until ``authenticated`` is known. A decline
        is found in ``last_payment_error``.
        """
        card = self.card_of(intent)
        if card.needs_action and authenticated is None:
            if error_on_requires_action:
                return self._decline(intent, _NEEDS_AUTHENTICATION)
            return self._require_action(intent, return_url)
        if authenticated is False:
            return self._decline(intent, _NOT_AUTHENTICATED, charged=False)
        if card.decline:
            return self._decline(intent, card.decline)
        return self._take(intent, authenticated=bool(authenticated))

    def _require_action(self, intent: Document, return_url: str | None) -> Document:
        payment = self._payment(intent)
        page = f"{payment.origin}/checkout/stripe/{payment.id}"
        action: dict[str, Any] = {"type": "use_stripe_sdk", "use_stripe_sdk": {"type": "three_d_secure_redirect"}}
        if return_url:
            action = {"type": "redirect_to_url", "redirect_to_url": {"return_url": return_url, "url": page}}
        waiting = self._save({**intent, "status": "requires_action", "next_action": action})
        self._emit("payment_intent.requires_action", waiting)
        return waiting

    def _decline(self, intent: Document, decline: Decline, *, charged: bool = True) -> Document:
        method = self._method(intent)
        error: Document = {
            "code": decline.code,
            "decline_code": decline.decline_code,
            "doc_url": f"https://docs.stripe.com/error-codes/{decline.code.replace('_', '-')}",
            "message": decline.message,
            "payment_method": method,
            "type": "card_error" if charged else "invalid_request_error",
        }
        if charged:
            failed = new_charge(intent, method, status="failed")
            failed |= {"failure_code": decline.code, "failure_message": decline.message}
            failed["outcome"]["reason"] = decline.decline_code or decline.code
            self._save_charge(failed, intent)
            self._emit("charge.failed", failed, intent)
            error["charge"] = failed["id"]
        return self._fail(intent, error)

    def _fail(self, intent: Document, error: Document) -> Document:
        failed = self._save(
            {
                **intent,
                "status": "requires_payment_method",
                "payment_method": None,
                "next_action": None,
                "latest_charge": error.get("charge", intent["latest_charge"]),
                "last_payment_error": {name: value for name, value in error.items() if value is not None},
            }
        )
        self._emit("payment_intent.payment_failed", failed)
        return failed

    def _take(self, intent: Document, *, authenticated: bool) -> Document:
        taken = new_charge(intent, self._method(intent), status="succeeded")
        if authenticated:
            taken["payment_method_details"]["card"]["three_d_secure"] = three_d_secure("authenticated")
        paid = {**intent, "latest_charge": taken["id"], "next_action": None, "last_payment_error": None}
        if intent["capture_method"] == "manual":
            self._save_charge(taken, intent)
            held = self._save({**paid, "status": "requires_capture", "amount_capturable": intent["amount"]})
            self._emit("charge.succeeded", taken, held)
            self._emit("payment_intent.amount_capturable_updated", held)
            return held
        return self._succeed(paid, taken)

    def _succeed(self, intent: Document, taken: Document, event_type: str = "charge.succeeded") -> Document:
        """Book the money of a charge that is captured."""
        amount: int = taken["amount_captured"]
        entry = self._ledger.record(
            "charge" if taken["id"].startswith("ch_") else "payment",
            amount,
            intent["currency"],
            source=taken["id"],
            owner=self._owner(intent),
            fee=money.fee(amount),
            description=intent["description"] or "",
        )
        taken = self._save_charge({**taken, "balance_transaction": entry["id"]}, intent)
        succeeded = self._save(
            {**intent, "status": "succeeded", "amount_received": amount, "amount_capturable": 0, "processing": None}
        )
        self._emit(event_type, taken, intent, last=True)
        self._emit("payment_intent.succeeded", succeeded, last=True)
        self._plan_dispute(succeeded, taken)
        return succeeded

    def _plan_dispute(self, intent: Document, taken: Document) -> None:
        fault = self._payment(intent).fault("stripe_dispute")
        if fault:
            seconds, reason = fault.parameters["seconds"], fault.parameters["reason"]
        elif taken["payment_method_details"]["type"] == "card" and self.card_of(intent).disputed:
            seconds, reason = DISPUTE_SECONDS, "fraudulent"
        else:
            return
        self._later.plan(seconds, "dispute", charge=taken["id"], reason=reason)

    # --- delayed methods

    def delay(self, intent: Document, email: str | None = None) -> Document:
        """Pay by a method whose money comes later: the intent is ``processing`` until ``settle``."""
        method = bank_debit(livemode=intent["livemode"], email=email)
        self._documents.save("payment_method", method)
        intent = {**intent, "payment_method": method["id"], "payment_method_types": ["card", "sepa_debit"]}
        pending = self._save_charge(new_charge(intent, method, status="pending"), intent)
        processing = self._save(
            {**intent, "status": "processing", "latest_charge": pending["id"], "last_payment_error": None}
        )
        self._emit("charge.pending", pending, intent)
        self._emit("payment_intent.processing", processing)
        return processing

    def settle(self, intent: Document, *, succeeded: bool) -> Document:
        """End a ``processing`` intent, with the money or without."""
        pending = self.charge(intent)
        if succeeded:
            paid = {**pending, "status": "succeeded", "paid": True, "amount_captured": pending["amount"]}
            return self._succeed(intent, paid)
        failed = self._save_charge(
            {**pending, "status": "failed", "failure_message": _BANK_REFUSED.message, "captured": False}, intent
        )
        self._emit("charge.failed", failed, intent, last=True)
        error = {
            "charge": failed["id"],
            "code": _BANK_REFUSED.code,
            "message": _BANK_REFUSED.message,
            "payment_method": self._method(intent),
            "type": "invalid_request_error",
        }
        return self._fail({**intent, "processing": None}, error)

    # --- manual capture, cancelling

    def capture(self, intent: Document, amount: int) -> Document:
        """Take money that is held, all of it or less; what is left over is let go."""
        held = self.charge(intent)
        return self._succeed(intent, {**held, "captured": True, "amount_captured": amount}, "charge.captured")

    def cancel(self, intent: Document, reason: str | None) -> Document:
        if intent["status"] == "requires_capture":
            held = self.charge(intent)
            released = self._save_charge({**held, "refunded": True, "amount_refunded": held["amount"]}, intent)
            self._emit("charge.refunded", released, intent)
        canceled = self._save(
            {
                **intent,
                "status": "canceled",
                "amount_capturable": 0,
                "canceled_at": int(time.time()),
                "cancellation_reason": reason,
                "next_action": None,
                "processing": None,
            }
        )
        self._emit("payment_intent.canceled", canceled, last=True)
        return canceled

    def update(self, intent: Document, changes: Document) -> Document:
        return self._save({**intent, **changes})

    # --- parts

    def charge(self, intent: Document) -> Document:
        """Return the latest charge of an intent that has one."""
        found = self._documents.get("charge", intent["latest_charge"])
        if found is None:
            raise LookupError(intent["id"])
        return found

    def _method(self, intent: Document) -> Document:
        found = self._documents.get("payment_method", intent["payment_method"])
        if found is None:
            raise LookupError(intent["id"])
        return found

    def _owner(self, intent: Document) -> str:
        return self._documents.owner_of(KIND, intent["id"])

    def _payment(self, intent: Document) -> Payment:
        return self._payments.get(self._owner(intent))

    def _save(self, intent: Document) -> Document:
        return self._documents.save(KIND, intent)

    def _save_charge(self, charge: Document, intent: Document) -> Document:
        return self._documents.save("charge", charge, self._owner(intent))

    def _emit(self, event_type: str, document: Document, intent: Document | None = None, *, last: bool = False) -> None:
        """Keep an event. The payment's webhook faults strike those that are the ``last`` it hears of a payment."""
        payment = self._payment(intent or document)
        if last:
            self._events.emit(event_type, document, payment.id, faults=payment.webhook_faults)
        else:
            self._events.emit(event_type, document, payment.id)


def card_error(intent: Document) -> StripeError:
    """Return the error that the merchant gets for the decline of an intent."""
    error = intent["last_payment_error"]
    more = {name: error[name] for name in ("charge", "decline_code", "payment_method") if error.get(name)}
    kind, code, message = error["type"], error.get("code"), error["message"]
    return StripeError(402, kind, message, code=code, payment_intent=intent, **more)
