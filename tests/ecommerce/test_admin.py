from datetime import timedelta

import pytest
from django.contrib import admin
from django.db import transaction
from django.test import Client
from django.utils import timezone

from ecommerce.models import Heartbeat, IdempotencyKey, OutboxMessage
from ecommerce.outbox import claim_due
from orders.models import Order
from orders.tasks import send_order_confirmation
from tests.admin_pages import address, listed, logged_in, member_of_staff, queries_of, statuses, told
from tests.factories import ProductFactory, UserFactory, place_order

pytestmark = pytest.mark.django_db

OUTBOX = address("ecommerce_outboxmessage_changelist")


@pytest.fixture
def client(staff):
    return logged_in(staff)


def owed(key, **fields):
    with transaction.atomic():
        send_order_confirmation.owe(key, order_id="x")
    OutboxMessage.objects.filter(dedupe_key=key).update(**fields)
    return OutboxMessage.objects.get(dedupe_key=key)


def dead(key):
    later = timezone.now() + timedelta(days=1)
    return owed(key, dead_at=timezone.now(), attempts=6, next_attempt_at=later, last_error="SMTPServerDisconnected")


def try_again(client, *messages):
    return client.post(OUTBOX, {"action": "try_again", "_selected_action": [str(message.pk) for message in messages]})


def test_every_page_opens_for_superusers_alone(client, customer):
    heartbeat = Heartbeat.objects.create(name="worker", seen_at=timezone.now())
    message = dead("a")
    pages = [
        "/admin/",
        OUTBOX,
        address("ecommerce_outboxmessage_change", message),
        address("ecommerce_outboxmessage_history", message),
        address("ecommerce_heartbeat_changelist"),
        address("ecommerce_heartbeat_change", heartbeat),
    ]

    assert statuses(client, pages) == dict.fromkeys(pages, 200)
    assert statuses(Client(), pages) == dict.fromkeys(pages, 302)
    assert statuses(logged_in(customer), pages) == dict.fromkeys(pages, 302)
    assert statuses(logged_in(member_of_staff()), pages[1:]) == dict.fromkeys(pages[1:], 403)


def test_try_again_revives_dead_work_alone(client):
    given_up, waiting, done = dead("a"), owed("b", attempts=2), owed("c", done_at=timezone.now(), attempts=1)
    claim_due()

    answer = try_again(client, given_up, waiting, done)

    assert told(answer) == ["1 will be tried again now."]
    given_up.refresh_from_db()
    assert (given_up.attempts, given_up.dead_at) == (0, None)
    assert [key for _, key in claim_due()] == [str(given_up.pk)]
    assert list(OutboxMessage.objects.order_by("dedupe_key").values_list("attempts", flat=True)) == [0, 2, 1]


def test_try_again_says_when_nothing_is_dead(client):
    answer = try_again(client, owed("b"))

    assert told(answer) == ["None of them is dead; open ones are tried again by themselves."]


def test_try_again_needs_the_right_to_change(staff):
    message = dead("a")

    try_again(logged_in(member_of_staff("ecommerce.view_outboxmessage")), message)
    message.refresh_from_db()
    assert message.dead_at is not None

    try_again(logged_in(member_of_staff("ecommerce.change_outboxmessage")), message)
    message.refresh_from_db()
    assert message.dead_at is None


def test_outbox_takes_no_form(client):
    message = dead("a")
    before = OutboxMessage.objects.values().get()

    answers = [
        client.post(address("ecommerce_outboxmessage_add"), {"topic": "x"}).status_code,
        client.post(address("ecommerce_outboxmessage_change", message), {"topic": "x"}).status_code,
        client.post(address("ecommerce_outboxmessage_delete", message), {"post": "yes"}).status_code,
    ]

    assert answers == [403, 403, 403]
    assert OutboxMessage.objects.values().get() == before


def test_filter_tells_open_done_and_dead_apart(client):
    rows = {"dead": dead("a"), "open": owed("b"), "done": owed("c", done_at=timezone.now())}

    for state, row in rows.items():
        assert listed(client.get(OUTBOX, {"state": state})) == [row]


def test_outbox_costs_the_same_for_one_and_three_rows(client):
    dead("a")
    one = queries_of(client, OUTBOX)

    dead("b")
    dead("c")

    assert queries_of(client, OUTBOX) == one


def test_idempotency_keys_have_no_page():
    assert not admin.site.is_registered(IdempotencyKey)


# --- The front page ---------------------------------------------------------------------------------------------


def waiting(client):
    return {card["title"]: card["count"] for card in client.get("/admin/").context["waiting"]}


def test_front_page_counts_what_waits_and_leads_there(client):
    order = place_order(UserFactory(), ProductFactory(stock=50))
    Order.objects.filter(pk=order.pk).update(status="paid")
    ProductFactory(stock=2)
    dead("a")

    assert waiting(client) == {
        "Applications to sell": 0,
        "Counts to be applied": 0,
        "Counts with something short": 0,
        "Days that do not reconcile": 0,
        "Deliveries that failed": 0,
        "Parcels to be handed over": 0,
        "Refused by eTIMS": 0,
        "Low-stock alerts": 0,
        "Paid, to be shipped": 1,
        "Payments that need a person": 0,
        "Payouts to make by hand": 0,
        "Received money to decide": 0,
        "Refunds to make by hand": 0,
        "Returned goods to be paid back": 0,
        "Returns to be decided": 0,
        "Reviews to look at": 0,
        "Pictures that failed": 0,
        "Webhooks that are paused": 0,
        "Sold out or low": 1,
        "Sold, expected and not here": 0,
        "To be shipped, paid at the door": 0,
        "Work that was given up": 1,
    }
    for card in client.get("/admin/").context["waiting"]:
        assert len(listed(client.get(card["url"]))) == card["count"]


def test_front_page_and_sidebar_show_what_somebody_may_see():
    clerk = logged_in(member_of_staff("orders.view_order"))

    shown = clerk.get("/admin/")
    titles = [
        item["title"]
        for group in shown.context["sidebar_navigation"]
        for item in group["items"]
        if item["has_permission"]
    ]

    assert waiting(clerk) == {"Paid, to be shipped": 0, "To be shipped, paid at the door": 0}
    assert titles == ["Orders"]
    assert waiting(logged_in(member_of_staff())) == {}


def test_every_link_of_the_sidebar_leads_somewhere(client):
    groups = client.get("/admin/").context["sidebar_navigation"]
    links = [str(item["link"]) for group in groups for item in group["items"]]

    assert len(links) > 40
    assert statuses(client, links) == dict.fromkeys(links, 200)
