"""The work list of received money, and what staff decide there."""

from decimal import Decimal

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from payments.admin import badges
from payments.models import Payment, ReceivedMoney, Refund
from tests.admin_pages import address, listed, logged_in, member_of_staff, offered, queries_of, statuses, told
from tests.factories import ProductFactory, UserFactory, place_order
from tests.payments.admin_rows import arrived, claimed, everything, paid
from tests.payments.test_ledger import balances, check_books

pytestmark = pytest.mark.django_db

LIST = address("payments_receivedmoney_changelist")
ACTIONS = ("attach", "give_back", "dismiss")


@pytest.fixture
def client(staff):
    return logged_in(staff)


def action(name, row):
    return address(f"payments_receivedmoney_{name}", row)


def page(row):
    return address("payments_receivedmoney_change", row)


def text_of(client, url):
    return client.get(url).content.decode()


def another_order():
    return place_order(UserFactory(), ProductFactory(price=Decimal("1500.00")))


# --- Who gets in ------------------------------------------------------------------------------------------------


def test_pages_are_closed_to_others(client, customer):
    row = arrived()
    pages = [LIST, page(row), *(action(name, row) for name in ACTIONS)]

    assert statuses(client, pages) == dict.fromkeys(pages, 200)
    assert statuses(Client(), pages) == dict.fromkeys(pages, 302)
    assert statuses(logged_in(customer), pages) == dict.fromkeys(pages, 302)
    assert statuses(logged_in(member_of_staff()), pages) == dict.fromkeys(pages, 403)


def test_staff_who_may_only_look_decide_nothing(order):
    row, claim = arrived(), claimed()
    client = logged_in(member_of_staff("payments.view_receivedmoney"))
    before = everything()

    answers = [
        client.post(action("attach", row), {"order_number": order.number}).status_code,
        client.post(action("give_back", row), {"reason": "wrong shop"}).status_code,
        client.post(action("dismiss", claim), {"reason": "never came"}).status_code,
    ]

    assert answers == [403, 403, 403]
    assert everything() == before
    assert offered(client, page(row)) == []
    assert "To do" not in text_of(client, LIST)


def test_received_money_takes_no_form(client):
    row = arrived()
    before = everything()

    answers = [
        client.post(address("payments_receivedmoney_add"), {"amount": "1"}).status_code,
        client.post(page(row), {"amount": "1", "status": "applied"}).status_code,
        client.post(address("payments_receivedmoney_delete", row), {"post": "yes"}).status_code,
    ]

    assert answers == [403, 403, 403]
    assert everything() == before


# --- The list ---------------------------------------------------------------------------------------------------


def test_list_shows_what_waits_for_a_person_until_something_else_is_asked_for(client, order):
    applied = paid(order, "UKL4AAAAA1").received.get()
    waiting, claim = arrived("UKL4AAAAA2"), claimed("UKL4AAAAA3")
    put_away = claimed("UKL4AAAAA4")
    ReceivedMoney.objects.filter(pk=put_away.pk).update(status="dismissed")

    assert set(listed(client.get(LIST))) == {waiting, claim}
    assert listed(client.get(LIST, {"status": "unmatched"})) == [waiting]
    assert listed(client.get(LIST, {"status": "unverified"})) == [claim]
    assert listed(client.get(LIST, {"status": "applied"})) == [applied]
    assert set(listed(client.get(LIST, {"status": "all"}))) == {applied, waiting, claim, put_away}


def test_list_offers_what_can_be_done_with_each_row(client):
    row, claim = arrived(), claimed()

    text = text_of(client, LIST)

    assert [url in text for url in (action("attach", row), action("give_back", row), action("dismiss", claim))] == [
        True,
        True,
        True,
    ]
    assert action("dismiss", row) not in text
    assert action("attach", claim) not in text


