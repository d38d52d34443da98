"""Placing orders and changing their state, by the services."""

from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.utils import timezone
from stdnum.iso7064 import mod_11_10

from catalog import services as catalog_services
from catalog.exceptions import InsufficientStock, ProductUnavailable, VariantRequired
from catalog.models import Product, Stock, StockMovement, Variant
from catalog.tax_kinds import TaxKind
from ecommerce.models import OutboxMessage
from orders import placing, services
from orders.exceptions import InvalidOrderTransition, MixedCurrencies, OrderBeingPaid, TotalTooLarge
from orders.lines import ItemInput
from orders.models import Order
from orders.numbers import is_order_number
from orders.pricing.baskets import Delivery
from orders.serializers import OrderSerializer
from tests.factories import ProductFactory, UserFactory, place_order, variant_of
from tests.invariants import assert_stock_holds

pytestmark = pytest.mark.django_db


def counters(product) -> tuple[int, int]:
    row = Stock.objects.get(product=product)
    return row.available, row.on_hand


def nothing_happened(product) -> bool:
    kinds = set(StockMovement.objects.values_list("kind", flat=True))
    return not Order.objects.exists() and kinds == {"receive"} and counters(product) == (10, 10)


def test_order_copies_prices_and_reserves_stock():
    user = UserFactory()
    phone = ProductFactory(product_name="Phone", sku="P-1", price=Decimal("15999.00"))
    cable = ProductFactory(product_name="Cable", sku="C-1", price=Decimal("350.50"))

    order = placing.place_order(
        user=user,
        items=[ItemInput(quantity=1, product_id=phone.pk), ItemInput(quantity=2, product_id=cable.pk)],
    )

    assert (order.status, order.currency) == ("pending", "KES")
    assert (order.subtotal, order.shipping, order.discount, order.total_amount) == (
        Decimal("16700.00"),
        Decimal("0.00"),
        Decimal("0.00"),
        Decimal("16700.00"),
    )
    assert order.tax == Decimal("2303.45")  # 16 % within 16,700.00
    lines = [(line.sku, line.product_name, line.quantity, line.price) for line in order.items.all()]
    assert lines == [("P-1", "Phone", 1, Decimal("15999.00")), ("C-1", "Cable", 2, Decimal("350.50"))]
    assert (counters(phone), counters(cable)) == ((9, 10), (8, 10))
    assert list(order.events.values_list("from_status", "to_status", "actor")) == [("", "pending", user.pk)]
    assert_stock_holds()


def test_order_keeps_its_price_when_the_catalogue_changes():
    product = ProductFactory(price=Decimal("100.00"))
    order = place_order(UserFactory(), product)

    Variant.objects.filter(product=product).update(price=Decimal("999.00"))

    assert order.items.get().price == Decimal("100.00")


def test_same_product_twice_is_one_line():
    product = ProductFactory()

    order = placing.place_order(
        user=UserFactory(),
        items=[ItemInput(quantity=2, product_id=product.pk), ItemInput(quantity=3, product_id=product.pk)],
    )

    assert [line.quantity for line in order.items.all()] == [5]
    assert counters(product) == (5, 10)


def test_short_stock_names_every_short_line_and_takes_nothing():
    first, second, enough = ProductFactory(stock=1), ProductFactory(stock=0), ProductFactory(stock=10)

    with pytest.raises(InsufficientStock) as refusal:
        placing.place_order(
            user=UserFactory(),
            items=[
                ItemInput(quantity=2, product_id=first.pk, attr="items.0"),
                ItemInput(quantity=1, product_id=enough.pk, attr="items.1"),
                ItemInput(quantity=1, product_id=second.pk, attr="items.2"),
            ],
        )

    assert sorted(row.attr for row in refusal.value.rows) == ["items.0.quantity", "items.2.quantity"]
    assert not Order.objects.exists()
    assert (counters(first), counters(second), counters(enough)) == ((1, 1), (0, 0), (10, 10))


@pytest.mark.parametrize("change", [{"is_active": False}, {"deleted_at": timezone.now()}])
def test_product_not_for_sale_is_refused_by_name(change):
    product = ProductFactory()
    type(product).objects.filter(pk=product.pk).update(**change)

    with pytest.raises(ProductUnavailable) as refusal:
        placing.place_order(
            user=UserFactory(), items=[ItemInput(quantity=1, variant_id=variant_of(product).pk, attr="items.0")]
        )

    assert [row.attr for row in refusal.value.rows] == ["items.0.variant_id"]
    assert nothing_happened(product)


