"""Back-orders and pre-orders in files and in the product's form: out, in again, undone, and refused."""

from datetime import date

import pytest

from catalog.history.models import StockEvent
from catalog.inventory.availability import AvailabilityPolicy, Selling
from catalog.models import Stock, Variant
from catalog.stock import set_selling
from tests.admin_pages import address, logged_in, member_of_staff
from tests.catalog.exchange import counts, errors, exported, run, upload
from tests.catalog.test_admin import new_product, product_form
from tests.clients import client_for
from tests.factories import CategoryFactory, ProductFactory, variant_of

pytestmark = pytest.mark.django_db

PREORDER = Selling(AvailabilityPolicy.PREORDER, 50, date(2026, 12, 14))
BACKORDER = Selling(AvailabilityPolicy.BACKORDER, 5)
HEADER = "sku,product_name,price,stock,availability_policy,backorder_limit,available_from\n"


@pytest.fixture
def client(staff):
    return client_for(staff)


def selling(sku="A"):
    level = Stock.objects.get(variant__sku=sku)
    return Selling(AvailabilityPolicy(level.availability_policy), level.backorder_limit, level.available_from)


# --- Files --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["csv", "xlsx", "ndjson"])
def test_what_is_sold_beyond_the_stock_goes_out_and_comes_in_again(client, run_owed_work, form):
    variants = {sku: variant_of(ProductFactory(sku=sku, stock=3)).pk for sku in ("A", "B", "C")}
    wanted = {"A": PREORDER, "B": BACKORDER, "C": Selling()}
    set_selling({variants[sku]: one for sku, one in wanted.items()})
    file = exported(client, form)
    Stock.objects.update(availability_policy="backorder", backorder_limit=9, available_from=None)

    told = run(client, run_owed_work, file, name=f"products.{form}", update_stock="true")
    again = run(client, run_owed_work, file, name=f"products.{form}", update_stock="true", key="again")

    assert (counts(told), counts(again)) == ((0, 3, 0, 0), (0, 0, 3, 0))
    assert {sku: selling(sku) for sku in wanted} == wanted


def test_new_variant_is_sold_as_the_file_says(client, run_owed_work):
    rows = "A,One,100,2,preorder,50,2026-12-14\nB,Two,100,0,Backorder,5,\nC,Three,100,0,,,\n"

    told = run(client, run_owed_work, HEADER + rows)

    assert counts(told) == (3, 0, 0, 0)
    assert [selling(sku) for sku in "ABC"] == [PREORDER, BACKORDER, Selling()]


def test_without_counting_stock_what_is_there_stays(client, run_owed_work):
    set_selling({variant_of(ProductFactory(sku="A", price=100)).pk: BACKORDER})

    told = run(client, run_owed_work, HEADER + "A,,100,,preorder,50,2026-12-14\n")

    assert counts(told) == (0, 0, 1, 0)
    assert selling() == BACKORDER


def test_who_may_not_change_stock_changes_it_by_no_file(run_owed_work):
    set_selling({variant_of(ProductFactory(sku="A", price=100)).pk: BACKORDER})
    rights = ("catalog.add_product", "catalog.change_product", "catalog.view_catalogueimport")
    editor = client_for(member_of_staff(*rights))

    answer = upload(editor, HEADER + "A,,100,,deny,0,\n", update_stock="true")
    run_owed_work()

    assert answer.status_code == 403
    assert selling() == BACKORDER


@pytest.mark.parametrize(
    "cells",
    ["backorder,0,", "backorder,-5,", "backorder,,", "preorder,5,", "deny,5,", "deny,0,2026-12-14", "sometimes,5,",
     "preorder,5,2026-13-40", "preorder,5,soon", ",5,", "backorder,1e9,", "backorder,99999999999,", "preorder,5,٢٠٢٦"],
)  # fmt: skip
def test_what_makes_no_sense_is_told_and_changes_nothing(client, run_owed_work, cells):
    set_selling({variant_of(ProductFactory(sku="A", price=100)).pk: BACKORDER})

    told = run(client, run_owed_work, HEADER + f"A,,100,,{cells}\n", update_stock="true")

    assert errors(client, told) == [(2, "availability_policy", "bad_availability")]
    assert selling() == BACKORDER


