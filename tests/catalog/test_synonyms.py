"""Synonyms of the search: what they find, who keeps them, what is refused and changes nothing."""

import time
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from hypothesis import given
from hypothesis import strategies as st

from bench.search_labels import FIRST, labels, read_rows, write_sample
from catalog.searching.criteria import Criteria
from catalog.searching.finding import find
from catalog.searching.models import SearchSynonym
from catalog.searching.synonyms import MAX_READINGS, SynonymInput, add_missing, add_synonym, query_of
from catalog.searching.synonyms import _readings as readings
from catalog.searching.words import TextQuery
from tests.admin_pages import address, logged_in, member_of_staff, statuses
from tests.catalog.test_search_labels import PRODUCTS, REAL_FILE
from tests.clients import client_for
from tests.factories import CategoryFactory, ProductFactory, UserFactory

pytestmark = pytest.mark.django_db

SYNONYMS, LIST, SEARCH, SUGGEST = (
    "/api/search/synonyms/",
    "/api/products/",
    "/api/products/search/",
    "/api/products/suggest/",
)


def errors(answer):
    return [(row["code"], row["attr"]) for row in answer.json()["errors"]]


def kept():
    return sorted(SearchSynonym.objects.values_list("term", "meaning", "two_way"))


def synonym(term, meaning, *, two_way=False):
    return add_synonym(SynonymInput(term, meaning, two_way))


@pytest.fixture
def editor():
    return client_for(member_of_staff(*(f"catalog.{right}_searchsynonym" for right in ("view", "add", "delete"))))


@pytest.fixture
def shop():
    for name in ("Galaxy Phone", "Nokia Phone", "Tecno Phone", "Itel Phone", "LG Television", "Sony Television"):
        ProductFactory(product_name=name, category=CategoryFactory())
    ProductFactory(product_name="Bruhm Refrigerator 200 L")
    ProductFactory(product_name="Ramtons Washing Machine")
    ProductFactory(product_name="TV Bracket")


def found(text):
    """Return what the list, the search and the suggestions find, which must be the same."""
    client = client_for(None)
    by_list = {row["product_name"] for row in client.get(LIST, {"q": text}).json()["results"]}
    answer = client.get(SEARCH, {"q": text}).json()
    assert {row["product_name"] for row in answer["results"]} == by_list
    assert answer["count"] == len(by_list)
    suggested = {row["product_name"] for row in client.get(SUGGEST, {"q": text}).json()["products"]}
    assert suggested == by_list
    return by_list


PHONES = {"Galaxy Phone", "Nokia Phone", "Tecno Phone", "Itel Phone"}


# --- What they find -------------------------------------------------------------------------------------------


def test_synonym_finds_what_it_means_and_only_in_its_direction(shop):
    assert found("friji") == set()
    synonym("Friji", "Refrigerator")
    synonym("simu", "phone")

    assert found("friji") == found("FRIJI 200") == {"Bruhm Refrigerator 200 L"}
    assert found("simu") == PHONES
    assert found("galaxy simu") == found("simu galaxy") == {"Galaxy Phone"}
    ProductFactory(product_name="Simu ya Jamii")
    assert found("simu") == {*PHONES, "Simu ya Jamii"}
    assert found("phone") == PHONES


def test_two_way_synonym_holds_both_ways(shop):
    synonym("tv", "television", two_way=True)

    everything = {"LG Television", "Sony Television", "TV Bracket"}
    assert found("tv") == found("television") == everything
    assert found("sony tv") == {"Sony Television"}


def test_synonyms_of_several_words_are_found_as_a_whole(shop):
    synonym("mashine ya kufulia", "washing machine")

    assert found("mashine ya kufulia") == found("ramtons mashine ya kufulia") == {"Ramtons Washing Machine"}
    assert found("mashine kufulia ya") == set()


def test_beginning_of_a_synonym_is_none(shop):
    synonym("simu", "phone")

    assert found("sim") == set()


def test_synonyms_of_synonyms_are_not_followed(shop):
    synonym("rununu", "simu")
    synonym("simu", "phone")

    assert found("rununu") == set()


def test_one_word_may_mean_several_things(shop):
    synonym("kifaa", "phone")
    synonym("kifaa", "television")

    assert found("kifaa") == {*PHONES, "LG Television", "Sony Television"}


def test_facets_and_filters_go_by_what_is_meant(shop, api_client):
    synonym("simu", "phone")

    answer = api_client.post(SEARCH, {"q": "simu", "max_price": "2000.00"}).json()

    assert (answer["count"], answer["did_you_mean"]) == (4, None)
    assert sum(row["count"] for row in answer["facets"]["price"]) == 4


def test_deleted_synonym_is_forgotten_at_once(shop, editor):
    made = synonym("simu", "phone")
    assert found("simu") == PHONES

    assert editor.delete(f"{SYNONYMS}{made.pk}/").status_code == 204

    assert found("simu") == set()