def test_every_unknown_product_has_a_row():
    product = ProductFactory()
    items = [
        ItemInput(quantity=1, product_id=uuid4(), attr="items.0"),
        ItemInput(quantity=1, product_id=product.pk, attr="items.1"),
        ItemInput(quantity=1, product_id=uuid4(), attr="items.2"),
    ]

    with pytest.raises(ProductUnavailable) as refusal:
        placing.place_order(user=UserFactory(), items=items)

    assert [row.attr for row in refusal.value.rows] == ["items.0.product_id", "items.2.product_id"]
    assert nothing_happened(product)


def test_product_with_variants_wants_one_named():
    black, white = (
        catalog_services.VariantInput(sku=f"TV-{color}", price=Decimal("100.00"), options={"color": color}, stock=5)
        for color in ("black", "white")
    )
    product = ProductFactory(variants=[black, white])

    with pytest.raises(VariantRequired) as refusal:
        placing.place_order(user=UserFactory(), items=[ItemInput(quantity=1, product_id=product.pk, attr="items.0")])

    assert [row.attr for row in refusal.value.rows] == ["items.0.product_id"]
    assert not Order.objects.exists()


def test_mixed_currencies_are_refused():
    kenyan, foreign = ProductFactory(), ProductFactory(currency="USD")

    with pytest.raises(MixedCurrencies):
        placing.place_order(
            user=UserFactory(),
            items=[ItemInput(quantity=1, product_id=kenyan.pk), ItemInput(quantity=1, product_id=foreign.pk)],
        )

    assert nothing_happened(kenyan)


def test_total_beyond_what_an_amount_holds_is_refused():
    product = ProductFactory(price=Decimal("9999999999.00"))

    with pytest.raises(TotalTooLarge):
        place_order(UserFactory(), product, quantity=2)

    assert nothing_happened(product)


def test_digital_product_needs_no_stock():
    product = ProductFactory(kind="digital", stock=0)

    order = place_order(UserFactory(), product, quantity=3)

    assert order.items.get().quantity == 3
    assert counters(product) == (0, 0)


def test_order_numbers_carry_a_check_digit():
    numbers = [place_order(UserFactory(), ProductFactory()).number for _ in range(3)]

    assert len(set(numbers)) == 3
    assert all(mod_11_10.is_valid(number) and is_order_number(number) for number in numbers)


@pytest.mark.parametrize("text", ["", "1000018", "100001", "0712345678", "BM1000019", "１０００019", "1" * 13])
def test_text_that_is_no_order_number_is_told(text):
    assert not is_order_number(text)


def test_mistyped_order_number_is_told():
    number = "1000019"

    swapped = "1000091"
    wrong_digit = [number[:i] + str((int(number[i]) + 1) % 10) + number[i + 1 :] for i in range(len(number))]

    assert is_order_number(number)
    assert [is_order_number(text) for text in [swapped, *wrong_digit]] == [False] * 8


def test_cancel_gives_the_stock_back_exactly_once():
    product = ProductFactory()
    order = place_order(UserFactory(), product, quantity=4)

    services.cancel_order(order.pk)
    with pytest.raises(InvalidOrderTransition):
        services.cancel_order(order.pk)

    order.refresh_from_db()
    assert (order.status, order.reserved_until) == ("cancelled", None)
    assert counters(product) == (10, 10)
    kinds = StockMovement.objects.filter(order_item_id=order.items.get().pk).values_list("kind", "available_change")
    assert sorted(kinds) == [("release", 4), ("reserve", -4)]
    assert_stock_holds()


def test_order_with_an_open_payment_is_not_cancelled():
    product = ProductFactory()
    order = place_order(UserFactory(), product)
    Order.objects.filter(pk=order.pk).update(payment_open=True)

    with pytest.raises(OrderBeingPaid):
        services.cancel_order(order.pk)

    order.refresh_from_db()
    assert order.status == "pending"
    assert counters(product) == (9, 10)


def test_paid_order_owes_its_confirmation_once():
    order = place_order(UserFactory())

    services.mark_paid(order.pk)
    with pytest.raises(InvalidOrderTransition):
        services.mark_paid(order.pk)

    order.refresh_from_db()
    assert (order.status, order.reserved_until) == ("paid", None)
    assert order.paid_at is not None
    owed = OutboxMessage.objects.filter(topic="orders.send_order_confirmation")
    assert [message.payload for message in owed] == [{"order_id": str(order.pk)}]


