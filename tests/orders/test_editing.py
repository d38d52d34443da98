"""Staff change an order that is not paid: it costs what a new one would, its stock follows, its customer is told."""

from collections import Counter
from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.core import mail
from django.db import DatabaseError, transaction
from django.utils import timezone

from catalog import stock
from catalog.inventory.availability import AvailabilityPolicy
from catalog.models import Product, Stock, StockMovement, Variant
from orders import cancelling, placing, services
from orders.checkout.services import submit_order
from orders.checkout.shipping import ShippingChoice
from orders.editing.models import ManualDiscount, OrderEdit
from orders.editing.versions import etag_of
from orders.lines import ItemInput
from orders.models import Order, OrderItem
from orders.placing import Contact
from orders.promotions.models import Coupon, Promotion, PromotionUsage, Redemption
from payments.models import Payment
from tests.admin_pages import address, logged_in, offered, told
from tests.clients import client_for
from tests.factories import ProductFactory, UserFactory, group_of, price_list, variant_of
from tests.invariants import assert_orders_hold, assert_stock_holds
from tests.orders import shipping as tariffs
from tests.orders.part_orders import units
from tests.orders.promoting import automatic, coupon, promotion
from tests.racing import at_once

pytestmark = pytest.mark.django_db

NAIROBI = {"recipient": "Wanjiku", "county": "Nairobi", "estate": "Kangemi"}


@pytest.fixture
def phone():
    return ProductFactory(price=Decimal("10000.00"), sku="PHONE")


@pytest.fixture
def cable():
    return ProductFactory(price=Decimal("100.00"), sku="CABLE")


@pytest.fixture
def order(phone, cable):
    items = [ItemInput(quantity=2, product_id=phone.pk), ItemInput(quantity=3, product_id=cable.pk)]
    return placing.place_order(user=UserFactory(), items=items)


@pytest.fixture
def clerk():
    return clerk_with("view_order", "change_order", "add_manualdiscount")


def clerk_with(*rights):
    clerk = UserFactory(is_staff=True)
    clerk.user_permissions.set(Permission.objects.filter(codename__in=rights))
    return clerk


def edit(client, order, body, *, etag=None, **headers):
    sent = {"If-Match": etag or etag_of(Order.objects.get(pk=order.pk)), **headers}
    return client.post(f"/api/orders/{order.pk}/edits/", body, format="json", headers=sent)


def of(order, sku, quantity):
    line = OrderItem.objects.get(order_id=order.pk, sku=sku)
    return {"item_id": str(line.pk), "quantity": quantity}


def codes_of(response):
    return [(row["code"], row["attr"]) for row in response.json()["errors"]]


def available():
    return dict(Stock.objects.values_list("variant__sku", "available"))


def lines(order):
    fields = ("sku", "quantity", "cancelled_quantity", "uncharged_quantity", "price")
    return [(*row[:-1], str(row[-1])) for row in order.items.values_list(*fields)]


def state(order):
    """Return everything that an edit could change, as the database has it."""
    row = Order.objects.filter(pk=order.pk).values().get()
    tables = (OrderEdit, ManualDiscount, StockMovement, Redemption, PromotionUsage)
    return (
        row,
        list(order.items.values()),
        list(order.events.values()),
        *(list(table.objects.values()) for table in tables),
        list(Stock.objects.values()),
        list(Promotion.objects.values("uses")) + list(Coupon.objects.values("uses")),
    )


# --- Lines -----------------------------------------------------------------------------------------------------


def test_lines_are_changed_added_and_removed_and_their_stock_follows(order, clerk):
    ProductFactory(price=Decimal("500.00"), sku="CASE", stock=4)
    case = Product.objects.get(variants__sku="CASE")
    body = {"items": [of(order, "PHONE", 1), of(order, "CABLE", 0), {"product_id": str(case.pk), "quantity": 4}]}

    response = edit(client_for(clerk), order, body)

    assert response.status_code == 200
    assert (response.json()["subtotal"], response.json()["total_amount"]) == ("12000.00", "12000.00")
    assert lines(order) == [
        ("PHONE", 1, 0, 0, "10000.00"),
        ("CABLE", 3, 3, 3, "100.00"),
        ("CASE", 4, 0, 0, "500.00"),
    ]
    assert available() == {"PHONE": 9, "CABLE": 10, "CASE": 0}
    order.refresh_from_db()
    assert order.tax == (order.total_amount * Decimal("0.16") / Decimal("1.16")).quantize(Decimal("0.01"))
    assert sum(item.tax for item in order.items.all()) == order.tax
    assert_stock_holds()
    assert_orders_hold()


