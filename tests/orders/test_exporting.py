"""Orders as a file: what the filters leave, harmless to spreadsheets, a page in memory, and never unnoticed."""

import csv
import io
import tracemalloc
from decimal import Decimal

import pytest
from django.http import StreamingHttpResponse

from accounts.audit.models import SecurityEvent
from orders import services
from orders.exporting import rows
from orders.exporting.rows import as_csv
from orders.models import Order
from tests.admin_pages import address, logged_in, member_of_staff
from tests.clients import client_for
from tests.factories import ProductFactory, UserFactory, place_order

pytestmark = pytest.mark.django_db
EXPORT = "/api/orders/export/"


@pytest.fixture
def exporter():
    return member_of_staff("orders.view_order", "orders.export_order")


def read(response):
    assert response.status_code == 200
    assert isinstance(response, StreamingHttpResponse)
    return list(csv.DictReader(io.StringIO(b"".join(response.streaming_content).decode())))


def test_file_has_a_row_for_each_order_that_the_filters_leave(exporter):
    user = UserFactory(first_name="Wanjiku", last_name="Kamau", email="w@example.com", phone_number="+254712345678")
    order = place_order(user, ProductFactory(sku="PHONE", price=Decimal("1000.00")), quantity=2)
    Order.objects.filter(pk=order.pk).update(created_at="2026-05-31T21:30:00Z")
    services.mark_paid(place_order(UserFactory()).pk)

    found = read(client_for(exporter).get(EXPORT, {"status": "pending"}))

    assert found == [
        {
            "number": order.number,
            "status": "pending",
            "placed_at": "2026-06-01 00:30:00",
            "paid_at": "",
            "customer": "Wanjiku Kamau",
            "email": "w@example.com",
            "phone_number": "'+254712345678",
            "county": "",
            "town": "",
            "delivery": "",
            "units": "2",
            "items": "2 × PHONE",
            "currency": "KES",
            "subtotal": "2000.00",
            "discount": "0.00",
            "shipping": "0.00",
            "tax": "275.86",
            "total_amount": "2000.00",
            "amount_due": "2000.00",
            "receipt": "",
            "note": "",
        }
    ]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "＝1", "'=1"])
def test_cells_that_a_spreadsheet_would_run_are_defused(exporter, text):
    order = place_order(UserFactory())
    Order.objects.filter(pk=order.pk).update(note=text, shipping_address={"recipient": text, "town": text})

    (row,) = read(client_for(exporter).get(EXPORT))

    assert {row["note"], row["customer"], row["town"]} == {f"'{text}"}


def test_pages_follow_each_other_without_a_gap(exporter, monkeypatch):
    monkeypatch.setattr(rows, "PAGE", 2)
    orders = [place_order(UserFactory()) for _ in range(5)]
    Order.objects.update(created_at="2026-05-31T21:30:00Z")  # all at once: the id decides

    found = read(client_for(exporter).get(EXPORT))

    assert sorted(row["number"] for row in found) == sorted(order.number for order in orders)


def test_every_page_takes_one_statement(monkeypatch, django_assert_num_queries):
    monkeypatch.setattr(rows, "PAGE", 2)
    for _ in range(4):
        place_order(UserFactory())

    with django_assert_num_queries(3):  # two pages, and none
        list(as_csv(Order.objects.all()))


def test_file_needs_the_memory_of_a_page(monkeypatch):
    """Two thousand orders in pages of 50 take no more memory than a tenth of them."""
    monkeypatch.setattr(rows, "PAGE", 50)
    common = {"currency": "KES", "subtotal": 1, "tax": 0, "shipping": 0, "discount": 0, "total_amount": 1}
    Order.objects.bulk_create(Order(**common, note="x" * 500) for _ in range(2000))

    def peak(orders):
        tracemalloc.start()
        for _ in as_csv(orders):
            pass
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    few = Order.objects.filter(pk__in=list(Order.objects.values_list("pk", flat=True)[:200]))
    peak(few)  # what is made once
    assert peak(Order.objects.all()) < 1.5 * peak(few)


def test_export_stands_in_the_trail_without_what_was_looked_for(exporter):
    place_order(UserFactory(phone_number="+254712345678"))

    read(client_for(exporter).get(EXPORT, {"phone": "0712345678", "status": "pending"}))

    entry = SecurityEvent.objects.get(kind="orders_exported")
    assert (entry.actor, entry.details) == (exporter, {"filters": ["phone", "status"], "orders": 1})


@pytest.mark.parametrize(
    ("rights", "status"),
    [((), 403), (("orders.view_order", "orders.change_order"), 403), (("orders.export_order",), 403)],
)
def test_export_needs_its_own_right_and_a_refused_one_tells_nothing(rights, status):
    place_order(UserFactory())

    answer = client_for(member_of_staff(*rights)).get(EXPORT)

    assert (answer.status_code, SecurityEvent.objects.filter(kind="orders_exported").count()) == (status, 0)


def test_customers_and_strangers_export_nothing(api_client):
    customer = place_order(UserFactory()).user

    assert client_for(customer).get(EXPORT).status_code == 403
    assert api_client.get(EXPORT).status_code == 401


@pytest.mark.parametrize("query", [{"status": "lost"}, {"user": "x"}, {"ordering": "total_amount"}])
def test_filter_that_makes_no_sense_exports_nothing(exporter, query):
    assert client_for(exporter).get(EXPORT, query).status_code == 400
    assert not SecurityEvent.objects.filter(kind="orders_exported").exists()


def test_filtered_list_of_the_admin_is_exported(exporter):
    pending = place_order(UserFactory())
    services.mark_paid(place_order(UserFactory()).pk)
    page = address("orders_order_changelist")
    chosen = {"action": "export_selected", "_selected_action": [str(pending.pk)], "select_across": 1, "index": 0}

    found = read(logged_in(exporter).post(f"{page}?status__exact=pending", chosen))

    assert [row["number"] for row in found] == [pending.number]
    assert SecurityEvent.objects.get(kind="orders_exported").details["filters"] == ["status__exact"]
    clerk = logged_in(member_of_staff("orders.view_order", "orders.change_order"))
    assert "export_selected" not in clerk.get(page).content.decode()
    assert clerk.post(page, chosen).status_code == 302
    assert SecurityEvent.objects.filter(kind="orders_exported").count() == 1
