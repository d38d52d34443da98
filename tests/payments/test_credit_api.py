"""Gift cards and store credit over HTTP."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import Permission
from django.core import mail
from django.utils import timezone

from ecommerce.models import IdempotencyKey
from payments.credit import spending
from payments.credit.models import CreditMovement, GiftCard, StoreCredit
from payments.models import LedgerTransaction, Payment, ReceivedMoney
from tests.clients import client_for
from tests.factories import UserFactory
from tests.payments.gift_cards import code_of, gift_card, give_credit, left_on
from tests.payments.test_ledger import check_books

pytestmark = pytest.mark.django_db

CARDS, BALANCE, PAYMENTS, CREDIT = (
    "/api/gift-cards/",
    "/api/gift-cards/balance/",
    "/api/payments/",
    "/api/users/credit/",
)


def staff_with(*codenames):
    user = UserFactory(is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    return user


@pytest.fixture
def issuer():
    return client_for(staff_with("add_giftcard", "view_giftcard", "change_giftcard"))


def errors(response):
    return [(row["code"], row["attr"]) for row in response.json()["errors"]]


def post(client, url, key="k-1", **body):
    return client.post(url, body, format="json", headers={"Idempotency-Key": key} if key else {})


# --- issuing ----------------------------------------------------------------------------------------------------


def test_issued_card_shows_its_code_and_can_be_spent(issuer, order):
    answer = post(issuer, CARDS, amount="2000.00")

    assert answer.status_code == 201
    shown = answer.json()
    card = GiftCard.objects.get()
    assert (shown["code"], shown["last4"], shown["balance"], shown["currency"]) == (
        code_of(card),
        shown["code"][-4:],
        "2000.00",
        "KES",
    )
    paid = post(client_for(order.user), PAYMENTS, order_id=str(order.pk), method="gift_card", code=shown["code"])
    assert (paid.status_code, paid.json()["status"], paid.json()["paid_amount"]) == (201, "successful", "1500.00")
    check_books()


def test_same_key_answers_with_the_same_card_and_keeps_no_code(issuer):
    first, second = post(issuer, CARDS, amount="2000.00"), post(issuer, CARDS, amount="2000.00")

    assert (first.json(), GiftCard.objects.count()) == (second.json(), 1)
    assert (second.status_code, second.headers["Idempotent-Replayed"]) == (201, "true")
    kept = bytes(IdempotencyKey.objects.get().body).decode()
    assert first.json()["code"] not in kept
    assert kept == f'{{"id":"{first.json()["id"]}"}}'


def test_code_for_a_recipient_is_mailed_once_and_shown_to_nobody(issuer, run_owed_work):
    answer = post(issuer, CARDS, amount="2000.00", recipient_email="achieng@example.com", message="Hongera & karibu!")
    run_owed_work()

    card = GiftCard.objects.get()
    assert answer.json()["code"] is None
    (sent,) = mail.outbox
    assert (sent.to, sent.subject) == (["achieng@example.com"], "A gift card for you: KES 2,000.00")
    assert code_of(card) in sent.body
    assert "Hongera & karibu!" in sent.body
    assert card.mailed_at is not None


def test_mail_is_sent_again_when_staff_ask(issuer, run_owed_work):
    card = gift_card(recipient_email="achieng@example.com")
    run_owed_work()

    answer = issuer.post(f"{CARDS}{card.pk}/send/")
    run_owed_work()

    assert answer.status_code == 200
    assert [sent.body for sent in mail.outbox] == [mail.outbox[0].body] * 2


def test_mail_without_an_address_is_refused(issuer):
    answer = issuer.post(f"{CARDS}{gift_card().pk}/send/")

    assert (answer.status_code, errors(answer)) == (409, [("gift_card_has_no_recipient", None)])


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, ("required", "amount")),
        ({"amount": "0.00"}, ("min_value", "amount")),
        ({"amount": "-5"}, ("min_value", "amount")),
        ({"amount": "1000000.01"}, ("max_value", "amount")),
        ({"amount": "1.001"}, ("max_decimal_places", "amount")),
        ({"amount": "NaN"}, ("invalid", "amount")),
        ({"amount": "100.50", "currency": "JPY"}, ("credit_amount_invalid", "amount")),
        ({"amount": "100", "currency": "XXX"}, ("credit_amount_invalid", "amount")),
        ({"amount": "100", "currency": "kes"}, ("invalid", "currency")),
        ({"amount": "100", "recipient_email": "achieng"}, ("invalid", "recipient_email")),
        ({"amount": "100", "recipient_email": "a@b.ke\nBcc: x@y.z"}, ("invalid", "recipient_email")),
        ({"amount": "100", "message": "x" * 501}, ("max_length", "message")),
        ({"amount": "100", "expires_at": "2020-01-01T00:00:00Z"}, ("invalid", "expires_at")),
    ],
)
def test_odd_card_is_not_issued(issuer, body, expected):
    answer = post(issuer, CARDS, **body)

    assert (answer.status_code, errors(answer)) == (400, [expected])
    assert not GiftCard.objects.exists()
    assert not LedgerTransaction.objects.exists()


def test_issuing_needs_a_key(issuer):
    answer = post(issuer, CARDS, key=None, amount="100.00")

    assert (answer.status_code, errors(answer)[0][0]) == (400, "idempotency_key_required")
    assert not GiftCard.objects.exists()


# --- who may ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["nobody", "customer", "staff without rights", "staff who may only look"])
def test_only_those_with_the_right_write(who, api_client, customer):
    card = gift_card(recipient_email="achieng@example.com")
    client = {
        "nobody": api_client,
        "customer": client_for(customer),
        "staff without rights": client_for(staff_with()),
        "staff who may only look": client_for(staff_with("view_giftcard", "view_storecredit")),
    }[who]

    answers = [
        post(client, CARDS, amount="100.00"),
        client.patch(f"{CARDS}{card.pk}/", {"is_active": False}, format="json"),
        post(client, f"{CARDS}{card.pk}/adjust/", amount="100.00", reason="me"),
        client.post(f"{CARDS}{card.pk}/send/"),
        post(client, f"/api/users/{customer.pk}/credit/", amount="100.00", reason="me"),
    ]

    assert {answer.status_code for answer in answers} == {401 if who == "nobody" else 403}
    card.refresh_from_db()
    assert (card.is_active, card.balance, GiftCard.objects.count()) == (True, Decimal("500.00"), 1)
    assert not StoreCredit.objects.exists()
    looks = [client.get(CARDS).status_code, client.get(f"/api/users/{customer.pk}/credit/").status_code]
    assert set(looks) == {200 if who == "staff who may only look" else answers[0].status_code}


def test_right_to_change_cards_is_none_to_issue_them():
    client = client_for(staff_with("change_giftcard", "view_giftcard"))

    assert post(client, CARDS, amount="100.00").status_code == 403

    assert not GiftCard.objects.exists()


# --- staff ------------------------------------------------------------------------------------------------------


def test_list_shows_balances_and_no_secrets(issuer):
    card = gift_card()

    (shown,) = issuer.get(CARDS).json()["results"]

    assert (shown["id"], shown["last4"], shown["balance"]) == (str(card.pk), card.last4, "500.00")
    assert not {"code", "code_hash"} & shown.keys()


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", 3),
        ("has_balance=false", 1),
        ("has_balance=true", 2),
        ("is_active=false", 1),
        ("is_expired=true", 1),
        ("currency=usd", 1),
        ("recipient_email=ACHIENG@example.com", 1),
    ],
)
def test_list_is_filtered(issuer, order, query, found):
    spent = gift_card("100.00", recipient_email="achieng@example.com")
    spending.spend_gift_card(user=order.user, order_id=order.pk, code=code_of(spent))
    gift_card("5.00", "USD", expires_at=timezone.now() - timedelta(days=1))
    off = gift_card()
    off.is_active = False
    off.save()

    assert issuer.get(f"{CARDS}?{query}").json()["count"] == found


def test_card_is_found_by_its_last_characters(issuer):
    cards = [gift_card() for _ in range(3)]

    found = issuer.get(f"{CARDS}?last4={cards[1].last4.lower()}").json()["results"]

    assert str(cards[1].pk) in [row["id"] for row in found]


def test_unknown_filter_is_refused(issuer):
    assert issuer.get(f"{CARDS}?code=1").status_code == 400


@pytest.mark.parametrize("rows", [1, 3])
def test_list_takes_the_same_statements_however_long(issuer, django_assert_num_queries, rows):
    for _ in range(rows):
        gift_card()

    with django_assert_num_queries(5):  # the user and two of her rights, the count, the page
        assert issuer.get(CARDS).json()["count"] == rows


def test_page_of_a_card_tells_what_it_paid(issuer, order, django_assert_num_queries):
    card = gift_card("2000.00")
    spending.spend_gift_card(user=order.user, order_id=order.pk, code=code_of(card))

    with django_assert_num_queries(5):  # the user and her rights, the card, its movements
        shown = issuer.get(f"{CARDS}{card.pk}/").json()

    assert [(row["kind"], row["amount"], row["balance_after"], row["order_number"]) for row in shown["movements"]] == [
        ("spend", "-1500.00", "500.00", order.number),
        ("issue", "2000.00", "2000.00", None),
    ]


def test_switched_off_card_pays_nothing_until_it_is_on_again(issuer, order):
    card = gift_card()
    client = client_for(order.user)
    body = {"order_id": str(order.pk), "method": "gift_card", "code": code_of(card)}

    issuer.patch(f"{CARDS}{card.pk}/", {"is_active": False}, format="json")
    refused = client.post(PAYMENTS, body, format="json")
    issuer.patch(f"{CARDS}{card.pk}/", {"is_active": True}, format="json")
    taken = client.post(PAYMENTS, body, format="json")

    assert (refused.status_code, errors(refused)) == (404, [("gift_card_not_usable", "code")])
    assert (taken.status_code, left_on(card)) == (201, 0)


@pytest.mark.parametrize("field", ["balance", "initial_amount", "code_hash", "recipient_email"])
def test_patch_changes_nothing_else(issuer, field):
    card = gift_card()
    before = GiftCard.objects.values().get()

    issuer.patch(f"{CARDS}{card.pk}/", {field: "9999.00"}, format="json")

    after = GiftCard.objects.values().get()
    assert {name: value for name, value in after.items() if name != "updated_at"} == {
        name: value for name, value in before.items() if name != "updated_at"
    }


def test_expiry_is_set_and_taken_away(issuer):
    card = gift_card()
    later = timezone.now() + timedelta(days=30)

    issuer.patch(f"{CARDS}{card.pk}/", {"expires_at": later.isoformat()}, format="json")
    card.refresh_from_db()
    assert card.expires_at == later
    issuer.patch(f"{CARDS}{card.pk}/", {"expires_at": None}, format="json")

    card.refresh_from_db()
    assert card.expires_at is None


def test_adjusting_is_booked_once_a_key(issuer):
    card = gift_card()
    url = f"{CARDS}{card.pk}/adjust/"

    answers = [post(issuer, url, amount="-200.00", reason="a slip") for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert left_on(card) == Decimal("300.00")
    movement = CreditMovement.objects.get(kind="adjust")
    assert (movement.amount, movement.reason, movement.actor is not None) == (Decimal("-200.00"), "a slip", True)
    check_books()


@pytest.mark.parametrize(("amount", "code"), [("-500.01", "credit_too_small"), ("0.00", "credit_amount_invalid")])
def test_adjusting_that_cannot_be_changes_nothing(issuer, amount, code):
    card = gift_card()

    answer = post(issuer, f"{CARDS}{card.pk}/adjust/", amount=amount, reason="a slip")

    assert (answer.status_code, errors(answer)) == (400, [(code, "amount")])
    assert left_on(card) == Decimal("500.00")
    assert CreditMovement.objects.count() == 1
    check_books()


# --- holders ----------------------------------------------------------------------------------------------------


def test_anyone_with_the_code_sees_what_is_left(api_client):
    card = gift_card()

    answer = api_client.post(BALANCE, {"code": code_of(card).lower()}, format="json")

    assert (answer.status_code, answer.json()) == (
        200,
        {"last4": card.last4, "currency": "KES", "balance": "500.00", "expires_at": None},
    )


def test_unknown_off_and_expired_codes_have_one_answer(api_client):
    off = gift_card()
    GiftCard.objects.update(is_active=False)
    expired = gift_card(expires_at=timezone.now() - timedelta(seconds=1))

    answers = [
        api_client.post(BALANCE, {"code": code}, format="json")
        for code in (code_of(off), code_of(expired), "2222-2222-2222-2224", "x")
    ]

    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.content for answer in answers}) == 1


def test_guessing_is_slowed_down(api_client, settings):
    settings.THROTTLE_RATES = settings.THROTTLE_RATES | {"gift-card": "2/3600"}
    card = gift_card()

    statuses = [api_client.post(BALANCE, {"code": code_of(card)}, format="json").status_code for _ in range(3)]

    assert statuses == [200, 200, 429]


def test_balance_is_not_asked_by_address(api_client):
    assert api_client.get(f"{BALANCE}?code=x").status_code in (401, 405)


def test_customer_sees_only_her_own_credit(customer, django_assert_num_queries):
    give_credit(customer, "200.00")
    give_credit(UserFactory(), "900.00")

    client = client_for(customer)
    with django_assert_num_queries(3):  # the user, her balances, their movements
        shown = client.get(CREDIT).json()

    assert [(row["currency"], row["balance"], len(row["movements"])) for row in shown] == [("KES", "200.00", 1)]
    assert shown[0]["movements"][0].keys() == {
        "id",
        "kind",
        "amount",
        "balance_after",
        "order_number",
        "created_at",
    }


def test_staff_give_credit_and_take_it_back(customer):
    client = client_for(staff_with("change_storecredit", "view_storecredit"))
    url = f"/api/users/{customer.pk}/credit/"

    given = [post(client, url, amount="300.00", reason="a late rider") for _ in range(2)]
    taken = post(client, url, key="k-2", amount="-100.00", reason="too much")
    refused = post(client, url, key="k-3", amount="-200.01", reason="too much")

    assert [answer.status_code for answer in (*given, taken, refused)] == [200, 200, 200, 400]
    (shown,) = taken.json()
    assert (shown["balance"], [row["reason"] for row in shown["movements"]]) == ("200.00", ["too much", "a late rider"])
    assert StoreCredit.objects.get(user=customer).balance == Decimal("200.00")
    check_books()


def test_credit_of_nobody_is_not_found():
    client = client_for(staff_with("change_storecredit"))

    answer = post(client, "/api/users/0198c0de-0000-7000-8000-000000000001/credit/", amount="1.00", reason="x")

    assert answer.status_code == 404


# --- paying -----------------------------------------------------------------------------------------------------


def test_part_with_store_credit_leaves_the_rest(order):
    give_credit(order.user, "500.00")

    answer = post(client_for(order.user), PAYMENTS, order_id=str(order.pk), method="store_credit", amount="200.00")

    shown = answer.json()
    assert (answer.status_code, shown["status"], shown["amount"], shown["paid_amount"], shown["attempts"]) == (
        201,
        "pending",
        "1500.00",
        "200.00",
        [],
    )
    assert StoreCredit.objects.get().balance == Decimal("300.00")


def test_repeated_request_with_a_key_spends_once(order):
    give_credit(order.user, "500.00")
    client = client_for(order.user)

    answers = [post(client, PAYMENTS, order_id=str(order.pk), method="store_credit", amount="200.00") for _ in range(2)]

    assert answers[0].content == answers[1].content
    assert StoreCredit.objects.get().balance == Decimal("300.00")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"method": "gift_card"}, (400, "required", "code")),
        ({"method": "gift_card", "code": ""}, (400, "blank", "code")),
        ({"method": "gift_card", "code": "x" * 61}, (400, "max_length", "code")),
        ({"method": "gift_card", "code": "2222-2222-2222-2224"}, (404, "gift_card_not_usable", "code")),
        ({"method": "store_credit"}, (409, "no_store_credit", None)),
        ({"method": "store_credit", "amount": "0"}, (400, "min_value", "amount")),
        ({"method": "mpesa", "phone_number": "0712345678", "amount": "1"}, (400, "invalid", "amount")),
    ],
)
def test_odd_payment_is_refused_and_keeps_nothing(order, body, expected):
    answer = post(client_for(order.user), PAYMENTS, order_id=str(order.pk), **body)

    assert (answer.status_code, *errors(answer)[0]) == expected
    assert not Payment.objects.exists()
    assert not ReceivedMoney.objects.exists()


@pytest.mark.parametrize("method", ["gift_card", "store_credit"])
def test_page_is_not_opened_for_credit(order, method):
    answer = post(client_for(order.user), f"{PAYMENTS}initialize/", order_id=str(order.pk), method=method)

    assert (answer.status_code, errors(answer)) == (400, [("invalid_choice", "method")])