def test_undo_gives_back_how_it_was_sold_unless_somebody_has_changed_it(client, run_owed_work):
    for sku in "AB":
        set_selling({variant_of(ProductFactory(sku=sku, price=100)).pk: BACKORDER})
    rows = "A,,100,,preorder,50,2026-12-14\nB,,100,,preorder,50,2026-12-14\n"
    told = run(client, run_owed_work, HEADER + rows, update_stock="true")
    assert [selling(sku) for sku in "AB"] == [PREORDER, PREORDER]
    set_selling({Variant.objects.get(sku="B").pk: Selling()})

    client.post(f"/api/imports/{told['id']}/undo/")
    run_owed_work()

    assert [selling(sku) for sku in "AB"] == [BACKORDER, Selling()]


def test_change_by_a_file_is_in_the_history(client, staff, run_owed_work):
    product = ProductFactory(sku="A", price=100)
    run(client, run_owed_work, HEADER + "A,,100,,backorder,5,\n", update_stock="true")

    rows = client.get(f"/api/products/{product.pk}/history/").json()["results"]

    [told] = [row for row in rows if row["kind"] == "selling"]
    assert (told["action"], told["name"], told["actor"]["id"]) == ("changed", "A", str(staff.pk))
    assert told["changes"] == {
        "availability_policy": {"before": "deny", "after": "backorder"},
        "backorder_limit": {"before": 0, "after": 5},
    }


# --- The product's form -------------------------------------------------------------------------------------------


def test_product_form_makes_and_changes_what_is_sold_beyond_the_stock(staff):
    browser = logged_in(staff)
    fields = {"sku": "A", "price": "100", "availability_policy": "preorder", "backorder_limit": "50"}

    made = browser.post(
        address("catalog_product_add"), new_product(CategoryFactory(), fields | {"available_from": "2026-12-14"})
    )

    assert (made.status_code, selling()) == (302, PREORDER)
    product = Variant.objects.get(sku="A").product
    page = address("catalog_product_change", product)
    shown = browser.get(page).content.decode()
    assert 'value="2026-12-14"' in shown
    form = product_form(product)
    sent = {"variants-0-availability_policy": "backorder", "variants-0-backorder_limit": "5"}
    changed = browser.post(page, form | sent | {"variants-0-available_from": ""})
    assert (changed.status_code, selling()) == (302, BACKORDER)
    assert StockEvent.objects.latest("pgh_id").pgh_context["via"] == "admin"


@pytest.mark.parametrize(
    ("sent", "named"),
    [
        ({"availability_policy": "backorder", "backorder_limit": "0"}, "backorder_limit"),
        ({"availability_policy": "preorder", "backorder_limit": "5"}, "available_from"),
        ({"availability_policy": "deny", "backorder_limit": "5"}, "backorder_limit"),
        ({"availability_policy": "backorder", "backorder_limit": "-1"}, "backorder_limit"),
        ({"availability_policy": "never", "backorder_limit": "1"}, "availability_policy"),
    ],
)
def test_product_form_tells_what_makes_no_sense(staff, sent, named):
    product = ProductFactory(sku="A")
    form = product_form(product) | {f"variants-0-{name}": value for name, value in sent.items()}

    answer = logged_in(staff).post(address("catalog_product_change", product), form)

    assert answer.status_code == 200
    assert named in answer.context["inline_admin_formsets"][0].formset.forms[0].errors
    assert selling() == Selling()


def test_product_form_lets_only_those_change_it_who_may_change_stock(staff):
    product = ProductFactory(sku="A", product_name="Before")
    editor = member_of_staff("catalog.view_product", "catalog.change_product")
    form = product_form(product, product_name="After")
    form |= {"variants-0-availability_policy": "backorder", "variants-0-backorder_limit": "5"}

    answer = logged_in(editor).post(address("catalog_product_change", product), form)

    product.refresh_from_db()
    assert (answer.status_code, product.product_name, selling()) == (302, "After", Selling())


def test_form_that_says_nothing_of_it_leaves_it_alone(staff):
    product = ProductFactory(sku="A")
    set_selling({variant_of(product).pk: BACKORDER})

    answer = logged_in(staff).post(address("catalog_product_change", product), product_form(product))

    assert (answer.status_code, selling()) == (302, BACKORDER)
