"""Issuing invoices and credit notes: once, without gaps, never changed, and adding up to the cent."""

from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from uuid import uuid4

import pytest
from django.db import DatabaseError, transaction
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from catalog.models import Product
from ecommerce.models import OutboxMessage
from orders import hooks
from orders.documents.contents import amounts_of, sums_of
from orders.documents.crediting import Named, credited_sums
from orders.documents.exceptions import DocumentDoesNotAddUp, InvoiceNotIssued
from orders.documents.models import NumberSeries, TaxDocument
from orders.documents.numbering import NAIROBI, series_of, take_number
from orders.documents.services import issue_credit_note, issue_invoice, owe_credit_note
from orders.models import Order
from orders.services import mark_paid
from tests.factories import ProductFactory, UserFactory, place_order
from tests.orders.documents import assert_documents_hold, invoice_of, order_of

pytestmark = pytest.mark.django_db

YEAR = timezone.now().astimezone(NAIROBI).year
PHONE = {"price": "11600.00", "tax": "1600.00", "name": "Phone"}
BOOK = {"price": "500.00", "quantity": 2, "tax_kind": "exempt", "tax_rate": "0", "name": "Textbook"}


def refund(invoice, amount, **fields):
    return issue_credit_note(invoice.order_id, refund_id=uuid4(), amount=Decimal(amount), **fields)


def test_paying_issues_one_invoice(run_owed_work):
    order = place_order(UserFactory(), price=Decimal("1160.00"), quantity=2)

    mark_paid(order.pk)
    run_owed_work()

    invoice = TaxDocument.objects.get()
    assert (invoice.kind, invoice.number, invoice.order_id) == ("invoice", f"INV-{YEAR}-000001", order.pk)
    assert (invoice.amount, invoice.content["totals"]) == (
        Decimal("2320.00"),
        {"net": "2000.00", "tax": "320.00", "gross": "2320.00"},
    )
    assert_documents_hold()


def test_unpaid_order_gets_no_invoice_and_uses_no_number():
    order = order_of(PHONE, paid=False)

    with pytest.raises(InvoiceNotIssued):
        issue_invoice(order.pk)

    assert (TaxDocument.objects.count(), NumberSeries.objects.count()) == (0, 0)


def test_invoice_has_every_fact_of_its_order(settings, monkeypatch):
    settings.SHOP_LEGAL_NAME, settings.SHOP_PIN = "Duka Letu Ltd", "P051234567Q"
    settings.SHOP_ADDRESS = "Moi Avenue 7\n\nNairobi"
    settings.SHOP_PHONE, settings.SHOP_EMAIL = "+254700000001", "duka@example.com"
    paid = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
    monkeypatch.setattr(
        hooks, "receipts_of", [lambda order_id: [hooks.Receipt("RLA0R69NXM", "mpesa", Decimal("12800.00"), paid)]]
    )
    phone = ProductFactory()
    Product.objects.filter(pk=phone.pk).update(item_class_code="43191501")
    address = {"recipient": "Wanjikũ", "estate": "Kilimani", "town": "Nairobi", "county": "Nairobi", "country": "KE"}
    order = order_of(
        PHONE | {"product": phone, "discount": "116.00", "tax": "1584.00", "options": {"color": "black"}},
        BOOK,
        shipping="232.00",
        shipping_tax="32.00",
        shipping_address=address,
        phone_number="+254712345678",
        email="w@example.com",
        buyer_pin="A012345678Z",
        delivery={"name": "Rider"},
    )

    content = issue_invoice(order.pk).content

    assert content["seller"] == {
        "name": "Duka Letu Ltd",
        "pin": "P051234567Q",
        "address": ["Moi Avenue 7", "Nairobi"],
        "phone": "+254700000001",
        "email": "duka@example.com",
    }
    assert content["buyer"] == {
        "name": "Wanjikũ",
        "pin": "A012345678Z",
        "address": ["Kilimani", "Nairobi"],
        "phone": "+254712345678",
        "email": "w@example.com",
    }
    keys = ("name", "quantity", "discount", "tax_letter", "tax_rate", "net", "tax", "gross", "item_class_code")
    assert [tuple(line[key] for key in keys) for line in content["lines"]] == [
        ("Phone", 1, "116.00", "B", "0.1600", "9900.00", "1584.00", "11484.00", "43191501"),
        ("Textbook", 2, "0.00", "A", "0.0000", "1000.00", "0.00", "1000.00", ""),
        ("Shipping: Rider", 1, "0.00", "B", "0.1600", "200.00", "32.00", "232.00", ""),
    ]
    assert [(tax["tax_letter"], tax["net"], tax["tax"], tax["gross"]) for tax in content["taxes"]] == [
        ("A", "1000.00", "0.00", "1000.00"),
        ("B", "10100.00", "1616.00", "11716.00"),
    ]
    assert content["totals"] == {"net": "11100.00", "tax": "1616.00", "gross": "12716.00"}
    assert [row["receipt_number"] for row in content["payments"]] == ["RLA0R69NXM"]
    assert content["order"]["number"] == order.number
    assert_documents_hold()


