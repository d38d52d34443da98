"""What the OpenAPI document says of listings."""

from drf_spectacular.utils import OpenApiExample, OpenApiParameter

_WHO = "Staff with the right, and hosts (the role `seller`) what is their own. "
CREATE = _WHO + (
    "A listing is a product of the kind `rental`, and has its id: pictures, reviews and the catalogue's search are the "
    "product's. A night costs `price_per_night`, or what `seasonal_prices` say. With a `capacity` above 1 it is so "
    "many units alike, each for `max_guests`."
)
REPLACE = _WHO + "What is left out gets its default, except `url_key`, `seller` and `is_active`, which stay."
CHANGE = _WHO + (
    "What is left out stays; `amenities` and `seasonal_prices` are replaced as a whole. Stays that are booked keep "
    "their price and their terms. A `capacity` below what is taken in some night is a 409 `capacity_too_small`."
)
REMOVE = _WHO + (
    "It leaves the shop and can be restored at `/products/{id}/restore/`; stays that are booked remain. A repeat "
    "answers 204 again."
)
SEARCH = (
    "What is to let, newest first. With `start_date` and `end_date`: what is free in all nights between and takes so "
    "short a stay, each with its `stay_total`. With `near`: what lies within `radius_km`. An unknown parameter is a "
    "400 that names it."
)
AVAILABILITY = (
    "Night by night what is free and what it costs, and whether the whole can be booked as one stay by so many "
    "`guests` in so many `units`. Without days the next 60 nights. Nothing is held by asking: `dates_taken` may come "
    "all the same."
)
ORDERING = OpenApiParameter("ordering", description="`newest`, `price`, `-price`; `distance` with `near`.")
_DATE = {"type": "string", "format": "date"}
ASKED = [
    OpenApiParameter("start_date", type=_DATE, description="The first night; today if left out."),
    OpenApiParameter("end_date", type=_DATE, description="The day of leaving, 366 later at most."),
    OpenApiParameter("guests", type=int, description="1 if left out."),
    OpenApiParameter("units", type=int, description="1 if left out."),
]

_WRITTEN = {
    "product_name": "Cottage by the lake",
    "description": "Two rooms, and hippos at night.",
    "category": "stays",
    "price_per_night": "6500.00",
    "location": {"county": "Nakuru", "town": "Naivasha", "lat": -0.7717, "lng": 36.4321},
    "max_guests": 4,
    "amenities": ["kitchen", "parking", "wifi"],
    "house_rules": "No fires on the lawn.",
    "check_in": "14:00:00",
    "check_out": "10:00:00",
    "cancellation_policy": "moderate",
    "minimum_stay": 2,
    "capacity": 1,
    "seasonal_prices": [{"start_date": "2026-12-20", "end_date": "2027-01-03", "price": "9000.00"}],
}
_IN_LIST = {
    "id": "0198c0de-0000-7000-8000-000000000041",
    "product_name": "Cottage by the lake",
    "url_key": "cottage-by-the-lake",
    "image_url": "",
    "price_per_night": "6500.00",
    "currency": "KES",
    "location": _WRITTEN["location"],
    "max_guests": 4,
    "capacity": 1,
    "minimum_stay": 2,
    "amenities": _WRITTEN["amenities"],
    "cancellation_policy": "moderate",
    "seller": "0198c0de-0000-7000-8000-000000000007",
    "rating": "4.80",
    "review_count": 12,
}
_SHOWN = _IN_LIST | {
    "description": _WRITTEN["description"],
    "category": {"id": "0198c0de-0000-7000-8000-000000000003", "category_name": "Stays", "url_key": "stays"},
    "house_rules": _WRITTEN["house_rules"],
    "check_in": "14:00:00",
    "check_out": "10:00:00",
    "seasonal_prices": _WRITTEN["seasonal_prices"],
    "is_active": True,
    "created_at": "2026-11-22T07:45:00Z",
    "updated_at": "2026-11-22T07:45:00Z",
}
SHOWN_EXAMPLES = [OpenApiExample("A cottage", value=_SHOWN, response_only=True, status_codes=["200"])]
LIST_EXAMPLES = [
    OpenApiExample(
        "Free for two nights",
        value=_IN_LIST | {"distance_km": 6.12, "stay_total": "13000.00"},
        response_only=True,
        status_codes=["200"],
    )
]
CREATE_EXAMPLES = [
    OpenApiExample("A cottage", value=_WRITTEN, request_only=True),
    OpenApiExample("Created", value=_SHOWN, response_only=True, status_codes=["201"]),
]
REPLACE_EXAMPLES = [OpenApiExample("A cottage", value=_WRITTEN, request_only=True), *SHOWN_EXAMPLES]
CHANGE_EXAMPLES = [
    OpenApiExample("Dearer", value={"price_per_night": "7000.00"}, request_only=True),
    *SHOWN_EXAMPLES,
]
AVAILABILITY_EXAMPLES = [
    OpenApiExample(
        "Taken on the second night",
        value={
            "start_date": "2026-12-01",
            "end_date": "2026-12-03",
            "units": 1,
            "is_available": False,
            "refusals": [{"code": "dates_taken", "detail": "These dates are taken."}],
            "total": "13000.00",
            "currency": "KES",
            "nights": [
                {"date": "2026-12-01", "units_free": 1, "price": "6500.00"},
                {"date": "2026-12-02", "units_free": 0, "price": "6500.00"},
            ],
        },
        response_only=True,
        status_codes=["200"],
    )
]
