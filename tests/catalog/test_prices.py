"""Price lists over HTTP: who may do what, whose prices are shown, what is refused and changes nothing."""

from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from catalog.models import Product, Variant
from catalog.prices import services
from catalog.prices.models import CustomerGroup, PriceList, PriceListItem
from catalog.services import VariantInput
from tests.admin_pages import address, logged_in, member_of_staff, queries_of, statuses
from tests.clients import client_for
from tests.factories import ProductFactory, UserFactory, group_of, price_list, variant_of

pytestmark = pytest.mark.django_db

LISTS, GROUPS, PRODUCTS = "/api/price-lists/", "/api/customer-groups/", "/api/products/"
RIGHTS = ("view", "add", "change", "delete")


def errors(answer):
    return [(row["code"], row["attr"]) for row in answer.json()["errors"]]


def items_of(price_list):
    return f"{LISTS}{price_list.pk}/items/"


def everything():
    return [
        sorted(map(str, model.objects.values_list()))
        for model in (CustomerGroup, PriceList, PriceListItem, CustomerGroup.members.through)
    ]


@pytest.fixture
def editor():
    return client_for(member_of_staff(*(f"catalog.{right}_pricelist" for right in RIGHTS)))


# --- Writing ----------------------------------------------------------------------------------------------------


def test_list_is_made_changed_and_deleted_by_staff(editor):
    group = group_of()

    made = editor.post(LISTS, {"name": "Resellers", "group": str(group.pk), "valid_until": "2027-01-01T00:00:00Z"})
    address = f"{LISTS}{made.json()['id']}/"

    assert made.status_code == 201
    assert made.json() == {
        "id": made.json()["id"],
        "name": "Resellers",
        "currency": "KES",
        "group": str(group.pk),
        "group_name": "Resellers",
        "valid_from": None,
        "valid_until": "2027-01-01T00:00:00Z",
        "priority": 0,
        "is_active": True,
        "item_count": 0,
        "created_at": made.json()["created_at"],
        "updated_at": made.json()["updated_at"],
    }
    assert editor.patch(address, {"priority": 5}).json()["priority"] == 5
    assert editor.put(address, {"name": "Schools", "currency": "KES"}).json()["name"] == "Schools"
    assert editor.delete(address).status_code == 204
    assert not PriceList.objects.exists()


def test_prices_are_set_by_id_or_sku_and_what_is_not_named_goes(editor):
    phone, cable = ProductFactory(sku="PHONE"), ProductFactory(sku="CABLE")
    made = price_list((phone, "1400"), (phone, "1300", 10))
    kept = PriceListItem.objects.get(min_quantity=10)

    answer = editor.put(
        items_of(made),
        {
            "items": [
                {"variant": str(variant_of(phone).pk), "min_quantity": 10, "price": "1250.00"},
                {"sku": "CABLE", "price": "0.00"},
            ]
        },
    )

    assert (answer.status_code, answer.json()["item_count"]) == (200, 2)
    assert editor.get(items_of(made)).json()["results"] == [
        {
            "id": str(PriceListItem.objects.get(variant__sku="CABLE").pk),
            "variant": str(variant_of(cable).pk),
            "sku": "CABLE",
            "product": str(cable.pk),
            "product_name": cable.product_name,
            "min_quantity": 1,
            "price": "0.00",
        },
        {
            "id": str(kept.pk),
            "variant": str(variant_of(phone).pk),
            "sku": "PHONE",
            "product": str(phone.pk),
            "product_name": phone.product_name,
            "min_quantity": 10,
            "price": "1250.00",
        },
    ]
    assert [row["sku"] for row in editor.get(items_of(made), {"sku": "PHONE"}).json()["results"]] == ["PHONE"]
    assert errors(editor.get(items_of(made), {"colour": "red"})) == [("invalid", "colour")]


