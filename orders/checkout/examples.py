"""What the checkout looks like in the API's documentation."""

from drf_spectacular.utils import OpenApiExample

SHIPPING = [
    OpenApiExample(
        "Where it goes",
        value={
            "phone_number": "0712 345 678",
            "shipping_address": {
                "recipient": "Wanjiku",
                "county": "Nairobi",
                "sub_county": "Westlands",
                "estate": "Kangemi",
                "landmark": "behind the Total station",
                "rider_note": "blue gate",
            },
        },
        request_only=True,
    ),
    OpenApiExample("How", value={"method_id": "0198c0de-0000-7000-8000-000000000062"}, request_only=True),
    OpenApiExample(
        "Collected",
        value={
            "email": "wanjiku@example.com",
            "method_id": "0198c0de-0000-7000-8000-000000000063",
            "pickup_point_id": "0198c0de-0000-7000-8000-000000000064",
        },
        request_only=True,
    ),
]
PAYMENT = [OpenApiExample("On the phone", value={"payment_method": "mpesa"}, request_only=True)]
CONFIRM = [
    OpenApiExample("What was shown", value={"version": 4, "expected_total": "24999.00"}, request_only=True),
    OpenApiExample(
        "All at once", value={"version": 4, "phone_number": "0712345678", "note": "Call first"}, request_only=True
    ),
]
