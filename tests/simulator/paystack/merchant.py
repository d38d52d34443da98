"""A merchant who calls Paystack."""

from typing import Any

import httpx

from tests.simulator.checkout.inbox import Control

SECRET_KEY = "sk_test_simulator"
CALLBACK_URL = "http://127.0.0.1:8000/pay/return"


class PaystackMerchant(Control):
    def __init__(self, http: httpx.Client, webhook_url: str) -> None:
        super().__init__(http)
        self.headers = {"Authorization": f"Bearer {SECRET_KEY}"}
        if webhook_url:
            http.post("/control/webhooks", json={"paystack": webhook_url})

    def get(self, path: str, **query: Any) -> httpx.Response:
        return self.http.get(path, params=query, headers=self.headers)

    def post(self, path: str, **fields: Any) -> httpx.Response:
        return self.http.post(path, json=fields, headers=self.headers)

    def put(self, path: str, **fields: Any) -> httpx.Response:
        return self.http.put(path, json=fields, headers=self.headers)

    def initialize(self, **changes: Any) -> httpx.Response:
        """Start a hosted payment; a change to None leaves the field out."""
        fields = {
            "email": "amina@example.com",
            "amount": 150000,
            "currency": "KES",
            "reference": "ORD-1001-a1",
            "callback_url": CALLBACK_URL,
            "metadata": {"order": "1001"},
            **changes,
        }
        return self.post(
            "/transaction/initialize", **{name: value for name, value in fields.items() if value is not None}
        )

    def charge(self, **changes: Any) -> httpx.Response:
        """Start a direct charge, by M-PESA where nothing else is given."""
        fields = {
            "email": "amina@example.com",
            "amount": 150000,
            "currency": "KES",
            "reference": "ORD-1001-a1",
            **changes,
        }
        ways = ("bank_transfer", "bank", "ussd", "eft", "qr", "capitec_pay", "authorization_code", "mobile_money")
        if not any(way in fields for way in ways):
            fields["mobile_money"] = {"phone": "+254712345678", "provider": "mpesa"}
        return self.post("/charge", **fields)

    def start(self, reference: str = "ORD-1001-a1", **changes: Any) -> str:
        response = self.initialize(reference=reference, **changes)
        assert response.status_code == 200, response.text
        return reference

    def pay(self, reference: str = "ORD-1001-a1", action: str = "pay-card", **changes: Any) -> str:
        """Start a hosted payment and let the customer pay it."""
        self.start(reference, **changes)
        assert self.act(reference, action).status_code == 200
        return reference

    def verify(self, reference: str = "ORD-1001-a1") -> httpx.Response:
        return self.get(f"/transaction/verify/{reference}")

    def verified(self, reference: str = "ORD-1001-a1") -> dict[str, Any]:
        data: dict[str, Any] = self.verify(reference).json()["data"]
        return data

    def status(self, reference: str = "ORD-1001-a1") -> str:
        status: str = self.verified(reference)["status"]
        return status

    def refund(self, transaction: Any = "ORD-1001-a1", **fields: Any) -> httpx.Response:
        return self.post("/refund", transaction=transaction, **fields)

    def recipient(self, **changes: Any) -> str:
        fields = {
            "type": "mobile_money",
            "name": "Baraka Shop",
            "account_number": "0710000000",
            "bank_code": "MPESA",
            "currency": "KES",
            **changes,
        }
        response = self.post("/transferrecipient", **fields)
        assert response.status_code in (200, 201), response.text
        code: str = response.json()["data"]["recipient_code"]
        return code

    def transfer(self, **changes: Any) -> httpx.Response:
        fields = {
            "source": "balance",
            "amount": 120000,
            "currency": "KES",
            "reference": "payout-2026-11-seller-42",
            "reason": "November sales",
            **changes,
        }
        if "recipient" not in fields:
            fields["recipient"] = self.recipient()
        return self.post("/transfer", **fields)
