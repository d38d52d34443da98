"""Getting one's own data, and being forgotten."""

import json
import time
from datetime import timedelta
from pathlib import Path

import pytest
from django.contrib.admin.models import LogEntry
from django.core.files.storage import default_storage
from django.db import connection
from django.utils import timezone

from accounts.audit.models import SecurityEvent
from accounts.models import Address, RefreshSession, User
from accounts.privacy import services
from accounts.privacy.generic import export_tables
from accounts.privacy.identity import identity_of, pseudonym_of
from accounts.privacy.models import Erasure
from accounts.privacy.registry import parts
from accounts.privacy.tables import declared
from accounts.profiles.models import ConsentRecord, Profile
from catalog.models import Product
from catalog.reviews.models import Review
from ecommerce.models import OutboxMessage
from orders.models import Cart, Order
from orders.returns.services import ReturnLine, request_return
from payments.models import Payment, PaymentAttempt, ReceivedMoney, Refund
from tests.accounts.a_life import lived
from tests.clients import client_for
from tests.factories import PASSWORD, ProductFactory, UserFactory, buy, place_order
from tests.payments.gift_cards import give_credit
from tests.racing import at_once

pytestmark = pytest.mark.django_db

EXPORT, ERASE, LOGIN, PROFILE = "/api/users/export/", "/api/users/erase/", "/api/auth/login/", "/api/users/profile/"


@pytest.fixture(autouse=True)
def media(settings, tmp_path) -> Path:
    settings.MEDIA_ROOT = tmp_path / "media"
    return tmp_path / "media"


def erase(user: User, **body):
    return client_for(user).post(ERASE, body or {"password": PASSWORD})


def codes(answer) -> list[str]:
    return [row["code"] for row in answer.json()["errors"]]


def row(user: User) -> dict:
    return User.objects.values().get(pk=user.pk)


def held(user: User) -> str:
    """Everything of somebody's, as the parts export it."""
    sections = [[name, list(rows)] for part in parts() for name, rows in part.exporter(user)]
    return json.dumps(
        sections, default=lambda value: bytes(value).hex() if isinstance(value, memoryview) else str(value)
    )


def exported(answer) -> dict:
    return json.loads(b"".join(answer.streaming_content))


