from decimal import Decimal

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.utils import timezone

from catalog.models import Stock, StockMovement
from ecommerce.models import OutboxMessage
from orders import placing, services
from orders.lines import ItemInput
from orders.models import Order, OrderEvent
from payments.models import Payment, PaymentAttempt
from tests.admin_pages import address, listed, logged_in, member_of_staff, offered, queries_of, statuses, told
from tests.catalog.inventory import main, move, warehouse
from tests.factories import ProductFactory, UserFactory, place_order

pytestmark = pytest.mark.django_db

ORDERS = address("orders_order_changelist")


@pytest.fixture
def client(staff):
    return logged_in(staff)


@pytest.fixture
def order():
    return place_order(UserFactory(), ProductFactory(stock=10), quantity=2)


def pay(order, **fields):
    """Give an order a payment with one attempt, and mark it paid if the payment is successful."""
    paid_at = timezone.now() if fields.get("status") == "successful" else None
    payment = Payment.objects.create(
        order=order,
        user=order.user,
        amount=order.total_amount,
        currency="KES",
        method="mpesa",
        provider="mpesa",
        paid_at=paid_at,
        **fields,
    )
    attempt = PaymentAttempt.objects.create(
        reference=f"{order.number}-TEST",
        method="mpesa",
        payment=payment,
        provider="mpesa",
        status="succeeded" if paid_at else "failed",
        outcome="paid" if paid_at else "wrong_pin",
        amount=payment.amount,
        currency="KES",
        phone_number="+254733444555",
        receipt_number=payment.transaction_id,
    )
    if paid_at:
        services.mark_paid(order.pk)
    order.refresh_from_db()
    return attempt


def everything(order):
    return (
        Order.objects.filter(pk=order.pk).values().get(),
        list(order.items.values()),
        list(order.events.values()),
        list(Stock.objects.values()),
        StockMovement.objects.count(),
        OutboxMessage.objects.count(),
        list(Payment.objects.values()),
    )


# --- Who gets in ------------------------------------------------------------------------------------------------


def pages(order):
    names = ("change", "history", "ship", "deliver", "cancel")
    return [ORDERS, *(address(f"orders_order_{name}", order) for name in names)]


def test_every_page_opens_for_a_superuser(client, order):
    pay(order, status="successful", transaction_id="UKL4AB12CD")

    assert statuses(client, pages(order)) == dict.fromkeys(pages(order), 200)


def test_every_page_is_closed_to_others(customer, order):
    assert statuses(Client(), pages(order)) == dict.fromkeys(pages(order), 302)
    assert statuses(logged_in(customer), pages(order)) == dict.fromkeys(pages(order), 302)
    assert statuses(logged_in(member_of_staff()), pages(order)) == dict.fromkeys(pages(order), 403)


def test_orders_take_no_form(client, order):
    before = everything(order)
    forged = {"status": "paid", "total_amount": "1.00", "payment_open": "", "number": "1"}

    answers = [
        client.get(address("orders_order_add")).status_code,
        client.post(address("orders_order_add"), forged).status_code,
        client.post(address("orders_order_change", order), forged).status_code,
        client.post(address("orders_order_delete", order), {"post": "yes"}).status_code,
    ]
    client.post(ORDERS, {"action": "delete_selected", "_selected_action": [str(order.pk)], "post": "yes"})

    assert answers == [403, 403, 403, 403]
    assert everything(order) == before


def test_staff_who_may_only_look_move_no_order(order):
    pay(order, status="successful", transaction_id="UKL4AB12CD")
    client = logged_in(member_of_staff("orders.view_order"))
    before = everything(order)

    answers = [
        client.post(address(f"orders_order_{verb}", order), {"note": ""}).status_code
        for verb in ("ship", "deliver", "cancel")
    ]

    assert answers == [403, 403, 403]
    assert offered(client, address("orders_order_change", order)) == []
    assert everything(order) == before


def test_payment_is_shown_to_those_who_may_see_payments(order):
    pay(order, status="successful", transaction_id="UKL4AB12CD")
    page = address("orders_order_change", order)

    without = logged_in(member_of_staff("orders.view_order")).get(page)
    with_right = logged_in(member_of_staff("orders.view_order", "payments.view_payment")).get(page)

    assert [item["title"] for item in without.context["tables"]] == ["Items", "Timeline"]
    assert "UKL4AB12CD" not in without.content.decode()
    assert [item["title"] for item in with_right.context["tables"]] == [
        "Items",
        "Payment",
        "Payment attempts",
        "Timeline",
    ]
    assert "UKL4AB12CD" in with_right.content.decode()