def test_prices_without_tax_get_it_on_top():
    order = order_of(PHONE | {"price": "10000.00", "tax": "1600.00"}, paid=False)
    Order.objects.filter(pk=order.pk).update(prices_include_tax=False, total_amount=Decimal("11600.00"))
    mark_paid(order.pk)

    assert issue_invoice(order.pk).content["totals"] == {"net": "10000.00", "tax": "1600.00", "gross": "11600.00"}


def test_order_from_before_lines_knew_their_tax_has_it_parted():
    order = order_of(PHONE | {"tax": "0.00"}, {"price": "1160.00", "tax": "0.00"}, paid=False)
    Order.objects.filter(pk=order.pk).update(tax=Decimal("1760.00"))
    mark_paid(order.pk)

    lines = issue_invoice(order.pk).content["lines"]

    assert [(line["tax"], line["tax_letter"], line["tax_rate"]) for line in lines] == [
        ("1600.00", "B", "0.1600"),
        ("160.00", "B", "0.1600"),
    ]


def test_order_whose_lines_are_not_its_total_gets_none():
    order = order_of(PHONE)
    order.items.update(price=Decimal("11599.00"))

    with pytest.raises(DocumentDoesNotAddUp):
        issue_invoice(order.pk)

    assert (TaxDocument.objects.count(), NumberSeries.objects.count()) == (0, 0)


def test_later_changes_change_nothing(settings):
    order = order_of(PHONE)
    before = issue_invoice(order.pk).content

    settings.SHOP_LEGAL_NAME = "Another"
    order.items.update(product_name="Renamed")
    again = issue_invoice(order.pk)

    assert again.content == before
    assert TaxDocument.objects.get().content == before


@pytest.mark.parametrize("change", [{"amount": Decimal("1.00")}, {"content": {}}, {"issued_at": timezone.now()}])
def test_document_cannot_be_changed_nor_deleted(change):
    invoice = invoice_of(PHONE)

    with pytest.raises(DatabaseError, match="insert-only"), transaction.atomic():
        TaxDocument.objects.filter(pk=invoice.pk).update(**change)
    with pytest.raises(DatabaseError, match="insert-only"), transaction.atomic():
        invoice.delete()

    kept = TaxDocument.objects.get()
    assert (kept.amount, kept.content) == (invoice.amount, invoice.content)


def test_rollback_leaves_no_gap():
    first = invoice_of(PHONE)
    with transaction.atomic():
        issue_invoice(order_of(PHONE).pk)
        transaction.set_rollback(True)
    second = invoice_of(PHONE)

    assert (first.sequence, second.sequence) == (1, 2)
    assert_documents_hold()


@pytest.mark.django_db(transaction=True)
def test_number_is_refused_outside_a_transaction():
    with pytest.raises(RuntimeError):
        take_number("INV-2026")

    assert not NumberSeries.objects.exists()


def test_series_begins_anew_in_nairobi():
    # 21:00 in UTC is midnight in Nairobi.
    assert series_of(TaxDocument.Kind.INVOICE, datetime(2026, 12, 31, 20, 59, tzinfo=UTC)) == "INV-2026"
    assert series_of(TaxDocument.Kind.CREDIT_NOTE, datetime(2026, 12, 31, 21, 0, tzinfo=UTC)) == "CN-2027"


@pytest.mark.django_db(transaction=True)
def test_fifty_at_once_leave_no_gap_and_no_number_twice(together):
    product = ProductFactory()
    orders = [order_of(PHONE | {"product": product}) for _ in range(25)]

    def fails(order_id):
        with transaction.atomic():
            issue_invoice(order_id)
            raise ValueError

    doomed = [order_of(PHONE | {"product": product}) for _ in range(25)]
    results = together(
        *(partial(issue_invoice, order.pk) for order in orders), *(partial(fails, order.pk) for order in doomed)
    )

    issued = [result.sequence for result in results[:25]]
    assert sorted(issued) == list(range(1, 26))
    assert all(isinstance(result, ValueError) for result in results[25:])
    by_number = TaxDocument.objects.order_by("sequence").values_list("issued_at", flat=True)
    assert list(by_number) == sorted(by_number)


@pytest.mark.django_db(transaction=True)
def test_one_order_fifty_times_at_once_gets_one_invoice(together):
    order = order_of(PHONE)

    results = together(*[partial(issue_invoice, order.pk)] * 50)

    assert {result.pk for result in results} == {TaxDocument.objects.get().pk}
    assert NumberSeries.objects.get().last == 1


# --- credit notes


def test_whole_refund_takes_the_invoice_back_line_by_line():
    invoice = invoice_of(PHONE, BOOK)

    note = refund(invoice, "12600.00", reason="returned", receipt_number="UKL6XY34ZW")

    assert (note.kind, note.number, note.corrects_id) == ("credit_note", f"CN-{YEAR}-000001", invoice.pk)
    assert (note.content["lines"], note.content["taxes"]) == (invoice.content["lines"], invoice.content["taxes"])
    assert note.content["corrects"] == {"number": invoice.number, "issued_at": invoice.content["issued_at"]}
    assert (note.content["reason"], note.content["payments"]) == ("returned", [{"receipt_number": "UKL6XY34ZW"}])
    assert_documents_hold()