def test_every_wrong_price_is_named_and_nothing_changes(editor):
    phone, dollars = ProductFactory(sku="PHONE"), ProductFactory(sku="USD", currency="USD")
    gone = ProductFactory(sku="GONE")
    Product.objects.filter(pk=gone.pk).update(deleted_at=timezone.now())
    made = price_list((phone, "1400"))
    before = everything()

    answer = editor.put(
        items_of(made),
        {
            "items": [
                {"sku": "PHONE", "price": "1.00"},
                {"sku": "PHONE", "min_quantity": 1, "price": "2.00"},
                {"sku": "NONE", "price": "1.00"},
                {"variant": str(uuid4()), "price": "1.00"},
                {"variant": str(variant_of(dollars).pk), "price": "1.00"},
                {"sku": "GONE", "price": "1.00"},
            ]
        },
    )

    assert answer.status_code == 400
    assert errors(answer) == [
        ("break_twice", "items.1.min_quantity"),
        ("unknown_variant", "items.2.sku"),
        ("unknown_variant", "items.3.variant"),
        ("wrong_currency", "items.4.price"),
        ("unknown_variant", "items.5.sku"),
    ]
    assert everything() == before


@pytest.mark.parametrize(
    ("item", "attr"),
    [
        ({"price": "1.00"}, "items.0.variant"),
        ({"sku": "PHONE", "variant": str(uuid4()), "price": "1.00"}, "items.0.variant"),
        ({"sku": "PHONE", "price": "-1.00"}, "items.0.price"),
        ({"sku": "PHONE", "price": "1.005"}, "items.0.price"),
        ({"sku": "PHONE", "price": "NaN"}, "items.0.price"),
        ({"sku": "PHONE", "price": "99999999999.00"}, "items.0.price"),
        ({"sku": "PHONE", "min_quantity": 0, "price": "1.00"}, "items.0.min_quantity"),
        ({"sku": "PHONE", "min_quantity": 10**12, "price": "1.00"}, "items.0.min_quantity"),
    ],
)
def test_malformed_price_is_named_and_nothing_changes(editor, item, attr):
    made = price_list((ProductFactory(sku="PHONE"), "1400"))
    before = everything()

    answer = editor.put(items_of(made), {"items": [item]})

    assert (answer.status_code, [attr for _, attr in errors(answer)]) == (400, [attr])
    assert everything() == before


@pytest.mark.parametrize(
    ("body", "code", "expected"),
    [
        ({"valid_from": "2027-01-02T00:00:00Z", "valid_until": "2027-01-01T00:00:00Z"}, 400, "period_backwards"),
        ({"currency": "XXQ"}, 400, "invalid"),
        ({"currency": "USD"}, 409, "currency_fixed"),
        ({"group": str(uuid4())}, 400, "does_not_exist"),
        ({"name": ""}, 400, "blank"),
        ({"name": "Taken"}, 400, "unique"),
        ({"priority": 10**6}, 400, "max_value"),
    ],
)
def test_refused_change_of_a_list_changes_nothing(editor, body, code, expected):
    price_list(name="Taken")
    made = price_list((ProductFactory(), "1400"))
    before = everything()

    answer = editor.patch(f"{LISTS}{made.pk}/", body)

    assert (answer.status_code, [code for code, _ in errors(answer)]) == (code, [expected])
    assert everything() == before