def test_typed_word_outranks_what_it_means():
    synonym("tv", "television", two_way=True)
    ProductFactory(product_name="Sony Television")
    ProductFactory(product_name="Sony Television TV")

    page = find("sony tv", Criteria(), order=None, start=0, size=2).products

    assert [product["product_name"] for product in page] == ["Sony Television TV", "Sony Television"]


def test_synonyms_take_one_statement_however_many_there_are(django_assert_num_queries):
    for n in range(20):
        synonym(f"word{n}", "phone")
        synonym("simu", f"thing{n}")

    with django_assert_num_queries(1):
        query = query_of(["simu", "word3", "a", "b", "c", "d", "e", "f"])
    with django_assert_num_queries(0):
        assert query_of([]).others == ()

    assert len(query.others) == MAX_READINGS - 1


@given(
    words=st.lists(st.sampled_from("abcd"), min_size=1, max_size=8),
    meanings=st.dictionaries(
        st.lists(st.sampled_from("abcd"), min_size=1, max_size=3).map(tuple),
        st.lists(st.lists(st.sampled_from("wxyz"), min_size=1, max_size=4).map(tuple), min_size=1, max_size=3),
        max_size=6,
    ),
)
def test_readings_are_few_begin_with_what_was_typed_and_replace_whole_terms(words, meanings):
    found = readings(tuple(words), meanings)

    assert found[0] == tuple(words)
    assert len(found) == len(set(found)) <= MAX_READINGS
    allowed = {word for each in meanings.values() for meaning in each for word in meaning} | set(words)
    assert all(set(reading) <= allowed and len(reading) <= 16 for reading in found)
    one_change = {
        (*words[:start], *meaning, *words[start + len(term) :])
        for term, each in meanings.items()
        for start in range(len(words))
        if tuple(words[start : start + len(term)]) == term
        for meaning in each
    }
    if len(one_change) < MAX_READINGS:
        assert {reading for reading in one_change if len(reading) <= 16} <= set(found)


def test_eight_words_with_synonyms_for_each_are_still_quick(shop):
    words = [f"neno{n}" for n in range(8)]
    for word in words:
        for n in range(10):
            synonym(word, f"phone kitu{n} kipya{n} sana{n}")
    started = time.monotonic()

    find(" ".join(words), Criteria(), order=None, start=0, size=20)

    assert time.monotonic() - started < 3


def test_query_without_synonyms_is_what_it_was():
    assert TextQuery(("wi-fi", "8gb")).matching == TextQuery(("wi-fi", "8gb"), ()).matching
    assert query_of(["wi-fi"]) == TextQuery(("wi-fi",))


# --- Keeping them ---------------------------------------------------------------------------------------------


def test_synonym_is_kept_folded(editor):
    answer = editor.post(SYNONYMS, {"term": "  Télly ", "meaning": "TELEVISION set", "two_way": True})

    assert answer.status_code == 201
    assert answer.json() == {
        "id": answer.json()["id"],
        "term": "telly",
        "meaning": "television set",
        "two_way": True,
        "created_at": answer.json()["created_at"],
    }
    assert editor.get(SYNONYMS).json()["results"] == [answer.json()]
    assert editor.get(SYNONYMS, {"term": "ELL"}).json()["count"] == 1
    assert editor.get(SYNONYMS, {"meaning": "phone"}).json()["count"] == 0


@pytest.mark.parametrize(
    ("body", "status", "expected"),
    [
        ({"term": "!!!", "meaning": "phone"}, 400, [("invalid", "term")]),
        ({"term": "simu", "meaning": "电话"}, 400, [("invalid", "meaning")]),
        ({"term": "a b c d e", "meaning": "phone"}, 400, [("invalid", "term")]),
        ({"term": "Phone", "meaning": "phöne"}, 400, [("same_words", "meaning")]),
        ({"term": "x" * 101, "meaning": "phone"}, 400, [("max_length", "term")]),
        ({"term": "", "meaning": "phone"}, 400, [("blank", "term")]),
        ({"meaning": "phone"}, 400, [("required", "term")]),
        ({"term": ["simu"], "meaning": "phone"}, 400, [("invalid", "term")]),
        ({"term": "tv", "meaning": "television"}, 409, [("synonym_exists", None)]),
        ({"term": "TV", "meaning": "Television", "two_way": True}, 409, [("synonym_exists", None)]),
        ({"term": "television", "meaning": "tv"}, 409, [("synonym_exists", None)]),
    ],
)
def test_refused_synonym_is_named_and_not_kept(editor, body, status, expected):
    synonym("tv", "television", two_way=True)

    answer = editor.post(SYNONYMS, body)

    assert (answer.status_code, errors(answer)) == (status, expected)
    assert kept() == [("tv", "television", True)]


def test_no_operator_reaches_a_query(editor, shop):
    assert editor.post(SYNONYMS, {"term": "simu", "meaning": "phone | !tele:* & <->"}).status_code == 201
    assert kept() == [("simu", "phone tele", False)]
    for term, meaning in (("a|b", "c"), ("a", "b & c"), ("A", "b"), ("a", ""), ("a", "b:*")):
        with pytest.raises(IntegrityError), transaction.atomic():
            SearchSynonym.objects.create(term=term, meaning=meaning)

    assert found("simu") == set()


