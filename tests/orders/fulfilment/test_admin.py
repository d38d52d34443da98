"""Parcels in the admin."""

import pytest

from orders.fulfilment import services
from orders.fulfilment.models import Shipment
from tests.admin_pages import address, listed, logged_in, member_of_staff, offered, queries_of, statuses, told
from tests.catalog.inventory import main, move, warehouse
from tests.orders.fulfilment.parcels import contents, everything, lines, order_of

pytestmark = pytest.mark.django_db

SHIPMENTS = address("orders_shipment_changelist")


@pytest.fixture
def client(staff):
    return logged_in(staff)


def field(order, sku):
    return f"line_{order.items.get(sku=sku).pk}"


def typed(client, order):
    """Return what the ship form would send if nothing was touched."""
    form = client.get(address("orders_order_ship", order)).context["form"]
    values = {name: form[name].value() for name in form.fields if name != "is_packed"}
    return {name: "" if value is None else value for name, value in values.items()}


def test_form_has_a_quantity_for_each_line_that_is_left(client):
    order = order_of(3, 1, 2, 1, digital=1)
    services.ship(order.pk, lines=lines(order, L0=1, L1=1))
    order.items.filter(sku="L2").update(cancelled_quantity=1)

    page = client.get(address("orders_order_ship", order))

    shown = {name: (f.initial, f.max_value) for name, f in page.context["form"].fields.items() if "line_" in name}
    assert shown == {field(order, "L0"): (2, 2), field(order, "L2"): (1, 1)}


def test_staff_ship_some_units(client, staff):
    order = order_of(3, 2)
    nairobi = warehouse("NBO")
    move(order.items.first().variant_id, 5, main(), nairobi)
    body = typed(client, order) | {
        field(order, "L0"): "2",
        field(order, "L1"): "0",
        "carrier": "dhl",
        "tracking_number": "77",
        "warehouse": str(nairobi.pk),
        "note": "fragile",
    }

    answer = client.post(address("orders_order_ship", order), body)

    shipment = Shipment.objects.get()
    order.refresh_from_db()
    assert (answer.status_code, told(answer), order.status) == (302, ["Shipped."], "paid")
    assert (contents(shipment), shipment.warehouse, shipment.created_by) == ({"L0": 2}, nairobi, staff)
    assert (shipment.carrier, shipment.tracking_number, shipment.note) == ("dhl", "77", "fragile")


def test_untouched_form_ships_what_is_left(client):
    order = order_of(3, 2)
    services.ship(order.pk, lines=lines(order, L0=1))

    answer = client.post(address("orders_order_ship", order), typed(client, order))

    order.refresh_from_db()
    assert (told(answer), order.status) == (["Shipped."], "shipped")
    assert contents(Shipment.objects.get(number__endswith="-2")) == {"L0": 2, "L1": 2}


def test_packed_parcel_waits_for_its_carrier(client):
    order = order_of(1)

    answer = client.post(address("orders_order_ship", order), typed(client, order) | {"is_packed": "on"})

    order.refresh_from_db()
    assert (told(answer), Shipment.objects.get().status, order.status) == (["Packed."], "packed", "paid")


def test_second_click_is_no_second_parcel(client):
    order = order_of(4)
    body = typed(client, order) | {field(order, "L0"): "1"}
    client.post(address("orders_order_ship", order), body)
    before = everything(order)

    answer = client.post(address("orders_order_ship", order), body)

    assert "Another parcel of this order was sent meanwhile. Look again at what is left." in told(answer)
    assert everything(order) == before


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({"L0": "4"}, "line"),
        ({"L0": "-1"}, "line"),
        ({"tracking_number": "<script>"}, "tracking_number"),
        ({"tracking_url": "http://track.example"}, "tracking_url"),
        ({"tracking_url": "javascript:alert(1)"}, "tracking_url"),
        ({"carrier": "pigeon"}, "carrier"),
    ],
)
def test_wrong_entries_are_errors_of_the_form(client, change, wrong):
    order = order_of(3)
    before = everything(order)
    body = typed(client, order) | {field(order, name) if name == "L0" else name: text for name, text in change.items()}

    answer = client.post(address("orders_order_ship", order), body)

    assert [name.partition("_")[0] if wrong == "line" else name for name in answer.context["form"].errors] == [wrong]
    assert everything(order) == before


