"""What is sent: bodies that would do something, so that a refusal is one of rights and not of form.

An operation that is not named here gets the first example of the OpenAPI document.
"""

from collections.abc import Callable
from typing import Any

from tests.bookings.stays import day
from tests.factories import PASSWORD
from tests.rights.world import World


def _listing(world: World) -> dict[str, Any]:
    return {
        "product_name": "Cottage",
        "category": str(world.category.pk),
        "price_per_night": "6500.00",
        "location": {"county": "Nakuru", "town": "Naivasha", "lat": -0.77, "lng": 36.43},
        "max_guests": 4,
    }


def _dates(first: int) -> dict[str, str]:
    return {"start_date": str(day(first)), "end_date": str(day(first + 2))}


BODIES: dict[str, Callable[[World], Any]] = {
    # An address that needs no name server.
    "POST /api/webhooks/": lambda world: {"url": "https://93.184.215.14/hook", "events": ["order.paid"]},
    "POST /api/auth/login/": lambda world: {"email": world.owner.email, "password": PASSWORD},
    "POST /api/auth/logout/": lambda world: {"everywhere": True},
    "POST /api/auth/token/": lambda world: {},
    "POST /api/auth/password/change/": lambda world: {"old_password": PASSWORD, "new_password": "chai-ya-maji-9"},
    "POST /api/auth/email/change/": lambda world: {"email": "new@example.com", "password": PASSWORD},
    "POST /api/auth/2fa/begin/": lambda world: {"password": PASSWORD},
    "POST /api/users/erase/": lambda world: {"password": PASSWORD},
    "POST /api/users/phone/": lambda world: {"phone_number": "0722000111", "password": PASSWORD},
    "POST /api/orders/bulk/": lambda world: {"action": "cancel", "order_ids": [str(world.order.pk)]},
    "PATCH /api/orders/{id}/": lambda world: {"status": "cancelled"},
    "PUT /api/orders/{id}/": lambda world: {"status": "cancelled"},
    "POST /api/orders/{order_id}/edits/": lambda world: {
        "items": [{"variant_id": str(world.variant.pk), "quantity": 1}],
        "reason": "agreed on the phone",
        "expected_total": str(world.order.total_amount * 2),
    },
    "POST /api/orders/": lambda world: {
        "items": [{"variant_id": str(world.variant.pk), "quantity": 1}],
        "email": "guest@example.com",
    },
    "POST /api/payments/": lambda world: {
        "order_id": str(world.order.pk),
        "method": "mpesa",
        "phone_number": "0712345678",
    },
    "POST /api/payments/initialize/": lambda world: {"order_id": str(world.order.pk), "method": "card"},
    "POST /api/payments/refund/": lambda world: {"payment_id": str(world.payment.pk), "amount": "1.00", "reason": "x"},
    "POST /api/returns/": lambda world: {
        "order_id": str(world.delivered.pk),
        "items": [{"item_id": str(world.delivered.items.get().pk), "quantity": 1}],
        "reason": "changed_mind",
    },
    "POST /api/brands/{id}/merge/": lambda world: {"into": str(world.second_brand.pk)},
    "POST /api/customer-groups/{id}/members/": lambda world: {"user_id": str(world.seller.pk)},
    "PUT /api/collections/{key}/products/": lambda world: {"products": [str(world.product.pk)]},
    "PATCH /api/products/{id}/": lambda world: {"product_name": "Galaxy"},
    "POST /api/products/{key}/reviews/": lambda world: {"rating": 5, "text": "Good."},
    "POST /api/products/search/": lambda world: {"q": "galaxy"},
    "POST /api/orders/{id}/cancel/": lambda world: {},
    "POST /api/orders/{order_id}/shipments/": lambda world: {},
    "POST /api/payments/received/{id}/dismiss/": lambda world: {"reason": "Not ours."},
    "PUT /api/users/{user_id}/roles/": lambda world: {"roles": ["support"]},
    "POST /api/cart/items/": lambda world: {"variant_id": str(world.variant.pk), "quantity": 1},
    "PUT /api/cart/items/{item_id}/": lambda world: {"quantity": 2},
    "PATCH /api/cart/items/{item_id}/": lambda world: {"quantity": 2},
    "POST /api/cart/coupon/": lambda world: {"code": "KARIBU"},
    "POST /api/wishlist/": lambda world: {"product_id": str(world.second_product.pk)},
    "POST /api/orders/{order_id}/collect/": lambda world: {"method": "cash_on_delivery", "amount": "1500.00"},
    "POST /api/payments/received/{id}/attach/": lambda world: {"order_number": world.order.number},
    "POST /api/stock/adjust/": lambda world: {
        "adjustments": [{"variant_id": str(world.variant.pk), "quantity": 1, "kind": "receive"}]
    },
    "POST /api/listings/": _listing,
    "PUT /api/listings/{listing_id}/": _listing,
    "PATCH /api/listings/{listing_id}/": lambda world: {"house_rules": "Quiet at night."},
    "POST /api/listings/{listing_id}/blocked-dates/": lambda world: _dates(30),
    "PUT /api/listings/{listing_id}/blocked-dates/{id}/": lambda world: _dates(30),
    "PATCH /api/listings/{listing_id}/blocked-dates/{id}/": lambda world: {"note": "Family"},
    "PATCH /api/stock/{variant}/": lambda world: {"low_stock_threshold": 3},
}
# Headers that some operations demand; the same for everybody.
HEADERS = {"HTTP_IDEMPOTENCY_KEY": "a-key-that-is-long-enough"}