def test_removed_line_comes_back_and_goes_again(order, clerk, cable):
    client = client_for(clerk)
    edit(client, order, {"items": [of(order, "CABLE", 0)]})
    edit(client, order, {"items": [{"product_id": str(cable.pk), "quantity": 5}]})
    assert lines(order)[1] == ("CABLE", 5, 0, 0, "100.00")
    edit(client, order, {"items": [of(order, "CABLE", 2)]})

    assert lines(order)[1] == ("CABLE", 2, 0, 0, "100.00")
    assert available() == {"PHONE": 8, "CABLE": 8}
    moved = StockMovement.objects.filter(variant__sku="CABLE", order_item_id__isnull=False)
    assert list(moved.order_by("pk").values_list("kind", "available_change", "part")) == [
        ("reserve", -3, 0),
        ("release", 3, 0),
        ("reserve", -5, 1),
        ("release", 3, 1),
    ]
    assert_stock_holds()


def test_edited_order_is_paid_shipped_and_cancelled_in_part(order, clerk, cable):
    cancelling.cancel_units(order.pk, units(order, CABLE=1))
    edit(client_for(clerk), order, {"items": [of(order, "PHONE", 3)]})
    cancelling.cancel_units(order.pk, units(order, PHONE=1))

    services.mark_paid(order.pk)
    services.ship_order(order.pk)

    order.refresh_from_db()
    assert str(order.total_amount) == "20200.00"
    assert dict(Stock.objects.values_list("variant__sku", "on_hand")) == {"PHONE": 8, "CABLE": 8}
    assert_stock_holds()
    assert_orders_hold()


def test_line_keeps_its_price_and_what_is_added_costs_what_it_costs_today(order, clerk, phone):
    Variant.objects.filter(sku="PHONE").update(price="12000.00")
    new = ProductFactory(price=Decimal("50.00"), sku="NEW")
    resellers = group_of(order.user)
    price_list((new, "40.00", 10), group=resellers)

    edit(
        client_for(clerk),
        order,
        {"items": [of(order, "PHONE", 3), {"product_id": str(new.pk), "quantity": 10}]},
    )

    assert [line[-1] for line in lines(order)] == ["10000.00", "100.00", "40.00"]


def test_all_lines_cost_what_they_cost_today_if_that_is_wanted(order, clerk):
    Variant.objects.filter(sku="PHONE").update(price="9000.00")

    response = edit(client_for(clerk), order, {"at_todays_prices": True})

    assert response.json()["total_amount"] == "18300.00"
    assert order.events.last().note == (
        "edited: price of PHONE: KES 10,000.00 → KES 9,000.00; total: 20300.00 → 18300.00"
    )


def test_line_that_is_not_for_sale_any_more_may_stay_and_shrink_but_not_grow(order, clerk, phone):
    Product.objects.filter(pk=phone.pk).update(is_active=False)
    client = client_for(clerk)

    assert edit(client, order, {"items": [of(order, "PHONE", 1)]}).status_code == 200
    before = state(order)
    refused = edit(client, order, {"items": [of(order, "PHONE", 2)]})

    assert (refused.status_code, codes_of(refused)) == (400, [("product_unavailable", "items.0.quantity")])
    assert state(order) == before


def test_more_than_there_is_is_refused_as_a_whole_and_all_is_named(order, clerk):
    before = state(order)

    refused = edit(client_for(clerk), order, {"items": [of(order, "PHONE", 11), of(order, "CABLE", 500)]})

    assert refused.status_code == 409
    assert codes_of(refused) == [
        ("insufficient_stock", "items.0.quantity"),
        ("insufficient_stock", "items.1.quantity"),
    ]
    assert state(order) == before


def test_its_own_units_count_as_its_own(order, clerk):
    response = edit(client_for(clerk), order, {"items": [of(order, "PHONE", 10)]})

    assert (response.status_code, available()["PHONE"]) == (200, 0)


@pytest.mark.parametrize(
    ("items", "code", "attr"),
    [
        ([{"item_id": str(uuid4()), "quantity": 1}], "unknown_order_item", "items.0.item_id"),
        ([{"variant_id": str(uuid4()), "quantity": 1}], "product_unavailable", "items.0.variant_id"),
        ([{"product_id": str(uuid4()), "quantity": 1}], "product_unavailable", "items.0.product_id"),
        ([{"quantity": 1}], "invalid", "items.0"),
        ([{"item_id": str(uuid4()), "quantity": -1}], "min_value", "items.0.quantity"),
        ([{"item_id": str(uuid4()), "quantity": "1\u0661"}], "invalid", "items.0.quantity"),
        ([{"item_id": str(uuid4()), "quantity": 1001}], "max_value", "items.0.quantity"),
    ],
)
def test_line_that_cannot_be_is_named_and_nothing_changes(order, clerk, items, code, attr):
    before = state(order)

    refused = edit(client_for(clerk), order, {"items": items})

    assert refused.status_code in (400, 409)
    assert codes_of(refused) == [(code, attr)]
    assert state(order) == before


