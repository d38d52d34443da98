"""Refunds and payouts in the admin: started from a payment, and finished by hand where only a person can."""

from decimal import Decimal

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from payments import refunds
from payments.models import Payment, Refund
from payments.refunds import RefundedLine
from tests.admin_pages import address, listed, logged_in, member_of_staff, offered, queries_of, statuses, told
from tests.factories import ProductFactory, UserFactory, place_order
from tests.payments.admin_rows import everything, paid, payout_by_hand, refund_by_hand
from tests.payments.test_ledger import balances, check_books

pytestmark = pytest.mark.django_db

REFUNDS, PAYOUTS = address("payments_refund_changelist"), address("payments_payout_changelist")


@pytest.fixture
def client(staff):
    return logged_in(staff)


@pytest.fixture
def payment(order):
    return paid(order)


def start(payment):
    return address("payments_payment_refund", payment)


def complete(row):
    return address(f"payments_{row._meta.model_name}_complete", row)


def page(row):
    return address(f"payments_{row._meta.model_name}_change", row)


def another_refund(number):
    order = place_order(UserFactory(), ProductFactory(price=Decimal("1500.00")))
    return refund_by_hand(paid(order, f"UKL4BBBBB{number}"))


# --- Starting a refund ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("typed", "amount"), [("", "1500.00"), ("500", "500.00")])
def test_refund_is_started_from_the_payments_page(client, staff, payment, typed, amount):
    answer = client.post(start(payment), {"amount": typed, "reason": "cracked screen"})

    refund = Refund.objects.get()
    assert told(answer) == [f"KES\N{NO-BREAK SPACE}{Decimal(amount):,} will go back: cracked screen"]
    assert (refund.amount, refund.reason, refund.requested_by, refund.status) == (
        Decimal(amount),
        "cracked screen",
        staff,
        "created",
    )
    assert LogEntry.objects.get().user == staff
    assert balances()["refunds KES"] == -Decimal(amount)
    check_books()


@pytest.mark.parametrize(
    ("amount", "error"),
    [("0", "greater than or equal to 0.01"), ("-5", "greater than or equal to 0.01"), ("lots", "Enter a number")],
)
def test_refund_of_no_amount_is_not_started(client, payment, amount, error):
    before = everything()

    answer = client.post(start(payment), {"amount": amount, "reason": "cracked screen"})

    assert (answer.status_code, error in answer.content.decode()) == (200, True)
    assert everything() == before


def test_refund_of_more_than_is_left_is_refused(client, payment):
    before = everything()

    answer = client.post(start(payment), {"amount": "1500.01", "reason": "cracked screen"})

    assert told(answer) == ["Only 1500.00 is left to be refunded."]
    assert everything() == before


def test_second_refund_waits_for_the_first(client, payment):
    refund_by_hand(payment, "100.00")
    before = everything()

    answer = client.post(start(payment), {"amount": "100", "reason": "again"})

    assert told(answer) == ["An earlier refund of this payment is not finished."]
    assert everything() == before


def test_refund_needs_the_right_to_change_refunds(payment):
    rights = ("payments.view_payment", "payments.change_payment", "payments.view_refund")
    client = logged_in(member_of_staff(*rights))
    before = everything()

    answer = client.post(start(payment), {"amount": "", "reason": "cracked screen"})

    assert answer.status_code == 403
    assert offered(client, page(payment)) == []
    assert everything() == before
    finance = logged_in(member_of_staff("payments.view_payment", "payments.change_refund"))
    assert offered(finance, page(payment)) == ["Refund"]


def test_refund_is_not_offered_where_nothing_was_paid(client, attempt):
    assert offered(client, page(attempt.payment)) == []


def test_payments_page_shows_its_money_only_to_those_who_may_see_it(client, payment):
    refund_by_hand(payment, "100.00")
    auditor = logged_in(member_of_staff("payments.view_payment"))

    def titles(reader):
        return [shown["title"] for shown in reader.get(page(payment)).context["tables"]]

    assert titles(client) == ["Payment attempts", "Received money", "Refunds", "Bookings"]
    assert titles(auditor) == ["Payment attempts"]


# --- Finishing by hand ------------------------------------------------------------------------------------------


def test_refund_made_by_hand_is_booked(client, staff, payment):
    refund = refund_by_hand(payment)

    answer = client.post(complete(refund), {"receipt_number": " ukl9 back01 "})

    refund.refresh_from_db()
    payment.refresh_from_db()
    assert told(answer) == ["Paid by hand, receipt UKL9BACK01."]
    assert (refund.status, refund.receipt_number, refund.route) == ("succeeded", "UKL9BACK01", "by_hand")
    assert payment.status == "refunded"
    assert LogEntry.objects.get().user == staff
    assert balances() == {}
    check_books()


def test_number_to_pay_to_is_shown_while_a_person_must_pay(client, payment):
    refund, payout = refund_by_hand(payment), payout_by_hand()
    numbers = {refund: payment.order.phone_number, payout: "+254722000111"}

    meanwhile = [number in client.get(page(row)).content.decode() for row, number in numbers.items()]
    for row in numbers:
        client.post(complete(row), {"receipt_number": f"UKL9{row.pk.hex[-6:].upper()}"})
    afterwards = [number in client.get(page(row)).content.decode() for row, number in numbers.items()]

    assert (meanwhile, afterwards) == ([True, True], [False, False])