# --- Actions ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "titles"),
    [
        ("pending", ["Edit", "Cancel some", "Cancel order"]),
        ("paid", ["Ship", "Cancel some", "Cancel order"]),
        ("shipped", ["Delivered"]),
        ("delivered", []),
        ("cancelled", []),
        ("refunded", []),
    ],
)
def test_actions_are_offered_where_they_are_possible(client, order, status, titles):
    Order.objects.filter(pk=order.pk).update(status=status)

    assert offered(client, address("orders_order_change", order)) == titles


def test_ship_asks_first_and_then_sends_the_goods_off(client, staff, order):
    pay(order, status="successful", transaction_id="UKL4AB12CD")
    page = address("orders_order_ship", order)
    before = everything(order)

    assert client.get(page).status_code == 200
    assert everything(order) == before
    answer = client.post(page, {"note": "G4S waybill 8812"})

    order.refresh_from_db()
    event = order.events.latest("id")
    assert (answer.status_code, answer["Location"]) == (302, address("orders_order_change", order))
    assert told(answer) == ["Shipped."]
    assert order.status == "shipped"
    assert (event.from_status, event.to_status, event.note, event.actor) == (
        "paid",
        "shipped",
        "G4S waybill 8812",
        staff,
    )
    assert list(Stock.objects.values_list("available", "on_hand")) == [(8, 8)]
    assert list(LogEntry.objects.values_list("user", "object_id", "change_message")) == [
        (staff.pk, str(order.pk), "Shipped.")
    ]


def test_staff_say_where_the_goods_are_taken_from(client, order):
    pay(order, status="successful", transaction_id="UKL4AB12CD")
    msa = warehouse("MSA", position=9)
    page = address("orders_order_ship", order)

    client.post(page, {"note": "", "warehouse": str(msa.pk)})
    order.refresh_from_db()
    assert (order.status, StockMovement.objects.filter(kind="sell").exists()) == ("paid", False)
    move(order.items.get().variant_id, 2, main(), msa)
    answer = client.post(page, {"note": "", "warehouse": str(msa.pk)})

    order.refresh_from_db()
    assert (answer.status_code, order.status) == (302, "shipped")
    assert StockMovement.objects.get(kind="sell").warehouse == msa


def test_deliver_ends_a_shipped_order(client, staff, order):
    pay(order, status="successful", transaction_id="UKL4AB12CD")
    services.ship_order(order.pk)

    answer = client.post(address("orders_order_deliver", order), {"note": ""})

    order.refresh_from_db()
    assert (told(answer), order.status, order.events.latest("id").actor) == (["Delivered."], "delivered", staff)


def test_cancel_gives_the_goods_back(client, staff, order):
    answer = client.post(address("orders_order_cancel", order), {"note": "customer called"})

    order.refresh_from_db()
    event = order.events.latest("id")
    assert told(answer) == ["Cancelled."]
    assert (order.status, event.note, event.actor) == ("cancelled", "customer called", staff)
    assert list(Stock.objects.values_list("available", "on_hand")) == [(10, 10)]


def test_second_press_of_a_button_is_a_message(client, order):
    pay(order, status="successful", transaction_id="UKL4AB12CD")
    services.ship_order(order.pk)
    before = everything(order)

    answer = client.post(address("orders_order_ship", order), {"note": ""})

    assert (answer.status_code, told(answer)) == (302, ["An order that is shipped cannot become shipped."])
    assert everything(order) == before


@pytest.mark.parametrize(
    ("verb", "refusal"),
    [
        ("ship", "An order that is pending cannot become shipped."),
        ("deliver", "An order that is pending cannot become delivered."),
        ("cancel", "A payment for this order is still open. Wait until it has ended, then cancel."),
    ],
)
def test_refused_move_changes_nothing(client, order, verb, refusal):
    Order.objects.filter(pk=order.pk).update(payment_open=True)
    before = everything(order)

    answer = client.post(address(f"orders_order_{verb}", order), {"note": "x"})

    assert (answer.status_code, told(answer)) == (302, [refusal])
    assert everything(order) == before


def test_note_that_is_too_long_is_an_error_of_the_form(client, order):
    before = everything(order)

    answer = client.post(address("orders_order_cancel", order), {"note": "x" * 201})

    assert list(answer.context["form"].errors) == ["note"]
    assert everything(order) == before


def test_action_on_an_unknown_order_goes_back_to_the_start(client, order):
    for key in ("nothing", "01a1fdc4-77d2-70af-b6d8-5840d83bc8d7"):
        answer = client.post(f"/admin/orders/order/{key}/ship/", {"note": ""})

        assert (answer.status_code, answer["Location"]) == (302, "/admin/")


def test_actions_demand_a_csrf_token(staff, order):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(staff)
    before = everything(order)

    assert strict.post(address("orders_order_cancel", order), {"note": ""}).status_code == 403
    assert everything(order) == before


# --- The page of an order ---------------------------------------------------------------------------------------


