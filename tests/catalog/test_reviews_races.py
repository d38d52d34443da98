"""Reviews at the same time: one each, and a rating that is exact whatever happened in between."""

import random
from collections import Counter
from contextlib import suppress
from decimal import Decimal
from functools import partial

import pytest

from catalog.models import Product
from catalog.reviews import services
from catalog.reviews.models import Review
from tests.clients import client_for
from tests.factories import ProductFactory, UserFactory, buy, review
from tests.invariants import assert_ratings_hold
from tests.racing import at_once

pytestmark = pytest.mark.django_db(transaction=True)


def rating_of(product: Product) -> tuple[Decimal | None, int]:
    return Product.objects.values_list("rating", "review_count").get(pk=product.pk)


def test_one_buyer_ten_times_at_once_writes_one_review():
    user, product = UserFactory(), ProductFactory()
    buy(user, product)
    clients = [client_for(user) for _ in range(10)]
    address = f"/api/products/{product.pk}/reviews/"

    answers = at_once([partial(client.post, address, {"rating": 1 + n % 5}) for n, client in enumerate(clients)])

    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 9}
    written = Review.objects.get()
    assert {answer.json()["review"] for answer in answers if answer.status_code == 409} == {str(written.pk)}
    assert rating_of(product) == (Decimal(f"{written.rating}.00"), 1)


def test_one_key_ten_times_at_once_gives_one_answer():
    user, product = UserFactory(), ProductFactory()
    buy(user, product)
    clients = [client_for(user) for _ in range(10)]
    address = f"/api/products/{product.pk}/reviews/"

    answers = at_once(
        [partial(client.post, address, {"rating": 4}, headers={"Idempotency-Key": "k"}) for client in clients]
    )

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert Review.objects.count() == 1


def test_ten_buyers_at_once_are_all_counted():
    product = ProductFactory(stock=50)
    buyers = [UserFactory() for _ in range(10)]
    for buyer in buyers:
        buy(buyer, product)
    clients = [client_for(buyer) for buyer in buyers]
    address = f"/api/products/{product.pk}/reviews/"

    answers = at_once([partial(client.post, address, {"rating": 1 + n % 5}) for n, client in enumerate(clients)])

    assert [answer.status_code for answer in answers] == [201] * 10
    assert rating_of(product) == (Decimal("3.00"), 10)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_ratings_are_exact_after_writing_changing_hiding_and_deleting_at_once(seed):
    chance = random.Random(seed)
    products = [ProductFactory(stock=50) for _ in range(2)]
    staff = UserFactory()
    rows = [review(product, rating=3) for product in products for _ in range(4)]
    new_buyers = [(UserFactory(), chance.choice(products)) for _ in range(4)]
    for buyer, product in new_buyers:
        buy(buyer, product)

    def attempt(action):
        with suppress(Review.DoesNotExist, services.ReviewHeldBack):  # somebody was faster
            action()

    actions = [partial(services.write_review, user=u, product=p, rating=chance.randint(1, 5)) for u, p in new_buyers]
    for row in rows:
        actions.append(partial(services.edit_review, row.pk, rating=chance.randint(1, 5)))
        actions.append(partial(services.moderate_review, row.pk, shown=chance.random() < 0.5, actor=staff))
        if chance.random() < 0.5:
            actions.append(partial(services.delete_review, row.pk))
    chance.shuffle(actions)

    at_once([partial(attempt, action) for action in actions])

    assert_ratings_hold()
    assert (
        sum(Product.objects.values_list("review_count", flat=True))
        == Review.objects.filter(status="published").count()
        >= len(new_buyers)
    )


def test_author_and_staff_at_once_never_leave_a_taken_down_review_published():
    for _ in range(5):
        written = review(body="Thieves!")
        staff = UserFactory()

        at_once(
            [
                partial(services.moderate_review, written.pk, shown=False, actor=staff),
                partial(services.edit_review, written.pk, body="Thieves, all of them!"),
            ]
        )

        written.refresh_from_db()
        assert written.status in ("hidden", "pending_moderation")
        assert rating_of(written.product) == (None, 0)
