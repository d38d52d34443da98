"""Events: kept, and sent to every webhook that wants them."""

import time

from simulator.clock import iso_utc
from simulator.deliveries import Callback, Deliveries
from simulator.documents import Document, Documents
from simulator.outbox import NO_FAULTS, EventFaults, Outbox
from simulator.paypal.certificates import Certificates
from simulator.paypal.identifiers import new_event_id
from simulator.paypal.webhooks import Sealer, Webhook, callback
from simulator.settings import PayPalSettings
from simulator.store import Store

KIND = "event"
WEBHOOK = "webhook"


class Events:
    """Keeps events in the document store and puts them into the ``outbox``."""

    def __init__(
        self,
        settings: PayPalSettings,
        store: Store,
        documents: Documents,
        deliveries: Deliveries,
        *,
        certificates: Certificates,
    ) -> None:
        self._webhook_id = settings.webhook_id
        self._documents = documents
        deliveries.sealers["paypal"] = Sealer(certificates).headers
        self.outbox = Outbox("paypal", store, deliveries, self._write)
        self.webhook_url = settings.webhook_url

    def emit(
        self,
        event_type: str,
        resource_type: str,
        resource: Document,
        *,
        owner: str,
        base: str,
        summary: str,
        faults: EventFaults = NO_FAULTS,
    ) -> None:
        """Keep an event with the resource as it is now. It is sent with the others of its owner."""
        event_id = new_event_id()
        own = f"{base}/v1/notifications/webhooks-events/{event_id}"
        event = {
            "id": event_id,
            "event_version": "1.0",
            "create_time": iso_utc(time.time()),
            "resource_type": resource_type,
            "resource_version": "2.0",
            "event_type": event_type,
            "summary": summary,
            "resource": resource,
            "links": [
                {"href": own, "rel": "self", "method": "GET"},
                {"href": f"{own}/resend", "rel": "resend", "method": "POST"},
            ],
        }
        self._documents.save(KIND, event, owner)
        self.outbox.add(event, owner, faults)

    def resend(self, event: Document) -> None:
        """Send an event that is kept already once more, under its own id."""
        self.outbox.add(event, self._documents.owner_of(KIND, event["id"]), NO_FAULTS)

    def _write(self, event: Document, faults: EventFaults) -> list[Callback]:
        return [callback(event, webhook, faults) for webhook in self.webhooks() if webhook.wants(event["event_type"])]

    def webhooks(self) -> list[Webhook]:
        """Return the webhook of the settings, if it has an address, and those made by the API."""
        made = [
            Webhook(webhook["id"], webhook["url"], tuple(entry["name"] for entry in webhook["event_types"]))
            for webhook in self._documents.all(WEBHOOK)
        ]
        return [Webhook(self._webhook_id, self.webhook_url, ("*",)), *made] if self.webhook_url else made
