"""Where a parcel goes, as far as shipping asks."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ecommerce.geography.counties import KENYA, find_county, find_sub_county


@dataclass(frozen=True)
class Place:
    """A country, and in Kenya a county. ``sub_county`` is empty where it is none of the official ones."""

    country: str
    county: str = ""
    sub_county: str = ""


def place_of(destination: Mapping[str, Any]) -> Place | None:
    """Return the place that an address names: ``country`` (Kenya where it says none), ``county``, ``sub_county``.

    None where it names none: in Kenya a place has a county.
    """
    country = str(destination.get("country") or KENYA).upper()
    if country != KENYA:
        return Place(country)
    county = find_county(str(destination.get("county") or ""))
    if county is None:
        return None
    return Place(country, county.name, find_sub_county(county, str(destination.get("sub_county") or "")) or "")
