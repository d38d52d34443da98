"""Gift cards and store credit in the admin."""

from decimal import Decimal

import pytest
from django.contrib.admin.models import LogEntry

from ecommerce.models import OutboxMessage
from payments.credit import spending
from payments.credit.models import CreditMovement, GiftCard
from tests.admin_pages import address, listed, logged_in, member_of_staff, offered, queries_of, statuses, told
from tests.factories import UserFactory
from tests.payments.gift_cards import code_of, gift_card, give_credit, left_on
from tests.payments.test_ledger import check_books

pytestmark = pytest.mark.django_db

CARDS, CREDITS = address("payments_giftcard_changelist"), address("payments_storecredit_changelist")


@pytest.fixture
def client(staff):
    return logged_in(staff)


def page(row):
    return address(f"payments_{row._meta.model_name}_change", row)


def button(name, row):
    return address(f"payments_{row._meta.model_name}_{name}", row)


def test_page_tells_what_a_card_paid_and_not_its_code(client, order):
    card = gift_card("2000.00")
    spending.spend_gift_card(user=order.user, order_id=order.pk, code=code_of(card))

    answer = client.get(page(card))

    shown = answer.content.decode()
    assert answer.status_code == 200
    assert order.number in shown
    assert card.code_hash not in shown
    assert code_of(card) not in shown


def test_list_is_searched_and_narrowed(client):
    card, other = gift_card(recipient_email="achieng@example.com"), gift_card()
    GiftCard.objects.filter(pk=other.pk).update(is_active=False)

    assert listed(client.get(f"{CARDS}?q=ACHIENG@example.com")) == [card]
    assert card in listed(client.get(f"{CARDS}?q={card.last4}"))
    assert listed(client.get(f"{CARDS}?usable=yes")) == [card]
    assert listed(client.get(f"{CARDS}?usable=no")) == [other]


def test_card_is_switched_off_and_on(client, staff):
    card = gift_card()

    told_off = told(client.post(button("switch_off", card)))
    card.refresh_from_db()
    was = (card.is_active, offered(client, page(card)))
    client.post(button("switch_on", card))

    card.refresh_from_db()
    assert (told_off, was) == ([f"Gift card …{card.last4} is off."], (False, ["Adjust", "Switch on"]))
    assert (card.is_active, LogEntry.objects.filter(user=staff).count()) == (True, 2)


def test_balances_are_adjusted_with_a_reason(client, staff, customer):
    card, credit = gift_card(), give_credit(customer)

    for row in (card, credit):
        client.post(button("adjust", row), {"amount": "-200", "reason": "a slip"})

    assert (left_on(card), left_on(credit)) == (Decimal("300.00"), Decimal("300.00"))
    moved = CreditMovement.objects.filter(kind="adjust", reason="a slip")
    assert {movement.actor for movement in moved} == {staff}
    check_books()


@pytest.mark.parametrize("amount", ["", "0", "-500.01", "lots", "1000001"])
def test_odd_amount_adjusts_nothing(client, amount):
    card = gift_card()

    client.post(button("adjust", card), {"amount": amount, "reason": "a slip"})

    assert left_on(card) == Decimal("500.00")
    assert not CreditMovement.objects.filter(kind="adjust").exists()


def test_code_is_mailed_again(client):
    card = gift_card(recipient_email="achieng@example.com")

    client.post(button("send_again", card))

    assert OutboxMessage.objects.filter(topic="payments.send_gift_card").count() == 2


@pytest.mark.parametrize(
    ("permissions", "expected"),
    [
        ((), {403}),
        (("orders.view_order",), {403}),
        (("payments.view_giftcard", "payments.view_storecredit"), {200}),
    ],
)
def test_pages_are_for_those_who_may_see_them(permissions, expected):
    client = logged_in(member_of_staff(*permissions))
    card, credit = gift_card(), give_credit(UserFactory())

    assert set(statuses(client, [CARDS, CREDITS, page(card), page(credit)]).values()) == expected


@pytest.mark.parametrize("name", ["adjust", "switch_off", "send_again"])
def test_who_may_only_look_changes_nothing(name):
    card = gift_card(recipient_email="achieng@example.com")
    client = logged_in(member_of_staff("payments.view_giftcard"))

    answer = client.post(button(name, card), {"amount": "100", "reason": "me"})

    assert answer.status_code == 403
    card.refresh_from_db()
    assert (card.balance, card.is_active, OutboxMessage.objects.count()) == (Decimal("500.00"), True, 1)


def test_lists_take_the_same_statements_however_long(client):
    gift_card()
    give_credit(UserFactory())
    before = [queries_of(client, CARDS), queries_of(client, CREDITS)]

    for _ in range(3):
        gift_card()
        give_credit(UserFactory())

    assert [queries_of(client, CARDS), queries_of(client, CREDITS)] == before
