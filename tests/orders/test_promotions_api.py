"""Promotions and coupons over HTTP: for staff by their permissions, and in carts."""

import csv
import io
from decimal import Decimal

import pytest
from django.contrib.auth.models import Permission

from accounts.models import User
from catalog.curation import services as curation
from orders.models import Cart
from orders.promotions import services
from orders.promotions.cart_codes import forget_codes, move_codes
from orders.promotions.models import CartCoupon, Coupon, Promotion
from orders.promotions.selectors import with_codes
from tests.clients import client_for
from tests.factories import BrandFactory, CategoryFactory, ProductFactory, UserFactory, group_of
from tests.orders.promoting import automatic, coupon, order_with, promotion

pytestmark = pytest.mark.django_db

PROMOTIONS, COUPONS, CART, ITEMS = "/api/promotions/", "/api/coupons/", "/api/cart/coupon/", "/api/cart/items/"


@pytest.fixture
def shop(staff):
    return client_for(staff)


def codes_of(answer):
    return [(row["code"], row["attr"]) for row in answer.json()["errors"]]


# --- Staff ----------------------------------------------------------------------------------------------------


def test_staff_make_change_and_delete_a_promotion(shop):
    category, brand, product, group = CategoryFactory(), BrandFactory(), ProductFactory(), group_of()
    collection = curation.save_collection(name="Picked")
    lists = {
        "categories": [str(category.pk)],
        "brands": [str(brand.pk)],
        "products": [str(product.pk)],
        "groups": [str(group.pk)],
        "collections": [str(collection.pk)],
    }

    made = shop.post(PROMOTIONS, {"name": "Ten", "kind": "percent", "percent": "10", "minimum_amount": "500", **lists})
    changed = shop.patch(f"{PROMOTIONS}{made.json()['id']}/", {"brands": [], "priority": 5})

    assert made.status_code == 201
    assert {name: made.json()[name] for name in lists} == lists
    shown = {name: made.json()[name] for name in ("percent", "currency", "minimum_amount", "uses", "discount_total")}
    expected = {"percent": "10.00", "currency": "KES", "minimum_amount": "500.00", "uses": 0, "discount_total": "0.00"}
    assert shown == expected
    assert (changed.json()["brands"], changed.json()["priority"], changed.json()["products"]) == (
        [],
        5,
        [str(product.pk)],
    )
    one = Promotion.objects.get()
    assert (one.for_all_goods, one.for_everybody) == (False, False)
    assert shop.delete(f"{PROMOTIONS}{one.pk}/").status_code == 204
    assert not Promotion.objects.exists()


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({"kind": "percent"}, ("required", "percent")),
        ({"kind": "percent", "percent": "0"}, ("min_value", "percent")),
        ({"kind": "percent", "percent": "100.01"}, ("max_value", "percent")),
        ({"kind": "amount", "amount": "-5"}, ("min_value", "amount")),
        ({"kind": "amount", "amount": "5", "currency": "XXX"}, ("invalid", "currency")),
        ({"kind": "other"}, ("invalid_choice", "kind")),
        ({"kind": "percent", "percent": "5", "limit_total": 0}, ("min_value", "limit_total")),
        ({"kind": "percent", "percent": "5", "limit_total": 10**12}, ("max_value", "limit_total")),
        ({"kind": "percent", "percent": "5", "products": ["nonsense"]}, ("invalid", "products.0")),
        (
            {"kind": "percent", "percent": "5", "products": ["0198c0de-0000-7000-8000-000000000001"]},
            ("does_not_exist", "products"),
        ),
        ({"kind": "percent", "percent": "5", "brands": "all"}, ("not_a_list", "brands")),
        ({"kind": "percent", "percent": "5", "name": ""}, ("blank", "name")),
    ],
)
def test_wrong_promotion_is_a_400_that_names_the_field(shop, body, wrong):
    answer = shop.post(PROMOTIONS, {"name": "Wrong", **body})

    assert (answer.status_code, codes_of(answer)) == (400, [wrong])
    assert not Promotion.objects.exists()


def test_uses_and_reach_are_not_written_by_requests(shop):
    body = {
        "name": "Free",
        "kind": "percent",
        "percent": "5",
        "uses": 7,
        "for_all_goods": False,
        "for_everybody": False,
    }

    assert shop.post(PROMOTIONS, body).json()["uses"] == 0
    assert Promotion.objects.values_list("uses", "for_all_goods", "for_everybody").get() == (0, True, True)


