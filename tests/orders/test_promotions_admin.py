"""Promotions and coupons in the admin: the same services, the same rules."""

from decimal import Decimal

import pytest

from orders.promotions.models import Coupon, Promotion
from tests.admin_pages import address, listed, logged_in, member_of_staff, offered, queries_of, told
from tests.factories import BrandFactory, ProductFactory, UserFactory
from tests.orders.promoting import automatic, coupon, order_with, promotion

pytestmark = pytest.mark.django_db

LIST, ADD = "orders_promotion_changelist", "orders_promotion_add"


@pytest.fixture
def office(staff):
    return logged_in(staff)


def form(**fields):
    return {"name": "Ten", "kind": "percent", "minimum_amount": "0", "minimum_quantity": "1", "priority": "0", **fields}


def test_staff_make_and_change_a_promotion(office):
    brand = BrandFactory()

    made = office.post(address(ADD), form(percent="10", minimum_amount="500", brands=[brand.pk], is_active="on"))
    one = Promotion.objects.get()
    page = address("orders_promotion_change", one)
    changed = office.post(page, form(name="Twenty", percent="20", limit_total="5"))

    assert (made.status_code, changed.status_code) == (302, 302), changed.context and changed.context["errors"]
    one.refresh_from_db()
    numbers = (one.name, one.percent, one.currency, one.limit_total, one.for_all_goods, one.is_active)
    assert numbers == ("Twenty", 20, "", 5, True, False)


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"kind": "amount"}, "amount"),
        ({"percent": "10", "amount": "5"}, "amount"),
        ({"percent": "101"}, "percent"),
    ],
)
def test_numbers_that_do_not_go_together_are_shown_at_the_field(office, fields, wrong):
    answer = office.post(address(ADD), form(**fields))

    assert answer.status_code == 200
    assert list(answer.context["adminform"].form.errors) == [wrong]
    assert not Promotion.objects.exists()


def test_limit_below_uses_is_a_message_and_nothing_changes(office):
    one = coupon("MANY", promotion(name="Ten", limit_total=5)).promotion
    for _ in range(2):
        order_with(ProductFactory(), user=UserFactory(), codes=["MANY"])

    answer = office.post(address("orders_promotion_change", one), form(percent="10", limit_total="1"))

    assert (answer.status_code, told(answer)) == (
        302,
        ["It has been used 2 times. Switch it off instead, or set that limit."],
    )
    assert Promotion.objects.values_list("limit_total", "uses", "is_active").get() == (5, 2, True)


def test_list_shows_uses_and_what_was_taken_off(office):
    coupon("KARIBU", promotion(limit_total=5))
    order_with(ProductFactory(), user=UserFactory(), codes=["KARIBU"])

    [row] = listed(office.get(address(LIST)))

    assert (row.live_uses, row.discount_total, row.coupon_count) == (1, Decimal("150.00"), 1)
    text = office.get(address(LIST)).content.decode()
    assert "1 of 5" in text
    assert "KES\N{NO-BREAK SPACE}150.00" in text


def test_pages_show_codes_and_orders_and_cost_the_same(office):
    one, other = coupon("FIRST"), coupon("SECOND")
    order = order_with(ProductFactory(), user=UserFactory(), codes=["FIRST"])
    page = address("orders_promotion_change", one.promotion)
    before = queries_of(office, page)
    for _ in range(3):
        order_with(ProductFactory(), user=UserFactory(), codes=["FIRST", "SECOND"])

    assert order.number in office.get(page).content.decode()
    assert queries_of(office, page) == before
    assert "FIRST" in office.get(address("orders_order_change", order)).content.decode()
    assert office.get(address("orders_coupon_change", other)).status_code == 200
    assert office.get(address("orders_coupon_changelist")).status_code == 200


def test_staff_make_codes_and_take_them_away_as_a_file(office):
    one = promotion()

    done = office.post(
        f"/admin/orders/promotion/{one.pk}/generate/", {"count": "20", "begins_with": "vip", "limit_total": ""}
    )
    again = office.get(f"/admin/orders/promotion/{one.pk}/download_codes/")

    assert told(done) == ["20 codes made."]
    codes = set(Coupon.objects.values_list("code", "limit_total"))
    assert len(codes) == 20
    lines = b"".join(again.streaming_content).decode().splitlines()
    assert {line.split(",")[0] for line in lines[1:]} == {code for code, _ in codes}
    assert offered(office, address("orders_promotion_change", automatic())) == []


def test_staff_keep_coupons(office):
    one = promotion()
    add = address("orders_coupon_add")

    made = office.post(add, {"promotion": one.pk, "code": "jamhuri 10", "is_active": "on"})
    bad = office.post(add, {"promotion": one.pk, "code": "=1"})
    [row] = Coupon.objects.all()
    changed = office.post(address("orders_coupon_change", row), {"code": "JAMHURI10", "limit_total": "3"})

    assert (made.status_code, bad.status_code, changed.status_code) == (302, 200, 302)
    assert list(bad.context["adminform"].form.errors) == ["code"]
    assert list(Coupon.objects.values_list("code", "limit_total", "is_active")) == [("JAMHURI10", 3, False)]


def test_who_may_only_look_changes_nothing():
    one = promotion(name="Ten")
    office = logged_in(member_of_staff("orders.view_promotion"))
    page = address("orders_promotion_change", one)

    assert office.get(page).status_code == 200
    assert offered(office, page) == []
    assert office.post(page, form(percent="99")).status_code == 403
    assert office.post(f"/admin/orders/promotion/{one.pk}/generate/", {"count": "5"}).status_code == 403
    assert office.get(f"/admin/orders/promotion/{one.pk}/download_codes/").status_code == 403
    assert (Promotion.objects.get().percent, Coupon.objects.count()) == (10, 0)
