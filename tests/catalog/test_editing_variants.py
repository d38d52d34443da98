"""The variants of a product that is written: which is meant, what goes, what stays for its history's sake."""

from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from catalog.editing import variants as editing
from catalog.models import Stock, Variant
from catalog.services import VariantInput
from orders.carts import CartOwner, add_item
from orders.lines import ItemInput
from tests.admin_pages import member_of_staff
from tests.catalog.editing import errors, everything, page
from tests.clients import client_for
from tests.factories import ProductFactory, place_order

pytestmark = pytest.mark.django_db


@pytest.fixture
def editor(db):
    return client_for(member_of_staff("catalog.change_product"))


def shirt(*colours: str, stock: int = 0):
    """Make a product with a variant of each colour, named by its SKU."""
    inputs = [
        VariantInput(sku=colour, price=Decimal("100.00"), options={"color": colour}, stock=stock) for colour in colours
    ]
    return ProductFactory(variants=inputs)


def rows(product):
    return {row.sku: (row.position, row.is_active) for row in Variant.objects.filter(product=product)}


def put(editor, product, *variants):
    whole = {"product_name": product.product_name, "category": str(product.category_id)}
    return editor.put(page(product), whole | {"variants": list(variants)})


def coloured(colour, **fields):
    return {"sku": colour, "options": {"color": colour}, "price": "100.00"} | fields


def test_variants_left_out_of_a_patch_stay(editor):
    product = shirt("red", "blue")

    answer = editor.patch(page(product), {"variants": [{"sku": "blue", "barcode": "1"}, coloured("green", stock=2)]})

    assert answer.status_code == 200, answer.json()
    assert rows(product) == {"red": (0, True), "blue": (1, True), "green": (2, True)}
    assert Variant.objects.values_list("barcode", flat=True).get(sku="blue") == "1"
    assert Stock.objects.values_list("available", "on_hand").get(variant__sku="green") == (2, 2)


def test_variants_left_out_of_a_put_are_deleted_if_nothing_knows_them(editor):
    product = shirt("red", "blue")

    answer = put(editor, product, coloured("green"), {"sku": "blue", "price": "100.00", "options": {"color": "blue"}})

    assert answer.status_code == 200, answer.json()
    assert rows(product) == {"green": (0, True), "blue": (1, True)}
    assert Stock.objects.count() == 2


def test_variant_with_a_past_is_never_deleted(editor, customer):
    moved, ordered, carted = shirt("moved", stock=5), shirt("ordered", stock=5), shirt("carted", stock=1)
    place_order(customer, ordered)
    add_item(CartOwner(user=customer), ItemInput(quantity=1, product_id=carted.pk))

    for product in (moved, ordered, carted):
        assert put(editor, product, coloured(f"new-{product.url_key}")).status_code == 200

    assert [rows(product)[sku] for product, sku in ((moved, "moved"), (ordered, "ordered"), (carted, "carted"))] == [
        (0, False)
    ] * 3
    assert (
        Stock.objects.filter(variant__is_active=False).order_by("pk").values_list("available", flat=True).count() == 3
    )
    assert [product.in_stock for product in (moved, ordered, carted) if product.refresh_from_db() is None] == [
        False
    ] * 3
    # And it can be sold again.
    back = editor.patch(page(moved), {"variants": [{"sku": "moved", "is_active": True}]})
    assert (back.status_code, back.json()["in_stock"]) == (200, True)


def test_variant_that_only_a_cart_knows_stays_in_it(editor, customer):
    product = shirt("red")
    Stock.objects.update(available=3, on_hand=3)  # without a movement: the cart alone knows it
    add_item(CartOwner(user=customer), ItemInput(quantity=1, product_id=product.pk))

    assert put(editor, product, coloured("blue")).status_code == 200

    assert rows(product) == {"red": (0, False), "blue": (0, True)}
    cart = client_for(customer).get("/api/cart/").json()
    assert len(cart["items"]) == 1
    checkout = client_for(customer).post("/api/cart/checkout/confirm/", {"email": "a@example.com"})
    assert (checkout.status_code, errors(checkout)[0][0]) == (400, "product_unavailable")


def test_sku_is_changed_by_id(editor):
    product = shirt("red", stock=4)
    red = Variant.objects.get()

    answer = put(editor, product, {"id": str(red.pk), "sku": "crimson", "options": {"color": "red"}})

    assert (answer.status_code, rows(product)) == (200, {"crimson": (0, True)})
    assert answer.json()["variants"][0]["stock"] == 4


