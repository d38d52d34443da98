"""Does the search find what people mean, in a real catalogue?"""

from pathlib import Path

import pytest
from django.core.management import call_command

from bench.search_labels import FIRST, labels, read_rows, write_sample
from catalog.searching.criteria import Criteria
from catalog.searching.finding import find

REAL_FILE = Path(__file__).resolve().parents[2] / "../shared/data/catalogue/electronics-catalogue.ndjson.gz"
PRODUCTS = 5000  # the more there are, the better they hide; bench/search.py asks all

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.slow,
    pytest.mark.skipif(not REAL_FILE.is_file(), reason="the real catalogue lies beside the repository"),
]


def test_nineteen_of_twenty_queries_find_what_was_meant_among_the_first_three(tmp_path):
    sample = write_sample(REAL_FILE, tmp_path / "sample.ndjson.gz", size=PRODUCTS)
    call_command("import_catalogue", str(sample))
    rows = read_rows()
    asked = labels(rows)

    missed = [
        f"{label.kind}: {label.query}"
        for label in asked
        if not any(
            label.is_meant(rows[product["id"]])
            for product in find(label.query, Criteria(), order=None, start=0, size=FIRST).products
        )
    ]

    assert len(asked) >= 150
    assert len(missed) <= len(asked) * 0.05, missed
