"""Examples of the API documentation."""

from typing import Any

from drf_spectacular.utils import OpenApiExample

_PROMOTION: dict[str, Any] = {
    "id": "0198c0de-0000-7000-8000-000000000051",
    "name": "Jamhuri week",
    "description": "10 % off all phones from KES 5,000.",
    "kind": "percent",
    "percent": "10.00",
    "amount": None,
    "buy_quantity": None,
    "get_quantity": None,
    "most_times": None,
    "currency": "KES",
    "minimum_amount": "5000.00",
    "minimum_quantity": 1,
    "categories": ["0198c0de-0000-7000-8000-000000000011"],
    "brands": [],
    "collections": [],
    "products": [],
    "groups": [],
    "valid_from": "2026-12-07T00:00:00+03:00",
    "valid_until": "2026-12-14T00:00:00+03:00",
    "is_active": True,
    "is_automatic": False,
    "combines": True,
    "priority": 0,
    "limit_total": 500,
    "limit_per_customer": 1,
    "uses": 37,
    "discount_total": "48210.50",
    "coupon_count": 1,
    "created_at": "2026-11-21T07:45:00Z",
    "updated_at": "2026-11-21T07:45:00Z",
}
_WRITTEN = ("name", "kind", "percent", "minimum_amount", "categories", "valid_from", "valid_until", "limit_total")
_COUPON: dict[str, Any] = {
    "id": "0198c0de-0000-7000-8000-000000000052",
    "promotion": _PROMOTION["id"],
    "promotion_name": _PROMOTION["name"],
    "code": "JAMHURI10",
    "valid_from": None,
    "valid_until": None,
    "is_active": True,
    "limit_total": None,
    "limit_per_customer": None,
    "uses": 37,
    "created_at": "2026-11-21T07:45:00Z",
    "updated_at": "2026-11-21T07:45:00Z",
}
PROMOTION = OpenApiExample("10 % off a category", value=_PROMOTION, response_only=True, status_codes=["200", "201"])
ASKED = OpenApiExample(
    "10 % off a category, by code", value={name: _PROMOTION[name] for name in _WRITTEN}, request_only=True
)
BUY_GET = OpenApiExample(
    "Three for two, by itself",
    value={"name": "Three for two", "kind": "buy_get", "buy_quantity": 2, "get_quantity": 1, "is_automatic": True},
    request_only=True,
)
COUPON = OpenApiExample("A code", value=_COUPON, response_only=True, status_codes=["200", "201"])
COUPON_ASKED = OpenApiExample("A code", value={"promotion": _PROMOTION["id"], "code": "Jamhuri 10"}, request_only=True)
GENERATE = OpenApiExample(
    "Two codes for one order each",
    value={"promotion": _PROMOTION["id"], "count": 2, "prefix": "VIP-"},
    request_only=True,
)
GENERATED = OpenApiExample(
    "Two codes",
    value={"count": 2, "codes": ["VIP-7KQ2MXW9PD", "VIP-C3HRT8V4NB"]},
    response_only=True,
    status_codes=["201"],
)
REFUSED = OpenApiExample(
    "Too little in the cart",
    value={
        "type": "client_error",
        "errors": [
            {
                "code": "coupon_minimum_not_reached",
                "detail": "Goods for KES 350.00 more, and JAMHURI10 counts.",
                "attr": "code",
            }
        ],
        "missing": "350.00",
        "currency": "KES",
    },
    response_only=True,
    status_codes=["409"],
)
