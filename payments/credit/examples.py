"""Answers and requests shown in the API's documentation."""

from typing import Any

from drf_spectacular.utils import OpenApiExample

_CARD: dict[str, Any] = {
    "id": "0198c0de-0000-7000-8000-000000000071",
    "last4": "3PTB",
    "currency": "KES",
    "initial_amount": "2000.00",
    "balance": "500.00",
    "expires_at": "2027-11-21T00:00:00Z",
    "is_active": True,
    "issued_by": "0198c0de-0000-7000-8000-000000000009",
    "bought_by": None,
    "order_number": None,
    "recipient_email": "",
    "message": "",
    "mailed_at": None,
    "created_at": "2026-11-21T07:45:00Z",
    "updated_at": "2026-11-21T08:15:00Z",
}
_SPENT: dict[str, Any] = {
    "id": "0198c0de-0000-7000-8000-000000000072",
    "kind": "spend",
    "amount": "-1500.00",
    "balance_after": "500.00",
    "order_number": "1000000017",
    "created_at": "2026-11-21T08:15:00Z",
}
_STAFF_SPENT = _SPENT | {"actor": "0198c0de-0000-7000-8000-000000000001", "reason": ""}
_CREDIT: dict[str, Any] = {"currency": "KES", "balance": "500.00", "movements": [_SPENT]}


def _shown(name: str, value: Any) -> OpenApiExample:
    return OpenApiExample(name, value=value, response_only=True, status_codes=["200", "201"])


CARD = _shown("A gift card", _CARD)
CARD_WITH_MOVEMENTS = _shown("A gift card that has paid for something", _CARD | {"movements": [_STAFF_SPENT]})
ISSUED = _shown("A new gift card", _CARD | {"balance": "2000.00", "code": "7KMW-Q2XD-9HFA-3PTB"})
ISSUE = OpenApiExample(
    "For a friend",
    value={"amount": "2000.00", "recipient_email": "achieng@example.com", "message": "Happy birthday!"},
    request_only=True,
)
ADJUST = OpenApiExample("For the trouble", value={"amount": "200.00", "reason": "late delivery"}, request_only=True)
CODE = OpenApiExample("A code", value={"code": "7KMW-Q2XD-9HFA-3PTB"}, request_only=True)
BALANCE = _shown("What is left", {name: _CARD[name] for name in ("last4", "currency", "balance", "expires_at")})
CREDIT = _shown("In shillings", _CREDIT)
STAFF_CREDIT = _shown("In shillings", _CREDIT | {"movements": [_STAFF_SPENT]})
