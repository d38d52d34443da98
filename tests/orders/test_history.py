"""What is kept of each change of shipping, promotions and coupons: by whom, by which way, before and after."""

from decimal import Decimal

import pytest
from django.db import InternalError, connection, transaction
from django.test.utils import CaptureQueriesContext

from accounts.history.retention import forget_old_changes
from accounts.roles.definitions import StaffRole, named
from orders.history.models import EVENT_MODELS
from orders.promotions.models import Coupon, Promotion
from orders.shipping.models import PickupPoint, ShippingMethod, ShippingZone
from tests.admin_pages import address, logged_in, member_of_staff
from tests.clients import client_for
from tests.factories import BrandFactory, ProductFactory, UserFactory
from tests.orders.promoting import coupon, order_with, promotion, uses_of
from tests.orders.shipping import method, pickup, point, zone

pytestmark = pytest.mark.django_db

KEPT = ("shippingzone", "shippingmethod", "pickuppoint", "promotion", "coupon")
PATHS = {
    ShippingZone: "shipping/zones",
    ShippingMethod: "shipping/methods",
    PickupPoint: "pickup-points",
    Promotion: "promotions",
    Coupon: "coupons",
}


@pytest.fixture
def person(db):
    return member_of_staff(
        *(f"orders.{verb}_{name}" for name in KEPT for verb in ("view", "add", "change", "delete")),
        *(f"orders.view_{name}event" for name in KEPT),
    )


@pytest.fixture
def editor(person):
    return client_for(person)


def path(row, pk=None):
    return f"/api/{PATHS[type(row)]}/{pk or row.pk}/"


def history(client, row, pk=None):
    answer = client.get(f"{path(row, pk)}history/")
    assert answer.status_code == 200, answer.json()
    return answer.json()["results"]


def told(client, row, pk=None):
    return [(each["kind"], each["action"], each["changes"]) for each in history(client, row, pk)]


def events():
    return {model.__name__: model.objects.count() for model in EVENT_MODELS}


def change(before, after):
    return {"before": before, "after": after}


# --- What is kept -------------------------------------------------------------------------------------------------


def test_change_over_the_api_says_who_when_and_what(editor, person):
    row = promotion(name="Jamhuri")

    answer = editor.patch(path(row), {"percent": "15.00"}, HTTP_X_REQUEST_ID="request-12345678")

    assert answer.status_code == 200, answer.json()
    first, made = history(editor, row)
    assert (first["kind"], first["name"], first["action"], first["id"]) == (
        "promotion", "Jamhuri", "changed", str(row.pk),
    )  # fmt: skip
    assert first["changes"] == {"percent": change("10.00", "15.00")}
    assert (first["actor"]["id"], first["via"], first["request_id"]) == (str(person.pk), "api", "request-12345678")
    assert (made["action"], made["actor"], made["via"]) == ("created", None, "")


def test_what_a_promotion_is_for_is_kept_with_it(editor):
    product, brand = ProductFactory(), BrandFactory()
    row = promotion(products=[product])

    answer = editor.patch(path(row), {"products": [], "brands": [str(brand.pk)]}, format="json")

    assert answer.status_code == 200, answer.json()
    lists = [(kind, action, changes) for kind, action, changes in told(editor, row) if kind != "promotion"]
    assert sorted(lists[:2]) == [
        ("promotion_brand", "added", {"brand": change(None, str(brand.pk))}),
        ("promotion_product", "removed", {"product": change(str(product.pk), None)}),
    ]
    assert lists[2:] == [("promotion_product", "added", {"product": change(None, str(product.pk))})]
    assert {each["id"] for each in history(editor, row)} == {str(row.pk)}
    assert {each["name"] for each in history(editor, row)} == {row.name}