def test_line_named_twice_and_line_of_another_order_are_refused(order, clerk):
    other = placing.place_order(user=UserFactory(), items=[ItemInput(1, product_id=ProductFactory(sku="OTHER").pk)])
    before = state(order), state(other)
    client = client_for(clerk)

    twice = edit(client, order, {"items": [of(order, "PHONE", 1), of(order, "PHONE", 2)]})
    foreign = edit(client, order, {"items": [of(other, "OTHER", 0)]})

    assert codes_of(twice) == [("unknown_order_item", "items.1.item_id")]
    assert codes_of(foreign) == [("unknown_order_item", "items.0.item_id")]
    assert (state(order), state(other)) == before


def test_order_of_which_nothing_would_be_left_is_refused(order, clerk):
    before = state(order)

    refused = edit(client_for(clerk), order, {"items": [of(order, "PHONE", 0), of(order, "CABLE", 0)]})

    assert codes_of(refused) == [("nothing_left", None)]
    assert state(order) == before


def test_things_in_another_currency_are_refused(order, clerk):
    foreign = ProductFactory(currency="USD")
    before = state(order)

    refused = edit(client_for(clerk), order, {"items": [{"product_id": str(foreign.pk), "quantity": 1}]})

    assert codes_of(refused) == [("mixed_currencies", None)]
    assert state(order) == before


def test_edit_that_changes_nothing_is_refused(order, clerk):
    before = state(order)

    refused = edit(client_for(clerk), order, {"items": [of(order, "PHONE", 2)]})

    assert codes_of(refused) == [("nothing_to_change", None)]
    assert state(order) == before


# --- Promotions, coupons, discounts by hand ----------------------------------------------------------------------


def test_coupon_is_applied_and_taken_away_and_its_uses_follow(order, clerk):
    code = coupon("TEN", promotion(limit_total=5), limit_total=5)
    client = client_for(clerk)

    applied = edit(client, order, {"coupons": ["ten "]})

    assert (applied.json()["discount"], applied.json()["total_amount"]) == ("2030.00", "18270.00")
    assert [Coupon.objects.get().uses, Promotion.objects.get().uses] == [1, 1]
    edit(client, order, {"items": [of(order, "CABLE", 0)]})
    assert [Coupon.objects.get().uses, str(Redemption.objects.get().amount)] == [1, "2000.00"]

    removed = edit(client, order, {"coupons": []})

    assert (removed.json()["discount"], removed.json()["total_amount"]) == ("0.00", "20000.00")
    assert [Coupon.objects.get(pk=code.pk).uses, Promotion.objects.get().uses] == [0, 0]
    assert order.events.last().note == "edited: coupons: TEN → –; total: 18000.00 → 20000.00"


def test_coupon_that_gives_nothing_is_refused_by_name(order, clerk):
    coupon("OTHERS", promotion(products=[ProductFactory()]))
    coupon("SPENT", promotion(), limit_total=1)
    Coupon.objects.filter(code="SPENT").update(uses=1)
    before = state(order)

    refused = edit(client_for(clerk), order, {"coupons": ["OTHERS", "SPENT", "NONE"]})

    assert codes_of(refused) == [
        ("coupon_not_for_these", "coupons.0"),
        ("coupon_exhausted", "coupons.1"),
        ("coupon_unknown", "coupons.2"),
    ]
    assert state(order) == before


def test_promotions_that_have_ended_since_stay_the_orders_and_new_ones_do_not_count_twice(phone, clerk):
    over = automatic(limit_total=1, limit_per_customer=1)
    spring = coupon("SPRING", promotion(kind="amount", amount=Decimal("500.00"), currency="KES"), limit_per_customer=1)
    order = placing.place_order(
        user=UserFactory(), items=[ItemInput(quantity=1, product_id=phone.pk)], codes=["SPRING"]
    )
    assert str(order.total_amount) == "8500.00"
    Promotion.objects.update(valid_until=timezone.now() - timedelta(days=1))
    Coupon.objects.update(is_active=False)

    response = edit(client_for(clerk), order, {"items": [of(order, "PHONE", 2)]})

    assert (response.status_code, response.json()["total_amount"]) == (200, "17500.00")
    live = Redemption.objects.filter(released_at__isnull=True).order_by("amount")
    assert [(str(row.amount), row.promotion_id, row.coupon_id) for row in live] == [
        ("500.00", spring.promotion_id, spring.pk),
        ("2000.00", over.pk, None),
    ]
    assert Promotion.objects.get(pk=over.pk).uses == 1
    assert {row.uses for row in PromotionUsage.objects.all()} == {1}


