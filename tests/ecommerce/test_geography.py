"""Counties and sub-counties: all there, and found however people write them."""

import gzip
import json
import os
from pathlib import Path

import pytest

from ecommerce.geography.counties import COUNTIES, counties_with, find_county, find_sub_county

# A directory with ``kenya/counties.json`` and ``kenya/admin-units.json.gz``, for a comparison with another list.
REFERENCE = Path(os.environ.get("KENYA_GEOGRAPHY", "")) / "kenya"


def names(*texts):
    return [county.name if (county := find_county(text)) else None for text in texts]


def test_there_are_47_counties_with_290_sub_counties_and_no_name_stands_twice():
    below = [name for county in COUNTIES for name in county.sub_counties]

    assert [county.code for county in COUNTIES] == list(range(1, 48))
    assert len({county.name for county in COUNTIES}) == 47
    assert (COUNTIES[0].name, COUNTIES[46].name) == ("Mombasa", "Nairobi")
    assert (len(below), len(set(below))) == (290, 290)


def test_every_official_name_and_code_is_found_and_no_other_county_is_meant():
    for county in COUNTIES:
        spellings = (county.name, county.name.upper(), f"{county.name} County", f"{county.code}", f"{county.code:03}")
        assert names(*spellings) == [county.name] * 5
        for name in county.sub_counties:
            assert find_sub_county(county, name) == find_sub_county(county, f" {name.upper()} sub-county") == name
            assert counties_with(name) == [county]


@pytest.mark.parametrize(
    ("written", "county"),
    [
        ("nairobi county", "Nairobi"),
        ("Nairobi City County", "Nairobi"),
        ("Kaunti ya Nairobi", "Nairobi"),
        ("Muranga", "Murang'a"),
        ("Murang\N{RIGHT SINGLE QUOTATION MARK}a", "Murang'a"),
        ("MURANG`A  COUNTY", "Murang'a"),
        ("Taita Taveta", "Taita-Taveta"),
        ("Taita/Taveta", "Taita-Taveta"),
        ("TaitaTaveta", "Taita-Taveta"),
        ("homabay", "Homa Bay"),
        ("Trans Nzoia", "Trans-Nzoia"),
        ("Tharaka \N{EN DASH} Nithi", "Tharaka-Nithi"),
        ("elgeyo marakwet", "Elgeyo-Marakwet"),
        ("Nyerí", "Nyeri"),
        ("047", "Nairobi"),
    ],
)
def test_county_is_found_in_usual_spellings(written, county):
    assert names(written) == [county]


@pytest.mark.parametrize(
    "written", ["", "county", "'", "Kampala", "0", "48", "0047", "Nairobi Mombasa", "٤٧", "n" * 10_000]
)
def test_what_is_no_county_is_none(written):
    assert names(written) == [None]


@pytest.mark.parametrize(
    ("written", "sub_county"),
    [
        ("Chuka Igambangombe", "Chuka/Igambang'ombe"),
        ("imenti central", "Central Imenti"),
        ("Lungalunga", "Lunga Lunga"),
        ("Mt. Elgon", "Mount Elgon"),
        ("Embakasi-East Constituency", "Embakasi East"),
        ("Lang'ata", "Langata"),
    ],
)
def test_sub_county_is_found_in_usual_spellings(written, sub_county):
    (county,) = counties_with(written)

    assert find_sub_county(county, written) == sub_county


def test_sub_county_of_another_county_is_not_found():
    assert find_sub_county(find_county("Nairobi"), "Ruiru") is None
    assert [county.name for county in counties_with("Ruiru")] == ["Kiambu"]
    assert counties_with("Atlantis") == counties_with("sub-county") == []


@pytest.mark.skipif(not REFERENCE.is_dir(), reason="KENYA_GEOGRAPHY names no other list to compare with")
def test_list_agrees_with_another_one():
    counties = json.loads((REFERENCE / "counties.json").read_text())
    with gzip.open(REFERENCE / "admin-units.json.gz") as packed:
        constituencies = json.load(packed)["constituencies"]

    assert {int(row["number"]): names(row["name"]) for row in counties} == {
        county.code: [county.name] for county in COUNTIES
    }
    for county in COUNTIES:
        listed = [row["name"] for row in constituencies if int(row["county_number"]) == county.code]
        assert sorted(map(str, (find_sub_county(county, name) for name in listed))) == sorted(county.sub_counties)
