"""A merchant who calls Stripe with forms, as its libraries do."""

from typing import Any

import httpx

from tests.simulator.checkout.inbox import Control
from tests.simulator.merchant import wait_for

SECRET_KEY = "sk_test_simulator_stripe"
WEBHOOK_SECRET = "whsec_simulator"
RETURN_URL = "https://shop.example/pay/return"


class StripeShop(Control):
    def __init__(self, http: httpx.Client, webhook_url: str, key: str = SECRET_KEY) -> None:
        super().__init__(http)
        self.headers = {"Authorization": f"Bearer {key}"}
        http.post("/control/webhooks", json={"stripe": webhook_url})

    # --- the wire

    def get(self, path: str, **query: Any) -> httpx.Response:
        return self.http.get(f"/v1/{path}", params=query, headers=self.headers)

    def post(self, path: str, fields: dict[str, Any] | None = None, key: str = "", **timeouts: Any) -> httpx.Response:
        headers = {**self.headers, **({"Idempotency-Key": key} if key else {})}
        data = {
            name: str(value).lower() if isinstance(value, bool) else value for name, value in (fields or {}).items()
        }
        return self.http.post(f"/v1/{path}", data=data, headers=headers, **timeouts)

    def got(self, path: str, **query: Any) -> dict[str, Any]:
        response = self.get(path, **query)
        assert response.status_code == 200, response.text
        found: dict[str, Any] = response.json()
        return found

    def posted(self, path: str, fields: dict[str, Any] | None = None) -> dict[str, Any]:
        response = self.post(path, fields)
        assert response.status_code == 200, response.text
        made: dict[str, Any] = response.json()
        return made

    # --- payments

    def session_fields(self, **changes: Any) -> dict[str, Any]:
        """Return a good session; a change to None leaves the field out."""
        fields = {
            "mode": "payment",
            "line_items[0][quantity]": 1,
            "line_items[0][price_data][currency]": "kes",
            "line_items[0][price_data][unit_amount]": 150000,
            "line_items[0][price_data][product_data][name]": "Order 1001",
            "success_url": f"{RETURN_URL}?s={{CHECKOUT_SESSION_ID}}",
            "cancel_url": "https://shop.example/pay/cancel",
            "client_reference_id": "ORD-1001-a1",
            "payment_intent_data[metadata][order]": "1001",
            **changes,
        }
        return {name: value for name, value in fields.items() if value is not None}

    def open_session(self, **changes: Any) -> dict[str, Any]:
        return self.posted("checkout/sessions", self.session_fields(**changes))

    def choose(self, checkout_id: str, action: str) -> httpx.Response:
        return self.http.post(f"/checkout/api/stripe/{checkout_id}/{action}")

    def pay_session(self, action: str = "pay-card", **changes: Any) -> dict[str, Any]:
        """Open a session, let the customer act, return the session as it is then."""
        session = self.open_session(**changes)
        assert self.choose(session["id"], action).status_code == 200
        return self.got(f"checkout/sessions/{session['id']}")

    def intent_fields(self, **changes: Any) -> dict[str, Any]:
        fields = {"amount": 150000, "currency": "kes", "metadata[reference]": "ORD-1001-a1", **changes}
        return {name: value for name, value in fields.items() if value is not None}

    def open_intent(self, **changes: Any) -> dict[str, Any]:
        return self.posted("payment_intents", self.intent_fields(**changes))

    def confirm(self, intent_id: str, card: str = "pm_card_visa", **fields: Any) -> httpx.Response:
        wanted = {"payment_method": card, "return_url": RETURN_URL, **fields}
        return self.post(f"payment_intents/{intent_id}/confirm", wanted)

    def paid_intent(self, card: str = "pm_card_visa", **changes: Any) -> dict[str, Any]:
        """Create and confirm an intent in one request."""
        return self.open_intent(confirm=True, payment_method=card, return_url=RETURN_URL, **changes)

    def refund(self, intent: dict[str, Any], **fields: Any) -> httpx.Response:
        return self.post("refunds", {"payment_intent": intent["id"], **fields})

    # --- what came of it

    def event_types(self) -> list[str]:
        """Return the types of every event, oldest first."""
        return [event["type"] for event in reversed(self.got("events", limit=100)["data"])]

    def wait_for_status(self, path: str, status: str) -> dict[str, Any]:
        """Wait until an object has a status, and return it."""
        wait_for(lambda: self.got(path)["status"] == status)
        return self.got(path)


def error_of(response: httpx.Response) -> tuple[int, str, str | None, str | None]:
    """Return the status, the type, the code and the parameter of an error."""
    error = response.json()["error"]
    return response.status_code, error["type"], error.get("code"), error.get("param")