def test_discount_by_hand_comes_off_what_promotions_have_left_and_stays_with_later_edits(order, clerk):
    automatic(combines=False)
    client = client_for(clerk)

    given = edit(client, order, {"discount": {"percent": "50.00", "reason": "display model"}})

    # 10 % off by the promotion (placed before it began, it counts now), then half of the rest.
    assert (given.json()["discount"], given.json()["total_amount"]) == ("11165.00", "9135.00")
    discount = ManualDiscount.objects.get()
    assert (str(discount.taken_off), discount.reason, discount.given_by) == ("9135.00", "display model", clerk)
    edit(client, order, {"items": [of(order, "PHONE", 1)]})
    order.refresh_from_db()
    assert (str(order.total_amount), str(ManualDiscount.objects.get().taken_off)) == ("4635.00", "4635.00")
    assert sum(item.discount for item in order.items.all()) == order.discount

    dropped = edit(client, order, {"discount": None})

    assert (dropped.json()["total_amount"], ManualDiscount.objects.count()) == ("9270.00", 0)


def test_discount_by_hand_in_money_takes_no_more_than_the_goods_cost(order, clerk):
    before = state(order)

    refused = edit(client_for(clerk), order, {"discount": {"amount": "999999.00", "reason": "all of it"}})

    assert codes_of(refused) == [("nothing_left_to_pay", None)]
    assert state(order) == before


@pytest.mark.parametrize(
    "discount",
    [
        {"percent": "10.00"},
        {"percent": "10.00", "amount": "1.00", "reason": "both"},
        {"reason": "none"},
        {"percent": "100.01", "reason": "too much"},
        {"amount": "-5.00", "reason": "negative"},
        {"percent": "10.00", "reason": " "},
    ],
)
def test_discount_needs_one_number_and_a_reason(order, clerk, discount):
    before = state(order)

    assert edit(client_for(clerk), order, {"discount": discount}).status_code == 400
    assert state(order) == before


def test_discount_needs_its_own_right_and_is_not_for_oneself(order):
    without = clerk_with("view_order", "change_order")
    own = placing.place_order(
        user=clerk_with("view_order", "change_order", "add_manualdiscount"),
        items=[ItemInput(1, product_id=ProductFactory().pk)],
    )
    before = state(order), state(own)
    body = {"discount": {"percent": "10.00", "reason": "friends"}}

    answers = [edit(client_for(without), order, body), edit(client_for(own.user), own, body)]

    assert [(each.status_code, codes_of(each)) for each in answers] == [(403, [("discount_not_allowed", None)])] * 2
    assert (state(order), state(own)) == before


# --- Delivery --------------------------------------------------------------------------------------------------


@pytest.fixture
def brought(phone):
    """An order that a courier brings to Nairobi, for 300 up to five kilos and 900 above."""
    city = tariffs.zone("Nairobi", counties=["nairobi"])
    rest = tariffs.zone("Elsewhere")
    Variant.objects.update(weight_grams=2000)
    rider = tariffs.method(city, (5000, "300"), (20000, "900"), name="Rider")
    coach = tariffs.method(rest, (20000, "700"), name="Coach")
    placed = submit_order(
        user=UserFactory(),
        items=[ItemInput(quantity=1, product_id=phone.pk)],
        contact=Contact(shipping_address=NAIROBI),
        shipping=ShippingChoice(rider.pk),
    )
    return placed, rider, coach


def test_shipping_is_charged_anew_where_the_goods_change(brought, clerk):
    order, *_ = brought

    response = edit(client_for(clerk), order, {"items": [of(order, "PHONE", 3)]})

    assert (response.json()["shipping"], response.json()["total_amount"]) == ("900.00", "30900.00")
    assert order.events.last().note == (
        "edited: PHONE: 1 → 3; shipping: KES 300.00 → KES 900.00; total: 10300.00 → 30900.00"
    )


