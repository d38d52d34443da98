"""What sellers see of orders, and send."""

import json

import pytest

from orders import placing, services
from orders.fulfilment import services as fulfilment
from orders.lines import ItemInput
from orders.models import Order
from tests.accounts.sellers.selling import Status, decide, seller
from tests.clients import client_for
from tests.factories import PASSWORD, ProductFactory, UserFactory
from tests.orders.fulfilment.parcels import contents, everything

pytestmark = pytest.mark.django_db
ORDERS = "/api/sellers/me/orders/"
PARCELS = "/api/sellers/me/shipments/"
ADDRESS = {"recipient": "Wanjiku Mwangi", "phone_number": "+254700111222", "county": "Nairobi", "landmark": "Total"}


@pytest.fixture
def njeri(db):
    return seller()


@pytest.fixture
def otieno(db):
    return seller("Otieno Spares", phone="+254700000009")


@pytest.fixture
def order(njeri, otieno, customer):
    return sold(customer, njeri, otieno, None)


def sold(customer, *sellers, paid=True, units=2):
    """Place an order with two units of a product of each seller; None is the shop. Their SKUs are S0, S1…"""
    products = [ProductFactory(seller=each, sku=f"S{n}", stock=50) for n, each in enumerate(sellers)]
    order = placing.place_order(
        user=customer, items=[ItemInput(quantity=units, product_id=product.pk) for product in products]
    )
    Order.objects.filter(pk=order.pk).update(
        shipping_address=ADDRESS, email="wanjiku@example.com", note="Ring twice", delivery={"name": "Rider"}
    )
    if paid:
        services.mark_paid(order.pk)
    return Order.objects.get(pk=order.pk)


def send(user, order, key="k", **body):
    url = f"/api/orders/{order.pk}/shipments/"
    return client_for(user).post(url, body, format="json", headers={"Idempotency-Key": key})


def item(order, sku, quantity=1):
    return {"item_id": str(order.items.get(sku=sku).pk), "quantity": quantity}


def code(response):
    return response.json()["errors"][0]["code"]


# --- Reading -----------------------------------------------------------------------------------------------------


def test_seller_sees_their_own_lines_and_where_they_go_and_nothing_else(order, njeri, otieno):
    body = client_for(njeri).get(f"{ORDERS}{order.pk}/").json()
    assert [line["sku"] for line in body["items"]] == ["S0"]
    assert (body["items"][0]["total"], body["items"][0]["open_quantity"]) == ("3000.00", 2)
    assert body["ship_to"] == {"method": "Rider", "address": ADDRESS}
    assert set(body) == {"id", "number", "status", "currency", "placed_at", "items", "ship_to"}
    text = json.dumps(body)
    for secret in ("S1", "S2", "9000", "wanjiku@example.com", "Ring twice", str(order.user_id), "payment"):
        assert secret not in text
    assert [line["sku"] for line in client_for(otieno).get(f"{ORDERS}{order.pk}/").json()["items"]] == ["S1"]


def test_list_has_what_is_certain_in_few_statements(njeri, customer, django_assert_max_num_queries):
    sold(customer, njeri, paid=False)
    assert client_for(njeri).get(ORDERS).json()["count"] == 0
    Order.objects.update(status="cancelled")
    ProductFactory(seller=njeri)
    client = client_for(njeri)
    for _ in range(3):
        order = placing.place_order(
            user=UserFactory(), items=[ItemInput(quantity=1, product_id=njeri.products.first().pk)]
        )
        services.mark_paid(order.pk)
    with django_assert_max_num_queries(8):
        assert client.get(ORDERS).json()["count"] == 3


def test_others_see_nothing(order, njeri, otieno, customer):
    stranger = seller("Third Seller", phone="+254700000010")
    assert client_for(stranger).get(f"{ORDERS}{order.pk}/").status_code == 404
    assert client_for(stranger).get(ORDERS).json()["count"] == 0
    assert client_for(customer).get(ORDERS).status_code == 403
    assert client_for(njeri).get(f"/api/orders/{order.pk}/").status_code == 404
    assert client_for(njeri).get("/api/shipments/").status_code == 403
    assert client_for(njeri).get(f"/api/orders/{order.pk}/shipments/").status_code == 403


def test_address_is_gone_when_everything_is_sent_and_stays_while_it_is_packed(order, njeri):
    parcel = send(njeri, order, status="packed").json()
    assert client_for(njeri).get(f"{ORDERS}{order.pk}/").json()["ship_to"] is not None
    event = {"status": "shipped"}
    assert client_for(njeri).post(f"/api/shipments/{parcel['id']}/events/", event, format="json").status_code == 201
    assert client_for(njeri).get(f"{ORDERS}{order.pk}/").json()["ship_to"] is None


