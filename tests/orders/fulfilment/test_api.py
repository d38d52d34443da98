"""Parcels over HTTP."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.contrib.auth.models import Permission

from catalog.models import StockMovement
from orders.fulfilment import services
from orders.fulfilment.models import Shipment
from orders.links import order_token
from tests.admin_pages import member_of_staff
from tests.catalog.inventory import main, move, warehouse
from tests.clients import client_for
from tests.factories import UserFactory
from tests.orders.fulfilment.parcels import contents, everything, lines, order_of, shelf

pytestmark = pytest.mark.django_db


@pytest.fixture
def clerk():
    return member_of_staff("orders.view_order", "orders.change_order")


def errors(response):
    return [(row["code"], row["attr"]) for row in response.json()["errors"]]


def shipments(order):
    return f"/api/orders/{order.pk}/shipments/"


def items(order, **units):
    return [{"item_id": str(line.order_item_id), "quantity": line.quantity} for line in lines(order, **units)]


def send(client, order, key="k", **body):
    return client.post(shipments(order), body, headers={"Idempotency-Key": key})


# --- Shipping -------------------------------------------------------------------------------------------------


def test_staff_ship_some_of_a_line(clerk):
    order = order_of(2, 1)
    nairobi = warehouse("NBO-1")
    move(order.items.first().variant_id, 5, main(), nairobi)

    response = send(
        client_for(clerk),
        order,
        items=items(order, L0=1),
        carrier="dhl",
        tracking_number=" 12 34 ",
        warehouse="nbo-1",
        note="fragile",
    )

    answer = response.json()
    shipment = Shipment.objects.get()
    assert response.status_code == 201
    assert (answer["id"], answer["number"], answer["order_number"]) == (
        str(shipment.pk),
        f"{order.number}-1",
        order.number,
    )
    assert (answer["status"], answer["carrier"], answer["carrier_name"]) == ("shipped", "dhl", "DHL")
    assert answer["tracking_url"] == "https://www.dhl.com/ke-en/home/tracking.html?tracking-id=12%2034"
    assert (answer["warehouse"], answer["note"], answer["created_by"]) == ("NBO-1", "fragile", str(clerk.pk))
    assert [(item["sku"], item["quantity"]) for item in answer["items"]] == [("L0", 1)]
    assert [(event["status"], event["actor"]) for event in answer["events"]] == [("shipped", str(clerk.pk))]
    assert shelf()["L0"] == (8, 9)
    order.refresh_from_db()
    assert order.status == "paid"


def test_without_lines_all_that_is_left_is_shipped(clerk):
    order = order_of(2, 1)

    response = send(client_for(clerk), order)

    assert (response.status_code, contents(Shipment.objects.get())) == (201, {"L0": 2, "L1": 1})
    order.refresh_from_db()
    assert order.status == "shipped"


def test_same_key_ships_once(clerk):
    order = order_of(2)
    client = client_for(clerk)

    first, again = (send(client, order, items=items(order, L0=1)) for _ in range(2))
    other = send(client, order, items=items(order, L0=2))

    assert (first.status_code, again.json(), again.headers["Idempotent-Replayed"]) == (201, first.json(), "true")
    assert (other.status_code, errors(other)) == (422, [("idempotency_key_reused", None)])
    assert (Shipment.objects.count(), order.items.get().shipped_quantity) == (1, 1)


def test_key_is_required(clerk):
    order = order_of(1)
    before = everything(order)

    response = client_for(clerk).post(shipments(order), {})

    assert (response.status_code, errors(response)) == (400, [("idempotency_key_required", None)])
    assert everything(order) == before


def test_more_than_is_left_is_a_conflict_that_names_the_lines(clerk):
    order = order_of(1, 1)
    before = everything(order)

    response = send(client_for(clerk), order, items=items(order, L0=1, L1=2))

    assert (response.status_code, errors(response)) == (409, [("more_than_left", "items.1.quantity")])
    assert everything(order) == before


def test_order_that_is_not_paid_tells_what_is_allowed(clerk):
    order = order_of(1, paid=False)
    before = everything(order)

    response = send(client_for(clerk), order)

    assert (response.status_code, errors(response)) == (409, [("invalid_order_transition", None)])
    assert (response.json()["status"], response.json()["allowed"]) == ("pending", ["cancelled", "paid"])
    assert everything(order) == before


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"items": []}, [("empty", "items")]),
        ({"items": [{"item_id": str(uuid4()), "quantity": 1}]}, [("unknown_line", "items.0.item_id")]),
        (
            {"items": [{"item_id": "x", "quantity": 0}]},
            [("invalid", "items.0.item_id"), ("min_value", "items.0.quantity")],
        ),
        ({"items": [{"item_id": str(uuid4()), "quantity": 1}] * 101}, [("max_length", "items")]),
        ({"carrier": "pigeon"}, [("invalid_choice", "carrier")]),
        ({"tracking_number": "<b>1</b>"}, [("invalid", "tracking_number")]),
        ({"tracking_number": "1" * 65}, [("max_length", "tracking_number")]),
        ({"tracking_url": "http://track.example/1"}, [("invalid", "tracking_url")]),
        ({"tracking_url": "javascript:alert(1)"}, [("invalid", "tracking_url")]),
        ({"tracking_url": "https://track.example/" + "1" * 300}, [("max_length", "tracking_url")]),
        ({"warehouse": "MARS"}, [("warehouse_unknown", "warehouse")]),
        ({"status": "delivered"}, [("invalid_choice", "status")]),
        ({"note": "x" * 201}, [("max_length", "note")]),
    ],
)
def test_bad_requests_are_named_and_ship_nothing(clerk, body, expected):
    order = order_of(1)
    before = everything(order)

    response = send(client_for(clerk), order, **body)

    assert (response.status_code, errors(response)) == (400, expected)
    assert everything(order) == before


def test_only_staff_with_the_right_ship():
    owner = UserFactory()
    order = order_of(1, user=owner)
    before = everything(order)
    seller_like = UserFactory()
    seller_like.user_permissions.add(Permission.objects.get(codename="change_order"))

    people = [None, UserFactory(), owner, seller_like, member_of_staff(), member_of_staff("orders.view_order")]
    statuses = [send(client_for(who), order).status_code for who in people]

    assert statuses == [401, 403, 403, 403, 403, 403]
    assert everything(order) == before


def test_unknown_order_is_a_404(clerk):
    client = client_for(clerk)
    unknown = f"/api/orders/{uuid4()}"

    answers = [
        client.post(f"{unknown}/shipments/", {}, headers={"Idempotency-Key": "k"}),
        client.get(f"{unknown}/shipments/"),
        client.get(f"{unknown}/tracking/"),
        client.get(f"/api/shipments/{uuid4()}/"),
        client.post(f"/api/shipments/{uuid4()}/events/", {"status": "delivered"}),
    ]

    assert [answer.status_code for answer in answers] == [404] * 5


# --- Events, changes ------------------------------------------------------------------------------------------


def test_events_lead_to_the_door(clerk):
    order = order_of(1)
    shipment = services.ship(order.pk)
    client = client_for(clerk)
    address = f"/api/shipments/{shipment.pk}/events/"

    steps = [
        client.post(address, {"status": "in_transit", "place": "Thika", "source_id": "1"}),
        client.post(address, {"status": "in_transit", "place": "Thika", "source_id": "1"}),
        client.post(address, {"status": "delivered", "note": "Njeri", "occurred_at": "2026-11-21T10:00:00+03:00"}),
    ]

    assert [step.status_code for step in steps] == [201, 200, 201]
    answer = steps[-1].json()
    assert (answer["status"], answer["delivered_at"], answer["next_statuses"]) == (
        "delivered",
        "2026-11-21T07:00:00Z",
        [],
    )
    assert [(e["status"], e["place"], e["note"], e["source_id"]) for e in answer["events"]] == [
        ("shipped", "", "", None),
        ("in_transit", "Thika", "", "1"),
        ("delivered", "", "Njeri", None),
    ]
    order.refresh_from_db()
    assert order.status == "delivered"


def test_status_that_cannot_follow_is_a_conflict_with_what_can(clerk):
    order = order_of(1)
    shipment = services.ship(order.pk, is_packed=True)
    before = everything(order)

    response = client_for(clerk).post(f"/api/shipments/{shipment.pk}/events/", {"status": "delivered"})

    assert (response.status_code, errors(response)) == (409, [("invalid_shipment_transition", None)])
    assert (response.json()["status"], response.json()["allowed"]) == ("packed", ["ready_for_pickup", "shipped"])
    assert everything(order) == before


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, [("required", "status")]),
        ({"status": "lost"}, [("invalid_choice", "status")]),
        ({"status": "delivered", "occurred_at": "2999-01-01T00:00:00Z"}, [("occurred_in_future", "occurred_at")]),
        ({"status": "delivered", "place": "x" * 121}, [("max_length", "place")]),
        ({"status": "delivered", "note": "x" * 201}, [("max_length", "note")]),
        ({"status": "delivered", "source_id": "x" * 101}, [("max_length", "source_id")]),
    ],
)
def test_bad_events_change_nothing(clerk, body, expected):
    order = order_of(1)
    shipment = services.ship(order.pk)
    before = everything(order)

    response = client_for(clerk).post(f"/api/shipments/{shipment.pk}/events/", body)

    assert (response.status_code, errors(response)) == (400, expected)
    assert (everything(order), shipment.events.count()) == (before, 1)


def test_carrier_and_number_are_put_right(clerk):
    order = order_of(1)
    shipment = services.ship(order.pk, carrier="g4s", tracking_number="1", note="first")

    response = client_for(clerk).patch(
        f"/api/shipments/{shipment.pk}/",
        {"carrier": "dhl", "tracking_number": "22", "status": "delivered", "order": str(uuid4())},
    )

    answer = response.json()
    assert (response.status_code, answer["carrier"], answer["tracking_number"], answer["note"], answer["status"]) == (
        200,
        "dhl",
        "22",
        "first",
        "shipped",
    )
    assert answer["tracking_url"] == "https://www.dhl.com/ke-en/home/tracking.html?tracking-id=22"
    assert order.events.latest("id").actor == clerk


def test_parcels_are_the_staffs(clerk):
    owner = UserFactory()
    order = order_of(1, user=owner)
    shipment = services.ship(order.pk)
    before = everything(order)
    reader = member_of_staff("orders.view_order")
    one = f"/api/shipments/{shipment.pk}/"

    def answers(client):
        return [
            client.get(shipments(order)).status_code,
            client.get("/api/shipments/").status_code,
            client.get(one).status_code,
            client.patch(one, {"carrier": "g4s"}).status_code,
            client.post(f"{one}events/", {"status": "delivered"}).status_code,
        ]

    assert answers(client_for(owner)) == [403] * 5
    assert answers(client_for(None)) == [401] * 5
    assert answers(client_for(reader)) == [200, 200, 200, 403, 403]
    assert everything(order) == before


def test_parcels_are_found_by_what_staff_know(clerk):
    first, second = order_of(2), order_of(1, sku="M")
    one = services.ship(first.pk, lines=lines(first, L0=1), carrier="dhl", tracking_number="77")
    services.ship(first.pk, carrier="g4s")
    services.ship(second.pk, is_packed=True)
    client = client_for(clerk)

    def found(query):
        return [row["number"] for row in client.get(f"/api/shipments/?{query}").json()["results"]]

    assert found("tracking_number=77") == found("carrier=dhl") == found(f"number={one.number}") == [one.number]
    assert found("status=packed") == found(f"order_number={second.number}") == [f"{second.number}-1"]
    assert found("ordering=created_at")[0] == one.number
    assert errors(client.get("/api/shipments/?status=lost")) == [("invalid_choice", "status")]
    assert errors(client.get("/api/shipments/?cariier=dhl")) == [("invalid", "cariier")]


# --- Following ------------------------------------------------------------------------------------------------


def test_owner_follows_an_order():
    owner = UserFactory(first_name="Achieng")
    order = order_of(2, 1, user=owner, shipping_address={"town": "Ruiru", "county": "Kiambu", "line1": "Gate 7"})
    shipment = services.ship(order.pk, lines=lines(order, L0=1), carrier="g4s", tracking_number="1", note="internal")
    services.record_event(shipment.pk, status="in_transit", place="Thika", actor=UserFactory(), source_id="s-1")

    response = client_for(owner).get(f"/api/orders/{order.pk}/tracking/")

    answer = response.json()
    assert response.status_code == 200
    [parcel] = answer.pop("shipments")
    assert answer == {
        "number": order.number,
        "status": "paid",
        "fulfilment_status": "partial",
        "placed_at": order.created_at.isoformat().replace("+00:00", "Z"),
        "first_name": "Achieng",
        "town": "Ruiru",
        "county": "Kiambu",
        "items": [
            {
                "product_name": item.product_name,
                "sku": item.sku,
                "options": {},
                "quantity": item.quantity,
                "cancelled_quantity": 0,
                "shipped_quantity": shipped,
            }
            for item, shipped in zip(order.items.all(), (1, 0), strict=True)
        ],
    }
    assert {name: parcel[name] for name in ("number", "status", "carrier_name", "tracking_number")} == {
        "number": f"{order.number}-1",
        "status": "in_transit",
        "carrier_name": "G4S Courier",
        "tracking_number": "1",
    }
    assert [set(event) for event in parcel["events"]] == [{"status", "place", "note", "occurred_at"}] * 2
    assert "internal" not in response.content.decode()


def test_guest_follows_an_order_by_its_link_and_learns_nothing_else(api_client, django_assert_num_queries):
    order = order_of(
        1,
        email="wanjiku@example.com",
        phone_number="+254712345678",
        note="call the gate",
        shipping_address={
            "recipient": "Wanjiku Kamau",
            "phone_number": "+254712345678",
            "town": "Ruiru",
            "county": "Kiambu",
            "estate": "Kimbo",
            "landmark": "Blue gate",
            "line1": "House 7",
        },
    )
    services.ship(order.pk, carrier="g4s", tracking_number="KE7", note="second attempt")

    with django_assert_num_queries(5):  # the order, its lines, parcels, what is in them, events
        response = api_client.get(f"/api/track/{order_token(order.pk)}/", HTTP_AUTHORIZATION="Bearer expired")

    answer, text = response.json(), response.content.decode()
    assert (response.status_code, answer["number"], answer["shipments"][0]["tracking_number"]) == (
        200,
        order.number,
        "KE7",
    )
    assert (answer["first_name"], answer["town"], answer["county"]) == ("Wanjiku", "Ruiru", "Kiambu")
    secrets = ("Kamau", "wanjiku@", "712345678", "Kimbo", "Blue gate", "House 7", "call the gate", "second attempt")
    assert [secret for secret in secrets if secret in text] == []
    assert (response["Cache-Control"], response["Referrer-Policy"]) == ("no-store", "no-referrer")


def test_bad_links_open_nothing(api_client, settings):
    order = order_of(1)
    token = order_token(order.pk)
    swapped = token[:-1] + ("A" if token[-1] != "A" else "B")

    bad = [str(order.pk), order.pk.hex, order.number, swapped, order_token(uuid4()), "x" * 5000]
    answers = [api_client.get(f"/api/track/{text}/").status_code for text in bad]
    settings.ORDER_LINK_LIFETIME = timedelta(seconds=-1)
    late = api_client.get(f"/api/track/{token}/").status_code

    assert (answers, late) == ([404] * len(bad), 404)


def test_links_are_not_tried_without_end(api_client, settings):
    settings.THROTTLE_RATES = settings.THROTTLE_RATES | {"anonymous": "3/3600"}

    answers = [api_client.get("/api/track/x/").status_code for _ in range(4)]

    assert answers == [404, 404, 404, 429]


def test_nobody_follows_a_strangers_order():
    order = order_of(1)
    address = f"/api/orders/{order.pk}/tracking/"

    statuses = [client_for(who).get(address).status_code for who in (None, UserFactory(), member_of_staff())]

    assert statuses == [401, 404, 404]


def test_order_tells_how_much_of_it_has_left():
    owner = UserFactory()
    order = order_of(2, user=owner)
    client = client_for(owner)
    answers = []
    for _ in range(3):
        shown = client.get(f"/api/orders/{order.pk}/").json()
        answers.append((shown["fulfilment_status"], shown["items"][0]["shipped_quantity"]))
        if len(answers) < 3:
            services.ship(order.pk, lines=lines(order, L0=1))

    assert answers == [("unfulfilled", 0), ("partial", 1), ("fulfilled", 2)]


@pytest.mark.parametrize("count", [1, 3])
def test_reads_take_as_many_statements_for_any_number_of_parcels(clerk, count, django_assert_num_queries):
    owner = UserFactory()
    order = order_of(*[count] * count, user=owner)
    for n in range(count):
        shipment = services.ship(order.pk, lines=lines(order, **{f"L{m}": 1 for m in range(count)}))
        services.record_event(shipment.pk, status="in_transit", source_id=str(n))
    customer, staff = client_for(owner), client_for(clerk)
    staff.get("/api/shipments/")

    with django_assert_num_queries(6):  # who, the order, its lines, parcels, what is in them, events
        customer.get(f"/api/orders/{order.pk}/tracking/")
    with django_assert_num_queries(7):  # who and their rights, the order, parcels, what is in them, events
        staff.get(shipments(order))
    with django_assert_num_queries(7):  # who and their rights, how many, parcels, what is in them, events
        staff.get("/api/shipments/")
    with django_assert_num_queries(4):  # who, how many, orders, lines: none for what has left
        customer.get("/api/orders/")


def test_sold_goods_stay_in_the_ledger_of_who_sent_them(clerk):
    order = order_of(1)

    send(client_for(clerk), order)

    assert StockMovement.objects.get(kind="sell").actor == clerk