def test_database_refuses_what_no_list_may_say():
    made, variant = price_list((ProductFactory(), "1400")), Variant.objects.get()
    for fields in (
        {"min_quantity": 1, "price": Decimal(1)},
        {"min_quantity": 2, "price": Decimal(-1)},
        {"min_quantity": 0, "price": Decimal(1)},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            PriceListItem.objects.create(price_list=made, variant=variant, **fields)
    with pytest.raises(IntegrityError), transaction.atomic():
        PriceList.objects.filter(pk=made.pk).update(
            valid_from=timezone.now(), valid_until=timezone.now() - timedelta(1)
        )

    assert PriceListItem.objects.count() == 1


# --- Rights -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["nobody", "customer", "staff without rights", "staff with the other rights"])
def test_writing_takes_the_right_of_the_model(who):
    product = ProductFactory(sku="PHONE")
    made, group = price_list((product, "1400")), group_of(UserFactory())
    member = group.members.get()
    calls = [
        ("post", LISTS, {"name": "Mine"}, "add_pricelist"),
        ("patch", f"{LISTS}{made.pk}/", {"priority": 1}, "change_pricelist"),
        ("put", f"{LISTS}{made.pk}/", {"name": "Mine", "currency": "KES"}, "change_pricelist"),
        ("delete", f"{LISTS}{made.pk}/", {}, "delete_pricelist"),
        ("put", items_of(made), {"items": []}, "change_pricelist"),
        ("get", GROUPS, {}, "view_customergroup"),
        ("get", f"{GROUPS}{group.pk}/", {}, "view_customergroup"),
        ("get", f"{GROUPS}{group.pk}/members/", {}, "view_customergroup"),
        ("post", GROUPS, {"name": "Mine"}, "add_customergroup"),
        ("patch", f"{GROUPS}{group.pk}/", {"name": "Mine"}, "change_customergroup"),
        ("delete", f"{GROUPS}{group.pk}/", {}, "delete_customergroup"),
        ("post", f"{GROUPS}{group.pk}/members/", {"users": [str(member.pk)]}, "change_customergroup"),
        ("delete", f"{GROUPS}{group.pk}/members/{member.pk}/", {}, "change_customergroup"),
    ]
    all_rights = {right for *_, right in calls}
    before = everything()

    found = {}
    for method, path, body, right in calls:
        user = {
            "nobody": lambda: None,
            "customer": UserFactory,
            "staff without rights": member_of_staff,
            "staff with the other rights": lambda right=right: member_of_staff(
                *(f"catalog.{other}" for other in all_rights - {right})
            ),
        }[who]()
        found[method, path] = getattr(client_for(user), method)(path, body).status_code

    assert set(found.values()) == {401 if who == "nobody" else 403}
    assert everything() == before


def test_staff_with_the_right_of_a_superuser_who_is_no_staff_do_not_count():
    user = UserFactory(is_superuser=True)

    assert client_for(user).post(LISTS, {"name": "Mine"}).status_code == 403
    assert not PriceList.objects.exists()


def test_lists_are_read_by_whom_they_concern():
    reseller, product = UserFactory(), ProductFactory()
    public, own = price_list(name="Public"), price_list((product, "900"), name="Own", group=group_of(reseller))
    price_list(name="Others", group=group_of(name="Schools"))
    price_list(name="Off", is_active=False)
    price_list(name="Past", valid_until=timezone.now() - timedelta(1))
    price_list(name="To come", valid_from=timezone.now() + timedelta(1))

    def seen_by(user):
        return [row["name"] for row in client_for(user).get(LISTS).json()["results"]]

    assert seen_by(None) == seen_by(UserFactory()) == seen_by(member_of_staff()) == ["Public"]
    assert seen_by(reseller) == ["Own", "Public"]
    assert len(seen_by(member_of_staff("catalog.view_pricelist"))) == 6
    assert client_for(None).get(f"{LISTS}{public.pk}/").status_code == 200
    assert [client_for(None).get(path).status_code for path in (f"{LISTS}{own.pk}/", items_of(own))] == [404, 404]
    assert client_for(reseller).get(items_of(own)).json()["count"] == 1
    assert client_for(None).get(f"{LISTS}{uuid4()}/").status_code == 404
    assert client_for(None).get(f"{LISTS}x/").status_code == 404


# --- Groups ---------------------------------------------------------------------------------------------------


def test_group_takes_members_in_and_lets_them_go():
    keeper = client_for(member_of_staff(*(f"catalog.{right}_customergroup" for right in RIGHTS)))
    one, two = UserFactory(first_name="Wanjiku", last_name="Kamau"), UserFactory()

    made = keeper.post(GROUPS, {"name": "Resellers"})
    path = f"{GROUPS}{made.json()['id']}/"
    added = keeper.post(f"{path}members/", {"users": [str(one.pk), str(two.pk)]})
    again = keeper.post(f"{path}members/", {"users": [str(one.pk)]})
    removed = keeper.delete(f"{path}members/{two.pk}/")

    assert (made.status_code, made.json()["member_count"]) == (201, 0)
    assert (added.json()["member_count"], again.json()["member_count"]) == (2, 2)
    assert (removed.status_code, keeper.delete(f"{path}members/{two.pk}/").status_code) == (204, 404)
    assert keeper.get(f"{path}members/").json()["results"] == [
        {"id": str(one.pk), "email": one.email, "first_name": "Wanjiku", "last_name": "Kamau"}
    ]
    assert keeper.delete(path).status_code == 204


def test_unknown_user_takes_nobody_into_a_group():
    keeper, group = client_for(member_of_staff("catalog.change_customergroup")), group_of()

    answer = keeper.post(f"{GROUPS}{group.pk}/members/", {"users": [str(UserFactory().pk), str(uuid4())]})

    assert (answer.status_code, errors(answer)) == (400, [("unknown_user", "users.1")])
    assert group.members.count() == 0


def test_group_with_a_list_is_not_deleted():
    keeper, made = client_for(member_of_staff("catalog.delete_customergroup")), price_list(group=group_of())
    before = everything()

    answer = keeper.delete(f"{GROUPS}{made.group_id}/")

    assert (answer.status_code, errors(answer)) == (409, [("group_in_use", None)])
    assert everything() == before


# --- Beside products ------------------------------------------------------------------------------------------


def test_prices_of_their_own_are_shown_to_members_alone():
    reseller, stranger = UserFactory(), UserFactory()
    product, other = ProductFactory(price=Decimal(1000)), ProductFactory(price=Decimal(500))
    price_list((product, "900"), (product, "700", 10), group=group_of(reseller))
    price_list((product, "950", 2), name="Public")
    group_of(UserFactory(), name="Schools")

    def in_list(user, path=PRODUCTS):
        rows = client_for(user).get(path).json()["results"]
        return {row["id"]: (row["price"], row.get("your_price")) for row in rows}

    def variant(user):
        shown = client_for(user).get(f"{PRODUCTS}{product.pk}/").json()
        assert shown.get("your_price") == shown["variants"][0].get("your_price")
        return shown["variants"][0].get("your_price"), [
            (each["min_quantity"], each["price"]) for each in shown["variants"][0]["price_breaks"]
        ]

    own = {str(product.pk): ("1000.00", "900.00"), str(other.pk): ("500.00", "500.00")}
    plain = {key: (price, None) for key, (price, _) in own.items()}
    assert in_list(reseller) == in_list(reseller, f"{PRODUCTS}search/") == own
    assert in_list(stranger) == in_list(None) == in_list(stranger, f"{PRODUCTS}search/") == plain
    assert variant(reseller) == ("900.00", [(1, "900.00"), (10, "700.00")])
    assert variant(stranger) == variant(None) == (None, [(2, "950.00")])


def test_own_price_of_a_product_is_the_lowest_of_its_variants():
    reseller = UserFactory()
    product = ProductFactory(
        variants=[
            VariantInput(sku="A", price=Decimal(1000), options={"size": "S"}),
            VariantInput(sku="B", price=Decimal(1200), options={"size": "L"}),
            VariantInput(sku="C", price=Decimal(1500), options={"size": "XL"}),
        ]
    )
    made = price_list(group=group_of(reseller))
    rows = [("A", "990"), ("B", "950"), ("C", "1")]
    services.set_items(made.pk, [services.ItemInput(sku=sku, price=Decimal(price)) for sku, price in rows])
    Variant.objects.filter(sku="C").update(is_active=False)

    shown = client_for(reseller).get(f"{PRODUCTS}{product.pk}/").json()

    assert (shown["price"], shown["your_price"]) == ("1000.00", "950.00")
    assert [each["your_price"] for each in shown["variants"]] == ["990.00", "950.00"]


@pytest.mark.parametrize(
    "fields",
    [
        {"is_active": False},
        {"valid_until": timezone.now() - timedelta(seconds=1)},
        {"valid_from": timezone.now() + timedelta(hours=1)},
    ],
)
def test_list_out_of_force_offers_nothing(api_client, fields):
    product = ProductFactory(price=Decimal(1000))
    price_list((product, "900"), **fields)

    assert api_client.get(f"{PRODUCTS}{product.pk}/").json()["variants"][0]["price_breaks"] == []


def test_list_offers_nothing_for_a_product_that_has_changed_its_currency(api_client):
    product = ProductFactory(price=Decimal(1000))
    price_list((product, "900"))
    Product.objects.filter(pk=product.pk).update(currency="USD")

    assert api_client.get(f"{PRODUCTS}{product.pk}/").json()["variants"][0]["price_breaks"] == []


@pytest.mark.parametrize("rows", [1, 10, 100])
def test_own_prices_take_the_same_statements_for_any_number_of_rows(django_assert_num_queries, rows):
    reseller = UserFactory()
    products = ProductFactory.create_batch(rows)
    made = price_list(*((product, "900") for product in products), group=group_of(reseller))
    client = client_for(reseller)

    with django_assert_num_queries(4):  # user, group, count, products
        assert client.get(PRODUCTS, {"page_size": 100}).json()["count"] == rows
    with django_assert_num_queries(4):  # user, list, count, prices
        assert client.get(items_of(made), {"page_size": 100}).json()["count"] == rows
    with django_assert_num_queries(3):  # user, count, lists
        client.get(LISTS)


def test_prices_are_set_in_few_statements(django_assert_num_queries):
    products = ProductFactory.create_batch(30)
    made = price_list()
    items = [services.ItemInput(variant_id=variant_of(each).pk, price=Decimal(1)) for each in products]

    with django_assert_num_queries(7):  # savepoint and its end, list, variants, prices, new prices, list
        services.set_items(made.pk, items)


# --- Admin ------------------------------------------------------------------------------------------------------


def test_admin_pages_open_for_those_who_may(client, staff):
    made = price_list((ProductFactory(), "900"), group=group_of(UserFactory()))
    pages = [
        address("catalog_pricelist_changelist"),
        address("catalog_pricelist_add"),
        address("catalog_pricelist_change", made),
        address("catalog_customergroup_changelist"),
        address("catalog_customergroup_change", made.group),
    ]

    assert statuses(logged_in(staff), pages) == dict.fromkeys(pages, 200)
    assert statuses(logged_in(member_of_staff()), pages) == dict.fromkeys(pages, 403)
    assert statuses(client, pages) == dict.fromkeys(pages, 302)


def form_of(made, *items, initial=0):
    body = {"name": made.name, "priority": made.priority, "is_active": "on", "group": ""}
    body |= {f"valid_{end}_{part}": "" for end in ("from", "until") for part in (0, 1)}
    body |= {"items-TOTAL_FORMS": len(items), "items-INITIAL_FORMS": initial}
    for index, item in enumerate(items):
        body |= {f"items-{index}-{name}": value for name, value in item.items()}
    return body


def test_admin_sets_prices_by_sku(staff):
    ProductFactory(sku="PHONE")
    made = price_list()
    page = address("catalog_pricelist_change", made)

    answer = logged_in(staff).post(page, form_of(made, {"sku": "PHONE", "min_quantity": 3, "price": "9.50"}))

    assert answer.status_code == 302, answer.context["errors"]
    assert list(PriceListItem.objects.values_list("variant__sku", "min_quantity", "price")) == [
        ("PHONE", 3, Decimal("9.50"))
    ]


@pytest.mark.parametrize(("sku", "currency"), [("NONE", "KES"), ("PHONE", "USD")])
def test_admin_refuses_a_price_of_nothing_and_in_another_currency(staff, sku, currency):
    ProductFactory(sku="PHONE", currency=currency)
    made = price_list()
    page = address("catalog_pricelist_change", made)

    answer = logged_in(staff).post(page, form_of(made, {"sku": sku, "min_quantity": 1, "price": "9.50"}))

    assert answer.status_code == 200
    assert not PriceListItem.objects.exists()


def test_admin_page_costs_the_same_for_one_and_ten_prices(staff):
    client = logged_in(staff)
    products = ProductFactory.create_batch(10)
    one = price_list((products[0], "900"))
    ten = price_list(*((product, "900") for product in products))

    assert queries_of(client, address("catalog_pricelist_change", one)) == queries_of(
        client, address("catalog_pricelist_change", ten)
    )


# --- Races ------------------------------------------------------------------------------------------------------


def test_two_who_set_the_prices_at_once_leave_those_of_one(together):
    variants = [variant_of(product).pk for product in ProductFactory.create_batch(4)]
    made = price_list()
    wanted = [
        [services.ItemInput(variant_id=pk, price=Decimal(price)) for pk in chosen]
        for price, chosen in ((1, variants[:2]), (2, variants[2:]), (3, variants))
    ]

    for _ in range(5):
        together(*(lambda items=items: services.set_items(made.pk, items) for items in wanted * 2))

        left = set(made.items.values_list("variant_id", "price"))
        assert left in [{(item.variant_id, item.price) for item in items} for items in wanted]


def test_currency_of_a_list_changed_against_its_prices_leaves_one_currency(together):
    variant = variant_of(ProductFactory())
    item = services.ItemInput(variant_id=variant.pk, price=Decimal(1))

    for n in range(5):
        made = price_list(name=f"Race {n}")
        together(
            lambda made=made: services.set_items(made.pk, [item]),
            lambda made=made: services.save_price_list(made, currency="USD"),
        )

        made.refresh_from_db()
        assert (made.currency, made.items.count()) in [("KES", 1), ("USD", 0)]