def test_staff_see_uses_and_what_was_taken_off(shop):
    one = coupon("KARIBU")
    for _ in range(2):
        order_with(ProductFactory(), user=UserFactory(), codes=["KARIBU"])
    coupon("UNUSED", one.promotion)

    [listed] = shop.get(PROMOTIONS).json()["results"]
    used = shop.get(f"{COUPONS}?used=true").json()["results"]

    assert (listed["uses"], listed["discount_total"], listed["coupon_count"]) == (2, "300.00", 2)
    assert [(row["code"], row["uses"], row["promotion_name"]) for row in used] == [("KARIBU", 2, one.promotion.name)]


@pytest.mark.parametrize("address", [PROMOTIONS, COUPONS])
@pytest.mark.parametrize("rows", [1, 3])
def test_lists_take_the_same_statements_however_long(shop, address, rows, django_assert_num_queries):
    for index in range(rows):
        product, group = ProductFactory(), group_of(name=f"Group {index}")
        coupon(f"CODE-{index}", promotion(products=[product], categories=[product.category], groups=[group]))

    with django_assert_num_queries(
        8 if address == PROMOTIONS else 3
    ):  # user, count, rows; of promotions the five lists
        answer = shop.get(address)

    assert answer.json()["count"] == rows


@pytest.mark.parametrize("query", ["?kind=other", "?unknown=1", "?used=perhaps", "?ordering=secret"])
def test_unknown_filter_is_refused(shop, query):
    assert shop.get(f"{COUPONS}{query}").status_code == 400


def test_staff_find_promotions_and_coupons(shop):
    one = coupon("KARIBU-1", promotion(name="Welcome"))
    coupon("OTHER-1", promotion(name="Other", kind="free_shipping"), is_active=False)
    automatic(name="Self", kind="free_shipping")

    def names(query):
        return [row["name"] for row in shop.get(f"{PROMOTIONS}{query}").json()["results"]]

    def codes(query):
        return [row["code"] for row in shop.get(f"{COUPONS}{query}").json()["results"]]

    found = [names(query) for query in ("?kind=free_shipping", "?is_automatic=true", "?name=wel", "?ordering=name")]
    assert found == [["Other", "Self"], ["Self"], ["Welcome"], ["Other", "Self", "Welcome"]]
    asked = (f"?promotion={one.promotion_id}", "?code=kar", "?is_active=false")
    assert [codes(query) for query in asked] == [["KARIBU-1"], ["KARIBU-1"], ["OTHER-1"]]


def test_staff_make_and_change_a_coupon(shop):
    first, second = promotion(), promotion()

    made = shop.post(COUPONS, {"promotion": str(first.pk), "code": "jamhuri 10", "limit_total": 5})
    again = shop.post(COUPONS, {"promotion": str(second.pk), "code": "JAMHURI10"})
    bad = shop.post(COUPONS, {"promotion": str(second.pk), "code": "=1+1"})
    moved = shop.patch(f"{COUPONS}{made.json()['id']}/", {"promotion": str(second.pk)})
    changed = shop.patch(f"{COUPONS}{made.json()['id']}/", {"limit_total": None, "is_active": False})

    assert (made.status_code, made.json()["code"]) == (201, "JAMHURI10")
    assert (again.status_code, codes_of(again)) == (409, [("coupon_taken", "code")])
    assert (bad.status_code, codes_of(bad)) == (400, [("invalid_code", "code")])
    assert (moved.status_code, codes_of(moved)) == (400, [("promotion_fixed", "promotion")])
    assert changed.status_code == 200
    stored = Coupon.objects.values_list("code", "promotion", "limit_total", "is_active")
    assert list(stored) == [("JAMHURI10", first.pk, None, False)]