def test_all_lines_at_nothing_ship_nothing(client):
    order = order_of(3)
    before = everything(order)

    answer = client.post(address("orders_order_ship", order), typed(client, order) | {field(order, "L0"): "0"})

    assert told(answer) == ["Nothing of this order is left to ship."]
    assert everything(order) == before


def test_orders_page_shows_its_parcels(client):
    order = order_of(3)
    empty = [table["title"] for table in client.get(address("orders_order_change", order)).context["tables"]]
    services.ship(order.pk, lines=lines(order, L0=2), carrier="g4s", tracking_number="7")

    page = client.get(address("orders_order_change", order))

    [shown] = [table for table in page.context["tables"] if table["title"] == "Parcels"]
    [row] = shown["table"]["rows"]
    assert "Parcels" not in empty
    assert (f"{order.number}-1" in row[0], row[2:4]) == (True, [2, "G4S Courier 7"])


def test_event_is_written_down(client, staff):
    order = order_of(1)
    shipment = services.ship(order.pk)

    answer = client.post(
        address("orders_shipment_add_event", shipment),
        {"status": "delivered", "place": "Ruiru", "note": "Njeri", "occurred_at_0": "", "occurred_at_1": ""},
    )

    order.refresh_from_db()
    event = shipment.events.latest("id")
    assert (told(answer), order.status) == (["Delivered."], "delivered")
    assert (event.status, event.place, event.note, event.actor) == ("delivered", "Ruiru", "Njeri", staff)
    assert offered(client, address("orders_shipment_change", shipment)) == ["Carrier and number"]


def test_event_that_cannot_follow_is_a_message(client):
    order = order_of(1)
    shipment = services.ship(order.pk, is_packed=True)
    before = everything(order)

    answer = client.post(address("orders_shipment_add_event", shipment), {"status": "delivered"})

    assert told(answer) == ["A parcel that is packed cannot become delivered."]
    assert everything(order) == before


def test_carrier_and_number_are_put_right(client):
    shipment = services.ship(order_of(1).pk, carrier="g4s", tracking_number="1", note="fragile")
    page = address("orders_shipment_change_tracking", shipment)
    form = client.get(page).context["form"]

    client.post(page, {"carrier": "dhl", "tracking_number": "2", "note": form["note"].value()})

    shipment.refresh_from_db()
    assert (shipment.carrier, shipment.tracking_number, shipment.note) == ("dhl", "2", "fragile")
    assert shipment.tracking_url.endswith("tracking-id=2")


def test_parcels_are_listed_and_found(client):
    first, second = order_of(1, phone_number="+254712345678"), order_of(1, sku="M")
    one = services.ship(first.pk, carrier="dhl", tracking_number="ABC-77")
    two = services.ship(second.pk, is_packed=True)

    assert listed(client.get(SHIPMENTS)) == [two, one]
    assert listed(client.get(f"{SHIPMENTS}?status__exact=packed")) == [two]
    for text in ("ABC-77", first.number, "712345678"):
        assert listed(client.get(f"{SHIPMENTS}?q={text}")) == [one]


def test_only_who_may_change_orders_changes_parcels():
    order = order_of(2)
    shipment = services.ship(order.pk, lines=lines(order, L0=1))
    names = ("orders_shipment_add_event", "orders_shipment_change_tracking")
    acts = [*(address(name, shipment) for name in names), address("orders_order_ship", order)]
    pages = [SHIPMENTS, address("orders_shipment_change", shipment)]
    before = everything(order)

    reader, clerk, stranger = (
        logged_in(member_of_staff(*rights))
        for rights in (["orders.view_order"], ["orders.view_order", "orders.change_order"], ["catalog.view_stock"])
    )

    assert set(statuses(reader, pages).values()) == set(statuses(clerk, pages + acts).values()) == {200}
    assert set(statuses(reader, acts).values()) == set(statuses(stranger, pages + acts).values()) == {403}
    assert [reader.post(page, {"status": "delivered"}).status_code for page in acts] == [403] * 3
    assert everything(order) == before


def test_pages_take_as_many_statements_for_many_parcels(client):
    def counts(*orders):
        for order in orders:
            services.ship(order.pk, lines=lines(order, **{order.items.first().sku: 1}))
        return queries_of(client, SHIPMENTS), queries_of(client, address("orders_order_change", orders[0]))

    first = order_of(9)
    once = counts(first)
    again = counts(first, order_of(9, sku="M"), order_of(9, sku="N"))

    assert again == once
