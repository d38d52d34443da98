"""Documents over HTTP: who may read them, and what they get."""

import csv
import io
import json
from decimal import Decimal
from uuid import uuid4

import pytest
from django.contrib.auth.models import Permission
from django.core import mail
from rest_framework.test import APIClient

from orders import placing, services
from orders.cancelling import UnitsInput, cancel_units
from orders.documents.models import TaxDocument
from orders.documents.services import issue_credit_note, issue_invoice
from orders.lines import ItemInput
from orders.links import order_token
from orders.models import Order
from orders.notifications import send_order_confirmation
from tests.clients import client_for
from tests.factories import ProductFactory, UserFactory, place_order
from tests.orders.documents import order_of

pytestmark = pytest.mark.django_db

PHONE = {"price": "11600.00", "tax": "1600.00", "name": "Phone"}
AS_JSON = {"Accept": "application/json"}


@pytest.fixture
def order():
    return order_of(PHONE)


@pytest.fixture
def note(order):
    issue_invoice(order.pk)
    return issue_credit_note(order.pk, refund_id=uuid4(), amount=Decimal("1160.00"))


def url(order, what="invoice"):
    return f"/api/orders/{order.pk}/{what}/"


def staff_with(*codenames):
    user = UserFactory(is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames, content_type__app_label="orders"))
    return client_for(user)


def codes(answer):
    return [row["code"] for row in json.loads(answer.content)["errors"]]


def guest_order(**fields):
    order = order_of(PHONE, **fields)
    Order.objects.filter(pk=order.pk).update(user=None)
    return Order.objects.get(pk=order.pk)


def test_owner_gets_a_pdf_that_is_always_the_same(order):
    invoice = issue_invoice(order.pk)

    answers = [client_for(order.user).get(url(order)) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].content.startswith(b"%PDF-")
    assert answers[0].content == answers[1].content
    headers = ("Content-Type", "Content-Disposition", "Cache-Control", "X-Content-Type-Options")
    assert [answers[0][name] for name in headers] == [
        "application/pdf",
        f'inline; filename="{invoice.number}.pdf"',
        "no-store",
        "nosniff",
    ]


def test_who_prefers_json_gets_what_is_printed(order):
    invoice = issue_invoice(order.pk)

    answer = client_for(order.user).get(url(order), headers=AS_JSON)

    body = answer.json()
    assert (body["number"], body["amount"], body["order_number"]) == (invoice.number, "11600.00", order.number)
    assert (body["content"], body["etims"], answer["Cache-Control"]) == (invoice.content, None, "no-store")


@pytest.mark.parametrize("accept", ["application/json", "application/pdf", "*/*"])
def test_unpaid_order_has_none_and_the_refusal_is_json(accept):
    order = order_of(PHONE, paid=False)

    answer = client_for(order.user).get(url(order), headers={"Accept": accept})

    assert (answer.status_code, answer["Content-Type"], codes(answer)) == (
        409,
        "application/json",
        ["invoice_not_issued"],
    )
    assert not TaxDocument.objects.exists()


def test_strangers_find_nothing(order, note):
    stranger = client_for(UserFactory())

    for what in ("invoice", "credit-notes", f"credit-notes/{note.number}"):
        assert stranger.get(url(order, what)).status_code == 404
        assert APIClient().get(url(order, what)).status_code == 401
    assert stranger.get(url(order, "packing-slip")).status_code == 403


def test_guest_needs_the_token_of_that_order():
    order, other = guest_order(), guest_order()
    issue_invoice(order.pk)

    def read(token):
        return APIClient().get(url(order), headers={"X-Order-Token": token}).status_code

    assert read(order_token(order.pk)) == 200
    assert [read(order_token(other.pk)), read("nonsense"), read(str(order.pk))] == [404, 401, 401]


def test_token_does_not_open_an_account_s_order(order):
    issue_invoice(order.pk)

    assert APIClient().get(url(order), headers={"X-Order-Token": order_token(order.pk)}).status_code == 404


def test_credit_notes_are_listed_and_shown(order, note):
    client = client_for(order.user)

    listed = client.get(url(order, "credit-notes")).json()

    assert [(row["number"], row["amount"]) for row in listed] == [(note.number, "1160.00")]
    assert listed[0]["corrects"] == TaxDocument.objects.get(kind="invoice").number
    assert client.get(url(order, f"credit-notes/{note.number}")).content.startswith(b"%PDF-")
    assert client.get(url(order, "credit-notes/CN-1999-000001")).status_code == 404


def test_another_order_s_note_is_not_shown_below_this_one(order, note):
    mine = order_of(PHONE)

    assert client_for(mine.user).get(url(mine, f"credit-notes/{note.number}")).status_code == 404


def test_packing_slip_is_for_staff_who_see_orders():
    order = place_order(UserFactory(), ProductFactory(product_name="Router"), quantity=3)

    answer = staff_with("view_order").get(url(order, "packing-slip"))

    assert (answer.status_code, answer.content[:5]) == (200, b"%PDF-")
    assert staff_with("view_taxdocument").get(url(order, "packing-slip")).status_code == 403
    assert client_for(order.user).get(url(order, "packing-slip")).status_code == 403