def test_order_goes_somewhere_else_by_another_method(brought, clerk):
    order, _, coach = brought
    mombasa = {"recipient": "Wanjiku", "county": "Mombasa", "landmark": "Makupa roundabout"}

    refused = edit(client_for(clerk), order, {"shipping_address": mombasa})
    assert codes_of(refused)[0][0] == "shipping_method_unavailable"
    response = edit(client_for(clerk), order, {"shipping_address": mombasa, "shipping_method_id": str(coach.pk)})

    assert (response.json()["shipping"], response.json()["delivery"]["name"]) == ("700.00", "Coach")
    assert response.json()["shipping_address"]["county"] == "Mombasa"
    assert order.events.last().note == (
        "edited: address: Nairobi → Mombasa; delivery: Rider → Coach; "
        "shipping: KES 300.00 → KES 700.00; total: 10300.00 → 10700.00"
    )
    kept = str(OrderEdit.objects.values_list("changes", flat=True))
    assert "Makupa" not in kept
    assert "Wanjiku" not in kept


def test_charge_stays_where_only_the_discount_changes_though_the_tariff_has(brought, clerk):
    order, rider, _ = brought
    rider.bands.update(price="1.00")

    response = edit(client_for(clerk), order, {"discount": {"amount": "10.00", "reason": "late"}})

    assert (response.json()["shipping"], response.json()["total_amount"]) == ("300.00", "10290.00")


def test_address_that_cannot_be_is_refused(brought, clerk):
    order, *_ = brought
    before = state(order)

    refused = edit(client_for(clerk), order, {"shipping_address": {"county": "Atlantis"}})

    assert refused.status_code == 400
    assert state(order) == before


# --- Who, when, and what is told -------------------------------------------------------------------------------


def test_edit_stands_in_the_timeline_with_its_actor_and_the_customer_is_told(order, clerk, run_owed_work):
    Order.objects.filter(pk=order.pk).update(user=None, email="guest@example.com")
    edit(client_for(clerk), order, {"items": [of(order, "PHONE", 1)], "reason": "as agreed on the phone"})

    event = order.events.last()
    note = "edited: PHONE: 2 → 1; total: 20300.00 → 10300.00 (as agreed on the phone)"
    assert (event.from_status, event.to_status, event.actor, event.note) == ("pending", "pending", clerk, note)
    listed = client_for(clerk).get(f"/api/orders/{order.pk}/edits/").json()
    assert [(row["actor"], row["changes"], row["total_after"]) for row in listed] == [
        (str(clerk.pk), [{"what": "PHONE", "before": "2", "after": "1"}], "10300.00")
    ]
    run_owed_work()
    (sent,) = mail.outbox
    assert (sent.to, sent.subject) == (["guest@example.com"], f"Your order {order.number} was changed")
    assert "It costs KES 10,300.00 now; it was KES 20,300.00." in sent.body
    assert "PHONE: 2 → 1" in sent.body
    assert "/track/" in sent.body


def test_record_of_an_edit_cannot_be_changed(order, clerk):
    edit(client_for(clerk), order, {"items": [of(order, "PHONE", 1)]})

    with pytest.raises(DatabaseError), transaction.atomic():
        OrderEdit.objects.update(total_after=1)


def test_time_to_pay_begins_anew(order, clerk):
    Order.objects.filter(pk=order.pk).update(reserved_until=timezone.now())

    edit(client_for(clerk), order, {"items": [of(order, "PHONE", 1)]})

    order.refresh_from_db()
    assert order.reserved_until > timezone.now() + timedelta(minutes=10)


def test_payment_follows_the_total_unless_money_has_come(order, clerk):
    payment = Payment.objects.create(
        order=order, user=order.user, amount=order.total_amount, currency="KES", method="mpesa", provider="mpesa"
    )

    edit(client_for(clerk), order, {"items": [of(order, "PHONE", 1)]})

    payment.refresh_from_db()
    assert str(payment.amount) == "10300.00"


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"payment_open": True}, "order_being_paid"),
        ({"status": "paid"}, "order_not_editable"),
        ({"status": "cancelled"}, "order_not_editable"),
        ({"status": "delivered"}, "order_not_editable"),
    ],
)
def test_order_that_is_paid_or_being_paid_is_not_edited(order, clerk, fields, code):
    Order.objects.filter(pk=order.pk).update(**fields)
    before = state(order)

    refused = edit(client_for(clerk), order, {"items": [of(order, "PHONE", 1)]})

    assert (refused.status_code, codes_of(refused)) == (409, [(code, None)])
    assert state(order) == before


def test_only_staff_with_the_right_edit(order):
    before = state(order)
    body = {"items": [of(order, "PHONE", 1)]}

    answers = [
        edit(client_for(person), order, body).status_code
        for person in (order.user, UserFactory(), clerk_with("view_order"), clerk_with("change_order"))
    ]

    assert answers == [403, 403, 403, 404]
    assert state(order) == before


