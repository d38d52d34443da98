"""Querysets that are turned into SQL once."""

import threading
from decimal import Decimal

import pytest
from django.db import connection, transaction
from django.db.models import CharField, Q, UUIDField

from accounts.models import User
from catalog.models import Stock, Variant
from ecommerce.prepared import AnyOf, Parameter, Prepared, ids
from tests.factories import ProductFactory, UserFactory, variant_of

pytestmark = pytest.mark.django_db


def test_runs_give_what_the_queryset_gives_each_with_its_own_values(django_assert_num_queries):
    first, second = (variant_of(ProductFactory(sku=sku, price=Decimal(price))) for sku, price in (("A", 5), ("B", 7)))
    name = second.product.product_name
    built = []

    def build():
        built.append(1)
        rows = Variant.objects.filter(AnyOf("pk", ids("variants"))).order_by("sku")
        return rows.values_list("pk", "price", "options", "product__product_name")

    prepared = Prepared(build)
    with django_assert_num_queries(3):
        assert [row[0] for row in prepared.rows(variants=[second.pk, first.pk])] == [first.pk, second.pk]
        assert prepared.rows(variants=[second.pk]) == [[second.pk, Decimal("7.00"), {}, name]]
        assert prepared.rows(variants=[]) == []
    assert len(built) == 1


def test_a_parameter_compares_as_its_type_and_stands_in_several_places():
    user = UserFactory(email="a@example.com")
    either = Q(email=Parameter("text", CharField())) | Q(first_name=Parameter("text", CharField()))
    prepared = Prepared(lambda: User.objects.filter(either).values_list("pk"))

    assert prepared.rows(text="a@example.com") == [[user.pk]]
    assert prepared.rows(text="'; DROP TABLE accounts_user; --") == []


def test_a_missing_value_is_an_error():
    prepared = Prepared(lambda: User.objects.filter(pk=Parameter("user", UUIDField())).values_list("pk"))

    with pytest.raises(KeyError):
        prepared.rows()


@pytest.mark.django_db(transaction=True)
def test_it_locks_the_named_table_and_not_what_it_joins():
    variant = variant_of(ProductFactory())
    prepared = Prepared(
        lambda: Variant.objects.filter(AnyOf("pk", ids("variants")), stock_level__isnull=False).values_list("pk"),
        lock=Stock,
    )
    seen = {}

    def look() -> None:
        free = Variant.objects.select_for_update(skip_locked=True, of=("self",)).filter(pk=variant.pk)
        held = Stock.objects.select_for_update(skip_locked=True).filter(pk=variant.pk)
        with transaction.atomic():
            seen["variant"], seen["stock"] = free.count() and len(free), len(held)
        connection.close()

    with transaction.atomic():
        prepared.rows(variants=[variant.pk])
        other = threading.Thread(target=look)
        other.start()
        other.join()

    assert seen == {"variant": 1, "stock": 0}
