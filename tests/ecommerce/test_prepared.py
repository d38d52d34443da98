"""Statements that are made once."""

import threading
from decimal import Decimal

import pytest
from django.db import OperationalError, connection, transaction
from django.db.models import CharField, F, Q, UUIDField

from accounts.models import User
from catalog.models import Stock, Variant
from ecommerce.prepared import AnyOf, Parameter, Prepared, Statement, ids, run
from orders.models import Cart
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


def test_what_is_selected_with_it_comes_as_objects(django_assert_num_queries):
    variant = variant_of(ProductFactory(sku="A", price=Decimal(5), stock=3))
    product = variant.product
    prepared = Prepared(
        lambda: (
            Variant.objects.select_related("product", "stock_level")
            .defer("product__description")
            .annotate(twice=F("price") * 2)
            .filter(AnyOf("pk", ids("variants")))
        )
    )

    with django_assert_num_queries(1):
        (read,) = prepared.objects(variants=[variant.pk])
        assert (read, read.product, read.stock_level.available, read.twice) == (
            variant,
            product,
            3,
            Decimal(10),
        )
        assert (read.stock_level.variant, read.product.product_name) == (read, product.product_name)
    assert read.product.get_deferred_fields() == {"description"}
    assert prepared.objects(variants=[]) == []


def test_what_is_joined_and_missing_is_none():
    user = UserFactory()
    cart = Cart.objects.create(user=user)

    (read,) = Prepared(
        lambda: Cart.objects.select_related("checkout").filter(pk=Parameter("cart", UUIDField()))
    ).objects(cart=cart.pk)

    assert read.version == 1
    assert not hasattr(read, "checkout")


def test_per_cent_signs_mean_themselves():
    UserFactory(first_name="100%", email="a@example.com")
    name, at = Parameter("name", CharField()), "a@"
    prepared = Prepared(lambda: User.objects.filter(first_name=name, email__startswith=at).values_list("email"))

    assert prepared.rows(name="100%") == [["a@example.com"]]
    assert prepared.rows(name="100") == []
    assert Statement("SELECT 7 %% %(by)s, '%%'", by="int").run(by=4) == [(3, "%")]


def test_postgresql_plans_once_for_each_connection():
    statement = Statement("SELECT 'planned once', %(value)s", value="int")
    names = Statement("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE %(like)s", like="text")

    assert [statement.run(value=value) for value in (1, 2)] == [[("planned once", 1)], [("planned once", 2)]]

    assert names.run(like="%planned once%") == [(1,)]


def test_behind_a_pooler_nothing_is_kept_in_a_connection(settings):
    settings.DATABASE_PREPARED_STATEMENTS = False
    user = UserFactory()
    prepared = Prepared(
        lambda: User.objects.filter(pk=Parameter("user", UUIDField()), email__contains="%").values("pk")
    )
    statement = Statement("SELECT 'never kept', %(value)s", value="int")

    assert prepared.rows(user=user.pk) == []
    assert statement.run(value=1) == [("never kept", 1)]
    assert Statement("SELECT 7 %% 4, '%%'").run() == [(3, "%")]
    assert run("SELECT '%%', %s", [5]) == [("%", 5)]

    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE %s", ["%never kept%"])
        assert cursor.fetchone() == (0,)


@pytest.mark.django_db(transaction=True)
def test_a_column_of_another_type_costs_one_request_and_no_more():
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE altered (value int)")
        statement = Statement("SELECT value FROM pg_temp.altered")
        statement.run()
        cursor.execute("ALTER TABLE pg_temp.altered ALTER value TYPE text")

    with pytest.raises(OperationalError):
        statement.run()

    connection.close_if_unusable_or_obsolete()
    assert connection.connection is None
    assert Statement("SELECT 1").run() == [(1,)]


def test_what_is_put_together_is_planned_once_too_and_sees_its_types():
    user = UserFactory(email="a@example.com")
    text = "SELECT id, '%%' FROM accounts_user WHERE id = %s AND email LIKE %s AND 'put' = 'put'"

    assert [run(text, [user.pk, like]) for like in ("a%", "b%")] == [[(user.pk, "%")], []]

    assert run("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE %s", ["%'put'%"]) == [(1,)]


@pytest.mark.django_db(transaction=True)
def test_a_connection_keeps_so_many_and_forgets_what_was_not_run_for_the_longest_time(monkeypatch):
    monkeypatch.setattr("ecommerce.prepared.MOST_KEPT", 3)
    connection.close()
    kept = Statement("SELECT 'kept'")

    for number in range(5):
        assert kept.run() == [("kept",)]
        assert run(f"SELECT {number}") == [(number,)]

    assert len(connection.prepared_statements) == 3
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement FROM pg_prepared_statements")
        assert {text.partition(" AS ")[2] for (text,) in cursor} == {"SELECT 'kept'", "SELECT 3", "SELECT 4"}