def test_edit_of_an_order_that_was_changed_since_is_refused(order, clerk):
    client = client_for(clerk)
    seen = client.get(f"/api/orders/{order.pk}/")["ETag"]
    edit(client, order, {"items": [of(order, "PHONE", 1)]}, etag=seen)
    before = state(order)

    refused = edit(client, order, {"items": [of(order, "CABLE", 1)]}, etag=seen)

    assert (refused.status_code, codes_of(refused)) == (412, [("order_changed", "If-Match")])
    assert refused.json()["total_amount"] == "10300.00"
    assert state(order) == before


def test_edit_without_saying_what_was_seen_is_refused(order, clerk):
    before = state(order)

    refused = client_for(clerk).post(
        f"/api/orders/{order.pk}/edits/", {"items": [of(order, "PHONE", 1)]}, format="json"
    )

    assert (refused.status_code, codes_of(refused)) == (428, [("version_required", None)])
    assert state(order) == before


def test_preview_tells_the_total_and_writes_nothing_and_another_total_is_refused(order, clerk):
    before = state(order)
    client, address = client_for(clerk), f"/api/orders/{order.pk}/edits/"
    body = {"items": [of(order, "PHONE", 1)]}

    preview = client.post(address, {**body, "preview": True}, format="json")

    assert (preview.status_code, preview.json()["total_amount"]) == (200, "10300.00")
    assert state(order) == before
    refused = client.post(address, {**body, "expected_total": "10299.99"}, format="json")
    assert (refused.status_code, refused.json()["total_amount"]) == (409, "10300.00")
    assert codes_of(refused) == [("total_changed", "expected_total")]
    assert state(order) == before
    assert client.post(address, {**body, "expected_total": "10300.00"}, format="json").status_code == 200


def test_edit_sent_twice_with_one_key_happens_once(order, clerk, cable):
    client, seen = client_for(clerk), etag_of(Order.objects.get(pk=order.pk))
    body = {"items": [{"product_id": str(cable.pk), "quantity": 1}]}

    first, second = (edit(client, order, body, etag=seen, **{"Idempotency-Key": "k"}) for _ in range(2))

    assert first.json() == second.json()
    assert (second["Idempotent-Replayed"], OrderEdit.objects.count()) == ("true", 1)
    assert available()["CABLE"] == 6


# --- At the same time ------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_two_clerks_at_once_with_one_version_make_one_edit(order, clerk, cable):
    seen = etag_of(Order.objects.get(pk=order.pk))
    clients = [client_for(clerk) for _ in range(8)]
    body = {"items": [{"product_id": str(cable.pk), "quantity": 1}]}

    answers = at_once([lambda c=client: edit(c, order, body, etag=seen).status_code for client in clients])

    assert Counter(answers) == {200: 1, 412: 7}
    assert (available()["CABLE"], OrderEdit.objects.count()) == (6, 1)
    assert_stock_holds()


@pytest.mark.django_db(transaction=True)
def test_edits_in_opposite_order_beside_new_orders_neither_deadlock_nor_oversell(clerk):
    first, second = ProductFactory(stock=12, price=Decimal("10.00")), ProductFactory(stock=12, price=Decimal("10.00"))
    goods = [first, second]
    orders = [
        placing.place_order(user=UserFactory(), items=[ItemInput(1, product_id=goods[n % 2].pk)]) for n in range(6)
    ]
    client = [client_for(clerk) for _ in orders]

    def change(number):
        items = [{"product_id": str(each.pk), "quantity": 2} for each in (goods if number % 2 else goods[::-1])]
        return edit(client[number], orders[number], {"items": items}, etag="*").status_code

    def buy(number):
        items = [ItemInput(1, product_id=each.pk) for each in (goods if number % 2 else goods[::-1])]
        try:
            placing.place_order(user=None, items=items)
        except Exception as error:  # noqa: BLE001 - what it was is asserted
            return type(error).__name__
        return 201

    answers = at_once([lambda n=n: change(n) for n in range(6)] + [lambda n=n: buy(n) for n in range(6)])

    assert set(answers) <= {200, 409, 201, "InsufficientStock"}
    assert list(Stock.objects.values_list("available", flat=True)) != [12, 12]
    assert_stock_holds()


@pytest.mark.django_db(transaction=True)
def test_edit_and_payment_at_once_never_leave_a_paid_order_that_costs_something_else(clerk, cable):
    orders = [placing.place_order(user=UserFactory(), items=[ItemInput(1, product_id=cable.pk)]) for _ in range(4)]
    client = [client_for(clerk) for _ in orders]

    def change(n):
        return edit(client[n], orders[n], {"items": [of(orders[n], "CABLE", 2)]}, etag="*").status_code

    def pay(n):
        return services.mark_paid(orders[n].pk).total_amount

    answers = at_once([work for n in range(4) for work in (lambda n=n: change(n), lambda n=n: pay(n))])

    for n, order in enumerate(orders):
        edited, paid = answers[2 * n : 2 * n + 2]
        order.refresh_from_db()
        assert (order.status, order.total_amount) == ("paid", paid)
        assert (edited == 200) == (str(paid) == "200.00")
    assert_stock_holds()