def test_pages_show_the_payers_number_only_masked(client):
    row = arrived(payer_phone="254712345678", account_reference="my phone")

    for url in (LIST, page(row), action("attach", row)):
        text = text_of(client, url)
        assert "712345678" not in text
        assert "2547…678" in text
        assert "my phone" in text


def test_sidebar_counts_what_waits(client, monkeypatch):
    assert badges.received_money(None) == ""
    arrived("UKL4AAAAA1")
    claimed("UKL4AAAAA2")

    assert badges.received_money(None) == "2"
    assert ">2</span>" in text_of(client, address("orders_order_changelist"))
    monkeypatch.setattr(badges, "MOST", 1)
    assert badges.received_money(None) == "1+"


def test_front_page_leads_to_the_work_list(client):
    row = arrived()

    cards = {card["title"]: card for card in client.get("/admin/").context["waiting"]}

    card = cards["Received money to decide"]
    assert card["count"] == 1
    assert listed(client.get(card["url"])) == [row]


def test_list_costs_the_same_for_one_and_three_rows(client, order):
    paid(order)
    arrived("UKL4AAAAA1", "10.00", account_reference=order.number)
    one = queries_of(client, f"{LIST}?status=all")

    for number in (2, 3):
        paid(another_order(), f"UKL4BBBBB{number}")
        claimed(f"UKL4AAAAA{number}")

    assert queries_of(client, f"{LIST}?status=all") == one


@pytest.mark.parametrize(
    "text", ["UKL4AB12CD", " ukl4ab12cd ", "0712345678", "+254 712 345 678", "254712345678", "shoes for jane"]
)
def test_search_finds_money_by(client, text):
    row = arrived(payer_phone="254712345678", account_reference="Shoes for Jane")
    arrived("UKL4OTHER1", payer_phone="254733000000")

    assert listed(client.get(LIST, {"q": text})) == [row]


@pytest.mark.parametrize(
    ("masked", "is_found"), [("2547 ***** 678", True), ("2547*****679", False), ("2541**678", False)]
)
def test_search_finds_a_masked_number_by_its_ends(client, masked, is_found):
    row = arrived(payer_phone=masked)

    assert listed(client.get(LIST, {"q": "0712345678"})) == [row] * is_found


def test_search_looks_beyond_what_waits(client, order):
    applied = paid(order).received.get()
    arrived("UKL4OTHER1")

    assert listed(client.get(LIST, {"q": order.number})) == [applied]
    assert listed(client.get(LIST, {"q": order.number, "status": "open"})) == []


# --- Attaching --------------------------------------------------------------------------------------------------


def test_attaching_pays_the_order(client, staff, order):
    row = arrived()

    answer = client.post(action("attach", row), {"order_number": f" {order.number} "})

    row.refresh_from_db()
    order.refresh_from_db()
    assert told(answer) == [f"Attached. Order {order.number} is paid."]
    assert (row.status, row.payment.order, row.decided_by) == ("applied", order, staff)
    assert order.status == "paid"
    assert LogEntry.objects.get().user == staff
    assert offered(client, page(row)) == []
    check_books()


def test_attaching_less_says_what_the_order_still_lacks(client, order):
    row = arrived(amount="1000.00")

    answer = client.post(action("attach", row), {"order_number": order.number})

    order.refresh_from_db()
    assert told(answer) == [f"Attached. Order {order.number} still lacks KES\N{NO-BREAK SPACE}500.00."]
    assert order.status == "pending"
    check_books()


def test_attaching_suggests_the_order_that_was_named(client, order):
    row = arrived(amount="1000.00", account_reference=order.number)

    assert f'value="{order.number}"' in text_of(client, action("attach", row))


@pytest.mark.parametrize("number", ["1000000000", "nonsense"])
def test_attaching_to_no_order_is_refused(client, order, number):
    row = arrived()
    before = everything()

    answer = client.post(action("attach", row), {"order_number": number})

    assert told(answer) == ["There is no order of that number that waits for money in this currency."]
    assert f'value="{number}"' in answer.content.decode()  # to be put right
    assert everything() == before


