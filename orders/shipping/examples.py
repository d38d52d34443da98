"""What shipping looks like in the API's documentation."""

from typing import Any

from drf_spectacular.utils import OpenApiExample

_TIMES = {"created_at": "2026-11-21T07:45:00Z", "updated_at": "2026-11-21T07:45:00Z"}
_ZONE: dict[str, Any] = {
    "id": "0198c0de-0000-7000-8000-000000000061",
    "name": "Around Nairobi",
    "country": "KE",
    "counties": ["Kiambu"],
    "sub_counties": ["Mavoko", "Kajiado North"],
    "priority": 0,
    "is_active": True,
    **_TIMES,
}
_METHOD: dict[str, Any] = {
    "id": "0198c0de-0000-7000-8000-000000000062",
    "zone": _ZONE["id"],
    "zone_name": _ZONE["name"],
    "name": "Rider",
    "kind": "delivery",
    "currency": "KES",
    "days_min": 1,
    "days_max": 2,
    "bands": [{"up_to_grams": 2000, "price": "300.00"}, {"up_to_grams": 10000, "price": "450.00"}],
    "price_per_further_kg": "40.00",
    "free_from": "30000.00",
    "max_weight_grams": 30000,
    "pay_at_door_limit": "10000.00",
    "tax_kind": "standard",
    "position": 1,
    "is_active": True,
    **_TIMES,
}
_POINT: dict[str, Any] = {
    "id": "0198c0de-0000-7000-8000-000000000063",
    "name": "Moi Avenue counter",
    "county": "Nairobi",
    "sub_county": "Starehe",
    "town": "Nairobi",
    "landmark": "Opposite the National Archives",
    "line1": "Moi Avenue",
    "phone_number": "+254712345678",
    "opening_hours": "Mon-Fri 8:00-18:00, Sat 9:00-16:00",
    "latitude": "-1.284600",
    "longitude": "36.826100",
    "methods": ["0198c0de-0000-7000-8000-000000000064"],
    "is_active": True,
    **_TIMES,
}
_QUOTE: dict[str, Any] = {
    "method_id": _METHOD["id"],
    "name": _METHOD["name"],
    "kind": "delivery",
    "zone_id": _ZONE["id"],
    "zone_name": _ZONE["name"],
    "amount": "300.00",
    "currency": "KES",
    "days_min": 1,
    "days_max": 2,
    "pay_at_door_limit": "10000.00",
    "tax_kind": "standard",
}


def _shown(name: str, value: Any) -> OpenApiExample:
    return OpenApiExample(name, value=value, response_only=True, status_codes=["200", "201"])


def _asked(name: str, row: dict[str, Any], *without: str) -> OpenApiExample:
    own = {"id", "zone_name", *_TIMES, *without}
    return OpenApiExample(name, value={key: value for key, value in row.items() if key not in own}, request_only=True)


ZONE = [_asked("A county and two sub-counties", _ZONE), _shown("A zone", _ZONE)]
METHOD = [_asked("By rider", _METHOD), _shown("A method", _METHOD)]
POINT = [_asked("A counter in town", _POINT), _shown("A pick-up point", _POINT)]
COUNTY = [
    OpenApiExample(
        "A county",
        value={"code": 5, "name": "Lamu", "sub_counties": ["Lamu East", "Lamu West"]},
        response_only=True,
    )
]
QUOTES = [OpenApiExample("One method", value={"is_set_up": True, "quotes": [_QUOTE]}, response_only=True)]