# --- In the admin ----------------------------------------------------------------------------------------------


def filled(page):
    """Return what a browser would send of a form as it is shown."""
    form = page.context["form"]
    values = {name: form.get_initial_for_field(field, name) for name, field in form.fields.items()}
    return {name: value for name, value in values.items() if value is not None}


def test_order_is_edited_on_its_page(order, clerk):
    coupon("TEN")
    ProductFactory(price=Decimal("500.00"), sku="CASE")
    client, page = logged_in(clerk), address("orders_order_edit", order)
    form = filled(client.get(page))
    phone_line = f"line_{order.items.get(sku='PHONE').pk}"
    assert form[phone_line] == 2
    form |= {phone_line: 1, "add_1": "case", "add_1_units": 2, "coupons": "ten", "reason": "on the phone"}

    answer = client.post(page, form)

    assert told(answer) == ["Edited. The order now costs KES\xa010,170.00."]
    assert [line[:2] for line in lines(order)] == [("PHONE", 1), ("CABLE", 3), ("CASE", 2)]
    tables = {
        one["title"]: one["table"]["rows"]
        for one in client.get(address("orders_order_change", order)).context["tables"]
    }
    assert tables["Edits"][0][1:] == [
        "PHONE: 2 → 1; CASE: 0 → 2; coupons: – → TEN",
        "KES\xa020,300.00 → KES\xa010,170.00",
        "on the phone",
        str(clerk),
    ]


def test_form_that_was_made_of_an_older_order_changes_nothing(order, clerk):
    client, page = logged_in(clerk), address("orders_order_edit", order)
    form = filled(client.get(page)) | {"add_1": "CABLE", "reason": "twice"}
    client.post(page, form)
    before = state(order)

    answer = client.post(page, form)

    assert told(answer)[-1] == "Somebody has changed this order since you read it. Read it again; nothing was written."
    assert state(order) == before


def test_address_and_method_are_changed_on_the_page_and_previewed_first(order, clerk):
    kenya = tariffs.method(tariffs.zone(), (5000, "300"))
    rider = tariffs.method(tariffs.zone("City", counties=["Nairobi"]), (5000, "150"), name="Rider")
    client, page = logged_in(clerk), address("orders_order_edit", order)
    form = filled(client.get(page)) | {"reason": "moved", "to_recipient": "Amina <b>", "to_county": "nairobi"}
    form |= {"to_estate": "Kangemi", "to_phone_number": "0712345678", "method": str(rider.pk)}
    before = state(order)

    preview = client.post(page, form | {"_preview": "1"})
    wrong = client.post(page, form | {"method": str(kenya.pk)})

    assert told(preview) == [
        "Preview, nothing is saved: Edited. The order now costs KES\xa020,450.00, KES\xa0150.00 of it for shipping."
    ]
    assert preview.context["form"]["to_recipient"].value() == "Amina <b>"
    assert told(wrong)[-1].startswith("This shipping method")
    assert state(order) == before
    assert LogEntry.objects.count() == 0

    answer = client.post(page, form)

    assert told(answer)[-1] == "Edited. The order now costs KES\xa020,450.00, KES\xa0150.00 of it for shipping."
    order.refresh_from_db()
    assert order.shipping_address == {
        "country": "KE", "county": "Nairobi", "estate": "Kangemi", "recipient": "Amina <b>",
        "phone_number": "+254712345678",
    }  # fmt: skip
    assert (order.delivery["method_id"], order.shipping) == (str(rider.pk), Decimal("150.00"))
    assert [one["what"] for one in order.edits.get().changes] == ["address", "delivery", "shipping"]


def test_parcel_goes_to_a_pick_up_point_on_the_page(order, clerk):
    served = tariffs.pickup(None, (5000, "100"))
    here, elsewhere = tariffs.point(served), tariffs.point(name="Elsewhere")
    client, page = logged_in(clerk), address("orders_order_edit", order)
    form = filled(client.get(page)) | {"reason": "collects", "method": str(served.pk)}
    before = state(order)

    no_point = client.post(page, form)
    wrong = client.post(page, form | {"point": str(elsewhere.pk)})

    assert (len(told(no_point)), list(wrong.context["form"].errors)) == (1, ["point"])
    assert state(order) == before
    client.post(page, form | {"point": str(here.pk)})
    order.refresh_from_db()
    assert (order.delivery["pickup_point"]["name"], order.shipping) == (here.name, Decimal("100.00"))
    again = filled(client.get(page)) | {"add_1": "CABLE", "reason": "one more"}
    client.post(page, again)
    order.refresh_from_db()
    assert (order.delivery["pickup_point"]["name"], order.edits.count()) == (here.name, 2)