def test_many_codes_are_made_once_for_a_key(shop):
    one = promotion()
    body = {"promotion": str(one.pk), "count": 50, "prefix": "vip-"}

    answers = [shop.post(f"{COUPONS}generate/", body, headers={"Idempotency-Key": "once"}) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    assert sorted(answers[0].json()["codes"]) == sorted(Coupon.objects.values_list("code", flat=True))
    assert (Coupon.objects.count(), {code[:4] for code in answers[0].json()["codes"]}) == (50, {"VIP-"})


@pytest.mark.parametrize(
    ("body", "wrong"),
    [({"count": 5001}, "max_value"), ({"count": 0}, "min_value"), ({"count": 1, "prefix": "-"}, "invalid_code")],
)
def test_wrong_wishes_for_codes_make_none(shop, body, wrong):
    answer = shop.post(f"{COUPONS}generate/", {"promotion": str(promotion().pk), **body})

    assert (answer.status_code, codes_of(answer)[0][0]) == (400, wrong)
    assert not Coupon.objects.exists()


def test_codes_are_exported_without_formulas(shop):
    one = promotion(name="=HYPERLINK(1)")
    services.generate_coupons(one.pk, count=3, limit_total=1)
    coupon("OTHER")

    answer = shop.get(f"{COUPONS}export/?promotion={one.pk}")

    rows = list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode())))
    assert answer["Content-Type"].startswith("text/csv")
    assert [row["code"] for row in rows] == sorted(one.coupons.values_list("code", flat=True))
    assert {(row["promotion"], row["limit_total"], row["uses"]) for row in rows} == {("'=HYPERLINK(1)", "1", "0")}


@pytest.mark.parametrize("who", ["nobody", "customer", "staff without the right", "seller"])
def test_others_neither_see_nor_write_promotions(who):
    one = coupon("SECRET")
    people = {
        "nobody": lambda: None,
        "customer": UserFactory,
        "staff without the right": lambda: UserFactory(is_staff=True),
        "seller": lambda: UserFactory(role=User.Role.SELLER),
    }
    client = client_for(people[who]())
    body = {"name": "Mine", "kind": "percent", "percent": "100", "is_automatic": True}

    asked = [
        client.get(PROMOTIONS),
        client.get(COUPONS),
        client.get(f"{COUPONS}export/"),
        client.get(f"{COUPONS}{one.pk}/"),
        client.post(PROMOTIONS, body),
        client.patch(f"{PROMOTIONS}{one.promotion_id}/", {"percent": "100"}),
        client.delete(f"{PROMOTIONS}{one.promotion_id}/"),
        client.post(COUPONS, {"promotion": str(one.promotion_id), "code": "MINE"}),
        client.post(f"{COUPONS}generate/", {"promotion": str(one.promotion_id), "count": 5}),
        client.delete(f"{COUPONS}{one.pk}/"),
    ]

    assert {answer.status_code for answer in asked} == {401 if who == "nobody" else 403}
    assert list(Coupon.objects.values_list("code", "promotion__percent")) == [("SECRET", Decimal(10))]


def test_each_right_is_for_its_own_action():
    one = promotion()
    staff = UserFactory(is_staff=True)
    staff.user_permissions.set(Permission.objects.filter(codename__in=["view_promotion", "add_coupon"]))
    client = client_for(staff)

    assert client.get(PROMOTIONS).status_code == 200
    assert client.post(f"{COUPONS}generate/", {"promotion": str(one.pk), "count": 1}).status_code == 201
    assert client.get(COUPONS).status_code == 403
    assert client.patch(f"{PROMOTIONS}{one.pk}/", {"percent": "99"}).status_code == 403
    assert Promotion.objects.get().percent == 10


# --- In carts ---------------------------------------------------------------------------------------------------


def cart_of(client, product, quantity=1, **headers):
    answer = client.post(ITEMS, {"product_id": str(product.pk), "quantity": quantity}, headers=headers)
    assert answer.status_code == 201
    return answer


def entered():
    return list(CartCoupon.objects.order_by("pk").values_list("coupon__code", flat=True))


def test_code_is_entered_once_and_taken_out_again():
    coupon("KARIBU")
    client = client_for(UserFactory())
    version = cart_of(client, ProductFactory()).json()["version"]

    first, second = client.post(CART, {"code": " karibu "}), client.post(CART, {"code": "KARIBU"})

    assert (first.status_code, second.status_code, entered()) == (200, 200, ["KARIBU"])
    assert (first.json()["version"], second.json()["version"]) == (version + 1, version + 1)
    gone, again = client.delete(f"{CART}?code=Karibu"), client.delete(CART)
    assert (gone.status_code, gone.json()["version"], entered()) == (200, version + 2, [])
    assert (again.status_code, again.json()["version"]) == (200, version + 2)


