"""Limits of promotions and coupons: never one more, by nobody, at whatever moment."""

from collections import Counter
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from ecommerce.invariants import violations
from ecommerce.transactions import retry_on_conflict
from orders import services as order_services
from orders.models import Order
from orders.pricing.promotions import Applied
from orders.promotions import services
from orders.promotions.checks import CHECKS
from orders.promotions.exceptions import CouponRefused, LimitBelowUses, PromotionExhausted
from orders.promotions.limits import give_back, redeem
from orders.promotions.models import Coupon, Promotion, PromotionUsage, Redemption
from tests.factories import ProductFactory, UserFactory
from tests.orders.promoting import automatic, coupon, order_with, promotion, uses_of

racing = pytest.mark.django_db(transaction=True)
plain = pytest.mark.django_db


def refused(action):
    """Return the codes of a refusal, and that it has left no order behind."""
    before = Order.objects.count()
    with pytest.raises(CouponRefused) as caught:
        action()
    assert Order.objects.count() == before
    return [(row.code, row.attr) for row in caught.value.rows]


# --- One after the other --------------------------------------------------------------------------------------


@plain
def test_order_takes_of_each_limit_and_writes_down_what_it_was():
    one = coupon("KARIBU", promotion(limit_total=3, limit_per_customer=2), limit_total=2, limit_per_customer=1)
    user = UserFactory()

    order = order_with(ProductFactory(), user=user, codes=["KARIBU"])

    assert uses_of(one.promotion, one) == [1, 1]
    assert list(Redemption.objects.values_list("order", "promotion", "coupon", "amount", "released_at")) == [
        (order.pk, one.promotion_id, one.pk, 150, None)
    ]
    key = f"user:{user.pk}"
    counted = {(None, key, 1), (one.pk, key, 1)}
    assert set(PromotionUsage.objects.values_list("coupon", "customer_key", "uses")) == counted


@plain
def test_promotion_without_a_limit_is_not_written_to():
    one = automatic()
    before = Promotion.objects.values().get()

    order_with(ProductFactory(), user=UserFactory())

    assert Promotion.objects.values().get() == before
    assert one.redemptions.count() == 1


@plain
@pytest.mark.parametrize("limited", [("promotion",), ("coupon",), ("promotion", "coupon")])
def test_code_that_is_used_up_stops_the_order_and_is_named(limited):
    limits = {name: {"limit_total": 1} for name in limited}
    one = coupon("ONCE", promotion(**limits.get("promotion", {})), **limits.get("coupon", {}))
    product = ProductFactory()
    order_with(product, user=UserFactory(), codes=["ONCE"])

    assert refused(lambda: order_with(product, user=UserFactory(), codes=["ONCE"])) == [("coupon_exhausted", "codes.0")]
    assert uses_of(one.promotion, one) == [int("promotion" in limited), int("coupon" in limited)]
    assert Redemption.objects.count() == 1


@plain
@pytest.mark.parametrize("place", ["promotion", "coupon"])
def test_customer_has_a_code_so_often_and_others_still_have_it(place):
    limit = {"limit_per_customer": 2}
    one = coupon("TWICE", promotion(**limit if place == "promotion" else {}), **limit if place == "coupon" else {})
    user, product = UserFactory(), ProductFactory()
    for _ in range(2):
        order_with(product, user=user, codes=["TWICE"])

    again = refused(lambda: order_with(product, user=user, codes=["TWICE"]))

    assert again == [("coupon_limit_per_customer", "codes.0")]
    assert order_with(product, user=UserFactory(), codes=["TWICE"]).discount == 150
    assert one.redemptions.count() == 3


@plain
def test_guest_is_known_by_the_address_however_it_is_written():
    coupon("TWICE", promotion(limit_per_customer=1))
    product = ProductFactory()
    order_with(product, email="wanjiku@example.com", codes=["TWICE"])

    for email in ("Wanjiku@Example.com", " wanjiku+shop@example.com"):
        again = refused(lambda email=email: order_with(product, email=email, codes=["TWICE"]))
        assert again == [("coupon_limit_per_customer", "codes.0")]
    assert order_with(product, email="kamau@example.com", codes=["TWICE"]).discount == 150
    assert not PromotionUsage.objects.filter(customer_key__contains="example").exists()


