"""``/v1/events`` and ``/v1/webhook_endpoints``."""

import time
from urllib.parse import urlsplit

from starlette.routing import Route

from simulator.documents import Document, Documents
from simulator.stripe.calls import Call, Calls, Job, Reading
from simulator.stripe.errors import invalid, no_such
from simulator.stripe.events import Events
from simulator.stripe.identifiers import new_id, new_webhook_secret
from simulator.stripe.listing import page
from simulator.stripe.wire import API_VERSION, Answer, Struck

_EVENTS_URL = "/v1/events"
_ENDPOINTS_URL = "/v1/webhook_endpoints"
MOST_ENDPOINTS = 16


class EventCalls:
    def __init__(self, documents: Documents, events: Events) -> None:
        self._documents = documents
        self._events = events

    def routes(self, calls: Calls) -> list[Route]:
        one = f"{_ENDPOINTS_URL}/{{id}}"
        return [
            Route(_EVENTS_URL, calls.get(self._list, "list"), methods=["GET"]),
            Route(f"{_EVENTS_URL}/{{id}}", calls.get(self._retrieve), methods=["GET"]),
            Route(_ENDPOINTS_URL, calls.post(self._create_endpoint), methods=["POST"]),
            Route(_ENDPOINTS_URL, calls.get(self._list_endpoints, "list"), methods=["GET"]),
            Route(one, calls.get(self._retrieve_endpoint), methods=["GET"]),
            Route(one, calls.post(self._update_endpoint), methods=["POST"]),
            Route(one, calls.post(self._delete_endpoint), methods=["DELETE"]),
        ]

    def _list(self, call: Call) -> Reading:
        events = list(self._documents.all("event"))
        wanted = call.fields.texts("types")
        if pattern := call.fields.text("type"):
            wanted.append(pattern)
        if wanted:
            events = [event for event in events if any(_fits(event["type"], pattern) for pattern in wanted)]
        found = page(events, call.fields, _EVENTS_URL, kind="event")
        call.fields.refuse_rest("delivery_success")
        return Reading(found)

    def _retrieve(self, call: Call) -> Reading:
        call.fields.refuse_rest()
        event = self._documents.get("event", call.path["id"])
        if event is None:
            raise no_such("event", call.path["id"])
        return Reading(event, kind="event")

    # --- endpoints

    def _create_endpoint(self, call: Call) -> Job:
        fields = call.fields
        endpoint: Document = {
            "id": new_id("we"),
            "object": "webhook_endpoint",
            "api_version": fields.text("api_version") or API_VERSION,
            "application": None,
            "created": int(time.time()),
            "description": fields.text("description"),
            "enabled_events": _enabled_events(fields.texts("enabled_events")),
            "livemode": self._events.livemode,
            "metadata": fields.metadata(),
            "status": "enabled",
            "url": _url(fields.required_text("url")),
            "secret": new_webhook_secret(),
        }
        fields.refuse_rest("connect")

        def run(_: Struck) -> Answer:
            if len(list(self._documents.all("webhook_endpoint"))) >= MOST_ENDPOINTS:
                raise invalid(f"You have reached the maximum of {MOST_ENDPOINTS} test webhook endpoints.")
            return Answer(self._documents.save("webhook_endpoint", endpoint))

        return Job(run)

    def _list_endpoints(self, call: Call) -> Reading:
        endpoints = [_without_secret(endpoint) for endpoint in self._documents.all("webhook_endpoint")]
        found = page(endpoints, call.fields, _ENDPOINTS_URL, kind="webhook endpoint")
        call.fields.refuse_rest()
        return Reading(found)

    def _retrieve_endpoint(self, call: Call) -> Reading:
        call.fields.refuse_rest()
        return Reading(_without_secret(self._known(call)))

    def _update_endpoint(self, call: Call) -> Job:
        endpoint, fields = self._known(call), call.fields
        changes: Document = {"metadata": fields.metadata("metadata", endpoint["metadata"])}
        if fields.has("enabled_events"):
            changes["enabled_events"] = _enabled_events(fields.texts("enabled_events"))
        if fields.has("url"):
            changes["url"] = _url(fields.required_text("url"))
        if fields.has("description"):
            changes["description"] = fields.text("description")
        if fields.has("disabled"):
            changes["status"] = "disabled" if fields.boolean("disabled") else "enabled"
        fields.refuse_rest()

        def run(_: Struck) -> Answer:
            return Answer(_without_secret(self._documents.save("webhook_endpoint", {**self._known(call), **changes})))

        return Job(run)

    def _delete_endpoint(self, call: Call) -> Job:
        endpoint = self._known(call)

        def run(_: Struck) -> Answer:
            self._documents.delete("webhook_endpoint", endpoint["id"])
            return Answer({"id": endpoint["id"], "object": "webhook_endpoint", "deleted": True})

        return Job(run)

    def _known(self, call: Call) -> Document:
        endpoint = self._documents.get("webhook_endpoint", call.path["id"])
        if endpoint is None:
            raise no_such("webhook endpoint", call.path["id"])
        return endpoint


def _fits(event_type: str, pattern: str) -> bool:
    return event_type == pattern or (pattern.endswith("*") and event_type.startswith(pattern[:-1]))


def _enabled_events(names: list[str]) -> list[str]:
    if not names:
        raise invalid("Missing required param: enabled_events.", code="parameter_missing", param="enabled_events")
    return names


def _url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise invalid(
            "Invalid URL: An explicit scheme (such as https) must be provided.", code="url_invalid", param="url"
        )
    return text


def _without_secret(endpoint: Document) -> Document:
    return {name: value for name, value in endpoint.items() if name != "secret"}
