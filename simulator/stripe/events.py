"""Events: kept, and sent to every endpoint that wants them."""

import time
from collections.abc import Mapping
from typing import Any

from simulator.deliveries import Callback, Deliveries
from simulator.documents import Document, Documents
from simulator.outbox import NO_FAULTS, EventFaults, Outbox
from simulator.settings import StripeSettings
from simulator.store import Store
from simulator.stripe.identifiers import new_id
from simulator.stripe.webhooks import Endpoint, callbacks, sealed_headers
from simulator.stripe.wire import API_VERSION, Caller

# What the endpoint of the settings gets: the events that a shop is advised to subscribe to.
USUAL_EVENTS = (
    "checkout.session.completed",
    "checkout.session.async_payment_succeeded",
    "checkout.session.async_payment_failed",
    "checkout.session.expired",
    "payment_intent.succeeded",
    "payment_intent.payment_failed",
    "payment_intent.processing",
    "payment_intent.requires_action",
    "payment_intent.amount_capturable_updated",
    "payment_intent.partially_funded",
    "payment_intent.canceled",
    "refund.created",
    "refund.updated",
    "refund.failed",
    "charge.refunded",
    "charge.refund.updated",
    "charge.dispute.created",
    "charge.dispute.updated",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.funds_reinstated",
    "charge.dispute.closed",
    "transfer.created",
    "transfer.updated",
    "transfer.reversed",
    "payout.paid",
    "payout.failed",
)


class Events:
    """Keeps events in the document store and puts them into the ``outbox``."""

    def __init__(self, settings: StripeSettings, store: Store, documents: Documents, deliveries: Deliveries) -> None:
        self._secret = settings.webhook_secret
        self._documents = documents
        deliveries.sealers["stripe"] = sealed_headers
        self.outbox = Outbox("stripe", store, deliveries, self._write)
        self.livemode = settings.secret_key.startswith(("sk_live_", "rk_live_"))
        self.webhook_url = settings.webhook_url
        self.caller: Caller | None = None  # whose request is at work; None while a customer acts

    def emit(
        self,
        event_type: str,
        document: Mapping[str, Any],
        owner: str,
        *,
        faults: EventFaults = NO_FAULTS,
        previous: Mapping[str, Any] | None = None,
    ) -> None:
        """Keep an event with the document as it is now. It is sent with the others of its owner."""
        caller = self.caller
        data: Document = {"object": dict(document)}
        if previous is not None:
            data["previous_attributes"] = dict(previous)
        event = {
            "id": new_id("evt"),
            "object": "event",
            "api_version": API_VERSION,
            "created": int(time.time()),
            "data": data,
            "livemode": self.livemode,
            "pending_webhooks": sum(endpoint.wants(event_type) for endpoint in self.endpoints()),
            "request": {
                "id": caller.request_id if caller else None,
                "idempotency_key": (caller.idempotency_key if caller else "") or None,
            },
            "type": event_type,
        }
        self._documents.save("event", event, owner)
        self.outbox.add(event, owner, faults)

    def _write(self, event: Document, faults: EventFaults) -> list[Callback]:
        return callbacks(event, self.endpoints(), faults)

    def endpoints(self) -> list[Endpoint]:
        """Return the endpoint of the settings, if it has an address, and those made by the API."""
        made = [
            Endpoint(endpoint["url"], endpoint["secret"], tuple(endpoint["enabled_events"]))
            for endpoint in self._documents.all("webhook_endpoint")
            if endpoint["status"] == "enabled"
        ]
        if self.webhook_url:
            return [Endpoint(self.webhook_url, self._secret, USUAL_EVENTS), *made]
        return made
