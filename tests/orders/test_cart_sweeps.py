"""What becomes of carts that were left: a reminder, and one day the end."""

import re
from datetime import timedelta

import pytest
from django.core import mail
from django.db import connection, transaction
from django.utils import timezone

from accounts.profiles.models import Profile
from ecommerce.models import OutboxMessage
from orders import carts
from orders.cart_expiry import expire_carts
from orders.models import Cart, Order, SavedCart
from orders.reminders.services import owe_reminders, unsubscribe_link
from tests.clients import client_for
from tests.factories import ProductFactory, UserFactory
from tests.racing import at_once

pytestmark = pytest.mark.django_db

CART, ITEMS, REMINDERS = "/api/cart/", "/api/cart/items/", "/api/cart/reminders/"


def add(client, product=None, quantity=1):
    return client.post(ITEMS, {"product_id": str((product or ProductFactory()).pk), "quantity": quantity})


def leave(cart, days):
    Cart.objects.filter(pk=cart.pk).update(updated_at=timezone.now() - timedelta(days=days))


@pytest.fixture
def customer():
    return consenting(UserFactory(first_name="Wanjiku", email_verified_at=timezone.now()))


def consenting(user):
    """Reminders of carts are marketing: only who consented gets them."""
    Profile.objects.create(user=user, marketing_mail=True)
    return user


def left_cart(user, days=2, product=None):
    add(client_for(user), product)
    cart = Cart.objects.get(user=user)
    leave(cart, days)
    return cart


# --- Expiry ---------------------------------------------------------------------------------------------------


def test_carts_end_by_their_kind():
    guest, fresh = client_for(None), client_for(None)
    add(guest)
    leave(Cart.objects.get(), 31)
    add(fresh)
    old, young = UserFactory(), UserFactory()
    left_cart(old, 366)
    left_cart(young, 31)
    saver = client_for(UserFactory())
    add(saver)
    saver.post("/api/cart/save/", {"name": "Office"})
    leave(Cart.objects.latest("created_at"), 366)

    assert expire_carts() == 3

    assert set(Cart.objects.values_list("user", flat=True)) == {None, young.pk}
    assert (len(fresh.get(CART).json()["items"]), guest.get(CART).json()["id"]) == (1, None)
    assert SavedCart.objects.get().items.count() == 1


def test_an_order_outlives_its_cart():
    user = UserFactory()
    client = client_for(user)
    add(client)
    client.post("/api/cart/checkout/confirm/", {})
    leave(Cart.objects.get(), 366)

    assert expire_carts() == 1

    assert (Order.objects.get().cart, Order.objects.get().cart_version) == (None, 2)


@pytest.mark.django_db(transaction=True)
def test_cart_in_somebodys_hands_does_not_end():
    user = UserFactory()
    cart = left_cart(user, 366)

    def sweep():
        try:
            return expire_carts()
        finally:
            connection.close()

    with transaction.atomic():
        held = carts.lock_cart(cart)
        (swept,) = at_once([sweep])
        carts.touch(held)

    assert (swept, expire_carts(), Cart.objects.count()) == (0, 0, 1)


def test_every_change_begins_the_time_anew():
    client = client_for(UserFactory())
    item = add(client).json()["items"][0]["id"]
    changes = [
        lambda: add(client),
        lambda: client.patch(f"{ITEMS}{item}/", {"quantity": 3}),
        lambda: client.delete(f"{ITEMS}{item}/"),
        lambda: client.delete(CART),
    ]

    for change in changes:
        leave(Cart.objects.get(), 366)
        change()
        assert Cart.objects.get().updated_at > timezone.now() - timedelta(minutes=1)


# --- Reminders ------------------------------------------------------------------------------------------------


