"""What staff see and do in the admin beside an order's moves: carts, and cancelling some of an order."""

import pytest

from catalog.models import Stock
from orders import services
from orders.models import Cart, Order
from tests.admin_pages import address, listed, logged_in, member_of_staff, offered, queries_of, told
from tests.clients import client_for
from tests.factories import ProductFactory, UserFactory, place_order
from tests.invariants import assert_stock_holds
from tests.orders.promoting import coupon

pytestmark = pytest.mark.django_db


def cart_of(user, *products):
    client = client_for(user)
    for product in products:
        client.post("/api/cart/items/", {"product_id": str(product.pk), "quantity": 2}, format="json")
    return Cart.objects.get(user=user)


def test_cart_is_shown_with_its_lines_and_codes_and_not_changed():
    coupon("KARIBU")
    user = UserFactory(email="wanjiku@example.com")
    cart = cart_of(user, ProductFactory(sku="PHONE"))
    client_for(user).post("/api/cart/coupon/", {"code": "KARIBU"}, format="json")
    viewer = logged_in(member_of_staff("orders.view_cart"))

    page = viewer.get(address("orders_cart_change", cart))

    tables = {one["title"]: one["table"]["rows"] for one in page.context["tables"]}
    (line,) = tables["Lines, at the prices that were seen"]
    assert line[1:] == ["PHONE", 2, "KES\xa01,500.00", "KES\xa03,000.00"]
    assert tables["Codes"][0][0] == "KARIBU"
    assert viewer.post(address("orders_cart_change", cart), {"version": 9}).status_code == 403
    assert viewer.post(address("orders_cart_delete", cart), {"post": "yes"}).status_code == 403
    assert Cart.objects.get(pk=cart.pk).items.count() == 1


def test_carts_are_listed_found_and_counted_in_the_same_statements():
    product = ProductFactory()
    first = cart_of(UserFactory(email="wanjiku@example.com"), product)
    viewer, page = logged_in(member_of_staff("orders.view_cart")), address("orders_cart_changelist")
    one = queries_of(viewer, page)
    for _ in range(2):
        cart_of(UserFactory(), product, ProductFactory())

    assert queries_of(viewer, page) == one
    assert listed(viewer.get(page, {"q": "wanjiku@"})) == [first]
    assert listed(viewer.get(page, {"owner": "guest"})) == []
    assert logged_in(member_of_staff("orders.view_order")).get(page).status_code == 403


def test_some_of_an_order_is_cancelled_on_its_page_once():
    order = services.mark_paid(place_order(UserFactory(), ProductFactory(sku="PHONE"), quantity=3).pk)
    clerk = logged_in(member_of_staff("orders.view_order", "orders.change_order"))
    page = address("orders_order_cancel_units", order)
    line = f"line_{order.items.get().pk}"
    form = clerk.get(page).context["form"]
    sent = {line: 2, "note": "broken", "version": form.get_initial_for_field(form.fields["version"], "version")}

    first, again = clerk.post(page, sent), clerk.post(page, sent | {line: 1})

    assert told(first) == ["2 cancelled."]
    assert told(again)[-1].startswith("Somebody has changed this order")
    assert (order.items.get().cancelled_quantity, Stock.objects.get().available) == (2, 9)
    assert_stock_holds()


def test_cancelling_nothing_or_too_much_or_without_the_right_changes_nothing():
    order = place_order(UserFactory(), quantity=2)
    clerk = logged_in(member_of_staff("orders.view_order", "orders.change_order"))
    page, line = address("orders_order_cancel_units", order), f"line_{order.items.get().pk}"
    form = clerk.get(page).context["form"]
    version = form.get_initial_for_field(form.fields["version"], "version")

    nothing = clerk.post(page, {line: 0, "note": "", "version": version})
    too_much = clerk.post(page, {line: 3, "note": "", "version": version})
    stranger = logged_in(member_of_staff("orders.view_order")).post(page, {line: 1, "version": version})

    assert told(nothing) == ["This changes nothing."]
    assert list(too_much.context["form"].errors) == [line]
    assert stranger.status_code == 403
    assert order.items.get().cancelled_quantity == 0


def test_delivered_order_offers_no_cancelling():
    order = place_order(UserFactory())
    clerk = logged_in(member_of_staff("orders.view_order", "orders.change_order"))
    assert "Cancel some" in offered(clerk, address("orders_order_change", order))

    Order.objects.filter(pk=order.pk).update(status="delivered")

    assert "Cancel some" not in offered(clerk, address("orders_order_change", order))
