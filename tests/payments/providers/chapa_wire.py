"""Chapa's answers, as its documentation shows them."""

from decimal import Decimal
from typing import Any

from payments.testing.network import Reply

KEY = "CHASECK_TEST-aB3dE5fG7hJ9kL1mN3pQ5rS7tU9v"
SECRET = "example-secret-hash"


def envelope(data: Any, message: Any = "Done") -> Reply:
    return Reply(200, {"message": message, "status": "success", "data": data})


def error(status: int, message: Any, envelope_status: Any = "failed") -> Reply:
    return Reply(status, {"message": message, "status": envelope_status, "data": None})


def payment(reference: str, **changes: Any) -> dict[str, Any]:
    """Return a paid transaction as verify tells it."""
    return {
        "first_name": "Abebe",
        "last_name": "Bikila",
        "email": "abebe@example.com",
        "currency": "ETB",
        "amount": 1500,
        "charge": Decimal("45.0"),
        "mode": "test",
        "method": "telebirr",
        "type": "API",
        "status": "success",
        "reference": "AP9x8y7z6w",
        "tx_ref": reference,
        "customization": {"title": "Order BM-1001", "description": "Order BM-1001", "logo": None},
        "meta": {"order": "BM-1001"},
        "created_at": "2026-11-20T07:05:28.000000Z",
        "updated_at": "2026-11-20T07:06:02.000000Z",
    } | changes


def refund(reference: str, **changes: Any) -> dict[str, Any]:
    return {
        "id": 5512,
        "chapa_reference": "AP9x8y7z6w",
        "bank_reference": None,
        "amount": "1500.00",
        "ref": "SHOP-DIS-REF-0001",
        "currency": "ETB",
        "status": "Refund Initiated",
        "reason": "Item out of stock",
        "merchant_reference": reference,
        "created_at": "2026-11-21T08:00:00.000000Z",
        "updated_at": "2026-11-21T08:00:00.000000Z",
    } | changes


def payout(reference: str, **changes: Any) -> dict[str, Any]:
    return {
        "account_name": "Baraka Shop",
        "account_number": "0912345678",
        "bank_name": "telebirr",
        "amount": "1500.00",
        "currency": "ETB",
        "status": "success",
        "reference": reference,
        "chapa_reference": "PO123",
    } | changes


BANKS = Reply(
    200,
    {
        "message": "Banks retrieved",
        "data": [
            {"id": 946, "name": "Commercial Bank of Ethiopia (CBE)", "is_mobilemoney": None, "currency": "ETB"},
            {"id": 855, "name": "telebirr", "is_mobilemoney": 1, "currency": "ETB"},
            {"id": 266, "name": "M-Pesa", "is_mobilemoney": 1, "currency": "ETB"},
        ],
    },
)