def test_first_stock_is_for_new_variants_alone(editor):
    product = shirt("red", stock=4)
    before = everything()

    answer = editor.patch(page(product), {"variants": [{"sku": "red", "stock": 9}]})

    assert (answer.status_code, errors(answer)) == (400, [("stock_not_writable", "variants.0.stock")])
    assert everything() == before


def test_variants_of_other_products_are_not_found_here(editor):
    product, other = shirt("red"), shirt("blue")
    before = everything()

    by_id = editor.patch(
        page(product), {"variants": [{"id": str(Variant.objects.get(product=other).pk), "price": "1.00"}]}
    )
    by_sku = editor.patch(page(product), {"variants": [coloured("blue")]})

    assert (by_id.status_code, errors(by_id)) == (400, [("variant_unknown", "variants.0.id")])
    assert (by_sku.status_code, errors(by_sku)) == (409, [("sku_taken", "variants.0.sku")])
    assert everything() == before


def test_two_variants_with_the_same_options_are_refused(editor):
    product = shirt("red", "blue", stock=1)
    put(editor, product, coloured("blue"))  # red is not sold any more, and keeps its options
    before = everything()

    answers = [
        editor.patch(page(product), {"variants": [coloured("red-2", options={"color": "red"})]}),
        editor.patch(page(product), {"variants": [{"sku": "blue", "options": {"color": "red"}}]}),
        editor.patch(page(product), {"variants": [coloured("x", options={}), coloured("y", options={})]}),
    ]

    taken = ("variant_options_taken", "variants.0.options")
    assert [(answer.status_code, errors(answer)) for answer in answers] == [
        (409, [taken]),
        (409, [taken]),
        (409, [("variant_options_taken", "variants.1.options")]),
    ]
    assert everything() == before


def test_variant_named_by_id_and_by_sku_is_named_twice(editor):
    product = shirt("red")
    before = everything()

    answer = editor.patch(
        page(product), {"variants": [{"sku": "red", "price": "1.00"}, {"id": str(Variant.objects.get().pk)}]}
    )

    assert (answer.status_code, errors(answer)) == (400, [("variant_named_twice", "variants.1")])
    assert everything() == before


def test_last_variant_that_is_sold_stays(editor):
    product = shirt("red")
    before = everything()

    answer = editor.patch(page(product), {"variants": [{"sku": "red", "is_active": False}]})

    assert (answer.status_code, errors(answer)) == (400, [("active_variant_required", "variants")])
    assert everything() == before


@pytest.mark.parametrize(("limit", "colours"), [("MAX_SOLD", ["a", "b"]), ("MAX_ALL", ["a", "b"])])
def test_product_has_a_limited_number_of_variants(editor, monkeypatch, limit, colours):
    product = shirt(*colours)
    monkeypatch.setattr(editing, limit, 2)
    before = everything()

    answer = editor.patch(page(product), {"variants": [coloured("c")]})

    assert (answer.status_code, errors(answer)) == (409, [("too_many_variants", "variants")])
    assert everything() == before


def test_former_price_must_stay_above_a_price_that_rises(editor):
    product = ProductFactory(
        variants=[VariantInput(sku="A", price=Decimal("80.00"), compare_at_price=Decimal("100.00"))]
    )
    before = everything()

    refused = editor.patch(page(product), {"variants": [{"sku": "A", "price": "100.00"}]})

    wrong = [("compare_at_price_too_low", "variants.0.compare_at_price")]
    assert (refused.status_code, errors(refused)) == (400, wrong)
    assert everything() == before
    rise = {"variants": [{"sku": "A", "price": "100.00", "compare_at_price": None}]}
    assert editor.patch(page(product), rise).json()["price"] == "100.00"


def test_statements_do_not_grow_with_the_variants(editor):
    counts = set()
    for number in (1, 10, 100):
        product = shirt(*(f"{number}-{n}" for n in range(number)))
        body = {"variants": [{"sku": f"{number}-{n}", "price": "90.00"} for n in range(number)]}
        with CaptureQueriesContext(connection) as captured:
            assert editor.patch(page(product), body).status_code == 200
        counts.add(len(captured))

    assert len(counts) == 1, counts