def test_guest_enters_a_code_for_the_cart_of_their_token():
    coupon("KARIBU")
    coupon("OTHER")
    product = ProductFactory()
    token = cart_of(client_for(None), product).headers["X-Cart-Token"]
    stranger = client_for(None)
    cart_of(stranger, product)

    answer = client_for(None).post(CART, {"code": "KARIBU"}, headers={"X-Cart-Token": token})

    assert answer.status_code == 200
    assert stranger.delete(CART).status_code == 200
    assert entered() == ["KARIBU"]
    body = client_for(None).delete(CART, {"code": "OTHER"}, headers={"X-Cart-Token": token})
    assert (body.status_code, entered()) == (200, ["KARIBU"])


def test_code_that_gives_nothing_is_refused_and_says_why():
    coupon("LATER", promotion(minimum_amount=Decimal(2000)))
    client = client_for(UserFactory())
    version = cart_of(client, ProductFactory()).json()["version"]

    unknown, short = client.post(CART, {"code": "NOPE"}), client.post(CART, {"code": "LATER"})

    assert (unknown.status_code, codes_of(unknown)) == (409, [("coupon_unknown", "code")])
    assert (short.status_code, codes_of(short)) == (409, [("coupon_minimum_not_reached", "code")])
    assert (short.json()["missing"], short.json()["currency"]) == ("500.00", "KES")
    assert (entered(), Cart.objects.get().version) == ([], version)


@pytest.mark.parametrize("code", ["", "x" * 101, None, ["A"], "A\0B"])
def test_what_is_no_code_is_a_400(code):
    client = client_for(UserFactory())
    cart_of(client, ProductFactory())

    assert client.post(CART, {"code": code}).status_code == 400


def test_code_needs_a_cart_with_something_in_it():
    coupon("KARIBU")

    answer = client_for(UserFactory()).post(CART, {"code": "KARIBU"})

    assert (answer.status_code, codes_of(answer)) == (400, [("cart_empty", None)])
    assert not Cart.objects.exists()


def test_another_code_of_the_same_promotion_makes_way():
    one = coupon("FIRST")
    coupon("SECOND", one.promotion)
    client = client_for(UserFactory())
    cart_of(client, ProductFactory())

    for code in ("FIRST", "SECOND"):
        client.post(CART, {"code": code})

    assert entered() == ["SECOND"]


def test_five_codes_are_enough():
    client = client_for(UserFactory())
    cart_of(client, ProductFactory())
    for index in range(6):
        coupon(f"CODE-{index}")

    answers = [client.post(CART, {"code": f"CODE-{index}"}) for index in range(6)]

    assert [answer.status_code for answer in answers] == [200] * 5 + [409]
    assert codes_of(answers[5]) == [("too_many_codes", "code")]
    assert len(entered()) == 5


def test_guessing_codes_is_slowed_down(settings):
    settings.THROTTLE_RATES = {**settings.THROTTLE_RATES, "coupon": "3/600"}
    coupon("KARIBU")
    client = client_for(UserFactory())
    cart_of(client, ProductFactory())

    statuses = [client.post(CART, {"code": f"GUESS-{index}"}).status_code for index in range(4)]
    right = client.post(CART, {"code": "KARIBU"})

    assert statuses == [409, 409, 409, 429]
    assert (right.status_code, entered()) == (429, [])
    assert client.delete(CART).status_code == 200


def test_entering_takes_the_same_statements_however_much_is_in_the_cart(django_assert_num_queries):
    coupon("FIRST")
    coupon("SECOND")
    client = client_for(UserFactory())
    for product in ProductFactory.create_batch(3):
        cart_of(client, product)
    client.post(CART, {"code": "FIRST"})

    with django_assert_num_queries(12):
        assert client.post(CART, {"code": "SECOND"}).status_code == 200


def test_codes_of_carts_are_read_with_the_carts_and_follow_them():
    first, second, third = coupon("FIRST"), coupon("SECOND"), coupon("THIRD")
    same = coupon("SAME", first.promotion)
    source, target = (Cart.objects.create(user=UserFactory()) for _ in range(2))
    for cart, codes in ((source, [third, same, second]), (target, [first])):
        for each in codes:
            CartCoupon.objects.create(cart=cart, coupon=each)

    assert with_codes(Cart.objects.all()).get(pk=source.pk).codes == ["THIRD", "SAME", "SECOND"]
    move_codes(source, target)
    assert set(with_codes(Cart.objects.all()).get(pk=target.pk).codes) == {"FIRST", "SECOND", "THIRD"}
    forget_codes(target)
    assert with_codes(Cart.objects.all()).get(pk=target.pk).codes == []
