"""Exchange rates in the admin: looked at and added, never changed."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.utils import timezone

from catalog.currencies.rates import set_rate
from catalog.models import ExchangeRate
from tests.admin_pages import address, listed, logged_in, member_of_staff, queries_of, statuses, told

pytestmark = pytest.mark.django_db

RATES, ADD = address("catalog_exchangerate_changelist"), address("catalog_exchangerate_add")
MOMENT = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def client(staff):
    return logged_in(staff)


def form(**changes: str) -> dict[str, str]:
    return {"currency": "USD", "rate": "129.50", "valid_from_0": "", "valid_from_1": "", "source": ""} | changes


@pytest.fixture
def times() -> dict[str, ExchangeRate]:
    """A past, a present and a coming rate of the dollar, and an old one of the euro."""
    now = timezone.now()
    return {
        "past": set_rate(currency="USD", rate=Decimal(128), valid_from=now - 2 * DAY),
        "present": set_rate(currency="USD", rate=Decimal(129), valid_from=now - DAY),
        "to come": set_rate(currency="USD", rate=Decimal(130), valid_from=now + DAY),
        "old": set_rate(currency="EUR", rate=Decimal(140), valid_from=now - 8 * DAY),
    }


def test_list_shows_the_rates_in_force_and_others_when_asked(client, times):
    present, everything, coming = (
        listed(client.get(f"{RATES}{query}")) for query in ("", "?time=all", "?time=to-come")
    )

    assert present == [times["old"], times["present"]]
    assert everything == [times["old"], times["to come"], times["present"], times["past"]]
    assert coming == [times["to come"]]


def test_filter_names_its_choices_whatever_else_is_chosen(client, times):
    specs = client.get(f"{RATES}?currency=USD").context["cl"].filter_specs
    (spec,) = (spec for spec in specs if spec.title == "time")

    choices = list(spec.choices(client.get(f"{RATES}?currency=USD").context["cl"]))
    assert [choice["display"] for choice in choices] == ["In force", "Whole history", "To come"]
    assert listed(client.get(f"{RATES}?currency=USD")) == [times["present"]]


def test_list_says_what_a_rate_is_worth_now(client, times):
    page = client.get(f"{RATES}?time=all").content.decode()
    words = ["USD – US Dollar", "1 USD = KES 129", "In force", "Past", "To come", "Too old to charge by"]

    assert [page.count(word) > 0 for word in words] == [True] * len(words)
    present = client.get(RATES).content.decode()
    assert [word for word in ("1 USD = KES 128", "1 USD = KES 130") if word in present] == []


def test_list_of_a_shop_without_rates_is_empty(client):
    assert listed(client.get(RATES)) == []


def test_row_is_shown_with_its_proof(client, staff):
    row = set_rate(currency="USD", rate=Decimal("129.50"), source="Central Bank of Kenya", actor=staff)

    page = client.get(address("catalog_exchangerate_change", row)).content.decode()

    assert [word in page for word in ("1 USD = KES 129.5", "Central Bank of Kenya", staff.email)] == [True] * 3


def test_add_sets_a_rate_from_now_on(client, staff):
    before = timezone.now()

    answer = client.post(ADD, form(source="CBK"))

    assert answer.status_code == 302
    row = ExchangeRate.objects.get()
    assert (row.base, row.currency, row.rate, row.source, row.created_by) == (
        "KES",
        "USD",
        Decimal("129.5"),
        "CBK",
        staff,
    )
    assert before <= row.valid_from <= timezone.now()
    assert LogEntry.objects.values_list("object_id", "user").get() == (str(row.pk), staff.pk)


def test_moment_is_typed_on_the_staffs_clock(client):
    client.post(ADD, form(valid_from_0="2026-03-01", valid_from_1="15:00:00"))

    assert ExchangeRate.objects.get().valid_from == MOMENT


@pytest.mark.parametrize(
    "wrong",
    [
        {"currency": ""},
        {"currency": "KES"},
        {"currency": "XXX"},
        *({"rate": rate} for rate in ("", "0", "-1", "NaN", "much", "0.00000000001", "12345678901")),
        {"valid_from_0": "soon", "valid_from_1": "15:00:00"},
        {"valid_from_0": "2026-03-01"},
        {"source": "x" * 121},
    ],
    ids=str,
)
def test_add_refuses_what_is_no_rate(client, wrong):
    answer = client.post(ADD, form(**wrong))

    assert answer.status_code == 200
    assert answer.context["errors"]
    assert ExchangeRate.objects.count() == 0


def test_second_rate_of_a_moment_is_refused_with_a_message(client):
    row = set_rate(currency="USD", rate=Decimal(128), valid_from=MOMENT)

    answer = client.post(ADD, form(valid_from_0="2026-03-01", valid_from_1="15:00:00"))

    assert told(answer) == ["This currency has a rate from that moment on; rates are never changed."]
    assert ExchangeRate.objects.values_list("pk", "rate").get() == (row.pk, 128)


def test_nobody_changes_or_deletes_a_rate(client):
    row = set_rate(currency="USD", rate=Decimal(128))
    change, delete = (address(f"catalog_exchangerate_{name}", row) for name in ("change", "delete"))

    answers = [
        client.post(change, form(rate="1")).status_code,
        client.post(delete, {"post": "yes"}).status_code,
        client.post(RATES, {"action": "delete_selected", "_selected_action": [str(row.pk)], "post": "yes"}).status_code,
    ]

    assert answers[:2] == [403, 403]
    assert ExchangeRate.objects.values_list("pk", "rate").get() == (row.pk, 128)


def test_pages_open_by_permission(customer):
    row = set_rate(currency="USD", rate=Decimal(128))
    pages = [RATES, ADD, address("catalog_exchangerate_change", row), address("catalog_exchangerate_history", row)]
    people = {
        "nobody": Client(),
        "customer": logged_in(customer),
        "staff": logged_in(member_of_staff("catalog.change_product")),
        "reader": logged_in(member_of_staff("catalog.view_exchangerate")),
        "writer": logged_in(member_of_staff("catalog.view_exchangerate", "catalog.add_exchangerate")),
    }

    assert {who: list(statuses(client, pages).values()) for who, client in people.items()} == {
        "nobody": [302] * 4,
        "customer": [302] * 4,
        "staff": [403] * 4,
        "reader": [200, 403, 200, 200],
        "writer": [200] * 4,
    }


def test_who_may_only_look_adds_nothing():
    client = logged_in(member_of_staff("catalog.view_exchangerate"))

    assert client.post(ADD, form()).status_code == 403
    assert ExchangeRate.objects.count() == 0


def test_list_takes_the_same_statements_for_any_number_of_rows(client, staff):
    set_rate(currency="USD", rate=Decimal(128), actor=staff)
    few = queries_of(client, f"{RATES}?time=all")
    for code in ("EUR", "GBP", "UGX"):
        set_rate(currency=code, rate=Decimal(128), actor=member_of_staff())

    assert queries_of(client, f"{RATES}?time=all") == few
