import json
import time
from decimal import Decimal
from itertools import count
from typing import Any

import pytest

from catalog.importing.cleaning import clean_line, clean_paragraphs, clean_value, fold, split_numbers, weight_in_grams
from catalog.importing.reading import Terms, read_product
from catalog.importing.records import SkippedLine
from tests.catalog.feed import row

TERMS = Terms(rates={"USD": Decimal("129.50"), "KES": Decimal(1)})

# --- Text and values ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("published", "cleaned"),
    [
        ("  Case for Apple&#174;  iPhone&reg;\t6 &amp; 6s ", "Case for Apple® iPhone® 6 & 6s"),
        ("Twice &amp;amp; escaped", "Twice & escaped"),
        ("AT&T, ?a=1&copy=2 and R&section", "AT&T, ?a=1&copy=2 and R&section"),
        ('Insignia\x99 TV\u200b\u200e\ufeff\u202e 32\xad"', 'Insignia TV 32"'),
        ("no\u00a0break\u3000wide\r\nline", "no break wide line"),
        ("nul\x00 and \ud800 half", "nul and half"),
        ("Cafe\u0301", "Café"),
        ("hidden &#8203;reference", "hidden reference"),
    ],
    ids=count(1),  # the texts themselves are no names for tests: half surrogates, 200,000 brackets
)
def test_line_is_unescaped_visible_and_single_spaced(published, cleaned):
    assert clean_line(published) == cleaned


def test_long_name_ends_at_a_word():
    words = "abcdefghi " * 30

    cleaned = clean_line(words, limit=255)

    assert cleaned == "abcdefghi " * 24 + "abcdefghi"
    assert clean_line("x" * 300, limit=255) == "x" * 255
    assert clean_line("y" * 255, limit=255) == "y" * 255
    assert clean_line("aa bb cc", limit=5) == "aa bb"


@pytest.mark.parametrize(
    ("published", "cleaned"),
    [
        ("<p>One</p><p>Two<br/>Three</p>", "One\n\nTwo\nThree"),
        ("A <b>bold</b>&nbsp;claim &#8482;", "A bold claim ™"),
        ("&lt;script&gt;steal()&lt;/script&gt;safe", "safe"),
        ("a<!-- <b>note</b> -->b --> c", "ab --> c"),
        ("5 < 6 and 7 > 2", "5 < 6 and 7 > 2"),
        ("<style>p { color: red }</style >text <script>never closed", "text"),
        ("plain\r\n\r\n\r\n\r\n  text\x00", "plain\n\ntext"),
    ],
    ids=count(1),
)
def test_description_loses_its_markup(published, cleaned):
    assert clean_paragraphs(published) == cleaned


