"""Products written by several people at the same moment."""

from decimal import Decimal
from functools import partial

import pytest

from catalog.models import Product, StockMovement, Variant
from catalog.services import VariantInput
from orders.models import OrderItem
from tests.admin_pages import member_of_staff
from tests.catalog.editing import PRODUCTS, charger, errors, page
from tests.clients import client_for
from tests.factories import CategoryFactory, ProductFactory, UserFactory

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def editors(transactional_db):
    rights = [f"catalog.{what}_product" for what in ("add", "change", "delete")]
    return [client_for(member_of_staff(*rights)) for _ in range(4)]


def outcomes(answers):
    return sorted((answer.status_code, *(errors(answer)[0] if answer.status_code >= 400 else ())) for answer in answers)


def test_of_editors_who_read_the_same_state_one_writes(editors, together):
    product = ProductFactory()
    tag = editors[0].get(page(product, "edit"))["ETag"]

    answers = together(
        *(
            partial(editor.patch, page(product), {"description": f"Editor {index}"}, HTTP_IF_MATCH=tag)
            for index, editor in enumerate(editors)
        )
    )

    winner = next(index for index, answer in enumerate(answers) if answer.status_code == 200)
    assert outcomes(answers) == [(200,)] + [(412, "product_changed", "If-Match")] * 3
    assert Product.objects.get().description == f"Editor {winner}"


def test_without_a_precondition_nobodys_variant_is_lost(editors, together):
    product = ProductFactory(sku="A", price=Decimal("100.00"))
    new = [{"sku": f"N{n}", "price": f"{90 - n}.00", "options": {"size": str(n)}, "stock": 1} for n in range(4)]

    answers = together(
        *(partial(editor.patch, page(product), {"variants": [row]}) for editor, row in zip(editors, new, strict=True))
    )

    assert outcomes(answers) == [(200,)] * 4
    assert set(Variant.objects.values_list("sku", flat=True)) == {"A", "N0", "N1", "N2", "N3"}
    assert Product.objects.get().price == Decimal("87.00")


def test_same_sku_and_address_made_at_once_exist_once(editors, together):
    CategoryFactory(category_name="Chargers")
    body = charger(category="chargers", url_key="one-address")

    answers = together(*(partial(editor.post, PRODUCTS, body) for editor in editors))

    assert [answer.status_code for answer in answers].count(201) == 1
    refused = [errors(answer)[0][0] for answer in answers if answer.status_code != 201]
    assert set(refused) <= {"url_key_taken", "sku_taken"}
    assert len(refused) == 3
    assert (Product.objects.count(), Variant.objects.count(), StockMovement.objects.count()) == (1, 1, 1)


def test_same_key_at_once_makes_one_product(editors, together):
    CategoryFactory(category_name="Chargers")
    body = charger(category="chargers")

    answers = together(*(partial(editors[0].post, PRODUCTS, body, HTTP_IDEMPOTENCY_KEY="k") for _ in range(4)))

    assert [answer.status_code for answer in answers] == [201] * 4
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert Product.objects.count() == 1


def test_variant_is_either_ordered_or_deleted(editors, together):
    """A digital variant needs no stock, so that nothing but the order knows it."""
    category = CategoryFactory()
    for round_number in range(5):
        names = [f"{round_number}-keep", f"{round_number}-go"]
        inputs = [VariantInput(sku=name, price=Decimal("10.00"), options={"n": name}) for name in names]
        product = ProductFactory(kind="digital", category=category, variants=inputs)
        keep, go = Variant.objects.filter(product=product).order_by("position")
        whole = {
            "product_name": "x",
            "category": category.url_key,
            "kind": "digital",
            "variants": [{"id": str(keep.pk)}],
        }
        order = {"items": [{"variant_id": str(go.pk), "quantity": 1}]}

        placed, written = together(
            partial(client_for(UserFactory()).post, "/api/orders/", order),
            partial(editors[0].put, page(product), whole),
        )

        assert (placed.status_code, written.status_code) in {(201, 200), (400, 200), (201, 409), (409, 200)}
        left = Variant.objects.filter(pk=go.pk).first()
        ordered = OrderItem.objects.filter(variant_id=go.pk).exists()
        assert ordered == (placed.status_code == 201)
        assert not ordered or left is not None
