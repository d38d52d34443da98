"""Categories and brands, changed at the same time."""

from functools import partial

import pytest
from django.db import transaction

from catalog.models import Brand, Category, Product
from catalog.services import save_brand, save_category
from catalog.taxonomy import services
from tests.admin_pages import member_of_staff
from tests.clients import client_for
from tests.factories import BrandFactory, CategoryFactory, ProductFactory
from tests.racing import at_once

pytestmark = pytest.mark.django_db(transaction=True)


def assert_tree_holds() -> None:
    """Each path is the parent's path and the own id."""
    rows = {row.pk: row for row in Category.objects.all()}
    for row in rows.values():
        above = f"{rows[row.parent_id].path}." if row.parent_id else ""
        assert row.path == f"{above}{row.pk.hex}"


def test_two_moves_that_would_make_a_cycle_together_leave_a_tree(together):
    for n in range(8):
        left, right = CategoryFactory(category_name=f"Left {n}"), CategoryFactory(category_name=f"Right {n}")

        results = together(
            partial(services.update_category, left.pk, parent=right),
            partial(services.update_category, right.pk, parent=left),
        )

        assert sorted(type(result).__name__ for result in results) == ["Category", "CategoryCycle"]
        assert_tree_holds()


def test_rename_and_move_at_once_both_stay(together):
    for n in range(8):
        parent, child = CategoryFactory(category_name=f"Parent {n}"), CategoryFactory(category_name=f"Child {n}")
        CategoryFactory(category_name=f"Leaf {n}", parent=child)

        together(
            partial(services.update_category, child.pk, parent=parent),
            partial(services.update_category, child.pk, category_name=f"Renamed {n}"),
        )

        child.refresh_from_db()
        assert (child.category_name, child.parent_id) == (f"Renamed {n}", parent.pk)
        assert_tree_holds()


def test_category_is_deleted_or_used_but_never_both(together):
    for n in range(8):
        category = CategoryFactory(category_name=f"Shelf {n}")
        new = partial(save_category, category_name=f"Child {n}", parent=category)

        removed, child = together(partial(services.delete_category, category.pk), new)

        there = Category.objects.filter(pk=category.pk).exists()
        assert there == isinstance(child, Category) == isinstance(removed, services.CategoryInUse)
        assert_tree_holds()


def test_category_that_gets_a_product_meanwhile_stays(together):
    for n in range(8):
        category = CategoryFactory(category_name=f"Shelf {n}")
        elsewhere = ProductFactory()

        def put_in(category=category, product=elsewhere):
            with transaction.atomic():
                Product.objects.filter(pk=product.pk).update(category=category)

        removed, put = together(partial(services.delete_category, category.pk), put_in)

        elsewhere.refresh_from_db()
        there = Category.objects.filter(pk=category.pk).exists()
        assert there == (put is None) == (elsewhere.category_id == category.pk)
        assert there == isinstance(removed, services.CategoryInUse)


def test_one_name_at_once_is_taken_once_and_named_as_the_fields_error():
    clients = [client_for(member_of_staff("catalog.add_category", "catalog.add_brand")) for _ in range(6)]
    for path, body in (("/api/categories/", {"category_name": "Phones"}), ("/api/brands/", {"name": "Samsung"})):
        answers = at_once([partial(client.post, path, body) for client in clients])

        assert sorted(answer.status_code for answer in answers) == [201, 400, 400, 400, 400, 400]
        codes = {row["code"] for answer in answers if answer.status_code == 400 for row in answer.json()["errors"]}
        assert codes == {"unique"}
    assert (Category.objects.count(), Brand.objects.count()) == (1, 1)


def test_products_that_are_written_during_a_merge_all_end_up_with_the_present_brand(together):
    for _ in range(5):
        gone, kept = BrandFactory(), BrandFactory()
        moved, unmoved = ProductFactory(brand=gone), ProductFactory()

        def to_former(product=unmoved, brand=gone):
            Product.objects.filter(pk=product.pk).update(brand=brand)

        results = together(
            partial(services.merge_brands, gone.pk, into=kept.pk),
            to_former,
            partial(ProductFactory, brand=gone, category=moved.category),
        )

        assert [result for result in results if isinstance(result, Exception)] == []
        assert (gone.products.count(), kept.products.count()) == (0, 3)


def test_merges_in_opposite_directions_at_once_leave_one_brand(together):
    for n in range(8):
        left, right = save_brand(name=f"Left {n}"), save_brand(name=f"Right {n}")

        together(
            partial(services.merge_brands, left.pk, into=right.pk),
            partial(services.merge_brands, right.pk, into=left.pk),
        )

        rows = Brand.objects.filter(pk__in=[left.pk, right.pk])
        assert sorted(row.merged_into_id is None for row in rows) == [False, True]