def test_left_cart_is_told_of_once(customer, run_owed_work):
    product = ProductFactory()
    cart = left_cart(customer, product=product)

    assert (owe_reminders(), owe_reminders()) == (1, 0)
    run_owed_work()

    (message,) = mail.outbox
    assert (message.to, message.subject) == ([customer.email], "You left something in your cart")
    assert f"1 × {product.product_name}: KES 1,500.00" in message.body
    assert message.extra_headers == {
        "List-Unsubscribe": f"<{unsubscribe_link(customer)}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }
    leave(cart, 2)
    assert owe_reminders() == 0


def test_each_version_is_told_of(customer, run_owed_work):
    left_cart(customer)
    owe_reminders()
    run_owed_work()
    left_cart(customer)

    assert owe_reminders() == 1
    run_owed_work()
    assert len(mail.outbox) == 2


@pytest.mark.parametrize(
    "unlike",
    [
        {"email_verified_at": None},
        {"is_active": False},
        {"email": None},
    ],
)
def test_who_must_not_be_written_to_is_not(customer, unlike):
    left_cart(customer)
    type(customer).objects.filter(pk=customer.pk).update(**unlike)

    assert owe_reminders() == 0
    assert not OutboxMessage.objects.filter(topic="orders.send_cart_reminder").exists()


def test_who_did_not_consent_to_marketing_is_not_reminded_and_who_withdraws_in_time_neither(customer, run_owed_work):
    left_cart(UserFactory(email_verified_at=timezone.now()))
    left_cart(customer)
    owed = owe_reminders()
    Profile.objects.update(marketing_mail=False)

    run_owed_work()

    assert (owed, mail.outbox) == (1, [])


def test_carts_of_guests_young_forgotten_and_empty_ones_are_not_told_of(customer):
    add(client_for(None))
    leave(Cart.objects.get(), 2)
    left_cart(consenting(UserFactory(email_verified_at=timezone.now())), 0.5)
    left_cart(consenting(UserFactory(email_verified_at=timezone.now())), 30)
    client_for(customer).delete(f"{ITEMS}{add(client_for(customer)).json()['items'][0]['id']}/")
    leave(Cart.objects.get(user=customer), 2)

    assert owe_reminders() == 0


def test_reminders_can_be_switched_off(customer, settings):
    settings.CART_REMINDERS = False
    left_cart(customer)

    assert owe_reminders() == 0


def test_what_has_changed_before_the_mail_is_not_sent(customer, run_owed_work):
    left_cart(customer)
    owe_reminders()
    client_for(customer).post("/api/cart/checkout/confirm/", {})

    run_owed_work()

    assert [message.subject for message in mail.outbox if "cart" in message.subject] == []


@pytest.mark.parametrize("body", ["List-Unsubscribe=One-Click", ""])
def test_link_in_the_mail_ends_them_without_a_log_in(customer, run_owed_work, body, api_client):
    left_cart(customer)
    owe_reminders()
    run_owed_work()
    path = re.search(r"/api/cart/reminders/unsubscribe/\S+", mail.outbox[0].body)[0]

    page = api_client.get(path)
    after_looking = client_for(customer).get(REMINDERS).json()
    done = api_client.post(path, body, content_type="application/x-www-form-urlencoded")
    left_cart(customer)

    assert (page.status_code, b"<button>" in page.content, after_looking) == (200, True, {"wanted": True})
    assert (done.status_code, b"<button>" in done.content) == (200, False)
    assert client_for(customer).get(REMINDERS).json() == {"wanted": False}
    assert owe_reminders() == 0


def test_forged_link_ends_nothing(customer, api_client):
    path = unsubscribe_link(customer).partition("://")[2].partition("/")[2]
    other = unsubscribe_link(UserFactory()).rpartition("/unsubscribe/")[2].rstrip("/")
    forged = path.replace(customer.pk.hex, other.partition(".")[0])

    assert api_client.post(f"/{forged}").status_code == 404
    assert api_client.post(f"/{path}x/").status_code == 404
    assert api_client.get("/api/cart/reminders/unsubscribe/x/").status_code == 404
    assert client_for(customer).get(REMINDERS).json() == {"wanted": True}


def test_customer_may_change_their_mind(customer):
    client = client_for(customer)
    left_cart(customer)

    refused = client.put(REMINDERS, {"wanted": False}).json()
    first = owe_reminders()
    wanted = client.put(REMINDERS, {"wanted": True}).json()

    assert (refused, first, wanted, owe_reminders()) == ({"wanted": False}, 0, {"wanted": True}, 1)
    assert client_for(None).put(REMINDERS, {"wanted": False}).status_code == 401
