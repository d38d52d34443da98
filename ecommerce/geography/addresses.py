"""What an address must say, by the rules of its country."""

from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail

from ecommerce.geography.counties import KENYA, counties_with, find_county, find_sub_county
from ecommerce.geography.countries import COUNTRIES, is_postal_code, needs_postal_code


class CountryField(serializers.CharField):
    """An ISO 3166-1 code; small letters are raised."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(min_length=2, max_length=2, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        code = super().to_internal_value(data).upper()
        if code not in COUNTRIES:
            raise serializers.ValidationError("Give an ISO 3166-1 code, such as KE.", code="unknown_country")
        return code


def checked_address(address: dict[str, Any]) -> dict[str, Any]:
    """Return an address as an order keeps it: without what was left empty, with official names in Kenya.

    Kenya needs a county and no postal code; a sub-county that is none of the official ones stays as it was written.
    Other countries need a town, a street, and a postal code where every address there has one.

    Raises:
        ValidationError: names each field that is missing or wrong.
    """
    address = {name: value for name, value in address.items() if value != ""}
    faults = _kenyan_faults(address) if address["country"] == KENYA else _foreign_faults(address)
    if faults:
        raise serializers.ValidationError({name: [fault] for name, fault in faults.items()})
    return address


def checked_kenyan_place(place: dict[str, Any]) -> dict[str, Any]:
    """Return ``place`` with the official names of its ``county`` and ``sub_county``, which may be absent.

    Raises:
        ValidationError: the county is unknown, or the sub-county is known to be in another one.
    """
    faults = _kenyan_faults(place) if place.get("county") else {}
    if faults:
        raise serializers.ValidationError({name: [fault] for name, fault in faults.items()})
    return place


def _kenyan_faults(address: dict[str, Any]) -> dict[str, ErrorDetail]:
    """Give the county and the sub-county their official names, and return what is wrong with them."""
    if "county" not in address:
        return {"county": ErrorDetail("Name the county.", "required")}
    county = find_county(address["county"])
    if county is None:
        return {"county": ErrorDetail("This is none of Kenya's 47 counties.", "unknown_county")}
    address["county"] = county.name
    if name := address.get("sub_county"):
        official = find_sub_county(county, name)
        if official is None and (others := counties_with(name)):
            return {"sub_county": ErrorDetail(f"This sub-county is in {others[0].name}.", "sub_county_elsewhere")}
        address["sub_county"] = official or name
    return {}


def _foreign_faults(address: dict[str, Any]) -> dict[str, ErrorDetail]:
    """Return what is wrong, once the postal code is in capitals."""
    country = address["country"]
    faults = {
        name: ErrorDetail("An address in this country has one.", "required")
        for name in ("town", "line1", *(["postal_code"] if needs_postal_code(country) else []))
        if name not in address
    }
    if "postal_code" in address:
        address["postal_code"] = address["postal_code"].upper()
        if not is_postal_code(country, address["postal_code"]):
            faults["postal_code"] = ErrorDetail("Postal codes of this country look otherwise.", "invalid_postal_code")
    return faults