@plain
def test_automatic_promotion_that_is_used_up_is_not_offered_any_more():
    automatic(limit_total=1)
    product = ProductFactory()

    orders = [order_with(product, user=UserFactory()) for _ in range(2)]

    assert [order.discount for order in orders] == [150, 0]


@plain
def test_automatic_promotion_is_offered_to_each_customer_so_often():
    automatic(limit_per_customer=1)
    product, user = ProductFactory(), UserFactory()

    orders = [order_with(product, user=each) for each in (user, user, UserFactory())]

    assert [order.discount for order in orders] == [150, 0, 150]


@plain
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"is_active": False}, "coupon_unknown"),
        ({"valid_until": timezone.now() - timedelta(seconds=5)}, "coupon_expired"),
        ({"valid_from": timezone.now() + timedelta(days=1)}, "coupon_not_yet"),
    ],
)
def test_code_that_has_ended_since_it_was_entered_stops_the_order(change, reason):
    product = ProductFactory()
    for place in ("coupon", "promotion"):
        one = coupon(f"OVER-{place}")
        (Coupon if place == "coupon" else Promotion).objects.filter(
            pk=one.pk if place == "coupon" else one.promotion_id
        ).update(**change)

        again = refused(lambda code=one.code: order_with(product, user=UserFactory(), codes=["NOT-IT", code]))
        assert again == [("coupon_unknown", "codes.0"), (reason, "codes.1")]
    assert not Redemption.objects.exists()


@plain
def test_code_beside_a_better_promotion_is_kept_for_another_time():
    automatic(percent=50, combines=False)
    one = coupon("LESS", limit_total=1)

    order = order_with(ProductFactory(), user=UserFactory(), codes=["LESS"])

    assert (order.discount, uses_of(one)) == (750, [0])
    assert [row.coupon for row in order.redemptions.all()] == [None]


# --- Given back -----------------------------------------------------------------------------------------------


@plain
@pytest.mark.parametrize("end", ["cancelled", "expired"])
def test_cancelled_order_gives_back_each_limit(end):
    one = coupon("ONCE", promotion(limit_total=1, limit_per_customer=1), limit_total=1, limit_per_customer=1)
    user, product = UserFactory(), ProductFactory()
    order = order_with(product, user=user, codes=["ONCE"])

    if end == "cancelled":
        order_services.cancel_order(order.pk)
    else:
        Order.objects.filter(pk=order.pk).update(reserved_until=timezone.now() - timedelta(minutes=1))
        assert order_services.cancel_unpaid_orders() == 1

    assert uses_of(one.promotion, one) == [0, 0]
    assert set(PromotionUsage.objects.values_list("uses", flat=True)) == {0}
    assert Redemption.objects.get().released_at is not None
    assert order_with(product, user=user, codes=["ONCE"]).discount == 150


@plain
def test_order_that_gave_back_may_have_the_same_again():
    one = coupon("AGAIN", limit_total=5)
    order = order_with(ProductFactory(), user=UserFactory(), codes=["AGAIN"])
    [redemption] = order.redemptions.all()
    give_back(order)

    redeem(order, [Applied(one.promotion_id, shipping=7700)], customer_key="user:x", codes=["AGAIN"])

    redemption.refresh_from_db()
    assert (redemption.amount, redemption.released_at, redemption.customer_key) == (77, None, "user:x")
    assert uses_of(one) == [1]
    counted = set(PromotionUsage.objects.exclude(uses=0).values_list("customer_key", "uses"))
    assert counted == {("user:x", 1)}


