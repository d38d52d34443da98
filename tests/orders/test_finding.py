"""Staff find orders by whatever they have at hand; customers only ever their own."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from stdnum.iso7064 import mod_11_10

from orders.models import Order
from orders.numbers import numbers_meant
from payments.models import Payment, PaymentAttempt, ReceivedMoney
from tests.admin_pages import address, listed, logged_in, member_of_staff
from tests.clients import client_for
from tests.factories import ProductFactory, UserFactory, place_order

pytestmark = pytest.mark.django_db
ORDERS = "/api/orders/"


@pytest.fixture
def clerk():
    return member_of_staff("orders.view_order")


@pytest.fixture
def wanted():
    """An order with all that it could be found by, beside three that have something else everywhere."""
    for number in range(3):
        other = place_order(UserFactory(first_name="Otieno", last_name="Odhiambo"), price=Decimal(100 + number))
        Order.objects.filter(pk=other.pk).update(
            shipping_address={"recipient": "Achieng", "county": "Kisumu", "phone_number": "+254799999999"},
            created_at=datetime(2026, 3, number + 1, 12, tzinfo=UTC),
        )
    user = UserFactory(
        email="wanjiku@example.com", phone_number="+254712345678", first_name="Grace", last_name="Wanjikũ Kamau"
    )
    order = place_order(user, ProductFactory(sku="SAM-A15-BLK", price=Decimal(5000)))
    # 00:30 of the 1st of June in Nairobi.
    Order.objects.filter(pk=order.pk).update(
        shipping_address={"recipient": "Mama Njeri", "county": "Uasin Gishu", "phone_number": "+254733444555"},
        created_at=datetime(2026, 5, 31, 21, 30, tzinfo=UTC),
    )
    payment = Payment.objects.create(
        order=order,
        user=user,
        amount=5000,
        currency="KES",
        method="mpesa",
        provider="mpesa",
        transaction_id="UKL4AB12CD",
    )
    PaymentAttempt.objects.create(
        payment=payment,
        provider="mpesa",
        method="mpesa",
        amount=5000,
        currency="KES",
        phone_number="+254700111222",
        receipt_number="UKL4ZZ99XX",
        reference="R-1",
    )
    ReceivedMoney.objects.create(
        provider="mpesa",
        receipt_number="UKL4C2B000",
        amount=5000,
        currency="KES",
        payment=payment,
        applied_amount=5000,
        status="applied",
        verified_at=datetime(2026, 5, 31, 22, tzinfo=UTC),
        received_at=datetime(2026, 5, 31, 22, tzinfo=UTC),
    )
    return Order.objects.get(pk=order.pk)


def found(person, **filters):
    response = client_for(person).get(ORDERS, filters)
    assert response.status_code == 200, response.json()
    return {row["id"] for row in response.json()["results"]}


@pytest.mark.parametrize(
    "filters",
    [
        {"phone": "0712 345 678"},
        {"phone": "+254712345678"},
        {"phone": "(0712) 345-678"},
        {"phone": "0733444555"},
        {"phone": "254700111222"},
        {"email": "WANJIKU@example.com"},
        {"email": "wanjiku@"},
        {"name": "njeri"},
        {"name": "Grace"},
        {"name": "wanjikũ kamau"},
        {"name": "grace  Wanjikũ"},
        {"receipt": "ukl4ab12cd"},
        {"receipt": "UKL4ZZ99XX"},
        {"receipt": " UKL4C2B000 "},
        {"county": "uasin-gishu"},
        {"county": "027"},
        {"total_min": "5000", "total_max": "5000.00"},
        {"total_min": "103"},
        {"placed_from": "2026-06-01", "placed_until": "2026-06-01"},
        {"placed_from": "2026-06-01"},
        {"search": "0712345678"},
        {"search": "mama njeri"},
        {"search": "wanjiku@example.com"},
        {"search": "SAM-A15-BLK"},
        {"q": "UKL4C2B000"},
        {"name": "njeri", "county": "Uasin Gishu", "status": "pending", "phone": "0712345678"},
    ],
)
def test_order_is_found_by(clerk, wanted, filters):
    assert found(clerk, **filters) == {str(wanted.pk)}


def test_order_is_found_by_its_number_however_it_is_written(clerk, wanted):
    number = wanted.number
    for text in (number, number[:-1], f"{number[:3]}-{number[3:]}", f"# {number[:4]} {number[4:]}", f"{number}-2"):
        assert found(clerk, number=text) == {str(wanted.pk)}, text
        assert str(wanted.pk) in found(clerk, search=text), text
    wrong = number[:-1] + str((int(number[-1]) + 1) % 10)
    assert str(wanted.pk) not in found(clerk, number=f"{wrong}-x0") | found(clerk, search=f"{wrong}x")


def test_numbers_that_are_meant():
    number = "100001" + mod_11_10.calc_check_digit("100001")

    assert numbers_meant(number)[0] == number
    assert numbers_meant("100001") == [number]
    assert numbers_meant(f"{number}-12")[-1] != ""
    assert number in numbers_meant(f"{number}-12")
    assert numbers_meant("٠١٢٣٤٥٦") == []  # digits, but none of ours
    assert numbers_meant("1" * 5000) == []


@pytest.mark.parametrize(
    "filters",
    [
        {"phone": "0712345670"},
        {"email": "anjiku@example.com"},
        {"name": "%%%"},
        {"name": "nje_i"},
        {"receipt": "UKL4"},
        {"county": "Nairobi"},
        {"total_min": "5000.01"},
        {"placed_until": "2026-02-28"},
        {"placed_from": "2026-06-02"},
        {"status": "paid"},
        {"search": "' OR 1=1 --"},
        {"search": "😀😀😀"},
        {"name": "njeri", "county": "Kisumu"},
    ],
)
def test_nothing_is_found_that_was_not_meant(clerk, wanted, filters):
    assert found(clerk, **filters) == set()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("phone", "not a number"),
        ("number", "abc"),
        ("name", "Li"),
        ("county", "Atlantis"),
        ("total_min", "-1"),
        ("total_max", "1e400"),
        ("total_min", "NaN"),
        ("placed_from", "31.12.2026"),
        ("placed_until", "9999-12-31"),
        ("status", "lost"),
        ("receipt", "x" * 101),
        ("user", "somebody"),
    ],
)
def test_filter_that_makes_no_sense_is_a_400_that_names_it(clerk, wanted, name, value):
    response = client_for(clerk).get(ORDERS, {name: value})

    assert response.status_code == 400
    assert {row["attr"] for row in response.json()["errors"]} == {name}


def test_customers_find_their_own_orders_only(wanted):
    stranger = UserFactory()
    own = place_order(stranger)

    assert found(wanted.user, phone="0712345678") == {str(wanted.pk)}
    for filters in ({"phone": "0712345678"}, {"name": "njeri"}, {"receipt": "UKL4AB12CD"}, {"search": wanted.number}):
        assert found(stranger, **filters) == set()
    assert found(stranger) == {str(own.pk)}


def test_list_of_any_length_takes_three_statements_with_every_filter(clerk, wanted, django_assert_num_queries):
    client = client_for(clerk)
    filters = {"name": "njeri", "phone": "0712345678", "county": "Uasin Gishu", "total_min": "1"}
    client.get(ORDERS, filters)

    with django_assert_num_queries(6):  # who it is, what they may (two), and: orders counted, orders, their lines
        client.get(ORDERS, filters)


def test_admin_finds_orders_by_name(wanted, clerk):
    page = address("orders_order_changelist")

    assert listed(logged_in(clerk).get(page, {"q": "mama njeri"})) == [wanted]
    assert listed(logged_in(clerk).get(page, {"q": wanted.number[:-1]})) == [wanted]
