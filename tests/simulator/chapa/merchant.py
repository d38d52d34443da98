"""A merchant who calls Chapa."""

import hashlib
import hmac
from typing import Any

import httpx

from tests.simulator.checkout.inbox import Control, Message

SECRET_KEY = "CHASECK_TEST-simulator"
WEBHOOK_SECRET = "simulator-secret-hash"
TX_REF = "ORD-1001-a1"
RETURN_URL = "http://127.0.0.1:8000/pay/return"


def digest(message: str, secret: str = WEBHOOK_SECRET) -> str:
    return hmac.new(secret.encode(), message.encode(), hashlib.sha256).hexdigest()


def signatures(message: Message) -> tuple[bool | None, bool | None]:
    """Say of chapa-signature, then of x-chapa-signature, whether it is right; None where it is not there."""
    constant, payload = message.headers.get("chapa-signature"), message.headers.get("x-chapa-signature")
    return (
        None if constant is None else constant == digest(WEBHOOK_SECRET),
        None if payload is None else payload == digest(message.body),
    )


class ChapaMerchant(Control):
    def __init__(self, http: httpx.Client, webhook_url: str) -> None:
        super().__init__(http)
        self.headers = {"Authorization": f"Bearer {SECRET_KEY}"}
        if webhook_url:
            http.post("/control/webhooks", json={"chapa": webhook_url})

    def get(self, path: str, **query: Any) -> httpx.Response:
        return self.http.get(path, params=query, headers=self.headers)

    def post(self, path: str, **fields: Any) -> httpx.Response:
        return self.http.post(path, json=fields, headers=self.headers)

    def initialize(self, **changes: Any) -> httpx.Response:
        """Make a link; a change to None leaves the field out."""
        fields = {
            "amount": "400.00",
            "currency": "ETB",
            "tx_ref": TX_REF,
            "email": "abebe@example.com",
            "first_name": "Abebe",
            "last_name": "Bikila",
            "phone_number": "0912345678",
            "return_url": RETURN_URL,
            "customization": {"title": "Order 1001", "description": "Order 1001, 3 items"},
            "meta": {"order": "1001"},
            **changes,
        }
        given = {name: value for name, value in fields.items() if value is not None}
        return self.post("/v1/transaction/initialize", **given)

    def start(self, tx_ref: str = TX_REF, **changes: Any) -> str:
        response = self.initialize(tx_ref=tx_ref, **changes)
        assert response.status_code == 200, response.text
        return tx_ref

    def pay(self, tx_ref: str = TX_REF, action: str = "pay-telebirr", **changes: Any) -> str:
        """Make a link and let the customer pay it."""
        self.start(tx_ref, **changes)
        assert self.act(tx_ref, action).status_code == 200
        return tx_ref

    def verify(self, tx_ref: str = TX_REF) -> httpx.Response:
        return self.get(f"/v1/transaction/verify/{tx_ref}")

    def verified(self, tx_ref: str = TX_REF) -> dict[str, Any]:
        data: dict[str, Any] = self.verify(tx_ref).json()["data"]
        return data

    def reference(self, tx_ref: str = TX_REF) -> str:
        """Return Chapa's own reference of a payment."""
        reference: str = self.payment(tx_ref)["id"]
        return reference

    def cancel(self, tx_ref: str = TX_REF) -> httpx.Response:
        return self.http.put(f"/v1/transaction/cancel/{tx_ref}", headers=self.headers)

    def refund(self, tx_ref: str = TX_REF, **fields: Any) -> httpx.Response:
        return self.post(f"/v1/refund/{self.reference(tx_ref)}", **fields)

    def reverse(self, tx_ref: str = TX_REF) -> httpx.Response:
        return self.http.post("/control/chapa/reversals", json={"reference": tx_ref})

    def transfer(self, **changes: Any) -> httpx.Response:
        fields = {
            "account_name": "Baraka Shop",
            "account_number": "0912345678",
            "amount": "350.00",
            "currency": "ETB",
            "reference": "payout-2026-11-seller-42",
            "bank_code": 855,
            **changes,
        }
        return self.post("/v1/transfers", **{name: value for name, value in fields.items() if value is not None})