def test_part_is_parted_by_rate():
    invoice = invoice_of(PHONE, BOOK)

    note = refund(invoice, "1260.00")

    assert [(tax["tax_letter"], tax["tax"], tax["gross"]) for tax in note.content["taxes"]] == [
        ("A", "0.00", "100.00"),
        ("B", "160.00", "1160.00"),
    ]
    assert [line["name"] for line in note.content["lines"]] == [f"Refund on invoice {invoice.number}"] * 2


def test_named_goods_are_taken_from_their_rate():
    invoice = invoice_of(PHONE, BOOK)
    book = invoice.content["lines"][1]

    note = refund(invoice, "520.00", lines=[Named(book["item_id"], 1, Decimal("500.00"))])

    assert [(line["name"], line["quantity"], line["gross"], line["tax_letter"]) for line in note.content["lines"]] == [
        ("Textbook", 1, "500.00", "A"),
        (f"Refund on invoice {invoice.number}", 1, "0.83", "A"),
        (f"Refund on invoice {invoice.number}", 1, "19.17", "B"),
    ]
    assert_documents_hold()


def test_same_refund_twice_is_one_note():
    invoice = invoice_of(PHONE)
    refund_id = uuid4()

    notes = [issue_credit_note(invoice.order_id, refund_id=refund_id, amount=Decimal("100.00")) for _ in range(2)]

    assert notes[0] == notes[1]
    assert TaxDocument.objects.filter(kind="credit_note").count() == 1


def test_more_than_the_invoice_is_never_taken_back():
    invoice = invoice_of(PHONE)
    refund(invoice, "11000.00")

    last, none = refund(invoice, "5000.00"), refund(invoice, "1.00")

    assert (last.amount, none) == (Decimal("600.00"), None)
    assert_documents_hold()


def test_refund_of_an_order_that_was_never_paid_has_no_note():
    order = order_of(PHONE, paid=False)

    assert issue_credit_note(order.pk, refund_id=uuid4(), amount=Decimal("100.00")) is None
    assert not TaxDocument.objects.exists()


def test_refund_before_its_invoice_issues_both(run_owed_work):
    order = order_of(PHONE)
    OutboxMessage.objects.all().delete()

    owe_credit_note(hooks.Refunded(refund_id=uuid4(), order_id=order.pk, amount=Decimal("100.00"), reason="late"))
    run_owed_work()

    assert list(order.documents.order_by("issued_at").values_list("kind", flat=True)) == ["invoice", "credit_note"]
    assert_documents_hold()


@pytest.mark.django_db(transaction=True)
def test_refunds_at_the_same_time_add_up(together):
    invoice = invoice_of(PHONE | {"price": "99.99", "tax": "13.79"}, BOOK | {"price": "33.33", "quantity": 1})

    together(*[partial(refund, invoice, "13.33")] * 12)

    notes = TaxDocument.objects.filter(kind="credit_note")
    assert sum(note.amount for note in notes) == invoice.amount
    assert sum(Decimal(note.content["totals"]["tax"]) for note in notes) == Decimal("13.79")
    assert_documents_hold()


@given(
    lines=st.lists(
        st.tuples(st.integers(1, 500_000), st.sampled_from([("B", "standard", "0.1600"), ("A", "exempt", "0.0000")])),
        min_size=1,
        max_size=6,
    ),
    parts=st.lists(st.integers(1, 1_000_000), min_size=1, max_size=8),
    chosen=st.integers(0, 5),
)
def test_parts_taken_back_one_by_one_end_at_the_invoice(lines, parts, chosen):
    rows = []
    for index, (cents, (letter, kind, rate)) in enumerate(lines):
        amount = Decimal(cents).scaleb(-2)
        tax = round(amount * Decimal(rate) / (1 + Decimal(rate)), 2)
        row = {"item_id": str(index), "name": "x", "tax_letter": letter, "tax_kind": kind, "tax_rate": rate}
        rows.append(row | amounts_of(amount, tax, included=True))
    invoice = {"number": "INV-2026-000001", "prices_include_tax": True, "lines": rows, **sums_of(rows)}
    notes = []
    for part in [*parts, 10**9]:
        amount = Decimal(part).scaleb(-2)
        named = [Named(str(chosen), 1, amount / 2)]
        note = credited_sums(invoice, notes, amount, named)
        assert all(Decimal(line["net"]) >= 0 and Decimal(line["tax"]) >= 0 for line in note["lines"])
        assert sums_of(note["lines"])["totals"] == note["totals"]
        notes.append(note)

    for name in ("net", "tax", "gross"):
        assert sum(Decimal(note["totals"][name]) for note in notes) == Decimal(invoice["totals"][name])