def test_address_of_a_cancelled_order_is_not_shown(order, njeri):
    services.cancel_order(order.pk)
    body = client_for(njeri).get(f"{ORDERS}{order.pk}/").json()
    assert (body["status"], body["ship_to"]) == ("cancelled", None)


# --- Sending -----------------------------------------------------------------------------------------------------


def test_seller_ships_all_of_their_own_and_the_order_waits_for_the_others(order, njeri, otieno):
    response = send(njeri, order, carrier="dhl", tracking_number="12345")
    assert response.status_code == 201
    assert "note" not in response.json()
    assert "warehouse" not in response.json()
    [parcel] = order.shipments.all()
    assert (contents(parcel), parcel.created_by) == ({"S0": 2}, njeri)
    order.refresh_from_db()
    assert order.status == "paid"
    send(otieno, order)
    fulfilment.ship(order.pk)
    order.refresh_from_db()
    assert order.status == "shipped"
    assert client_for(njeri).get(PARCELS).json()["count"] == 1


def test_lines_of_others_are_not_there(order, njeri, otieno):
    before = everything(order)
    for sku in ("S1", "S2"):
        response = send(njeri, order, items=[item(order, "S0"), item(order, sku)])
        assert (response.status_code, code(response)) == (400, "unknown_line")
    assert everything(order) == before


def test_twice_with_one_key_is_one_parcel_and_more_than_left_is_refused(order, njeri):
    assert send(njeri, order, items=[item(order, "S0")]).status_code == 201
    again = send(njeri, order, items=[item(order, "S0")])
    assert (again.status_code, again["Idempotent-Replayed"]) == (201, "true")
    more = send(njeri, order, key="other", items=[item(order, "S0", 2)])
    assert (more.status_code, code(more), order.shipments.count()) == (409, "more_than_left", 1)
    assert send(njeri, order, key="").status_code == 400


def test_order_that_is_not_certain_is_not_there(njeri, customer):
    order = sold(customer, njeri, paid=False)
    assert (send(njeri, order).status_code, order.shipments.count()) == (404, 0)


def test_suspended_seller_still_ships_and_a_rejected_applicant_does_not(order, njeri, customer):
    decide(njeri, Status.SUSPENDED)
    njeri.refresh_from_db()
    assert client_for(njeri).get(ORDERS).json()["count"] == 1
    assert send(njeri, order).status_code == 201
    assert send(customer, order).status_code == 403


def test_parcel_that_holds_others_goods_is_not_theirs_to_tell_of(order, njeri):
    parcel = fulfilment.ship(order.pk)
    shown = client_for(njeri).get(PARCELS).json()["results"]
    assert [[line["sku"] for line in each["items"]] for each in shown] == [["S0"]]
    url = f"/api/shipments/{parcel.pk}/events/"
    assert client_for(njeri).post(url, {"status": "delivered"}, format="json").status_code == 404
    parcel.refresh_from_db()
    assert parcel.status == "shipped"


def test_who_buys_their_own_product_ships_it_like_any_other_and_reviews_nothing(njeri):
    order = sold(njeri, njeri)
    assert client_for(njeri).get(ORDERS).json()["count"] == 1
    assert send(njeri, order).status_code == 201
    fulfilment.deliver_all(order.pk)
    product = njeri.products.get()
    answer = client_for(njeri).post(f"/api/products/{product.pk}/reviews/", {"rating": 5}, format="json")
    assert (answer.status_code, product.reviews.count()) == (403, 0)


def test_two_sellers_and_two_tabs_at_once_send_each_unit_once(together, customer):
    customer = UserFactory()
    sellers = [seller(), seller("Otieno Spares", phone="+254700000009")]
    order = sold(customer, *sellers, units=1)
    calls = [lambda u=u, k=k: send(u, order, key=k).status_code for u in sellers for k in ("a", "b")]
    assert sorted(together(*calls)) == [201, 201, 409, 409]
    order.refresh_from_db()
    assert order.status == "shipped"
    assert sorted(tuple(contents(parcel).items()) for parcel in order.shipments.all()) == [(("S0", 1),), (("S1", 1),)]


def test_seller_with_open_orders_is_not_erased(order, njeri):
    njeri.products.update(deleted_at=order.created_at)
    response = client_for(njeri).post("/api/users/erase/", {"password": PASSWORD}, format="json")
    assert (response.status_code, code(response)) == (409, "sold_order_open")
