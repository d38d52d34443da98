"""Telling which county and sub-county people mean by what they write."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from ecommerce.geography.kenya import COUNTIES as _LISTED

KENYA = "KE"
_LONGEST = 100  # characters: no name of a place is longer
# Said beside a name and no part of it: "Kaunti ya Nairobi", "Nairobi City County", "Ruiru sub-county".
_COUNTY_WORDS = frozenset({"county", "city", "kaunti", "ya"})
_SUB_COUNTY_WORDS = frozenset({"sub", "county", "subcounty", "constituency"})
_FULL_WORDS = {"mt": "mount", "st": "saint"}


@dataclass(frozen=True)
class County:
    """A county by its official code, 1 to 47, and its sub-counties in the order of the official list."""

    code: int
    name: str
    sub_counties: tuple[str, ...]


def _words(text: str, ignored: frozenset[str]) -> list[str]:
    if len(text) > _LONGEST:
        return []
    plain = unicodedata.normalize("NFKD", text.casefold())
    letters = "".join(
        letter
        for letter in plain
        if not unicodedata.combining(letter) and letter not in "'`\N{RIGHT SINGLE QUOTATION MARK}"
    )
    words = [_FULL_WORDS.get(word, word) for word in re.findall(r"[a-z0-9]+", letters)]
    return [word for word in words if word not in ignored]


def _county_key(text: str) -> str:
    return "".join(_words(text, _COUNTY_WORDS))


def _sub_county_keys(text: str) -> set[str]:
    """Return the keys of a sub-county's name: as it is written, and in whatever order its words are."""
    words = _words(text, _SUB_COUNTY_WORDS)
    return {"".join(words), " ".join(sorted(words))} - {""}


COUNTIES: tuple[County, ...] = tuple(County(code, name, tuple(below.split(", "))) for code, name, below in _LISTED)
_BY_KEY: Mapping[str, County] = MappingProxyType({_county_key(county.name): county for county in COUNTIES})
_BY_CODE: Mapping[int, County] = MappingProxyType({county.code: county for county in COUNTIES})
_SUB_COUNTIES: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        county.name: MappingProxyType({key: name for name in county.sub_counties for key in _sub_county_keys(name)})
        for county in COUNTIES
    }
)


def find_county(text: str) -> County | None:
    """Return the county that is meant by a name in any usual spelling, or by its code ("47", "047")."""
    key = _county_key(text)
    if key.isdigit():
        return _BY_CODE.get(int(key)) if len(key) <= 3 else None
    return _BY_KEY.get(key)


def find_sub_county(county: County, text: str) -> str | None:
    """Return the official name of the sub-county of ``county`` that is meant."""
    names = _SUB_COUNTIES[county.name]
    return next((names[key] for key in _sub_county_keys(text) if key in names), None)


def counties_with(sub_county: str) -> list[County]:
    """Return the counties that have a sub-county of this name, in any usual spelling."""
    return [county for county in COUNTIES if find_sub_county(county, sub_county)]
