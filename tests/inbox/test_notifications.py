"""Notifications: of one's own things, once, by one's wishes."""

from uuid import UUID

import pytest
from django.contrib.auth.models import Permission
from django.db import transaction

from accounts.profiles.models import Profile
from ecommerce.events import emit, publish_events
from ecommerce.models import Event, new_id
from inbox.notifications import making
from inbox.notifications.models import Notification
from inbox.notifications.texts import TOPICS, text_of
from orders.services import cancel_order
from tests.clients import client_for
from tests.factories import ProductFactory, UserFactory, place_order
from tests.racing import at_once

pytestmark = pytest.mark.django_db

URL = "/api/notifications/"


def told(user_id: UUID, number: int = 1) -> list[Notification]:
    for _ in range(number):
        emit("return.approved", new_id(), user_id=user_id, number="1000019-R1")
    publish_events()
    return list(Notification.objects.filter(user=user_id).order_by("pk"))


def test_cancelled_order_is_told_to_its_customer_and_to_nobody_else():
    owner, other = UserFactory(), UserFactory()
    order = place_order(owner, ProductFactory(stock=5))
    cancel_order(order.pk, actor=owner)
    publish_events()

    mine, others = client_for(owner).get(URL).json(), client_for(other).get(URL).json()

    [row] = mine["results"]
    assert (mine["unread"], row["kind"], row["topic"]) == (1, "order.cancelled", "orders")
    assert (row["text"], row["is_read"]) == (f"Order {order.number} is cancelled.", False)
    assert row["object_id"] == str(order.pk)
    assert (others["unread"], others["results"]) == (0, [])
    assert client_for(None).get(URL).status_code == 401


def test_event_that_is_told_twice_is_notified_once():
    user = UserFactory()
    told(user.pk)
    events = list(Event.objects.all())

    making.notify(events)

    assert Notification.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_event_that_two_workers_tell_at_once_is_notified_once():
    user = UserFactory()
    with transaction.atomic():
        emit("return.approved", new_id(), user_id=user.pk, number="1-R1")
    events = list(Event.objects.all())

    at_once([lambda: making.notify(events)] * 4)

    assert Notification.objects.count() == 1


def test_topic_that_is_not_wanted_is_not_told_and_others_are():
    user = UserFactory()
    client = client_for(user)
    answer = client.patch(f"{URL}preferences/", {"returns": False}, format="json")
    client.patch(f"{URL}preferences/", {"returns": False, "stock": True}, format="json")

    told(user.pk)
    emit("refund.succeeded", new_id(), user_id=user.pk, amount="10.00", currency="KES")
    publish_events()

    assert answer.json() == {"orders": True, "payments": True, "returns": False, "stock": True}
    assert client.get(f"{URL}preferences/").json() == answer.json()
    assert [each.kind for each in Notification.objects.all()] == ["refund.succeeded"]
    assert client.patch(f"{URL}preferences/", {"returns": "maybe"}, format="json").status_code == 400


def test_guests_and_people_who_left_are_told_nothing():
    gone = UserFactory(is_active=False)
    emit("return.approved", new_id(), number="1-R1")
    emit("return.approved", new_id(), user_id=gone.pk, number="1-R1")
    emit("return.approved", new_id(), user_id=new_id(), number="1-R1")

    publish_events()

    assert not Notification.objects.exists()
    assert not Event.objects.filter(published_at__isnull=True).exists()


def test_try_that_was_given_up_for_another_is_no_news():
    user = UserFactory()
    for outcome in ("superseded", "wrong_pin"):
        emit("payment.failed", new_id(), user_id=user.pk, outcome=outcome)

    publish_events()

    assert [each.data["outcome"] for each in Notification.objects.all()] == ["wrong_pin"]


def test_stock_that_is_back_is_told_to_those_who_wait_and_low_stock_to_staff_who_may_know():
    waiting, clerk, unaware = UserFactory(), UserFactory(is_staff=True), UserFactory(is_staff=True)
    clerk.user_permissions.add(Permission.objects.get(codename="view_lowstockalert"))
    product = ProductFactory(product_name="Galaxy A15")
    variant = product.variants.get()
    emit("stock.back", product.pk, waiting=[str(waiting.pk)])
    emit("stock.low", variant.pk, product_id=str(product.pk), threshold=3)

    publish_events()

    texts = {user.pk: [row["text"] for row in client_for(user).get(URL).json()["results"]] for user in (waiting, clerk)}
    assert texts == {waiting.pk: ["Galaxy A15 is back in stock."], clerk.pk: [f"{variant.sku} is running low."]}
    assert not Notification.objects.filter(user=unaware).exists()


def test_text_is_in_the_language_of_the_reader():
    user = UserFactory()
    Profile.objects.create(user=user, language="sw")
    told(user.pk)

    [row] = client_for(user).get(URL).json()["results"]

    assert row["text"] == "Rejesho 1000019-R1 limekubaliwa. Tafadhali tuma bidhaa."


def test_reading_marks_ones_own_alone_and_once():
    owner, other = UserFactory(), UserFactory()
    mine, theirs = told(owner.pk, 3), told(other.pk)
    client = client_for(owner)

    first = client.post(f"{URL}read/", {"ids": [str(mine[0].pk), str(theirs[0].pk)]}, format="json")
    read_at = Notification.objects.get(pk=mine[0].pk).read_at
    rest = client.post(f"{URL}read/", {"up_to": str(mine[1].pk)}, format="json")

    assert (first.json(), rest.json()) == ({"unread": 2}, {"unread": 1})
    assert Notification.objects.get(pk=mine[0].pk).read_at == read_at is not None
    assert Notification.objects.get(pk=theirs[0].pk).read_at is None
    assert [row["id"] for row in client.get(f"{URL}?unread=true").json()["results"]] == [str(mine[2].pk)]


@pytest.mark.parametrize("body", [{}, {"ids": []}, {"ids": ["x"]}, {"up_to": "x"}, {"ids": [str(new_id())] * 101}])
def test_reading_without_saying_what_is_refused(body):
    user = UserFactory()
    told(user.pk)

    answer = client_for(user).post(f"{URL}read/", body, format="json")

    assert answer.status_code == 400
    assert Notification.objects.get().read_at is None


@pytest.mark.parametrize("count", [1, 3])
def test_list_is_read_in_few_statements_and_pages_by_cursor(count, django_assert_max_num_queries):
    user = UserFactory()
    rows = told(user.pk, count)
    client = client_for(user)
    client.get(URL)

    with django_assert_max_num_queries(5):
        first = client.get(f"{URL}?page_size=2").json()

    seen = first["results"] + (client.get(first["next"]).json()["results"] if first["next"] else [])
    assert [row["id"] for row in seen] == [str(row.pk) for row in reversed(rows)]


@pytest.mark.parametrize("kind", sorted(TOPICS))
def test_every_notification_says_something_in_both_languages(kind):
    data = {"number": "1000019", "return_number": "1000019-R1", "name": "Galaxy", "amount": "1.00", "currency": "KES"}
    notification = Notification(kind=kind, data=data)
    english, swahili = text_of(notification, "en"), text_of(notification, "sw")

    assert english != swahili
    assert any(str(value) in english and str(value) in swahili for value in data.values())