def test_attaching_twice_is_refused(client, order):
    row = arrived()
    client.post(action("attach", row), {"order_number": order.number})
    second = another_order()
    before = everything()

    answer = client.post(action("attach", row), {"order_number": second.number})

    assert told(answer)[-1] == "This money is on no work list any more."
    assert {name: rows for name, rows in everything().items() if rows != before[name]} == {}


def test_attaching_asks_for_a_number(client, order):
    row = arrived()
    before = everything()

    answer = client.post(action("attach", row), {"order_number": " "})

    assert (answer.status_code, "This field is required." in answer.content.decode()) == (200, True)
    assert everything() == before


def test_page_names_the_orders_that_money_may_be_for(client, order):
    row = arrived()
    cheaper = place_order(UserFactory(phone_number="+254712345678"), ProductFactory(price=Decimal("90.00")))
    elsewhere = place_order(UserFactory(), ProductFactory(price=Decimal("80.00")))

    (shown,) = [t for t in client.get(page(row)).context["tables"] if t["title"] == "Orders that it may be for"]

    found = [str(cells[0]) for cells in shown["table"]["rows"]]
    assert [order.number in cell for cell in found] == [False, True]
    assert [cheaper.number in cell for cell in found] == [True, False]
    assert not any(elsewhere.number in cell for cell in found)


# --- Giving back, dismissing ------------------------------------------------------------------------------------


def test_giving_back_owes_a_refund(client, staff):
    row = arrived()

    answer = client.post(action("give_back", row), {"reason": "meant for another shop"})

    refund = Refund.objects.get()
    row.refresh_from_db()
    assert told(answer) == ["KES\N{NO-BREAK SPACE}1,500.00 will go back: meant for another shop"]
    assert (row.status, row.decided_by) == ("surplus", staff)
    assert (refund.received, refund.amount, refund.reason, refund.requested_by) == (
        row,
        Decimal("1500.00"),
        "meant for another shop",
        staff,
    )
    assert balances() == {"provider:mpesa KES": Decimal("1500.00"), "refunds KES": Decimal("-1500.00")}
    check_books()


def test_claim_is_not_given_back(client):
    claim = claimed()
    before = everything()

    answer = client.post(action("give_back", claim), {"reason": "please"})

    assert told(answer) == ["This money is on no work list any more."]
    assert everything() == before


def test_dismissing_puts_a_claim_away(client, staff):
    claim = claimed()

    answer = client.post(action("dismiss", claim), {"reason": "M-PESA does not know it"})

    claim.refresh_from_db()
    assert told(answer) == ["Dismissed: M-PESA does not know it"]
    assert (claim.status, claim.note, claim.decided_by) == ("dismissed", "M-PESA does not know it", staff)
    assert listed(client.get(LIST)) == []
    assert balances() == {}


def test_money_in_the_books_is_not_dismissed(client):
    row = arrived()
    before = everything()

    answer = client.post(action("dismiss", row), {"reason": "too small"})

    assert told(answer) == ["This money is on no work list any more."]
    assert everything() == before


@pytest.mark.parametrize("name", ["give_back", "dismiss"])
def test_decisions_need_a_reason(client, name):
    row = arrived() if name == "give_back" else claimed()
    before = everything()

    answer = client.post(action(name, row), {"reason": ""})

    assert (answer.status_code, "This field is required." in answer.content.decode()) == (200, True)
    assert everything() == before


def test_each_status_offers_its_own_decisions(client, order):
    payment = paid(order, "UKL4AAAAA1")

    assert offered(client, page(arrived("UKL4AAAAA2"))) == ["Attach to an order", "Give back"]
    assert offered(client, page(claimed("UKL4AAAAA3"))) == ["Dismiss the claim"]
    assert offered(client, page(payment.received.get())) == []
    assert Payment.objects.count() == 1
