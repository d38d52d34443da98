"""``/v1/notifications``: webhooks, their events, their certificates and the check of their signatures."""

import json
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from simulator.documents import Document, Documents
from simulator.paypal.calls import Call, Calls, Reading
from simulator.paypal.certificates import Certificates, signed_text
from simulator.paypal.errors import PayPalError, issue, not_found
from simulator.paypal.events import KIND, WEBHOOK, Events
from simulator.paypal.identifiers import new_debug_id, new_resource_id
from simulator.paypal.validation import missing
from simulator.paypal.webhooks import CERTIFICATES_PATH, Webhook
from simulator.paypal.wire import refuse

URL = "/v1/notifications"
MOST_WEBHOOKS = 10
_STAGE = "paypal.notify"
_BLANKS = " \t\r\n"
_VERIFIED = ("auth_algo", "cert_url", "transmission_id", "transmission_sig", "transmission_time", "webhook_id")


class NotificationCalls:
    def __init__(self, documents: Documents, events: Events, certificates: Certificates) -> None:
        self._documents = documents
        self._events = events
        self._certificates = certificates

    def routes(self, calls: Calls) -> list[Route]:
        webhook, event = f"{URL}/webhooks/{{id}}", f"{URL}/webhooks-events/{{id}}"
        return [
            Route(f"{CERTIFICATES_PATH}/{{id}}", self._show_certificate, methods=["GET"]),
            Route(f"{URL}/verify-webhook-signature", calls.write(self._verify), methods=["POST"]),
            Route(f"{URL}/webhooks", calls.write(self._create), methods=["POST"]),
            Route(f"{URL}/webhooks", calls.get(self._list, _STAGE), methods=["GET"]),
            Route(webhook, calls.get(self._retrieve, _STAGE), methods=["GET"]),
            Route(webhook, calls.write(self._delete), methods=["DELETE"]),
            Route(f"{URL}/webhooks-events", calls.get(self._list_events, _STAGE), methods=["GET"]),
            Route(event, calls.get(self._retrieve_event, _STAGE), methods=["GET"]),
            Route(f"{event}/resend", calls.write(self._resend), methods=["POST"]),
        ]

    async def _show_certificate(self, request: Request) -> Response:
        """Give out a certificate with its chain; as with PayPal, anybody may ask."""
        chain = self._certificates.chain(request.path_params["id"])
        return PlainTextResponse(chain) if chain else refuse(not_found(), new_debug_id())

    def _verify(self, call: Call) -> tuple[Document | None, int]:
        """Check a signature over the event's text as it stands in the body."""
        for name in (*_VERIFIED, "webhook_event"):
            if not call.body.get(name):
                raise missing(f"/{name}")
        given = {name: str(call.body[name]) for name in _VERIFIED}
        signed = signed_text(
            given["transmission_id"],
            given["transmission_time"],
            given["webhook_id"],
            raw_value(call.raw, "webhook_event"),
        )
        right = (
            given["auth_algo"] == "SHA256withRSA"
            and given["webhook_id"] in [webhook.id for webhook in self._events.webhooks()]
            and self._certificates.confirms(
                urlsplit(given["cert_url"]).path.rpartition("/")[2], given["transmission_sig"], signed
            )
        )
        return {"verification_status": "SUCCESS" if right else "FAILURE"}, 200

    # --- webhooks

    def _create(self, call: Call) -> tuple[Document | None, int]:
        url, names = call.body.get("url"), call.body.get("event_types")
        if not isinstance(url, str) or not url:
            raise missing("/url")
        if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
            raise issue("INVALID_PARAMETER_SYNTAX", field="/url", value=url)
        if not isinstance(names, list) or not names or any(not isinstance(entry, dict) for entry in names):
            raise missing("/event_types")
        webhooks = self._events.webhooks()
        if url in [webhook.url for webhook in webhooks]:
            raise PayPalError(400, name="WEBHOOK_URL_ALREADY_EXISTS", message="Webhook URL already exists")
        if len(webhooks) >= MOST_WEBHOOKS:
            raise PayPalError(400, name="WEBHOOK_NUMBER_LIMIT_EXCEEDED", message="Webhook limit exceeded")
        kept: Document = {
            "id": new_resource_id(),
            "url": url,
            "event_types": [{"name": str(entry.get("name", ""))} for entry in names],
        }
        self._documents.save(WEBHOOK, kept)
        return self._written(Webhook(kept["id"], url, tuple(entry["name"] for entry in kept["event_types"])), call), 201

    def _list(self, call: Call) -> Reading:
        return Reading({"webhooks": [self._written(webhook, call) for webhook in self._events.webhooks()]})

    def _retrieve(self, call: Call) -> Reading:
        return Reading(self._written(self._known(call), call))

    def _delete(self, call: Call) -> tuple[Document | None, int]:
        self._documents.delete(WEBHOOK, self._known(call).id)
        return None, 204

    def _known(self, call: Call) -> Webhook:
        for webhook in self._events.webhooks():
            if webhook.id == call.path["id"]:
                return webhook
        raise not_found()

    def _written(self, webhook: Webhook, call: Call) -> Document:
        own = f"{call.base}{URL}/webhooks/{webhook.id}"
        return {
            "id": webhook.id,
            "url": webhook.url,
            "event_types": [{"name": name, "status": "ENABLED"} for name in webhook.event_types],
            "links": [
                {"href": own, "rel": "self", "method": "GET"},
                {"href": own, "rel": "update", "method": "PATCH"},
                {"href": own, "rel": "delete", "method": "DELETE"},
            ],
        }

    # --- events

    def _list_events(self, call: Call) -> Reading:
        wanted = call.page.get("event_type")
        events = [event for event in self._documents.all(KIND) if wanted in (None, event["event_type"])]
        events.reverse()
        return Reading({"events": events, "count": len(events), "links": []})

    def _retrieve_event(self, call: Call) -> Reading:
        return Reading(self._known_event(call))

    def _resend(self, call: Call) -> tuple[Document | None, int]:
        event = self._known_event(call)
        self._events.resend(event)
        return event, 202

    def _known_event(self, call: Call) -> Document:
        event = self._documents.get(KIND, call.path["id"])
        if event is None:
            raise not_found()
        return event


def raw_value(raw: bytes, wanted: str) -> bytes:
    """Return the text of one value of a JSON object as it stands there; parsed and written again it could differ."""
    text = raw.decode()
    decoder = json.JSONDecoder()
    position = text.index("{") + 1
    while True:
        position = _after_blanks(text, position)
        if text[position] == ",":
            position = _after_blanks(text, position + 1)
        if text[position] == "}":
            raise LookupError(wanted)
        name, position = decoder.raw_decode(text, position)
        start = _after_blanks(text, _after_blanks(text, position) + 1)
        _, position = decoder.raw_decode(text, start)
        if name == wanted:
            return text[start:position].encode()


def _after_blanks(text: str, position: int) -> int:
    while text[position] in _BLANKS:
        position += 1
    return position
