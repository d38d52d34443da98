"""Paystack's answers, as its documentation shows them."""

from decimal import Decimal
from typing import Any

from payments.testing.network import Reply

KEY = "sk_test_4f9d8c7b6a5e4d3c2b1a"
FORMER_KEY = "sk_test_0a1b2c3d4e5f60718293"
TRANSACTION_ID = 5120034477


def envelope(data: Any, message: str = "Done", meta: Any = None) -> Reply:
    return Reply(200, {"status": True, "message": message, "data": data} | ({"meta": meta} if meta else {}))


def error(status: int, message: str, code: str = "") -> Reply:
    body: dict[str, Any] = {"status": False, "message": message}
    if code:
        body |= {"meta": {"nextStep": "Read the documentation"}, "type": "validation_error", "code": code}
    return Reply(status, body)


def transaction(reference: str, **changes: Any) -> dict[str, Any]:
    """Return a paid transaction as verify tells it."""
    return {
        "id": TRANSACTION_ID,
        "domain": "test",
        "status": "success",
        "reference": reference,
        "receipt_number": None,
        "amount": 150000,
        "requested_amount": 150000,
        "currency": "KES",
        "message": None,
        "gateway_response": "Approved",
        "channel": "mobile_money",
        "paid_at": "2026-11-20T09:15:02.000Z",
        "created_at": "2026-11-20T09:14:24.000Z",
        "paidAt": "2026-11-20T09:15:02.000Z",
        "ip_address": "203.0.113.9, 198.51.100.4",
        "metadata": {"order": "1001"},
        "log": None,
        "fees": 2250,
        "fees_split": None,
        "authorization": {"authorization_code": "AUTH_abc123", "exp_month": "12", "reusable": False},
        "customer": {"id": 905512, "email": "amina@example.com", "customer_code": "CUS_x1y2z3", "phone": None},
        "plan": None,
        "split": {},
        "source": None,
    } | changes


def refund(note: str, **changes: Any) -> dict[str, Any]:
    """Return a refund as ``GET /refund`` lists it, with the transaction's bare id."""
    return {
        "id": 6600142,
        "status": "processed",
        "amount": 150000,
        "deducted_amount": 150000,
        "fully_deducted": 1,
        "currency": "KES",
        "domain": "test",
        "merchant_note": note,
        "customer_note": "Item out of stock",
        "transaction": TRANSACTION_ID,
        "refunded_at": "2026-11-22T09:21:17.122Z",
        "createdAt": "2026-11-21T09:21:17.122Z",
        "updatedAt": "2026-11-21T09:21:17.122Z",
    } | changes


def transfer(reference: str, **changes: Any) -> dict[str, Any]:
    return {
        "id": 550120033,
        "amount": 150000,
        "currency": "KES",
        "domain": "test",
        "status": "success",
        "reference": reference,
        "transfer_code": "TRF_ex4mpl3tr4n",
        "reason": "November sales",
        "failures": None,
        "fee_charged": 0,
        "gateway_response": None,
        "recipient": {"recipient_code": "RCP_ex4mpl3rcp", "type": "mobile_money"},
    } | changes


BANKS = envelope(
    [
        {"id": 1, "name": "M-PESA Paybill", "code": "MPPAYBILL", "type": "mobile_money_business"},
        {"id": 2, "name": "Airtel Money", "code": "ATL_KE", "type": "mobile_money"},
        {"id": 3, "name": "M-PESA", "code": "MPESA", "type": "mobile_money"},
    ]
)
RECIPIENT = Reply(201, {"status": True, "message": "Created", "data": {"recipient_code": "RCP_ex4mpl3rcp"}})


def hundredths(amount: Decimal) -> int:
    return int(amount * 100)