def test_page_shows_items_payment_and_timeline(client, order):
    attempt = pay(order, status="failed")
    item = order.items.get()

    answer = client.get(address("orders_order_change", order))

    tables = {item["title"]: item["table"]["rows"] for item in answer.context["tables"]}
    assert tables["Items"][0][1:] == [item.sku, "–", 2, "KES\xa01,500.00", "KES\xa03,000.00"]
    assert len(tables["Payment"]) == 1
    assert tables["Payment attempts"][0][2] == attempt.phone_number
    assert tables["Payment attempts"][0][5] == "The PIN was wrong. You can try again."
    assert [row[1:] for row in tables["Timeline"]] == [["new → pending", "–", str(order.user)]]


def test_page_shows_an_address_once_and_harmlessly(client):
    address_given = {"town": "Nairobi", "county": "Nairobi", "recipient": "<script>alert(1)</script>"}
    order = place_order(UserFactory())
    Order.objects.filter(pk=order.pk).update(shipping_address=address_given)

    text = client.get(address("orders_order_change", order)).content.decode()

    assert "&lt;script&gt;alert(1)&lt;/script&gt;<br>Nairobi" in text
    assert "<script>alert(1)" not in text


# --- Finding ----------------------------------------------------------------------------------------------------


@pytest.fixture
def wanted():
    user = UserFactory(email="wanjiku@example.com", phone_number="+254712345678")
    order = place_order(user, ProductFactory(sku="SAM-A15-BLK"))
    attempt = pay(order, status="successful", transaction_id="UKL4AB12CD")
    PaymentAttempt.objects.filter(pk=attempt.pk).update(receipt_number="UKL4ZZ99XX")
    return order


@pytest.mark.parametrize(
    "text",
    [
        "0712345678",
        "0712 345 678",
        "+254712345678",
        "254712345678",
        "712345678",
        "+254 733 444555",
        "wanjiku@example.com",
        "WANJIKU@",
        "SAM-A15-BLK",
        "sam-a15-blk",
        "UKL4AB12CD",
        "ukl4ab12cd",
        "UKL4ZZ99XX",
    ],
)
def test_search_finds_an_order_by(client, order, wanted, text):
    Order.objects.filter(pk=order.pk).update(phone_number="+254712345679")

    assert listed(client.get(ORDERS, {"q": text})) == [wanted]


def test_search_finds_an_order_by_its_number(client, order, wanted):
    assert listed(client.get(ORDERS, {"q": f" {wanted.number} "})) == [wanted]
    assert set(listed(client.get(ORDERS, {"q": wanted.number[:3]}))) == {order, wanted}


@pytest.mark.parametrize("text", ["0712000000", "nobody@example.com", "NO-SUCH-SKU", "%", "' OR 1=1 --", "😀"])
def test_search_finds_nothing_that_was_not_meant(client, wanted, text):
    assert listed(client.get(ORDERS, {"q": text})) == []


def test_filters_tell_orders_apart_by_status_payment_and_date(client, wanted):
    unpaid, failed, owed = place_order(UserFactory()), place_order(UserFactory()), place_order(UserFactory())
    pay(failed, status="failed")
    pay(owed, status="failed", needs_refund=True)
    Order.objects.filter(pk=unpaid.pk).update(created_at=timezone.now() - timezone.timedelta(days=40))

    def shown(**filters):
        return set(listed(client.get(ORDERS, filters)))

    assert shown(status__exact="paid") == {wanted}
    assert shown(payment="none") == {unpaid}
    assert shown(payment="failed") == {failed, owed}
    assert shown(payment="needs_refund") == {owed}
    by_date = client.get(ORDERS).context["cl"].filter_specs[2]
    past_week = next(link for title, link in by_date.links if title == "Past 7 days")
    assert shown(**past_week) == {wanted, failed, owed}


# --- Cost -------------------------------------------------------------------------------------------------------


def test_list_costs_the_same_for_one_and_three_orders(client):
    pay(place_order(UserFactory()), status="failed")
    one = queries_of(client, ORDERS)

    for _ in range(2):
        pay(place_order(UserFactory()), status="failed")

    assert queries_of(client, ORDERS) == one


def test_page_costs_the_same_for_one_and_three_items(client):
    def order_of(count):
        items = [ItemInput(quantity=1, product_id=ProductFactory().pk) for _ in range(count)]
        order = placing.place_order(user=UserFactory(), items=items)
        for number in range(count):
            OrderEvent.objects.create(order=order, to_status="pending", note=str(number), actor=UserFactory())
        return order

    one, three = (address("orders_order_change", order_of(count)) for count in (1, 3))

    assert queries_of(client, one) == queries_of(client, three)


def test_list_shows_units_and_total(client, order):
    row = listed(client.get(ORDERS))[0]

    assert (row.units, row.total_amount) == (2, Decimal("3000.00"))