def test_faults_of_an_address_are_told_at_its_fields(order, clerk):
    client, page = logged_in(clerk), address("orders_order_edit", order)
    form = filled(client.get(page)) | {"reason": "moved"}
    before = state(order)

    for sent, named in {
        "to_county": ("Atlantis", "to_county"),
        "to_phone_number": ("12", "to_phone_number"),
        "to_country": ("ZZ", "to_country"),
        "to_estate": ("x" * 1_000_000, "to_estate"),
        "method": ("0198c0de-0000-7000-8000-000000000002", "method"),
    }.items():
        answer = client.post(page, form | {"to_county": "Nairobi"} | {sent: named[0]})
        assert named[1] in answer.context["form"].errors, sent
    assert state(order) == before


def test_delivery_that_is_left_alone_costs_what_it_did(order, clerk):
    rider = tariffs.method(tariffs.zone("City", counties=["Nairobi"]), (5000, "150"), name="Rider")
    client, page = logged_in(clerk), address("orders_order_edit", order)
    client.post(page, filled(client.get(page)) | {"reason": "a", "to_county": "Nairobi", "method": str(rider.pk)})
    rider.bands.update(price=Decimal("900.00"))
    rider.is_active = False
    rider.save()

    form = filled(client.get(page)) | {"reason": "b", "discount_percent": "50", "discount_reason": "c"}
    answer = client.post(page, form)

    assert "KES\xa0150.00 of it for shipping" in told(answer)[-1]
    order.refresh_from_db()
    assert (order.delivery["name"], order.shipping) == ("Rider", Decimal("150.00"))


def test_discount_in_the_admin_needs_a_reason_one_number_and_the_right(order, clerk):
    page = address("orders_order_edit", order)
    form = filled(logged_in(clerk).get(page)) | {"reason": "x", "discount_percent": "10"}
    before = state(order)

    no_reason = logged_in(clerk).post(page, form)
    both = logged_in(clerk).post(page, form | {"discount_amount": "5", "discount_reason": "y"})
    no_right = logged_in(clerk_with("view_order", "change_order")).post(page, form | {"discount_reason": "y"})

    assert list(no_reason.context["form"].errors) == ["discount_reason"]
    assert list(both.context["form"].errors) == ["discount_amount"]
    assert told(no_right)[0].startswith("You may not give this order a discount")
    assert state(order) == before


def test_paid_order_offers_no_edit_and_clerks_without_the_right_get_none(order, clerk):
    page, edits = address("orders_order_change", order), address("orders_order_edit", order)
    assert "Edit" in offered(logged_in(clerk), page)
    assert logged_in(clerk_with("view_order")).get(edits).status_code == 403

    services.mark_paid(order.pk)

    assert "Edit" not in offered(logged_in(clerk), page)


# --- What is not here yet --------------------------------------------------------------------------------------


def test_units_that_come_later_are_added_and_given_up_first(order, clerk):
    case = variant_of(ProductFactory(price=Decimal("500.00"), sku="CASE", stock=2))
    stock.set_availability(case.pk, policy=AvailabilityPolicy.BACKORDER, limit=3, available_from=None)

    added = edit(client_for(clerk), order, {"items": [{"variant_id": str(case.pk), "quantity": 5}]})
    assert (added.status_code, available()["CASE"]) == (200, -3), added.content
    line = OrderItem.objects.get(order_id=order.pk, sku="CASE")
    assert (line.quantity, line.awaited_quantity) == (5, 3)

    before = state(order)
    more = edit(client_for(clerk), order, {"items": [of(order, "CASE", 6)]})
    assert (more.status_code, state(order)) == (409, before)

    fewer = edit(client_for(clerk), order, {"items": [of(order, "CASE", 3)]})
    line.refresh_from_db()
    assert (fewer.status_code, line.quantity, line.awaited_quantity, available()["CASE"]) == (200, 3, 1, -1)
    none = edit(client_for(clerk), order, {"items": [of(order, "CASE", 0)]})
    line.refresh_from_db()
    assert (none.status_code, line.open_quantity, line.awaited_quantity, available()["CASE"]) == (200, 0, 0, 2)
    assert_orders_hold()
    assert_stock_holds()