@plain
def test_limit_that_is_set_later_counts_the_orders_that_have_it_already():
    one = coupon("MANY")
    product = ProductFactory()
    orders = [order_with(product, user=UserFactory(), codes=["MANY"]) for _ in range(3)]
    order_services.cancel_order(orders[0].pk)

    services.save_promotion(one.promotion, limit_total=3)
    services.save_coupon(one, limit_total=2)

    assert uses_of(one.promotion, one) == [2, 2]
    assert refused(lambda: order_with(product, user=UserFactory(), codes=["MANY"])) == [("coupon_exhausted", "codes.0")]
    order_services.cancel_order(orders[1].pk)
    assert uses_of(one.promotion, one) == [1, 1]


@plain
def test_limit_below_what_orders_have_is_refused():
    one = coupon("MANY", promotion(limit_total=5))
    for _ in range(2):
        order_with(ProductFactory(), user=UserFactory(), codes=["MANY"])

    with pytest.raises(LimitBelowUses):
        services.save_promotion(one.promotion, limit_total=1)
    with pytest.raises(IntegrityError), transaction.atomic():
        Promotion.objects.update(limit_total=1)

    assert Promotion.objects.values_list("limit_total", "uses").get() == (5, 2)


# --- At once --------------------------------------------------------------------------------------------------


def outcome(action):
    def attempt():
        try:
            retry_on_conflict(action)
        except CouponRefused as refusal:
            return refusal.rows[0].code
        except PromotionExhausted as refusal:
            return refusal.code
        finally:
            connection.close()
        return "placed"

    return attempt


@racing
@pytest.mark.parametrize("place", ["promotion", "coupon"])
def test_fifty_at_once_for_five_uses_have_five(place, together):
    limit = {"limit_total": 5}
    one = coupon("FIVE", promotion(**limit if place == "promotion" else {}), **limit if place == "coupon" else {})
    product = ProductFactory()
    users = UserFactory.create_batch(50)

    answers = together(*(outcome(lambda u=user: order_with(product, user=u, codes=["FIVE"])) for user in users))

    assert Counter(answers) == {"placed": 5, "coupon_exhausted": 45}
    assert sum(uses_of(one.promotion, one)) == 5
    assert (Order.objects.count(), Redemption.objects.count()) == (5, 5)
    assert PromotionUsage.objects.filter(uses=1).count() == 10  # of the promotion and of the coupon, each of five


@racing
@pytest.mark.parametrize("place", ["promotion", "coupon"])
def test_customer_in_twenty_tabs_has_a_code_so_often_as_they_may(place, together):
    limit = {"limit_per_customer": 2}
    coupon("TWICE", promotion(**limit if place == "promotion" else {}), **limit if place == "coupon" else {})
    product, user = ProductFactory(), UserFactory()

    answers = together(*[outcome(lambda: order_with(product, user=user, codes=["TWICE"]))] * 20)

    assert Counter(answers) == {"placed": 2, "coupon_limit_per_customer": 18}
    assert set(PromotionUsage.objects.values_list("uses", flat=True)) == {2}
    assert Redemption.objects.count() == 2


@racing
def test_two_promotions_and_two_codes_in_any_order_do_not_deadlock(together):
    first, second = (coupon(code, promotion(limit_total=10), limit_total=10) for code in ("AAA", "BBB"))
    product = ProductFactory()
    users = UserFactory.create_batch(20)
    orders = [order_with(product, user=users[0], codes=["AAA", "BBB"]) for _ in range(5)]

    cancels = [lambda o=order: order_services.cancel_order(o.pk) for order in orders]
    buys = [
        lambda n=n: order_with(product, user=users[n], codes=["AAA", "BBB"][:: 1 if n % 2 else -1]) for n in range(20)
    ]
    answers = Counter(together(*map(outcome, [*cancels, *buys])))

    live = Redemption.objects.filter(released_at__isnull=True).count() // 2
    assert set(answers) <= {"placed", "coupon_exhausted"}
    assert answers["placed"] == 5 + live
    assert uses_of(first.promotion, first, second.promotion, second) == [live] * 4
    assert 5 <= live <= 10


@racing
def test_cancel_sent_ten_times_at_once_gives_back_once(together):
    one = coupon("TEN", limit_total=10)
    product, user = ProductFactory(), UserFactory()
    orders = [order_with(product, user=user, codes=["TEN"]) for _ in range(3)]

    together(*[lambda: order_services.cancel_order(orders[0].pk)] * 10)

    assert uses_of(one) == [2]
    assert set(PromotionUsage.objects.values_list("uses", flat=True)) == {2}