@pytest.mark.parametrize("piece", ["<script>", "<!--", "<a", "&amp;"])
def test_hostile_description_is_cleaned_in_linear_time(piece):
    hostile = piece * (500_000 // len(piece))
    started = time.monotonic()

    clean_paragraphs(hostile)

    assert time.monotonic() - started < 5


@pytest.mark.parametrize(
    "spelling", ["Cooler Master", "Coolermaster", "CoolerMaster", "COOLER-MASTER", "Cooler Master™", "Cooler Mastér"]
)
def test_brand_spellings_fold_to_one(spelling):
    assert fold(spelling) == "coolermaster"


@pytest.mark.parametrize(
    ("published", "grams"),
    [
        *(("7.2", None), ("7.2 lb", 3266), ("8 ounces", 227), ("0.5kg", 500), ("250 g", 250)),
        *(("0 g", None), ("3 stone", None), ("9999999 kg", None), ("heavy", None), ("", None)),
    ],
)
def test_weight_counts_only_with_its_unit(published, grams):
    assert weight_in_grams(published) == grams


def test_part_numbers_are_split_at_runs_of_spaces():
    assert split_numbers("RX 580 ARMOR 8G OC    V341-064R \t 912") == ["RX 580 ARMOR 8G OC", "V341-064R", "912"]


def test_value_that_the_database_cannot_hold_is_made_harmless():
    assert clean_value({"a\x00": ["b\ud800", float("inf"), {"c": [True, None, 1.5]}]}) == {
        "a": ["b", None, {"c": [True, None, 1.5]}]
    }


# --- Lines ----------------------------------------------------------------------------------------------------


def refusal(line: bytes | None) -> tuple[str, str, str]:
    with pytest.raises(SkippedLine) as caught:
        read_product(line, TERMS)
    return caught.value.reason.value, caught.value.detail, caught.value.source_id


def without(key: str) -> dict[str, Any]:
    return {name: value for name, value in row().items() if name != key}


@pytest.mark.parametrize(
    ("line", "reason", "detail", "source_id"),
    [
        (None, "line_too_long", "more than 1048576 bytes", ""),
        (b" \r\n", "blank_line", "", ""),
        (b'{"id": "\xff"}', "not_utf8", "byte 9: invalid start byte", ""),
        (b'{"id": "feed:1",', "malformed_json", None, ""),
        (b'{"id": NaN}', "malformed_json", "NaN is not JSON", ""),
        (b"[" * 200_000, "malformed_json", "nested too deeply", ""),
        (b'["feed:1"]', "not_an_object", 'list: ["feed:1"]', ""),
        (without("name"), "missing_keys", "name", "feed:1"),
        ({"id": "feed:1"}, "missing_keys", "source, source_id, name, price, currency", "feed:1"),
        (row(name=12), "wrong_type", "name is not text: 12", "feed:1"),
        (row(category_path="Power"), "wrong_type", 'category_path is not an array: "Power"', "feed:1"),
        (row(attributes=[1]), "wrong_type", "attributes is not an object: [1]", "feed:1"),
        (row(id=None), "bad_id", "null", ""),
        (row(id=""), "bad_id", '""', ""),
        (row(id="a\x00b"), "bad_id", '"a\\u0000b"', "a\x00b"),
        (row(id="x" * 201), "bad_id", '"' + "x" * 76 + "...", "x" * 201),
        (row(name=None), "no_name", "null", "feed:1"),
        (row(name=" \u200b&nbsp; ---"), "no_name", '" \\u200b&nbsp; ---"', "feed:1"),
        (row(price=None), "no_price", "", "feed:1"),
        (row(price=9.99), "bad_price", "not a decimal string: 9.99", "feed:1"),
        (row(price="-1"), "bad_price", 'not a decimal string: "-1"', "feed:1"),
        (row(price="1,299.00"), "bad_price", 'not a decimal string: "1,299.00"', "feed:1"),
        (row(price="1e9"), "bad_price", 'not a decimal string: "1e9"', "feed:1"),
        (row(price="NaN"), "bad_price", 'not a decimal string: "NaN"', "feed:1"),
        (row(price="0.00"), "zero_price", "0.00", "feed:1"),
        (row(price="0.003"), "zero_price", "USD 0.003 rounds to KES 0", "feed:1"),
        (row(price="77220077.22"), "price_too_high", "USD 77220077.22", "feed:1"),
        (row(price="9" * 20), "price_too_high", "USD 99999999999999999999", "feed:1"),
        (row(currency="EUR"), "unknown_currency", '"EUR"', "feed:1"),
        (row(currency=None), "unknown_currency", "null", "feed:1"),
        (row(category_path=["x"] * 21), "category_too_deep", "21 levels", "feed:1"),
        (row(attributes={"a": json.loads("[" * 40 + "]" * 40)}), "malformed_json", None, "feed:1"),
    ],
    ids=count(1),
)
def test_line_that_cannot_be_sold_is_refused_by_name(line, reason, detail, source_id):
    found = refusal(json.dumps(line).encode() if isinstance(line, dict) else line)

    assert found == (reason, found[1] if detail is None else detail, source_id)


@pytest.mark.parametrize(
    ("currency", "price", "shillings"),
    [
        ("USD", "472.57", "61198.00"),  # 61,197.815
        ("USD", "1", "130.00"),  # 129.50, half up
        ("USD", "0.0039", "1.00"),  # 0.505
        ("USD", "77220077", "9999999972.00"),  # 9,999,999,971.50
        ("KES", "1499.995", "1500.00"),
        ("KES", "1499.50", "1499.50"),  # the shop's own price keeps its cents
        ("KES", "9999999999.99", "9999999999.99"),
    ],
)
def test_price_is_converted_and_rounded_half_up(currency, price, shillings):
    record = read_product(json.dumps(row(price=price, currency=currency)).encode(), TERMS)

    assert str(record.variants[0].price) == shillings


@pytest.mark.parametrize(
    ("given", "kept"),
    [("12", "1554.00"), ("10.00", None), ("9", None), ("99999999999", None), ("soon", None), (None, None)],
)
def test_old_price_counts_only_when_it_is_higher(given, kept):
    record = read_product(json.dumps(row(compare_at_price=given)).encode(), TERMS)

    assert record.variants[0].compare_at_price == (None if kept is None else Decimal(kept))