def places_of(needle: str) -> set[tuple[str, str]]:
    """Return every column of every table of the database, ours or not, in which a text stands."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.table_name, c.column_name, c.data_type FROM information_schema.columns AS c "
            "JOIN information_schema.tables AS t USING (table_schema, table_name) "
            "WHERE c.table_schema = 'public' AND t.table_type = 'BASE TABLE' AND c.data_type NOT IN "
            "('integer', 'bigint', 'smallint', 'boolean', 'numeric', 'date', 'timestamp with time zone')"
        )
        found = set()
        for table, column, kind in cursor.fetchall():
            text = f"encode(\"{column}\", 'escape')" if kind == "bytea" else f'"{column}"::text'
            cursor.execute(f'SELECT EXISTS (SELECT 1 FROM "{table}" WHERE {text} ILIKE %s)', [f"%{needle}%"])
            if cursor.fetchone()[0]:
                found.add((table, column))
        return found


def legal_places() -> set[tuple[str, str]]:
    return {
        (table.model._meta.db_table, table.model._meta.get_field(name).column)
        for table in declared()
        for name in table.names("kept")
    }


# --- Export -----------------------------------------------------------------------------------------------------


def test_export_has_everything_of_ones_own_and_nothing_of_anybody_elses():
    user, other = lived(), lived("Atienocanary", "+254733111222")

    answer = client_for(user).get(EXPORT)
    document = exported(answer)
    text = json.dumps(document)

    assert (answer.status_code, answer["Content-Disposition"]) == (200, 'attachment; filename="my-data.json"')
    assert answer["Cache-Control"] == "no-store"
    assert (document["format"], document["user_id"]) == ("1", str(user.pk))
    filled = {name for name, rows in document["data"].items() if rows}
    assert filled >= {
        "accounts.User", "accounts.Address", "accounts.Profile", "accounts.ConsentRecord", "accounts.SecurityEvent",
        "accounts.RefreshSession", "catalog.Review", "catalog.WishlistItem", "catalog.StockNotice", "orders.Cart",
        "orders.Checkout", "orders.SavedCart", "orders.Order", "orders.OrderItem", "orders.OrderEvent",
        "orders.Shipment", "orders.Return", "payments.Payment", "payments.PaymentAttempt", "payments.ReceivedMoney",
        "payments.ProviderEvent", "payments.GiftCard",
    }  # fmt: skip
    assert document["data"]["accounts.User"][0]["email"] == user.email
    assert "wanjikucanary" in text.lower()
    assert "atienocanary" not in text.lower()
    assert str(other.pk) not in text
    assert [secret for secret in (user.password, "token_hash", "code_hash") if secret in text] == []
    assert SecurityEvent.objects.filter(user=user, kind="data_exported").count() == 1


def test_export_is_for_oneself(api_client):
    assert api_client.get(EXPORT).status_code == 401


def test_export_and_guesses_are_rare(settings):
    settings.THROTTLE_RATES = settings.THROTTLE_RATES | {"export": "1/3600", "erase": "2/3600"}
    user = UserFactory()
    client = client_for(user)

    assert [client.get(EXPORT).status_code for _ in range(2)] == [200, 429]
    assert [erase(user, password="wrong").status_code for _ in range(2)] == [400, 400]
    assert erase(user).status_code == 429
    assert row(user)["is_active"]


def test_export_reads_row_by_row_and_asks_once_for_each_table(django_assert_num_queries):
    user = UserFactory()
    tables = len([table for table in declared() if table.owner and table.label.startswith("orders.")])
    for _ in range(2):
        buy(user)

        with django_assert_num_queries(tables):
            sections = [list(rows) for _, rows in export_tables("orders")(user)]

        assert len(sections) == tables


# --- Erasure ----------------------------------------------------------------------------------------------------


def test_nothing_tells_any_more_who_somebody_was_but_what_the_law_keeps(run_owed_work, media):
    user, other = lived(), lived("Atienocanary", "+254733111222")
    run_owed_work()
    before, money = held(other), list(Order.objects.order_by("pk").values("number", "total_amount", "tax", "status"))
    stood = {needle: places_of(needle) for needle in ("wanjikucanary", "712999888", "712 999 888")}
    assert all(len(found) > 5 for needle, found in stood.items() if needle != "712 999 888")

    answer = erase(user)
    run_owed_work()

    assert answer.status_code == 202
    needles = ("wanjikucanary", "712999888", "712 999 888", "me.jpg")
    assert {needle: places_of(needle) - legal_places() for needle in needles} == {needle: set() for needle in needles}
    assert places_of("wanjikucanary") | places_of("712999888")  # the books, which are on the list
    assert (held(other), list(Order.objects.order_by("pk").values("number", "total_amount", "tax", "status"))) == (
        before,
        money,
    )
    assert [name for name in default_storage.listdir("avatars")[0] if any((media / "avatars" / name).iterdir())] == [
        Profile.objects.get(user=other).avatar.split("/")[1]
    ]


def test_what_is_left_is_a_pseudonym(run_owed_work, settings):
    user = lived()
    pseudonym = pseudonym_of(user.email)
    order = Order.objects.get(user=user)

    erase(user)
    run_owed_work()

    after = row(user)
    told = ("email", "first_name", "last_name", "phone_number", "is_active", "username")
    assert {name: after[name] for name in told} == {
        "email": None, "first_name": "", "last_name": "", "phone_number": "", "is_active": False,
        "username": f"erased-{user.pk.hex}",
    }  # fmt: skip
    order.refresh_from_db()
    assert (order.user_id, order.email, order.phone_number, order.note) == (user.pk, "", "", "")
    assert order.shipping_address == {"county": "Nairobi", "country": "KE", "recipient": pseudonym}
    assert (Payment.objects.get(order=order).amount, ReceivedMoney.objects.get().payer_phone) == (
        order.total_amount, "+254712999888",
    )  # fmt: skip
    review = Review.objects.get()
    assert (review.rating, review.title) == (5, "By [removed]")
    assert "wanjikucanary" not in review.body.lower()
    assert (
        client_for(None).get(f"/api/products/{review.product_id}/reviews/").json()["results"][0]["author"] == "Customer"
    )
    assert (Cart.objects.count(), Address.objects.count(), RefreshSession.objects.count()) == (0, 0, 0)
    assert list(ConsentRecord.objects.values_list("user", "purpose")) == [(user.pk, "marketing_mail")]
    erasure = Erasure.objects.get()
    assert (erasure.user_id, erasure.pseudonym, erasure.done_at is not None) == (user.pk, pseudonym, True)
    settings.PSEUDONYM_KEY = "another key"
    assert pseudonym_of(user.email) != pseudonym


def test_trail_says_that_it_was_and_from_nowhere(run_owed_work):
    user = lived()

    erase(user)
    run_owed_work()

    events = SecurityEvent.objects.filter(user=user)
    assert list(events.order_by("pk").values_list("kind", flat=True))[-2:] == ["erasure_asked", "erased"]
    assert set(events.values_list("ip_address", "user_agent")) == {(None, "")}
    assert events.get(kind="erased").details == {"pseudonym": Erasure.objects.get().pseudonym}
    assert set(LogEntry.objects.values_list("object_repr", flat=True)) == {"[removed]", "credit of [removed]"}


def test_log_in_is_over_at_once_and_before_the_work_is_done(api_client):
    user = UserFactory(email="wanjiku@example.com")
    client = client_for(user)

    answer = client.post(ERASE, {"password": PASSWORD})

    assert answer.status_code == 202
    assert Erasure.objects.get().done_at is None
    assert [client.get(PROFILE).status_code, client.post(ERASE, {"password": PASSWORD}).status_code] == [401, 401]
    assert api_client.post(LOGIN, {"email": "wanjiku@example.com", "password": PASSWORD}).status_code == 401


def test_address_and_number_are_free_for_a_new_account(run_owed_work, api_client):
    user = UserFactory(email="wanjiku@example.com", phone_number="+254712345678", phone_verified_at=timezone.now())
    erase(user)
    run_owed_work()

    answer = api_client.post("/api/auth/register/", {"email": "wanjiku@example.com", "password": "maji-ya-chai-8"})
    User.objects.filter(email="wanjiku@example.com").update(
        phone_number="+254712345678", phone_verified_at=timezone.now()
    )

    assert answer.status_code == 201
    assert client_for(User.objects.get(email="wanjiku@example.com")).get("/api/orders/").json()["results"] == []


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"password": "wrong"}, 400, "wrong_password"),
        ({"code": "123456"}, 400, "wrong_password"),
        ({}, 400, "wrong_password"),
        ({"password": ""}, 400, "blank"),
        ({"password": "x" * 4097}, 400, "max_length"),
        ({"password": PASSWORD.upper()}, 400, "wrong_password"),
    ],
)
def test_without_proof_nothing_happens(body, status, code):
    user = UserFactory()
    client = client_for(user)
    before = row(user)

    answer = client.post(ERASE, body)

    assert (answer.status_code, codes(answer)) == (status, [code])
    assert (row(user), Erasure.objects.count()) == (before, 0)
    assert client.get(PROFILE).status_code == 200
    tried = bool(body.get("password")) and code == "wrong_password"
    assert SecurityEvent.objects.filter(user=user, kind="proof_refused").count() == tried


def test_account_without_a_password_needs_a_fresh_log_in(monkeypatch):
    user = UserFactory(email=None, phone_number="+254712345678", phone_verified_at=timezone.now())
    user.set_unusable_password()
    user.save()
    client = client_for(user)

    with monkeypatch.context() as later:
        later.setattr("accounts.freshness.time", lambda: time.time() + 16 * 60)
        old = client.post(ERASE, {})
    before = Erasure.objects.count()
    fresh = client.post(ERASE, {})

    assert (old.status_code, codes(old), before) == (403, ["fresh_log_in_required"], 0)
    assert (fresh.status_code, Erasure.objects.count()) == (202, 1)


def test_nobody_cannot_be_erased(api_client):
    user = UserFactory()

    assert api_client.post(ERASE, {"password": PASSWORD, "user": str(user.pk)}).status_code == 401
    assert row(user)["is_active"]


# --- What keeps somebody from it ----------------------------------------------------------------------------------


def payment(user: User, **fields) -> Payment:
    order = buy(user)
    return Payment.objects.create(
        order=order, user=user, amount=order.total_amount, currency="KES", method="mpesa", provider="mpesa", **fields
    )


def live_attempt(user: User) -> None:
    PaymentAttempt.objects.create(
        payment=payment(user),
        provider="mpesa",
        status="unknown",
        amount=1,
        currency="KES",
        method="mpesa",
        reference="a",
    )


def received(user: User, status: str) -> ReceivedMoney:
    return ReceivedMoney.objects.create(
        provider="mpesa", amount=1, currency="KES", status=status, source="c2b", received_at=timezone.now(),
        payment=payment(user), verified_at=timezone.now(),
    )  # fmt: skip


def open_refund(user: User) -> None:
    money = received(user, "applied")
    Refund.objects.create(
        received=money,
        payment=money.payment,
        provider="mpesa",
        amount=1,
        currency="KES",
        reference="r",
        status="unknown",
    )


MATTERS = {
    "order_open": place_order,
    "payment_open": live_attempt,
    "refund_open": open_refund,
    "money_open": lambda user: received(user, "surplus"),
    "store_credit_left": give_credit,
    "sells_products": lambda user: Product.objects.filter(pk=ProductFactory().pk).update(seller=user),
    "staff_account": lambda user: User.objects.filter(pk=user.pk).update(is_staff=True),
}


@pytest.mark.parametrize("code", MATTERS)
def test_while_something_is_open_it_is_named_and_nothing_changes(code):
    user = UserFactory()
    MATTERS[code](user)
    before, everything = row(user), held(user)

    answer = erase(user)

    assert (answer.status_code, codes(answer)) == (409, [code])
    changed = {name for name, value in row(user).items() if value != before[name]}
    assert (changed, Erasure.objects.count()) == (set(), 0)
    assert json.loads(held(user))[1:2] == json.loads(everything)[1:2]
    assert not OutboxMessage.objects.filter(topic="accounts.erase_user").exists()


def test_every_open_order_is_named_and_those_of_others_are_not():
    user = UserFactory()
    orders = [place_order(user), place_order(user)]
    place_order(UserFactory())

    answer = erase(user)

    assert [row["detail"] for row in answer.json()["errors"]] == [
        f"Order {order.number} is pending." for order in orders
    ]


def test_return_that_is_not_ended_is_open():
    user = UserFactory()
    order = buy(user)
    Order.objects.filter(pk=order.pk).update(paid_at=timezone.now())
    request_return(order_id=order.pk, lines=[ReturnLine(order.items.get().pk, 1, attr="items.0")], reason="damaged")

    assert codes(erase(user)) == ["return_open"]


# --- Twice, at once, late -----------------------------------------------------------------------------------------


def test_doing_it_again_changes_nothing(run_owed_work):
    user = lived()
    erase(user)
    run_owed_work()
    erasure = Erasure.objects.get()
    before = (row(user), held(user), Erasure.objects.values().get())

    services.erase_user(str(erasure.pk))

    assert (row(user), held(user), Erasure.objects.values().get()) == before


def test_work_that_fails_leaves_everything_and_comes_again(run_owed_work, monkeypatch):
    user = lived()
    run_owed_work()
    erase(user)
    before = places_of("wanjikucanary")
    broken = parts()[0]
    monkeypatch.setattr(
        "accounts.privacy.services.parts",
        lambda: [type(broken)("x", broken.exporter, lambda identity: 1 / 0, broken.open_matters), *parts()[1:]],
    )

    run_owed_work()
    half = places_of("wanjikucanary")
    monkeypatch.undo()
    OutboxMessage.objects.filter(topic="accounts.erase_user").update(next_attempt_at=timezone.now())
    run_owed_work()

    assert half == before
    assert places_of("wanjikucanary") - legal_places() == set()


def test_late_one_is_owed_again_once_a_day(run_owed_work):
    user = UserFactory()
    erase(user)
    OutboxMessage.objects.filter(topic="accounts.erase_user").update(dead_at=timezone.now())
    young = services.owe_unfinished()
    Erasure.objects.update(created_at=timezone.now() - timedelta(hours=2))

    counts = [services.owe_unfinished(), services.owe_unfinished()]

    assert (young, counts) == (0, [1, 1])
    assert OutboxMessage.objects.filter(topic="accounts.erase_user", dead_at=None).count() == 1
    run_owed_work()
    assert services.owe_unfinished() == 0


@pytest.mark.django_db(transaction=True)
def test_asking_at_once_is_one_erasure():
    user = UserFactory()
    client = client_for(user)

    answers = at_once([lambda: client.post(ERASE, {"password": PASSWORD})] * 4)

    # Who was let in before the first one ended the account gets its answer; who came after is nobody any more.
    assert {answer.status_code for answer in answers} <= {202, 401, 403}
    assert 202 in {answer.status_code for answer in answers}
    assert (Erasure.objects.count(), OutboxMessage.objects.filter(topic="accounts.erase_user").count()) == (1, 1)


# --- Names in texts -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("call 0712 345 678 now", "call [removed] now"),
        ("+254-712-345-678", "[removed]"),
        ("254712345678,0712345678", "[removed],[removed]"),
        ("WANJIKU@Example.com", "[removed]"),
        ("Asante, wanjiku!", "Asante, [removed]!"),
        ("Wanjikus are many", "Wanjikus are many"),
        ("Order 1000712345", "Order 1000712345"),
    ],
)
def test_names_are_found_however_they_are_written(text, clean):
    user = User(
        email="wanjiku@example.com", phone_number="+254712345678", first_name="Wanjiku", last_name="Li", username="w-1"
    )

    assert identity_of(user).scrub(text) == clean


def test_who_left_no_name_is_found_in_no_text():
    assert identity_of(User(username="x")).scrub("any text at all") == "any text at all"