@pytest.mark.parametrize("who", ["nobody", "customer", "staff without rights", "staff with the other rights"])
def test_staff_keep_synonyms_by_permission(who):
    made = synonym("simu", "phone")
    calls = [
        ("get", SYNONYMS, {}, "view"),
        ("post", SYNONYMS, {"term": "tv", "meaning": "television"}, "add"),
        ("delete", f"{SYNONYMS}{made.pk}/", {}, "delete"),
    ]

    refused = set()
    for method, path, body, right in calls:
        others = (f"catalog.{other}_searchsynonym" for other in ("view", "add", "delete") if other != right)
        user = {
            "nobody": lambda: None,
            "customer": UserFactory,
            "staff without rights": member_of_staff,
            "staff with the other rights": lambda others=others: member_of_staff(*others),
        }[who]()
        refused.add(getattr(client_for(user), method)(path, body).status_code)

    assert refused == {401 if who == "nobody" else 403}
    assert kept() == [("simu", "phone", False)]


def test_same_synonym_sent_ten_times_at_once_is_kept_once(together):
    results = together(*[lambda: synonym("simu", "phone").term] * 10)

    assert results.count("simu") == 1
    assert {getattr(result, "code", result) for result in results} == {"simu", "synonym_exists"}


@pytest.mark.parametrize("rows", [1, 10, 100])
def test_list_takes_the_same_statements_for_any_number_of_rows(editor, django_assert_num_queries, rows):
    for n in range(rows):
        synonym(f"word{n}", "phone")

    with django_assert_num_queries(5):  # user, two of permissions, count, synonyms
        assert editor.get(SYNONYMS, {"page_size": 100}).json()["count"] == rows


def test_admin_adds_and_deletes_and_names_what_is_wrong(client, staff):
    made = synonym("simu", "phone")
    pages = [
        address("catalog_searchsynonym_changelist"),
        address("catalog_searchsynonym_add"),
        address("catalog_searchsynonym_delete", made),
    ]
    keeper = logged_in(staff)

    assert statuses(keeper, pages) == dict.fromkeys(pages, 200)
    assert statuses(logged_in(member_of_staff()), pages) == dict.fromkeys(pages, 403)
    assert keeper.post(pages[1], {"term": "!!", "meaning": "tv"}).status_code == 200
    assert keeper.post(pages[1], {"term": "Runinga", "meaning": "Television"}).status_code == 302
    assert keeper.post(pages[2], {"post": "yes"}).status_code == 302
    assert kept() == [("runinga", "television", False)]


# --- Files ------------------------------------------------------------------------------------------------------


def test_default_synonyms_are_added_once(capsys):
    call_command("import_synonyms")
    amount = SearchSynonym.objects.count()
    call_command("import_synonyms")

    assert amount > 40
    assert f"0 synonyms added, {amount} known already" in capsys.readouterr().out
    assert ("simu", "phone", False) in kept()


def test_sample_shop_understands_swahili():
    call_command("load_sample_shop")

    for text, meant in (("friji", "fridge"), ("simu", "phone"), ("tv", "tv"), ("chaja", "charger")):
        page = find(text, Criteria(), order=None, start=0, size=3).products
        names = [f"{row['product_name']} {row['category']['category_name']}".casefold() for row in page]
        assert names, text
        assert all(meant in name for name in names), (text, names)


@pytest.mark.parametrize(
    "content",
    [
        "a,b\nsimu,phone\n",
        "term,meaning,two_way\nsimu,phone,maybe\n",
        "term,meaning,two_way\nsimu,phone\n",
        "term,meaning,two_way\nsimu,phone,,more\n",
        "term,meaning,two_way\ntv,television,yes\n!!,phone,\n",
        b"term,meaning,two_way\n\xff\xfe,phone,\n",
        "",
    ],
)
def test_file_that_is_wrong_anywhere_stores_nothing(tmp_path, content):
    path: Path = tmp_path / "synonyms.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())

    with pytest.raises(CommandError, match="Nothing is stored"):
        call_command("import_synonyms", str(path))

    assert not SearchSynonym.objects.exists()


@pytest.mark.slow
@pytest.mark.skipif(not REAL_FILE.is_file(), reason="the real catalogue lies beside the repository")
def test_labelled_queries_are_found_as_well_with_the_default_synonyms(tmp_path):
    call_command("import_catalogue", str(write_sample(REAL_FILE, tmp_path / "sample.ndjson.gz", size=PRODUCTS)))
    call_command("import_synonyms")
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


def test_missing_ones_are_added_all_or_none():
    synonym("simu", "phone")

    assert add_missing([SynonymInput("simu", "phone"), SynonymInput("tv", "television")]) == 1

    assert kept() == [("simu", "phone", False), ("tv", "television", False)]