def test_payout_made_by_hand_is_booked(client):
    payout = payout_by_hand()

    answer = client.post(complete(payout), {"receipt_number": "UKL9OUT001"})

    payout.refresh_from_db()
    assert told(answer) == ["Paid by hand, receipt UKL9OUT001."]
    assert (payout.status, payout.receipt_number) == ("succeeded", "UKL9OUT001")
    assert balances() == {"provider:mpesa KES": Decimal("-900.00"), "sellers KES": Decimal("900.00")}


def test_refund_that_the_provider_makes_is_not_done_by_hand(client, payment):
    (refund,) = refunds.refund_payment(payment_id=payment.pk, amount=None, reason="", actor=None)
    before = everything()

    answer = client.post(complete(refund), {"receipt_number": "UKL9BACK01"})

    assert told(answer) == ["This refund does not wait for a person."]
    assert offered(client, page(refund)) == []
    assert everything() == before


def test_hand_made_money_needs_a_receipt(client, payment):
    refund = refund_by_hand(payment)
    before = everything()

    answer = client.post(complete(refund), {"receipt_number": "  "})

    assert (answer.status_code, "This field is required." in answer.content.decode()) == (200, True)
    assert everything() == before


def test_staff_who_may_only_look_finish_nothing(payment):
    refund, payout = refund_by_hand(payment), payout_by_hand()
    client = logged_in(member_of_staff("payments.view_refund", "payments.view_payout"))
    before = everything()

    answers = [client.post(complete(row), {"receipt_number": "UKL9BACK01"}).status_code for row in (refund, payout)]

    assert answers == [403, 403]
    assert offered(client, page(refund)) == offered(client, page(payout)) == []
    assert everything() == before


# --- Reading ----------------------------------------------------------------------------------------------------


def test_pages_are_closed_to_others(client, payment):
    refund, payout = refund_by_hand(payment), payout_by_hand()
    pages = [REFUNDS, PAYOUTS, page(refund), page(payout), complete(refund), complete(payout), start(payment)]

    assert statuses(client, pages) == dict.fromkeys(pages, 200)
    assert statuses(Client(), pages) == dict.fromkeys(pages, 302)
    assert statuses(logged_in(member_of_staff()), pages) == dict.fromkeys(pages, 403)


def test_filter_puts_what_waits_for_a_person_first(client, payment):
    waiting = refund_by_hand(payment)
    done = another_refund(1)
    refunds.complete_by_hand(done.pk, actor=UserFactory(), receipt_number="UKL9BACK01")
    order = place_order(UserFactory(), ProductFactory(price=Decimal("1500.00")))
    (under_way,) = refunds.refund_payment(payment_id=paid(order, "UKL4X").pk, amount=None, reason="", actor=None)

    assert listed(client.get(REFUNDS, {"status": "review"})) == [waiting]
    assert listed(client.get(REFUNDS, {"status": "open"})) == [under_way]
    assert listed(client.get(REFUNDS, {"status": "succeeded"})) == [done]
    assert listed(client.get(REFUNDS)) == [under_way, done, waiting]
    (choices,) = [spec for spec in client.get(REFUNDS).context["cl"].filter_specs if spec.title == "status"]
    assert choices.lookup_choices[0] == ("review", "Waits for a person")


def test_page_shows_the_goods_of_a_refund(client, payment):
    item = payment.order.items.get()
    line = RefundedLine(order_item=item, quantity=1, amount=Decimal("1500.00"))
    (refund,) = refunds.refund_payment(payment_id=payment.pk, amount=None, reason="", actor=None, lines=[line])

    tables = {shown["title"]: shown["table"]["rows"] for shown in client.get(page(refund)).context["tables"]}

    assert tables["For these goods"] == [
        [item.product_name, item.sku, 1, "KES\N{NO-BREAK SPACE}1,500.00"],
    ]
    assert len(tables["Bookings"]) == 1


@pytest.mark.parametrize("text", ["{number}", "UKL4AB12CD", "ukl4ab12cd", "refund-{hex}"])
def test_search_finds_a_refund_by(client, payment, text):
    refund = refund_by_hand(payment)
    another_refund(1)

    found = client.get(REFUNDS, {"q": text.format(number=payment.order.number, hex=refund.pk.hex)})

    assert listed(found) == [refund]


@pytest.mark.parametrize("text", ["kamau", "0722 000 111"])
def test_search_finds_a_payout_by(client, text):
    payout = payout_by_hand()

    assert listed(client.get(PAYOUTS, {"q": text})) == [payout]
    assert listed(client.get(PAYOUTS, {"q": "otieno"})) == []


def test_lists_cost_the_same_for_one_and_three_rows(client, payment):
    refund_by_hand(payment)
    payout_by_hand()
    one = [queries_of(client, url) for url in (REFUNDS, PAYOUTS)]

    for number in (1, 2):
        another_refund(number)
        payout_by_hand()

    assert [queries_of(client, url) for url in (REFUNDS, PAYOUTS)] == one
    assert Payment.objects.count() == 3
