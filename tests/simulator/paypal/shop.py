"""A merchant who calls PayPal."""

from typing import Any

import httpx

from tests.simulator.checkout.inbox import Control
from tests.simulator.merchant import wait_for

CLIENT_ID, CLIENT_SECRET = "simulator-client", "simulator-secret"
WEBHOOK_ID = "5EX13806WE220947H"
REFERENCE = "ORD-1001-a1"
CONTEXT = {
    "return_url": "https://shop.example/pay/paypal/return",
    "cancel_url": "https://shop.example/pay/paypal/cancel",
    "user_action": "PAY_NOW",
    "shipping_preference": "NO_SHIPPING",
    "payment_method_preference": "IMMEDIATE_PAYMENT_REQUIRED",
    "brand_name": "Shop",
    "locale": "en-KE",
    "landing_page": "LOGIN",
}
Body = dict[str, Any]


class PayPalShop(Control):
    def __init__(self, http: httpx.Client, webhook_url: str) -> None:
        super().__init__(http)
        self._token = ""
        http.post("/control/webhooks", json={"paypal": webhook_url})

    # --- the wire

    def ask_for_token(self, client_id: str = CLIENT_ID, secret: str = CLIENT_SECRET, **form: str) -> httpx.Response:
        data = form or {"grant_type": "client_credentials"}
        return self.http.post("/v1/oauth2/token", data=data, auth=(client_id, secret))

    @property
    def headers(self) -> dict[str, str]:
        if not self._token:
            self._token = self.ask_for_token().json()["access_token"]
        return {"Authorization": f"Bearer {self._token}"}

    def forget_token(self) -> None:
        self._token = ""

    def get(self, path: str, **query: Any) -> httpx.Response:
        return self.http.get(path, params=query, headers=self.headers)

    def post(self, path: str, body: Body | None = None, request_id: str = "", **headers: str) -> httpx.Response:
        """Post as the shop does: everything is wanted back. Without a body only the content type is sent."""
        sent = {
            **self.headers,
            "Content-Type": "application/json",
            "Prefer": "return=representation",
            **({"PayPal-Request-Id": request_id} if request_id else {}),
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        if body is None:
            return self.http.post(path, headers=sent)
        return self.http.post(path, json=body, headers=sent)

    def got(self, path: str, **query: Any) -> Body:
        response = self.get(path, **query)
        assert response.status_code == 200, response.text
        found: Body = response.json()
        return found

    # --- orders

    def order_body(self, *, source: bool = True, value: str = "11.63", currency: str = "USD", **unit: Any) -> Body:
        """Return a good order; a change to None leaves the field of the unit out."""
        written = {
            "reference_id": "default",
            "custom_id": REFERENCE,
            "description": "Order 1001",
            "amount": {"currency_code": currency, "value": value},
            **unit,
        }
        kept = {name: value for name, value in written.items() if value is not None}
        body: Body = {"intent": "CAPTURE", "purchase_units": [kept]}
        return {**body, "payment_source": {"paypal": {"experience_context": CONTEXT}}} if source else body

    def create(self, body: Body | None = None, request_id: str = "create:1", **headers: str) -> httpx.Response:
        return self.post("/v2/checkout/orders", body or self.order_body(), request_id, **headers)

    def created(self, request_id: str = "create:1", **changes: Any) -> Body:
        response = self.create(self.order_body(**changes), request_id)
        assert response.status_code in (200, 201), response.text
        order: Body = response.json()
        return order

    def choose(self, order_id: str, action: str = "approve") -> httpx.Response:
        return self.http.post(f"/checkout/api/paypal/{order_id}/{action}")

    def approved(self, request_id: str = "create:1", **changes: Any) -> str:
        """Create an order and let the payer approve it; return its id."""
        order_id: str = self.created(request_id, **changes)["id"]
        assert self.choose(order_id).status_code == 200
        return order_id

    def order(self, order_id: str) -> Body:
        return self.got(f"/v2/checkout/orders/{order_id}")

    def capture(self, order_id: str, request_id: str = "", **headers: str) -> httpx.Response:
        return self.post(f"/v2/checkout/orders/{order_id}/capture", None, request_id, **headers)

    def paid(self, request_id: str = "create:1", **changes: Any) -> Body:
        """Return the capture of an order that is created, approved and captured."""
        response = self.capture(self.approved(request_id, **changes))
        assert response.status_code == 201, response.text
        return capture_of(response.json())

    def refund(self, capture_id: str, body: Body | None = None, request_id: str = "", **headers: str) -> httpx.Response:
        return self.post(f"/v2/payments/captures/{capture_id}/refund", body or {}, request_id, **headers)

    def pay_out(self, *items: Body, batch: str = "payout-2026-11", request_id: str = "") -> httpx.Response:
        header = {"sender_batch_id": batch, "email_subject": "You have a payout", "recipient_type": "EMAIL"}
        body = {"sender_batch_header": header, "items": list(items or (payout_item(),))}
        return self.post("/v1/payments/payouts", body, request_id)

    # --- what came of it

    def event_types(self) -> list[str]:
        """Return the types of every event, oldest first."""
        return [event["event_type"] for event in reversed(self.got("/v1/notifications/webhooks-events")["events"])]

    def wait_for_status(self, path: str, status: str) -> Body:
        """Wait until a resource has a status, and return it."""
        wait_for(lambda: self.got(path)["status"] == status)
        return self.got(path)


def capture_of(order: Body) -> Body:
    capture: Body = order["purchase_units"][0]["payments"]["captures"][0]
    return capture


def payout_item(**changes: Any) -> Body:
    return {
        "recipient_type": "EMAIL",
        "amount": {"value": "9.80", "currency": "USD"},
        "receiver": "seller@example.com",
        "note": "November",
        "sender_item_id": "seller-42-2026-11",
        **changes,
    }


def issue_of(response: httpx.Response) -> tuple[int, str, str | None, str | None]:
    """Return the status, the name, the issue and the field of an error."""
    error = response.json()
    detail = error.get("details", [{}])[0]
    return response.status_code, error["name"], detail.get("issue"), detail.get("field")


def link_of(resource: Body, rel: str) -> str:
    """Return a link's address, empty where there is no such link."""
    return next((link["href"] for link in resource["links"] if link["rel"] == rel), "")
