"""Promotions in force: which goods may have which, for whom and when, and what that comes to."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from random import Random

import pytest
from django.contrib.postgres.fields import ArrayField
from django.db import IntegrityError, transaction
from django.db.models import TextField, UUIDField
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from catalog.curation import services as curation
from catalog.models import Variant
from catalog.taxonomy import services as taxonomy
from ecommerce.prepared import Parameter, Prepared
from orders.models import CartItem
from orders.pricing.promotions import AmountOff, BuyGet, FreeShipping, Goods, PercentOff, best_of
from orders.pricing.promotions import Promotion as Offer
from orders.promotions import services
from orders.promotions.codes import normalise
from orders.promotions.exceptions import (
    CollectionByRule,
    CouponTaken,
    PromotionAutomatic,
    PromotionHasCoupons,
    PromotionInUse,
    PromotionInvalid,
)
from orders.promotions.models import Coupon, Promotion
from orders.promotions.refusals import refusal_of
from orders.promotions.selectors import names_in, promotions_of, with_promotions
from tests.clients import client_for
from tests.factories import BrandFactory, CategoryFactory, ProductFactory, UserFactory, group_of
from tests.orders.promoting import automatic, coupon, found, order_with, promotion, variants

pytestmark = pytest.mark.django_db

NOW = timezone.now()


# --- Which goods ----------------------------------------------------------------------------------------------


def test_promotion_without_goods_is_for_all_goods():
    automatic(name="All")

    assert found(ProductFactory(), ProductFactory()) == [["All"], ["All"]]


def test_promotion_is_for_a_category_with_all_below_it():
    top = CategoryFactory()
    below = CategoryFactory(parent=CategoryFactory(parent=top))
    automatic(name="Branch", categories=[top])

    products = ProductFactory(category=top), ProductFactory(category=below), ProductFactory()

    assert found(*products) == [["Branch"], ["Branch"], []]


def test_promotion_is_for_a_brand_also_under_its_new_name():
    old, new = BrandFactory(), BrandFactory()
    product, other = ProductFactory(brand=old), ProductFactory(brand=BrandFactory())
    automatic(name="Brand", brands=[old])

    assert found(product, other, ProductFactory()) == [["Brand"], [], []]
    taxonomy.merge_brands(old.pk, into=new.pk)
    product.refresh_from_db()
    assert (product.brand_id, found(product, other)) == (new.pk, [["Brand"], []])


def test_promotion_is_for_a_collection_as_it_is_now():
    product, other = ProductFactory(), ProductFactory()
    collection = curation.save_collection(name="Picked")
    curation.set_products(collection.pk, [product.pk])
    automatic(name="Picked", collections=[collection])

    assert found(product, other) == [["Picked"], []]
    curation.set_products(collection.pk, [other.pk])
    assert found(product, other) == [[], ["Picked"]]


def test_promotion_is_for_products_and_any_of_its_lists_is_enough():
    category, product, other = CategoryFactory(), ProductFactory(), ProductFactory()
    automatic(name="Either", products=[product], categories=[category])

    assert found(product, ProductFactory(category=category), other) == [["Either"], ["Either"], []]


def test_promotion_that_has_lost_its_last_target_is_for_nothing():
    brand, group = BrandFactory(), group_of(UserFactory())
    product, user = ProductFactory(), UserFactory()
    automatic(name="Brand", brands=[brand])
    automatic(name="Group", groups=[group])

    brand.delete()
    group.delete()

    assert found(product, to=user.pk) == [[]]


def test_collection_by_rule_is_refused():
    product = ProductFactory()
    collection = curation.save_collection(name="Rule", kind="by_rule", rule={"min_price": "1.00"})
    one = automatic(products=[product])

    with pytest.raises(CollectionByRule):
        services.save_promotion(one, name="New", collections=[collection])

    one.refresh_from_db()
    assert (one.name, list(one.products.all()), one.collections.count()) == ("Promotion 0", [product], 0)


def test_amounts_are_for_goods_of_their_currency():
    automatic(name="Shillings", kind="amount", amount=100)
    automatic(name="Dollars", kind="amount", amount=100, currency="USD")
    automatic(name="Any")

    shillings, dollars = found(ProductFactory(currency="KES"), ProductFactory(currency="USD"))

    assert (set(shillings), set(dollars)) == ({"Shillings", "Any"}, {"Dollars", "Any"})


# --- Whom, when, how --------------------------------------------------------------------------------------------


def test_promotion_is_for_the_members_of_its_groups():
    member = UserFactory()
    automatic(name="Members", groups=[group_of(member)])
    product = ProductFactory()

    assert [found(product, to=each) for each in (member.pk, UserFactory().pk, None)] == [[["Members"]], [[]], [[]]]


@pytest.mark.parametrize(
    ("fields", "in_force"),
    [
        ({}, True),
        ({"is_active": False}, False),
        ({"valid_until": NOW - timedelta(seconds=1)}, False),
        ({"valid_from": NOW + timedelta(hours=1)}, False),
        ({"valid_from": NOW - timedelta(hours=1), "valid_until": NOW + timedelta(hours=1)}, True),
    ],
)
def test_promotion_is_in_force_in_its_period_while_it_is_on(fields, in_force):
    automatic(name="Now", **fields)
    coupon("CODE", promotion(name="Code"), **fields)

    assert found(ProductFactory(), codes=["CODE"]) == [["Now", "Code"] if in_force else []]


def test_promotion_without_a_code_entered_is_not_offered():
    coupon("CODE", promotion(name="Code"))
    coupon("OTHER", promotion(name="Other"))
    product = ProductFactory()

    assert [found(product, codes=codes) for codes in ([], ["CODE"], ["NONE"])] == [[[]], [["Code"]], [[]]]
    assert list(names_in(row.promotions for row in variants(product, codes=["CODE"])).values()) == [("Code", "CODE")]


def test_promotions_become_what_pricing_knows():
    product = ProductFactory()
    fields = {"minimum_amount": 10, "minimum_quantity": 2, "priority": 7, "combines": False, "is_automatic": True}
    made = [
        promotion(percent=Decimal("12.5"), **fields),
        promotion(kind="amount", amount=Decimal("50.25"), **fields),
        promotion(kind="buy_get", buy_quantity=2, get_quantity=1, percent=50, most_times=3, **fields),
        promotion(kind="free_shipping", **fields),
        promotion(kind="free_shipping", amount=300, **fields),
    ]
    [row] = variants(product)

    given = {each.key: each for each in promotions_of([row])}

    effects = [PercentOff(Decimal("12.50")), AmountOff(5025), BuyGet(2, 1, Decimal("50.00"), 3)]
    assert [given[one.pk].effect for one in made] == [*effects, FreeShipping(), FreeShipping(30000)]
    assert {(each.minimum, each.combines, each.order) for each in given.values()} == {(1000, False, -7)}
    assert [given[one.pk].minimum_quantity for one in made] == [2, 2, 3, 2, 2]
    assert {each.lines for each in given.values()} == {frozenset([row.pk])}


def test_order_of_the_rows_means_nothing():
    products = ProductFactory.create_batch(6)
    for index in range(12):
        automatic(percent=index + 1, priority=index % 3, products=products[: index // 2 + 1])
        automatic(kind="amount", amount=index + 1, priority=index % 3)
    rows = variants(*products)

    folded = promotions_of(rows)

    for seed in range(5):
        assert promotions_of(Random(seed).sample(rows, len(rows))) == folded
    assert [each.order for each in folded] == sorted(each.order for each in folded)


@pytest.mark.parametrize(("shipping", "names", "off"), [(30000, ["A", "B", "D"], 100000), (0, ["C"], 70000)])
def test_best_of_what_combines_and_of_what_does_not_is_taken(shipping, names, off):
    made = {
        automatic(percent=10, priority=10).pk: "A",
        automatic(kind="amount", amount=500).pk: "B",
        automatic(percent=35, combines=False).pk: "C",
        automatic(kind="free_shipping").pk: "D",
    }
    [row] = variants(ProductFactory(price=Decimal(2000)))

    applied = best_of(promotions_of([row]), [Goods(row.pk, 1, 200000)], shipping)

    assert ([made[one.key] for one in applied], sum(one.amount for one in applied)) == (names, off)


# --- What it costs to ask ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("promotions", [0, 1, 8])
def test_asking_costs_no_statement(promotions, django_assert_num_queries):
    products = ProductFactory.create_batch(3)
    for _ in range(promotions):
        automatic(products=products)
        coupon(f"CODE-{_}", promotion(categories=[products[0].category]))

    with django_assert_num_queries(1):
        rows = variants(*products, to=UserFactory.build().pk, codes=["CODE-0", "CODE-1"])

    assert len(promotions_of(rows)) == (promotions and promotions + min(promotions, 2))


def test_lines_of_a_cart_are_asked_as_well_as_variants():
    automatic(name="All")
    client = client_for(user := UserFactory())
    product = ProductFactory()
    client.post("/api/cart/items/", {"product_id": str(product.pk), "quantity": 2})

    lines = CartItem.objects.select_related("variant__product")
    rows = list(with_promotions(lines, to=user.pk, codes=[], product="variant__product_id"))

    assert [each.lines for each in promotions_of(rows, variant="variant_id")] == [frozenset([rows[0].variant_id])]


def test_prepared_querysets_bring_their_own_user_and_codes():
    member = UserFactory()
    automatic(name="Members", groups=[group_of(member)], limit_per_customer=1)
    coupon("CODE", promotion(name="Code"))
    product = ProductFactory()
    asked = Prepared(
        lambda: with_promotions(
            Variant.objects.all(),
            to=Parameter("user", UUIDField()),
            codes=Parameter("codes", ArrayField(TextField())),
            customer_key=Parameter("customer", TextField()),
            product="product_id",
        ).values_list("promotions")
    )

    def names(**values):
        [[promotions]] = asked.rows(**{"user": None, "codes": [], "customer": "", **values})
        return {each["name"] for each in promotions or ()}

    assert names() == set()
    assert names(user=member.pk, codes=["CODE", "X"]) == {"Members", "Code"}
    order_with(product, user=member)
    assert names(user=member.pk, customer=f"user:{member.pk}") == set()


def test_nothing_in_force_is_nothing_to_read():
    promotion(is_active=False)
    coupon("CODE")
    ProductFactory()

    [row] = with_promotions(Variant.objects.all(), to=None, codes=[], product="product_id")

    assert row.promotions is None
    assert promotions_of([row]) == []


# --- Why a code gives nothing -----------------------------------------------------------------------------------


def why(code, *products, to=None, quantity=1):
    """Return the code of the refusal and what is missing; None if the code counts."""
    rows = variants(*products, to=to, codes=[code])
    goods = [Goods(row.pk, quantity, int(row.price * 100)) for row in rows]
    refusal = refusal_of(code, to=to, rows=rows, goods=goods)
    return refusal and (refusal.rows[0].code, refusal.extra.get("missing"))


@pytest.mark.parametrize("written", ["JAMHURI-10", " jamhuri-10 ", "Jamhuri -\t10", "ＪＡＭＨＵＲＩ-10"])
def test_code_that_counts_is_not_refused_however_it_is_written(written):
    coupon("JAMHURI-10")
    rows = variants(ProductFactory(), codes=[normalise(written)])

    assert refusal_of(written, to=None, rows=rows, goods=[Goods(rows[0].pk, 1, 100)]) is None


@pytest.mark.parametrize(
    ("code", "fields", "reason"),
    [
        ("NONE", {}, ("coupon_unknown", None)),
        ("CODE", {"is_active": False}, ("coupon_unknown", None)),
        ("CODE", {"valid_until": NOW - timedelta(seconds=1)}, ("coupon_expired", None)),
        ("CODE", {"valid_from": NOW + timedelta(hours=1)}, ("coupon_not_yet", None)),
        ("CODE", {"minimum_amount": Decimal(2000)}, ("coupon_minimum_not_reached", "500.00")),
        ("CODE", {"minimum_quantity": 3}, ("coupon_minimum_quantity_not_reached", 2)),
        ("CODE", {"kind": "buy_get", "buy_quantity": 3, "get_quantity": 1}, ("coupon_minimum_quantity_not_reached", 3)),
        ("CODE", {"minimum_amount": 1, "currency": "USD"}, ("coupon_not_for_these", None)),
    ],
)
def test_code_says_why_it_gives_nothing(code, fields, reason):
    coupon("CODE", promotion(**fields))

    assert why(code, ProductFactory()) == reason


def test_code_says_that_it_is_for_others_or_for_other_goods():
    member = UserFactory()
    coupon("MEMBERS", promotion(groups=[group_of(member)]))
    coupon("OTHERS", promotion(products=[ProductFactory()]))
    product = ProductFactory()

    assert why("MEMBERS", product, to=member.pk) is None
    assert why("MEMBERS", product) == why("MEMBERS", product, to=UserFactory().pk) == ("coupon_not_for_you", None)
    assert why("OTHERS", product) == ("coupon_not_for_these", None)


def test_code_says_that_it_is_used_up_by_all_or_by_its_customer():
    coupon("ONCE", limit_total=1)
    coupon("MINE", promotion(limit_per_customer=1))
    product, user = ProductFactory(), UserFactory()
    order_with(product, user=user, codes=["ONCE"])
    order_with(product, user=user, codes=["MINE"])

    assert why("ONCE", product) == ("coupon_exhausted", None)
    assert why("MINE", product, to=user.pk) == ("coupon_limit_per_customer", None)
    assert why("MINE", product) is None


def test_minimum_counts_only_the_goods_that_it_is_for():
    product, other = ProductFactory(price=Decimal("100.50")), ProductFactory(price=Decimal(9000))
    coupon("CODE", promotion(products=[product], minimum_amount=Decimal(301)))

    assert why("CODE", product, other, quantity=2) == ("coupon_minimum_not_reached", "100.00")
    assert why("CODE", product, other, quantity=3) is None


# --- Written by staff -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"kind": "percent", "percent": None}, [("required", "percent")]),
        ({"kind": "percent", "percent": 10, "amount": 5}, [("not_allowed", "amount")]),
        ({"kind": "amount"}, [("required", "amount")]),
        ({"kind": "buy_get", "buy_quantity": 1}, [("required", "get_quantity")]),
        (
            {"kind": "free_shipping", "percent": 5, "most_times": 1},
            [("not_allowed", "percent"), ("not_allowed", "most_times")],
        ),
        (
            {"kind": "percent", "percent": 5, "valid_from": NOW, "valid_until": NOW},
            [("period_backwards", "valid_until")],
        ),
    ],
)
def test_numbers_that_do_not_go_with_the_kind_are_refused(fields, wrong):
    with pytest.raises(PromotionInvalid) as caught:
        services.save_promotion(name="Wrong", **fields)

    assert [(row.code, row.attr) for row in caught.value.rows] == wrong
    assert not Promotion.objects.exists()


def test_another_kind_drops_the_numbers_of_the_former():
    one = promotion(kind="amount", amount=50, minimum_amount=0)

    changed = services.save_promotion(one, kind="percent", percent=5)

    assert (changed.amount, changed.percent, changed.currency) == (None, 5, "")


@pytest.mark.parametrize(
    "fields",
    [
        {"percent": 0},
        {"percent": 101},
        {"amount": 5},
        {"kind": "amount"},
        {"kind": "buy_get"},
        {"minimum_amount": -1},
        {"minimum_quantity": 0},
        {"minimum_amount": 5},
        {"currency": "KES"},
        {"uses": 1, "limit_total": 0},
        {"valid_from": NOW, "valid_until": NOW},
        {"limit_per_customer": 0},
    ],
)
def test_database_refuses_what_makes_no_sense(fields):
    promotion()

    with pytest.raises(IntegrityError), transaction.atomic():
        Promotion.objects.update(**fields)


@pytest.mark.parametrize("code", ["AB", "-AB", "lower", "ÄÖÜ", "A B", "=A1", "A!B"])
def test_database_and_staff_keep_codes_normal(code):
    coupon("CODE")

    with pytest.raises(IntegrityError), transaction.atomic():
        Coupon.objects.update(code=code)
    if normalise(code) == code:
        with pytest.raises(PromotionInvalid):
            coupon(code)


def test_code_is_one_however_it_is_written():
    one = coupon(" jamhuri 10 ")

    with pytest.raises(CouponTaken):
        coupon("Jamhuri10", one.promotion)

    assert Coupon.objects.get().code == "JAMHURI10"


def test_promotion_is_automatic_or_has_codes():
    one, two = automatic(), coupon("CODE").promotion

    with pytest.raises(PromotionAutomatic):
        coupon("OTHER", one)
    with pytest.raises(PromotionHasCoupons):
        services.save_promotion(two, is_automatic=True)

    two.refresh_from_db()
    assert (Coupon.objects.count(), two.is_automatic) == (1, False)


def test_generated_codes_are_many_and_differ():
    one = promotion()

    made = services.generate_coupons(one.pk, count=500, prefix="vip ", limit_total=1)

    codes = set(Coupon.objects.values_list("code", flat=True))
    assert {coupon.code for coupon in made} == codes
    assert (len(codes), {code[:3] for code in codes}, {len(code) for code in codes}) == (500, {"VIP"}, {13})
    assert set(Coupon.objects.values_list("promotion", "limit_total")) == {(one.pk, 1)}


def test_what_orders_have_is_not_deleted():
    one = coupon("CODE")
    spare = coupon("SPARE", one.promotion)
    order_with(ProductFactory(), user=UserFactory(), codes=["CODE"])

    with pytest.raises(PromotionInUse):
        services.delete_coupon(one.pk)
    with pytest.raises(PromotionInUse):
        services.delete_promotion(one.promotion_id)
    services.delete_coupon(spare.pk)

    assert list(Coupon.objects.values_list("code", flat=True)) == ["CODE"]


# --- Laws -------------------------------------------------------------------------------------------------------

effects = st.one_of(
    st.builds(PercentOff, st.decimals(0, 100, places=2)),
    st.builds(AmountOff, st.integers(0, 10**7)),
    st.builds(BuyGet, st.integers(1, 3), st.integers(1, 3), st.decimals(0, 100, places=2)),
    st.builds(FreeShipping, st.none() | st.integers(0, 10**5)),
)
offers = st.builds(
    Offer,
    key=st.uuids(),
    effect=effects,
    lines=st.none() | st.frozensets(st.integers(0, 5)),
    minimum=st.integers(0, 10**6),
    minimum_quantity=st.integers(1, 3),
    combines=st.booleans(),
    order=st.integers(-2, 2),
)
baskets = st.lists(st.tuples(st.integers(1, 5), st.integers(0, 10**6)), min_size=1, max_size=6)


@given(baskets, st.lists(offers, max_size=4), offers, st.integers(0, 10**5), st.randoms(use_true_random=False))
def test_which_of_equal_promotions_comes_first_changes_no_line(basket, others, one, shipping, random):
    goods = [Goods(key, quantity, price) for key, (quantity, price) in enumerate(basket)]
    equal = [replace(one, key=f"twin {index}") for index in range(3)]
    shuffled = random.sample(equal, len(equal))

    first, second = (best_of([*others, *twins], goods, shipping) for twins in (equal, shuffled))

    def off(applied):
        lines = [sum(each.lines.get(each_goods.key, 0) for each in applied) for each_goods in goods]
        return [*lines, sum(each.shipping for each in applied)]

    assert off(first) == off(second)
    assert all(0 <= part <= each.amount for part, each in zip(off(first), goods, strict=False))
    assert 0 <= off(first)[-1] <= shipping
    assert all(each.amount > 0 for each in first)