def test_price_of_a_band_is_kept_and_what_stays_is_not_told(editor):
    row = method(None, (1000, "200"), (5000, "400"))
    before = len(history(editor, row))
    bands = [{"up_to_grams": 1000, "price": "200.00"}, {"up_to_grams": 5000, "price": "450.00"}]

    answer = editor.patch(path(row), {"bands": bands}, format="json")

    assert answer.status_code == 200, answer.json()
    assert [band["price"] for band in answer.json()["bands"]] == ["200.00", "450.00"]
    assert told(editor, row)[:-before] == [("weight_band", "changed", {"price": change("400.00", "450.00")})]
    assert history(editor, row)[0]["name"] == row.name


def test_bands_that_come_and_go_are_kept(editor):
    row = method(None, (1000, "200"))
    before = len(history(editor, row))

    answer = editor.patch(path(row), {"bands": [{"up_to_grams": 2000, "price": "300.00"}]}, format="json")

    assert [(band["up_to_grams"], band["price"]) for band in answer.json()["bands"]] == [(2000, "300.00")]
    changes = [(kind, action) for kind, action, _ in told(editor, row)[:-before]]
    assert sorted(changes) == [("weight_band", "created"), ("weight_band", "deleted")]


def test_zone_tells_of_its_methods_also_when_both_are_gone(editor):
    place = zone("Nairobi", counties=["Nairobi"])
    method(place)

    assert editor.delete(path(place)).status_code == 204

    changes = [(each["kind"], each["action"], each["via"]) for each in history(editor, place)]
    assert sorted(changes[:2]) == [("shipping_method", "deleted", "api"), ("shipping_zone", "deleted", "api")]
    assert [action for _, action, _ in changes[2:]] == ["created", "created"]


def test_point_tells_which_methods_came_to_it(editor):
    row, served = point(), pickup()

    answer = editor.patch(path(row), {"methods": [str(served.pk)], "landmark": "Archives"}, format="json")

    assert answer.status_code == 200, answer.json()
    assert sorted(told(editor, row)[:2], key=str) == [
        ("pickup_method", "added", {"shippingmethod": change(None, str(served.pk))}),
        ("pickup_point", "changed", {"landmark": change("", "Archives")}),
    ]


def test_change_in_the_admin_is_kept_and_shown_there(staff, editor):
    row = coupon("JAMHURI")
    client = logged_in(staff)

    answer = client.post(address("orders_coupon_change", row), {"code": "JAMHURI10", "is_active": "on"})

    assert answer.status_code == 302
    assert told(editor, row)[0] == ("coupon", "changed", {"code": change("JAMHURI", "JAMHURI10")})
    first = history(editor, row)[0]
    assert (first["via"], first["actor"]["id"]) == ("admin", str(staff.pk))
    assert "code: JAMHURI → JAMHURI10" in client.get(address("orders_coupon_change", row)).content.decode()


def test_pages_show_changes_to_those_who_may_see_them(staff):
    rows = {"shippingzone": zone("Here"), "shippingmethod": pickup(zone("There", counties=["Nairobi"]))}
    rows |= {"pickuppoint": point(rows["shippingmethod"]), "promotion": promotion(), "coupon": coupon("CODE1")}
    blind = logged_in(member_of_staff(*(f"orders.view_{name}" for name in KEPT)))
    seeing = logged_in(staff)

    for name, row in rows.items():
        page = address(f"orders_{name}_change", row)
        assert "The last 20 changes" in seeing.get(page).content.decode()
        assert "The last 20 changes" not in blind.get(page).content.decode()
    for model in EVENT_MODELS:
        listed = address(f"orders_{model._meta.model_name}_changelist")
        assert (seeing.get(listed).status_code, blind.get(listed).status_code) == (200, 403)
        assert seeing.get(listed, {"q": str(rows["promotion"].pk)}).status_code == 200
        event = model.objects.first()
        if event is not None:
            assert seeing.get(address(f"orders_{model._meta.model_name}_change", event)).status_code == 200


# --- What it costs customers --------------------------------------------------------------------------------------


