"""Reviews in the admin: looked at, published, taken down, answered."""

import pytest
from django.contrib.admin.models import LogEntry

from catalog.models import Product
from catalog.reviews import services
from catalog.reviews.models import Review
from tests.admin_pages import address, listed, logged_in, member_of_staff, offered, queries_of, statuses, told
from tests.factories import ProductFactory, UserFactory, review

pytestmark = pytest.mark.django_db

REVIEWS = address("catalog_review_changelist")


@pytest.fixture
def client(staff):
    return logged_in(staff)


def page(row: Review) -> str:
    return address("catalog_review_change", row)


def act(client, action: str, row: Review, **form: str):
    return client.post(address(f"catalog_review_{action}", row), form)


def choose(client, action: str, *rows: Review):
    return client.post(REVIEWS, {"action": action, "_selected_action": [str(row.pk) for row in rows]})


def test_pages_are_for_those_who_may_see_reviews(client, customer):
    row = review(title="Good", body="<b>bold</b>")
    pages = [REVIEWS, page(row)]

    assert statuses(client, pages) == dict.fromkeys(pages, 200)
    assert statuses(logged_in(member_of_staff("catalog.view_review")), pages) == dict.fromkeys(pages, 200)
    assert statuses(logged_in(member_of_staff()), pages) == dict.fromkeys(pages, 403)
    assert statuses(logged_in(customer), pages) == dict.fromkeys(pages, 302)
    assert "<b>bold</b>" not in client.get(page(row)).content.decode()


def test_nothing_is_rewritten_added_or_deleted_by_a_form(client):
    row = review()
    before = Review.objects.values().get()

    answers = [
        client.post(page(row), {"rating": 1}).status_code,
        client.post(address("catalog_review_add"), {"rating": 1}).status_code,
        client.post(address("catalog_review_delete", row), {"post": "yes"}).status_code,
    ]

    assert answers == [403, 403, 403]
    assert Review.objects.values().get() == before


def test_taking_down_and_publishing_asks_first_and_is_noted(client, staff):
    row = review(rating=2)

    assert client.get(address("catalog_review_hide", row)).status_code == 200
    assert Review.objects.get().status == "published"

    assert told(act(client, "hide", row)) == ["Taken down."]
    hidden = Review.objects.get()
    assert (hidden.status, hidden.moderated_by) == ("hidden", staff)
    assert Product.objects.get(pk=row.product_id).review_count == 0

    assert told(act(client, "show", row))[-1] == "Published."
    assert Review.objects.get().status == "published"
    assert Product.objects.get(pk=row.product_id).review_count == 1
    assert [entry.get_change_message() for entry in LogEntry.objects.order_by("pk")] == ["Taken down.", "Published."]


def test_reply_is_written_and_taken_back(client, staff):
    row = review()

    assert told(act(client, "answer", row, reply="Asante!")) == ["Replied."]
    replied = Review.objects.get()
    assert (replied.reply, replied.replied_by) == ("Asante!", staff)

    assert told(act(client, "take_reply_back", row))[-1] == "The reply is gone."
    assert Review.objects.get().reply == ""


def test_refusal_becomes_a_message(client):
    row = review()
    services.moderate_review(row.pk, shown=False, actor=UserFactory())
    before = Review.objects.values().get()

    assert told(act(client, "answer", row, reply="x")) == ["Only a published review can be replied to."]

    assert Review.objects.values().get() == before


def test_buttons_fit_the_state(client):
    row = review()
    assert offered(client, page(row)) == ["Take down", "Reply"]

    services.reply_to_review(row.pk, text="x", actor=row.user)
    services.moderate_review(row.pk, shown=False, actor=row.user)
    assert offered(client, page(row)) == ["Publish", "Take reply back"]
    assert offered(logged_in(member_of_staff("catalog.view_review")), page(row)) == []


def test_several_are_moderated_at_once(client):
    product = ProductFactory(stock=9)
    rows = [review(product, body="www.example.com") for _ in range(2)]
    other = review(product, body="www.example.com")

    assert told(choose(client, "show_selected", *rows)) == ["2 published."]
    assert set(Review.objects.filter(status="published")) == set(rows)
    assert told(choose(client, "hide_selected", rows[0], other))[-1] == "2 taken down."
    assert list(Review.objects.filter(status="published")) == [rows[1]]


def test_moderating_needs_the_right_to_change():
    row = review()
    viewer = logged_in(member_of_staff("catalog.view_review"))
    before = Review.objects.values().get()

    assert [act(viewer, action, row).status_code for action in ("hide", "show", "answer", "take_reply_back")] == [
        403
    ] * 4
    choose(viewer, "hide_selected", row)

    assert Review.objects.values().get() == before
    assert told(act(logged_in(member_of_staff("catalog.change_review", "catalog.view_review")), "hide", row)) == [
        "Taken down."
    ]


def test_list_filters_and_finds(client):
    good = review(rating=5, title="Fast charger")
    waiting = review(rating=1, body="see www.example.com")

    assert listed(client.get(REVIEWS, {"status__exact": "pending_moderation"})) == [waiting]
    assert listed(client.get(REVIEWS, {"q": "charger"})) == [good]
    assert listed(client.get(REVIEWS, {"q": waiting.user.email})) == [waiting]


def test_front_page_counts_what_waits(client):
    review(body="see www.example.com")
    review()

    card = next(card for card in client.get("/admin/").context["waiting"] if card["title"] == "Reviews to look at")

    assert card["count"] == len(listed(client.get(card["url"]))) == 1


def test_list_costs_the_same_for_1_and_10_rows(client):
    product = ProductFactory(stock=50)
    review(product)
    one = queries_of(client, REVIEWS)

    for _ in range(9):
        review(product)

    assert queries_of(client, REVIEWS) == one