def test_list_is_for_staff_with_the_right(order, note):
    assert client_for(order.user).get("/api/documents/").status_code == 403
    assert staff_with("view_order").get("/api/documents/").status_code == 403
    assert APIClient().get("/api/documents/").status_code == 401

    answer = staff_with("view_taxdocument").get("/api/documents/")

    assert [row["kind"] for row in answer.json()["results"]] == ["credit_note", "invoice"]


def test_list_is_filtered_by_kind_number_and_days(order, note):
    client = staff_with("view_taxdocument")
    today = note.issued_at.astimezone().date().isoformat()

    def numbers(query):
        return [row["number"] for row in client.get(f"/api/documents/?{query}").json()["results"]]

    assert numbers("kind=credit_note") == [note.number]
    assert numbers(f"order_number={order.number}&ordering=-issued_at") == [note.number, note.corrects.number]
    assert numbers("until=2001-01-01") == []
    assert len(numbers("since=2001-01-01")) == 2
    assert client.get(f"/api/documents/?since={today}x").status_code == 400
    assert client.get("/api/documents/?user=1").status_code == 400


@pytest.mark.parametrize("rows", [1, 3])
def test_list_takes_the_same_statements_for_any_number(rows, django_assert_num_queries):
    client = staff_with("view_taxdocument")
    for _ in range(rows):
        issue_invoice(order_of(PHONE).pk)

    with django_assert_num_queries(5):  # user, two for permissions, count, documents
        answer = client.get("/api/documents/")

    assert answer.json()["count"] == rows


def test_invoice_takes_three_statements(order, django_assert_num_queries):
    issue_invoice(order.pk)
    client = client_for(order.user)

    with django_assert_num_queries(3):  # user, order, document
        assert client.get(url(order)).status_code == 200


def test_export_has_signs_letters_and_no_formulas(order, note):
    dangerous = order_of(PHONE, shipping_address={"recipient": "=cmd|' /C calc'!A0"})
    issue_invoice(dangerous.pk)

    answer = staff_with("view_taxdocument").get("/api/documents/export/?ordering=issued_at")

    assert answer.status_code == 400  # the order is fixed
    answer = staff_with("view_taxdocument").get("/api/documents/export/")
    rows = list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode())))
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert [(row["kind"], row["gross"], row["tax_B"], row["net_A"]) for row in rows] == [
        ("invoice", "11600.00", "1600.00", "0.00"),
        ("credit_note", "-1160.00", "-160.00", "0.00"),
        ("invoice", "11600.00", "1600.00", "0.00"),
    ]
    assert rows[2]["buyer_name"] == "'=cmd|' /C calc'!A0"
    assert client_for(order.user).get("/api/documents/export/").status_code == 403


def test_buyer_pin_is_taken_with_the_order_and_printed():
    user, product = UserFactory(), ProductFactory()
    items = [{"product_id": str(product.pk), "quantity": 1}]

    answer = client_for(user).post("/api/orders/", {"items": items, "buyer_pin": " a012345678z "})

    assert (answer.status_code, answer.json()["buyer_pin"]) == (201, "A012345678Z")


@pytest.mark.parametrize("pin", ["012345678", "AA12345678Z", "A01234567 8Z", "A012345678ZZ"])
def test_what_is_no_pin_is_refused(pin):
    items = [{"product_id": str(ProductFactory().pk), "quantity": 1}]

    answer = client_for(UserFactory()).post("/api/orders/", {"items": items, "buyer_pin": pin})

    assert (answer.status_code, answer.json()["errors"][0]["attr"]) == (400, "buyer_pin")
    assert not Order.objects.exists()


def test_confirmation_has_the_invoice_attached_each_time(order):
    Order.objects.filter(pk=order.pk).update(email="w@example.com")

    for _ in range(2):
        send_order_confirmation(str(order.pk))

    invoice = TaxDocument.objects.get()
    assert len(mail.outbox) == 2
    assert mail.outbox[0].attachments == mail.outbox[1].attachments
    name, content, kind = mail.outbox[0].attachments[0]
    assert (name, content[:5], kind) == (f"{invoice.number}.pdf", b"%PDF-", "application/pdf")
    assert "Your invoice is attached." in mail.outbox[0].body


def test_confirmation_goes_out_without_an_invoice_that_cannot_be_issued(order):
    Order.objects.filter(pk=order.pk).update(email="w@example.com")
    order.items.update(price=Decimal("1.00"))

    send_order_confirmation(str(order.pk))

    assert (len(mail.outbox), mail.outbox[0].attachments) == (1, [])
    assert "attached" not in mail.outbox[0].body


def test_invoice_has_what_was_charged_when_units_were_cancelled_before_the_payment():
    phone, cable = ProductFactory(price=Decimal("1160.00")), ProductFactory(price=Decimal("580.00"))
    order = placing.place_order(
        user=UserFactory(),
        items=[ItemInput(quantity=3, product_id=phone.pk), ItemInput(quantity=1, product_id=cable.pk)],
    )
    of_phone, of_cable = order.items.all()
    cancel_units(order.pk, [UnitsInput(of_phone.pk, 2), UnitsInput(of_cable.pk, 1)])
    services.mark_paid(order.pk)

    invoice = issue_invoice(order.pk)

    assert [(line["quantity"], line["gross"]) for line in invoice.content["lines"]] == [(1, "1160.00")]
    assert invoice.amount == Decimal("1160.00")