def test_orders_that_use_a_coupon_write_no_history(customer):
    row = coupon("FIVE", limit_total=5, of=promotion(limit_total=5))
    product = ProductFactory(stock=5)
    before = events()

    with CaptureQueriesContext(connection) as captured:
        order_with(product, user=customer, codes=["FIVE"])

    assert uses_of(row, row.promotion) == [1, 1]
    assert events() == before
    assert [query["sql"] for query in captured if "pghistory" in query["sql"]] == []


def test_refused_change_leaves_no_history(editor):
    row = promotion()
    before = events()

    answer = editor.patch(path(row), {"percent": "-5.00"})

    assert answer.status_code == 400
    assert events() == before


# --- Who may read it ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [zone, method, point, promotion, lambda: coupon("CODE1")])
def test_only_staff_with_the_right_read_history(api_client, customer, make):
    row = make()
    right = f"orders.view_{type(row).__name__.lower()}event"
    former = member_of_staff(right)
    former.is_staff = False
    former.save()
    readers = [customer, UserFactory(role="seller"), former, member_of_staff(right.removesuffix("event"))]
    clients = [api_client, *(client_for(user) for user in (*readers, member_of_staff(right)))]

    assert [client.get(f"{path(row)}history/").status_code for client in clients] == [401, 403, 403, 403, 403, 200]


def test_unknown_row_has_no_history(editor):
    row, other = promotion(), zone("Kenya")

    assert editor.get(f"/api/promotions/{other.pk}/history/").status_code == 404
    assert editor.get(f"{path(row)}history/?colour=red").status_code == 400


def test_history_is_paged_with_the_same_statements_for_one_and_thirty(editor):
    row = promotion()
    counts = []
    for number in range(31):
        editor.patch(path(row), {"description": f"Number {number}"})
        if number in (1, 30):
            with CaptureQueriesContext(connection) as captured:
                history(editor, row)
            counts.append(len(captured))

    assert counts[1] <= counts[0]
    assert editor.get(f"{path(row)}history/", {"page_size": 5}).json()["count"] == 32


def test_roles_that_keep_them_see_their_changes():
    for role, kept in {
        StaffRole.ORDER_CLERK: ("shippingzone", "shippingmethod", "pickuppoint"),
        StaffRole.CATALOGUE_EDITOR: ("promotion", "coupon"),
    }.items():
        rights = set(named(role))
        assert {("orders", f"view_{name}event") for name in kept} <= rights


# --- Keeping and forgetting ---------------------------------------------------------------------------------------


def test_history_cannot_be_changed_or_deleted_and_is_forgotten_when_old(settings):
    row = promotion(products=[ProductFactory()])
    coupon("CODE1", of=row)
    point(pickup())
    before = events()

    for model in EVENT_MODELS:
        if not before[model.__name__]:
            continue
        for write in (lambda model=model: model.objects.update(pgh_label="x"), model.objects.all().delete):
            with pytest.raises(InternalError), transaction.atomic():
                write()
    assert events() == before

    settings.HISTORY_RETENTION *= 0
    assert forget_old_changes() >= sum(before.values())
    assert events() == dict.fromkeys(before, 0)


def test_every_column_is_kept_or_left_out_by_name():
    """A new column is history, too, unless somebody decides that it is not."""
    counted = {Promotion: {"uses"}, Coupon: {"uses"}}
    for event in EVENT_MODELS:
        tracked = event.pgh_tracked_model
        kept = {field.name for field in event._meta.concrete_fields}
        left_out = {field.name for field in tracked._meta.concrete_fields} - kept
        assert left_out - {"id", "created_at", "updated_at"} == counted.get(tracked, set())


def test_lists_of_a_promotion_are_all_kept():
    tracked = {event.pgh_tracked_model._meta.concrete_model for event in EVENT_MODELS}

    for model in (Promotion, PickupPoint):
        assert {field.remote_field.through for field in model._meta.many_to_many} <= tracked


def test_amounts_are_told_as_texts(editor):
    row = method()

    editor.patch(path(row), {"free_from": "5000.00"})

    assert told(editor, row)[0][2] == {"free_from": change(None, str(Decimal("5000.00")))}
