"""Answers shown in the API's documentation."""

from typing import Any

from drf_spectacular.utils import OpenApiExample

PAYMENT: dict[str, Any] = {
    "id": "0198c0de-0000-7000-8000-000000000003",
    "user": "0198c0de-0000-7000-8000-000000000001",
    "order": "0198c0de-0000-7000-8000-000000000002",
    "order_number": "1000019",
    "amount": "1500.00",
    "currency": "KES",
    "method": "mpesa",
    "provider": "mpesa",
    "status": "pending",
    "transaction_id": None,
    "paid_at": None,
    "attempts": [
        {
            "id": "0198c0de-0000-7000-8000-000000000004",
            "reference": "1000019-K7QJ2M4A",
            "provider": "mpesa",
            "method": "mpesa",
            "status": "created",
            "amount": "1500.00",
            "currency": "KES",
            "phone_number": "+254…678",
            "authorization_url": "",
            "instructions": "",
            "outcome": "waiting",
            "advice": "Check your phone and enter your PIN.",
            "retry": "hold",
            "receipt_number": None,
            "created_at": "2026-11-21T07:45:00Z",
            "ended_at": None,
        }
    ],
    "created_at": "2026-11-21T07:45:00Z",
    "updated_at": "2026-11-21T07:45:00Z",
}
_PAGE = {
    "provider": "paystack",
    "method": "card",
    "status": "pending",
    "phone_number": "",
    "authorization_url": "https://checkout.paystack.com/9aml6ey3rl",
    "outcome": "waiting_on_page",
    "advice": "Finish the payment on the page that opened.",
    "retry": "now",
}
INITIALIZED: dict[str, Any] = {
    "reference": "1000019-K7QJ2M4A",
    "authorization_url": "https://checkout.paystack.com/9aml6ey3rl",
    "instructions": "",
    "provider": "paystack",
    "payment": PAYMENT | {"method": "card", "provider": "paystack", "attempts": [PAYMENT["attempts"][0] | _PAGE]},
}

PROMPTED = OpenApiExample("A prompt is on its way", value=PAYMENT, response_only=True, status_codes=["201"])
PAGE_READY = OpenApiExample("A page to pay on", value=INITIALIZED, response_only=True, status_codes=["201"])