def test_shipping_takes_the_goods_off_the_shelf():
    product = ProductFactory()
    staff = UserFactory(is_staff=True)
    order = place_order(UserFactory(), product, quantity=3)
    services.mark_paid(order.pk)

    services.ship_order(order.pk, actor=staff, note="G4S 123")
    services.deliver_order(order.pk, actor=staff)

    assert counters(product) == (7, 7)
    events = list(order.events.values_list("from_status", "to_status", "actor", "note"))
    assert events[2:] == [("paid", "shipped", staff.pk, "G4S 123"), ("shipped", "delivered", staff.pk, "")]
    assert_stock_holds()


@pytest.mark.parametrize(
    ("current", "target", "allowed"),
    [
        (current, target, sorted(Order.TRANSITIONS[current]))
        for current in Order.Status.values
        for target in Order.Status.values
    ],
)
def test_every_pair_of_states_follows_the_table(current, target, allowed):
    order = place_order(UserFactory())
    Order.objects.filter(pk=order.pk).update(status=current)

    if target in allowed:
        services.transition_order(order.pk, Order.Status(target))
    else:
        with pytest.raises(InvalidOrderTransition) as refusal:
            services.transition_order(order.pk, Order.Status(target))
        assert refusal.value.extra == {"status": current, "allowed": allowed}

    order.refresh_from_db()
    assert order.status == (target if target in allowed else current)
    assert order.events.count() == (2 if target in allowed else 1)


def test_unpaid_orders_are_cancelled_after_their_reservation():
    product = ProductFactory()
    expired, fresh, paying, paid = (place_order(UserFactory(), product) for _ in range(4))
    past = timezone.now() - timedelta(seconds=1)
    Order.objects.exclude(pk=fresh.pk).update(reserved_until=past)
    Order.objects.filter(pk=paying.pk).update(payment_open=True)
    services.mark_paid(paid.pk)

    cancelled = services.cancel_unpaid_orders()

    assert cancelled == 1
    states = {order.pk: order.status for order in Order.objects.all()}
    assert states == {expired.pk: "cancelled", fresh.pk: "pending", paying.pk: "pending", paid.pk: "paid"}
    assert counters(product) == (7, 10)
    assert list(expired.events.values_list("to_status", "note"))[1:] == [("cancelled", "not paid in time")]
    assert_stock_holds()


@pytest.mark.parametrize("lines", [1, 10, 100])
def test_placing_takes_two_statements_for_any_number_of_lines(lines, django_assert_num_queries):
    wanted = [ItemInput(quantity=1, product_id=ProductFactory().pk) for _ in range(lines)]
    user = UserFactory()

    with django_assert_num_queries(2):  # what is wanted, locked; the order with all that belongs to it
        placing.place_order(user=user, items=wanted)


def test_order_that_was_placed_shows_itself_as_it_is_stored():
    product = ProductFactory(price=Decimal("15999.00"))
    order = placing.place_order(
        user=UserFactory(email="a@example.com"),
        items=[ItemInput(quantity=2, product_id=product.pk)],
        contact=placing.Contact(phone_number="+254712345678", shipping_address={"town": "Nakuru"}, note="Ring twice"),
    )

    stored = Order.objects.get(pk=order.pk)
    assert OrderSerializer(order).data == OrderSerializer(stored).data


def test_lines_keep_the_tax_of_their_kind():
    phone, maize = ProductFactory(price=Decimal("1160.00")), ProductFactory(price=Decimal("90.00"))
    Product.objects.filter(pk=maize.pk).update(tax_kind="zero_rated")

    order = placing.place_order(
        user=UserFactory(), items=[ItemInput(quantity=1, product_id=each.pk) for each in (phone, maize)]
    )

    lines = list(order.items.values_list("tax_kind", "tax_rate", "tax", "discount"))
    assert lines == [
        ("standard", Decimal("0.1600"), Decimal("160.00"), Decimal("0.00")),
        ("zero_rated", Decimal("0.0000"), Decimal("0.00"), Decimal("0.00")),
    ]
    assert order.tax == Decimal("160.00")


def test_delivery_is_charged_taxed_and_kept():
    order = placing.place_order(
        user=UserFactory(),
        items=[ItemInput(quantity=1, product_id=ProductFactory(price=Decimal("1000.00")).pk)],
        delivery=Delivery(Decimal("348.00"), TaxKind.STANDARD, {"name": "Rider"}),
    )

    order.refresh_from_db()
    assert (order.shipping, order.shipping_tax, order.total_amount) == (
        Decimal("348.00"),
        Decimal("48.00"),
        Decimal("1348.00"),
    )
    assert order.delivery == {"name": "Rider"}


def test_lines_of_a_new_order_are_its_own_also_when_they_are_filtered():
    place_order(UserFactory())

    order = place_order(UserFactory())

    assert order.items.filter(quantity=1).count() == 1