@racing
def test_giving_back_without_the_orders_lock_gives_back_once_too(together):
    one = coupon("TEN", limit_total=10)
    product, user = ProductFactory(), UserFactory()
    orders = [order_with(product, user=user, codes=["TEN"]) for _ in range(2)]

    together(*[lambda: transaction.atomic()(give_back)(orders[0])] * 8)

    assert uses_of(one) == [1]
    assert set(PromotionUsage.objects.values_list("uses", flat=True)) == {1}


@racing
def test_limit_that_is_set_while_orders_take_it_counts_them_all(together):
    one = coupon("MANY")
    product = ProductFactory()
    users = UserFactory.create_batch(20)

    buys = [outcome(lambda u=user: order_with(product, user=u, codes=["MANY"])) for user in users]
    limit = outcome(lambda: services.save_promotion(one.promotion, limit_total=1000))
    together(*buys[:10], limit, *buys[10:])

    assert Promotion.objects.get().uses == Redemption.objects.count() == 20


# --- Statements -----------------------------------------------------------------------------------------------


@plain
@pytest.mark.parametrize(
    ("limits", "codes", "promotions", "taking", "giving_back"),
    [
        ({}, [], 0, 0, 1),
        ({}, [], 1, 3, 3),
        ({}, [], 5, 3, 3),
        ({"limit_total": 5}, [], 5, 4, 4),
        ({"limit_total": 5}, ["AAA"], 0, 7, 6),
        ({"limit_total": 5}, ["AAA", "BBB", "CCC"], 5, 7, 6),
    ],
)
def test_limits_cost_the_same_statements_whatever_there_is(limits, codes, promotions, taking, giving_back):
    keys = [coupon(code, promotion(**limits), **limits).promotion_id for code in codes]
    order = order_with(ProductFactory(), email="a@example.com")
    keys += [automatic(**limits).pk for _ in range(promotions)]

    with CaptureQueriesContext(connection) as taken:
        redeem(order, [Applied(key, shipping=100) for key in keys], customer_key="user:x", codes=codes)
    with CaptureQueriesContext(connection) as given_back:
        give_back(order)

    assert (len(taken), len(given_back)) == (taking, giving_back)


# --- check_orders ---------------------------------------------------------------------------------------------


@pytest.fixture
def counted():
    """A promotion of at most three, with a coupon of at most two; one order has them, and one has given them back."""
    one = coupon("KARIBU", promotion(limit_total=3), limit_total=2)
    for number in range(2):
        order = order_with(ProductFactory(), user=UserFactory(), codes=["KARIBU"])
        if number:
            with transaction.atomic():
                order_services.cancel_order(order.pk)
    order_with(ProductFactory(), email="guest@example.com")
    assert uses_of(one.promotion, one) == [1, 1]
    return one


@plain
def test_what_orders_take_and_give_back_is_right(counted):
    assert [check.name for check in CHECKS if list(violations(check))] == []


@plain
@pytest.mark.parametrize(
    ("spoil", "found"),
    [
        ("UPDATE orders_promotion SET uses = 2", [0]),
        ("UPDATE orders_coupon SET uses = 0", [0]),
        ("UPDATE orders_promotionusage SET uses = uses + 1 WHERE coupon_id IS NULL", [1]),
        ("DELETE FROM orders_promotionusage WHERE coupon_id IS NOT NULL", [1]),
        ("UPDATE orders_redemption SET customer_key = 'user:another'", [1]),
        ("UPDATE orders_redemption SET released_at = NULL", [0, 1, 2]),
        ("UPDATE orders_redemption SET released_at = now()", [0, 1]),
    ],
)
def test_what_is_miscounted_is_found(counted, spoil, found):
    with connection.cursor() as cursor:
        cursor.execute(spoil)

    assert [index for index, check in enumerate(CHECKS) if list(violations(check))] == found
