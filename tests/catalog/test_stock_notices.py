"""Telling people once that something is back in stock."""

import select
from datetime import timedelta
from decimal import Decimal
from functools import partial
from uuid import UUID, uuid4

import psycopg2
import pytest
from django.core import mail
from django.core.management import CommandError, call_command
from django.db import IntegrityError, OperationalError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from catalog import services as catalog_services
from catalog import stock
from catalog.checks import CHECKS
from catalog.models import Product, Stock, Variant
from catalog.services import VariantInput
from catalog.wishlist import services
from catalog.wishlist.exceptions import AlreadyInStock
from catalog.wishlist.models import StockNotice
from ecommerce.models import OutboxMessage
from ecommerce.outbox import CHANNEL
from orders import services as order_services
from orders.models import Order
from tests.clients import client_for
from tests.factories import ProductFactory, UserFactory, place_order, variant_of
from tests.racing import at_once

pytestmark = pytest.mark.django_db

ANNOUNCED, MAILED = "catalog.announce_stock", "catalog.mail_stock_notices"


def address(product: Product) -> str:
    return f"/api/products/{product.pk}/notify/"


def errors(answer) -> list[tuple[str, str | None]]:
    return [(row["code"], row["attr"]) for row in answer.json()["errors"]]


def sold_out(**fields) -> Product:
    return ProductFactory(stock=0, **fields)


def in_colours(*units: int) -> tuple[Product, list[Variant]]:
    """A product with one variant for each number of units."""
    colours = ["Black", "White", "Red"]
    variants = [
        VariantInput(f"{uuid4()}", Decimal(10), {"color": c}, stock=n) for c, n in zip(colours, units, strict=False)
    ]
    product = ProductFactory(variants=variants)
    return product, list(product.variants.order_by("position"))


def wait(product: Product, user: User | None = None, variant: Variant | None = None) -> StockNotice:
    user = user or UserFactory()
    return services.ask_for_notice(user=user, product_id=product.pk, variant_id=variant.pk if variant else None)[0]


def add(product: Product, units: int = 5) -> None:
    stock.adjust_stock({variant_of(product).pk: units})


def mailed() -> list[str]:
    return sorted(message.to[0] for message in mail.outbox)


def waiting() -> set[UUID]:
    return set(StockNotice.objects.filter(owed_at=None).values_list("pk", flat=True))


def everything() -> tuple[list[object], ...]:
    return (
        list(StockNotice.objects.order_by("pk").values()),
        list(OutboxMessage.objects.order_by("pk").values()),
        list(Stock.objects.order_by("pk").values()),
    )


# --- Asking ---------------------------------------------------------------------------------------------------


def test_somebody_asks_once_and_is_told_so(customer):
    product = sold_out()
    client = client_for(customer)

    first, second = client.post(address(product)), client.post(address(product), {"variant_id": None})

    notice = StockNotice.objects.get()
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json()
    assert first.json() | {"created_at": ""} == {"product": str(product.pk), "variant": None, "created_at": ""}
    assert (notice.user, notice.owed_at, notice.sent_at) == (customer, None, None)
    assert not OutboxMessage.objects.exists()


def test_only_variant_is_the_product(customer):
    product = sold_out(url_key="nokia-3310")
    client = client_for(customer)

    answers = [client.post(address(product), {"variant_id": str(variant_of(product).pk)}) for _ in range(2)]
    answers.append(client.post("/api/products/nokia-3310/notify/", {}))

    assert [answer.status_code for answer in answers] == [201, 200, 200]
    assert StockNotice.objects.get().variant is None


def test_product_and_each_variant_are_waited_for_apart(customer):
    product, variants = in_colours(0, 0)

    for variant_id in (None, *(str(variant.pk) for variant in variants)):
        assert client_for(customer).post(address(product), {"variant_id": variant_id}).status_code == 201

    assert set(StockNotice.objects.values_list("variant", flat=True)) == {None, *(variant.pk for variant in variants)}


def test_nobody_waits_for_what_can_be_ordered(customer):
    product, (some, none) = in_colours(3, 0)
    digital = sold_out(kind=Product.Kind.DIGITAL)
    client = client_for(customer)
    refused = [
        client.post(address(product)),
        client.post(address(product), {"variant_id": str(some.pk)}),
        client.post(address(digital)),
    ]

    for answer in refused:
        assert (answer.status_code, errors(answer)) == (409, [("already_in_stock", None)])
    assert not StockNotice.objects.exists()
    assert client.post(address(product), {"variant_id": str(none.pk)}).status_code == 201


def test_variant_must_be_one_of_the_product(customer):
    product, (first, _) = in_colours(0, 0)
    _, (other, _) = in_colours(0, 0)
    Variant.objects.filter(pk=first.pk).update(is_active=False)

    for variant_id in (other.pk, first.pk, uuid4()):
        answer = client_for(customer).post(address(product), {"variant_id": str(variant_id)})
        assert (answer.status_code, errors(answer)) == (400, [("product_unavailable", "variant_id")])
    assert errors(client_for(customer).post(address(product), {"variant_id": "x"})) == [("invalid", "variant_id")]
    assert not StockNotice.objects.exists()


def test_asking_needs_a_log_in_an_address_and_a_product_for_sale(api_client, customer):
    product, hidden, removed = sold_out(), sold_out(is_active=False), sold_out()
    catalog_services.soft_delete_product(removed)
    by_phone = User.objects.create_user(None, phone_number="+254712345678")

    assert api_client.post(address(product)).status_code == api_client.delete(address(product)).status_code == 401
    for gone in (hidden, removed, Product(pk=uuid4())):
        assert client_for(customer).post(address(gone)).status_code == 404
    answer = client_for(by_phone).post(address(product))
    assert (answer.status_code, errors(answer)) == (409, [("email_required", None)])
    assert not StockNotice.objects.exists()


def test_one_person_waits_for_so_many_things_only(monkeypatch, customer):
    monkeypatch.setattr(services, "MAX_NOTICES", 2)
    for _ in range(2):
        wait(sold_out(), customer)
    one_more = sold_out()

    answer = client_for(customer).post(address(one_more))

    assert (answer.status_code, errors(answer)) == (409, [("too_many_notices", None)])
    assert StockNotice.objects.count() == 2
    assert client_for(UserFactory()).post(address(one_more)).status_code == 201


def test_waiting_is_taken_back(customer, run_owed_work):
    product = sold_out()
    wait(product, customer)
    other = wait(product)

    answer = client_for(customer).delete(address(product))

    assert (answer.status_code, answer.content) == (204, b"")
    assert client_for(customer).delete(address(product)).status_code == 404
    add(product)
    run_owed_work()
    assert mailed() == [other.user.email]


def test_database_refuses_a_second_notice_for_the_same_thing():
    notice = wait(sold_out())

    with pytest.raises(IntegrityError, match="stock_notice_once"), transaction.atomic():
        StockNotice.objects.create(user=notice.user, product=notice.product)
    with pytest.raises(IntegrityError, match="stock_notice_owed_before_sent"), transaction.atomic():
        StockNotice.objects.update(sent_at=timezone.now())

    assert StockNotice.objects.get() == notice


# --- Telling --------------------------------------------------------------------------------------------------


def test_everybody_who_waits_is_told_once(run_owed_work, settings):
    settings.FRONTEND_URL = "https://shop.example"
    product = sold_out(product_name="Nokia 3310", url_key="nokia-3310")
    first, second = wait(product), wait(product)
    other = wait(sold_out())

    add(product)

    assert run_owed_work() == [ANNOUNCED, MAILED, MAILED]
    assert mailed() == sorted([first.user.email, second.user.email])
    letter = mail.outbox[0]
    assert letter.subject == "Back in stock: Nokia 3310"
    assert "https://shop.example/products/nokia-3310\n" in letter.body
    assert waiting() == {other.pk}
    assert set(StockNotice.objects.exclude(sent_at=None)) == {first, second}

    stock.adjust_stock({variant_of(product).pk: -5})
    add(product)
    assert run_owed_work() == []
    assert len(mail.outbox) == 2


def test_message_of_the_trigger_is_as_the_outbox_would_write_it():
    product = sold_out()
    wait(product)
    add(product)
    message = OutboxMessage.objects.get()
    with transaction.atomic():
        services._owe_announcement(product.pk)
    twin = OutboxMessage.objects.exclude(pk=message.pk).get()

    own = {"id", "dedupe_key", "created_at", "updated_at", "next_attempt_at"}
    fields = [field.name for field in OutboxMessage._meta.concrete_fields if field.name not in own]

    assert {name: getattr(message, name) for name in fields} == {name: getattr(twin, name) for name in fields}
    assert message.dedupe_key.rpartition(":")[0] == twin.dedupe_key.rpartition(":")[0]
    assert message.next_attempt_at <= timezone.now()


@pytest.mark.django_db(transaction=True)
def test_relay_hears_of_it_at_once():
    product = sold_out()
    wait(product)
    listener = psycopg2.connect(**{**connection.get_connection_params(), "cursor_factory": None})
    try:
        listener.autocommit = True
        listener.cursor().execute(f"LISTEN {CHANNEL}")

        add(product)

        assert select.select([listener], [], [], 10)[0], "nothing was heard"
        listener.poll()
        assert [notice.channel for notice in listener.notifies] == [CHANNEL]
    finally:
        listener.close()


def test_rolled_back_stock_announces_nothing():
    product = sold_out()
    wait(product)
    before = everything()

    with transaction.atomic():
        add(product)
        assert OutboxMessage.objects.exists()
        transaction.set_rollback(True)

    assert everything() == before


def test_stock_that_nobody_waits_for_owes_nothing():
    product = sold_out()
    wait(sold_out())
    wait(product)
    add(product)
    OutboxMessage.objects.all().delete()

    add(product)  # it was in stock already
    add(sold_out())
    StockNotice.objects.create(user=UserFactory(), product=product)
    stock.adjust_stock({variant_of(product).pk: -10})  # it goes, and does not come

    assert not OutboxMessage.objects.filter(topic="catalog.announce_stock").exists()


def test_cancelled_order_announces_what_it_gives_back(run_owed_work):
    product = ProductFactory(stock=1)
    order = place_order(UserFactory(), product)
    notice = wait(product)

    order_services.cancel_order(order.pk)

    run_owed_work()
    assert mailed() == [notice.user.email]
    assert Order.objects.get().status == "cancelled"


@pytest.mark.parametrize("how", ["raw", "activated", "new variant"])
def test_whatever_brings_it_back_tells(how, run_owed_work):
    product, (black, white) = in_colours(0, 3)
    Variant.objects.filter(pk=white.pk).update(is_active=False)
    notice = wait(product)

    if how == "raw":
        with connection.cursor() as cursor:
            cursor.execute("UPDATE catalog_stock SET available = 1, on_hand = 1 WHERE variant_id = %s", [black.pk])
    elif how == "activated":
        Variant.objects.filter(pk=white.pk).update(is_active=True)
    else:
        red = Variant.objects.create(product=product, sku="RED", options={"color": "Red"}, price=10)
        Stock.objects.create(variant=red, product=product, available=1, on_hand=1)

    assert run_owed_work() == [ANNOUNCED, MAILED]
    assert mailed() == [notice.user.email]


def test_only_those_who_named_the_variant_or_none_are_told(run_owed_work):
    product, (black, white) = in_colours(0, 0)
    any_colour, in_black, in_white = wait(product), wait(product, variant=black), wait(product, variant=white)

    stock.adjust_stock({white.pk: 1})

    run_owed_work()
    assert mailed() == sorted([any_colour.user.email, in_white.user.email])
    assert waiting() == {in_black.pk}
    assert [("White" in letter.body, "Black" in letter.body) for letter in mail.outbox].count((True, False)) == 1


def test_who_waits_for_product_and_variants_gets_one_mail(run_owed_work, customer):
    product, (black, white) = in_colours(0, 0)
    for variant in (None, black, white):
        wait(product, customer, variant)

    stock.adjust_stock({black.pk: 1, white.pk: 1})

    assert run_owed_work() == [ANNOUNCED, MAILED]
    assert mailed() == [customer.email]
    assert "- Black\n- White" in mail.outbox[0].body
    assert not StockNotice.objects.filter(sent_at=None).exists()


def test_who_was_told_may_ask_again(run_owed_work, customer):
    product = sold_out()
    for _ in range(2):
        wait(product, customer)
        add(product)
        run_owed_work()
        stock.adjust_stock({variant_of(product).pk: -5})

    assert mailed() == [customer.email] * 2
    assert StockNotice.objects.count() == 2


# --- What can go wrong on the way -----------------------------------------------------------------------------


def owed_mail(product: Product) -> str:
    """Bring ``product`` back and owe the mails, but send none; return the id of the only message."""
    add(product)
    services.announce_stock(product.pk)
    OutboxMessage.objects.filter(topic=ANNOUNCED).delete()
    return str(OutboxMessage.objects.get().pk)


def test_what_sold_out_before_the_mail_waits_again_and_is_told_later(run_owed_work):
    product = sold_out()
    notice = wait(product)
    owed_mail(product)
    stock.adjust_stock({variant_of(product).pk: -5})

    assert run_owed_work() == [MAILED]
    assert (mailed(), waiting()) == ([], {notice.pk})

    add(product)
    assert run_owed_work() == [ANNOUNCED, MAILED]
    assert mailed() == [notice.user.email]


def test_asking_again_while_the_mail_is_owed_makes_no_second_one(run_owed_work, customer):
    product = sold_out()
    wait(product, customer)
    owed_mail(product)
    stock.adjust_stock({variant_of(product).pk: -5})

    answer = client_for(customer).post(address(product))
    add(product)

    assert answer.status_code == 200
    run_owed_work()
    assert mailed() == [customer.email]


def test_repeated_announcements_and_mails_send_once(customer):
    product = sold_out()
    ids = [str(wait(product, customer).pk)]
    add(product)

    for _ in range(2):
        services.announce_stock(product.pk)
        services.mail_stock_notices(ids, StockNotice.objects.get().owed_at)

    assert mailed() == [customer.email]
    assert OutboxMessage.objects.filter(topic=MAILED).count() == 1


def test_mail_that_fails_is_tried_again(run_owed_work, monkeypatch, customer):
    product = sold_out()
    wait(product, customer)
    message = owed_mail(product)
    with monkeypatch.context() as patch:
        patch.setattr(mail, "outbox", None, raising=False)
        patch.setattr("ecommerce.mail.EmailMessage.send", lambda self: 1 / 0)
        run_owed_work()
    failed = OutboxMessage.objects.get(pk=message)
    assert (failed.done_at, failed.last_error) == (None, "ZeroDivisionError: division by zero")
    assert StockNotice.objects.get().sent_at is None

    OutboxMessage.objects.update(next_attempt_at=timezone.now() - timedelta(seconds=1))
    run_owed_work()

    assert mailed() == [customer.email]
    assert StockNotice.objects.get().sent_at is not None


def test_nobody_writes_to_who_has_left(run_owed_work):
    product = sold_out()
    left, anonymous, stays = wait(product), wait(product), wait(product)
    User.objects.filter(pk=left.user_id).update(is_active=False)
    User.objects.filter(pk=anonymous.user_id).update(email=None)

    add(product)

    run_owed_work()
    assert mailed() == [stays.user.email]
    assert list(StockNotice.objects.all()) == [stays]


def test_more_than_one_batch_is_told(run_owed_work, monkeypatch):
    monkeypatch.setattr(services, "BATCH", 2)
    product = sold_out()
    people = sorted(wait(product).user.email for _ in range(5))

    add(product)

    ran = run_owed_work()
    assert (ran.count(ANNOUNCED), ran.count(MAILED)) == (3, 5)
    assert mailed() == people


def test_announcing_reads_the_same_for_1_10_and_100_who_wait():
    def queries(people: int) -> int:
        product = sold_out()
        for _ in range(people):
            wait(product)
        add(product)
        with CaptureQueriesContext(connection) as captured:
            services.announce_stock(product.pk)
        assert StockNotice.objects.filter(product=product, owed_at=None).count() == 0
        owing = [q for q in captured if "outbox" in q["sql"]]
        assert len(owing) == people  # a row for each mail
        return len(captured) - len(owing)

    assert len({queries(1), queries(10), queries(100)}) == 1


# --- Tending --------------------------------------------------------------------------------------------------


def test_product_that_is_for_sale_again_is_announced_by_the_sweep(run_owed_work):
    hidden, removed = sold_out(), sold_out()
    notices = [wait(hidden), wait(removed)]
    Product.objects.filter(pk=hidden.pk).update(is_active=False)
    catalog_services.soft_delete_product(removed)
    add(hidden)
    add(removed)
    run_owed_work()
    services.tend_stock_notices()
    run_owed_work()
    assert (mailed(), waiting()) == ([], {notice.pk for notice in notices})

    Product.objects.filter(pk=hidden.pk).update(is_active=True)
    catalog_services.restore_product(removed)
    services.tend_stock_notices()

    run_owed_work()
    assert mailed() == sorted(notice.user.email for notice in notices)


def test_mail_that_was_given_up_is_owed_again_after_a_day(run_owed_work, customer):
    product = sold_out()
    wait(product, customer)
    message = owed_mail(product)
    OutboxMessage.objects.filter(pk=message).update(dead_at=timezone.now())
    services.tend_stock_notices()
    assert run_owed_work() == []

    StockNotice.objects.update(owed_at=timezone.now() - timedelta(days=1, minutes=1))
    services.tend_stock_notices()

    assert run_owed_work() == [ANNOUNCED, MAILED]
    assert mailed() == [customer.email]


def test_message_of_a_notice_that_is_owed_anew_says_nothing(run_owed_work, customer):
    product = sold_out()
    ids = [str(wait(product, customer).pk)]
    owed_mail(product)
    first = timezone.now() - timedelta(days=2)
    StockNotice.objects.update(owed_at=first)
    services.tend_stock_notices()
    services.announce_stock(product.pk)

    services.mail_stock_notices(ids, first)

    assert mailed() == []
    assert StockNotice.objects.get().sent_at is None
    run_owed_work()
    assert mailed() == [customer.email]


def test_old_notices_are_forgotten():
    now = timezone.now()
    product = sold_out()
    fresh, old, told, long_told = (wait(product) for _ in range(4))
    StockNotice.objects.filter(pk=old.pk).update(created_at=now - timedelta(days=181))
    StockNotice.objects.filter(pk=fresh.pk).update(created_at=now - timedelta(days=179))
    for notice, days in ((told, 29), (long_told, 31)):
        moment = now - timedelta(days=days)
        StockNotice.objects.filter(pk=notice.pk).update(owed_at=moment, sent_at=moment)

    services.tend_stock_notices()

    assert set(StockNotice.objects.all()) == {fresh, told}
    assert not OutboxMessage.objects.exists()


def test_sweep_is_scheduled(settings):
    from catalog.tasks import tend_stock_notices

    assert tend_stock_notices.name in {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}


@pytest.mark.django_db(transaction=True)
def test_check_names_who_is_forgotten(capsys):
    product = sold_out()
    notice = wait(product)
    add(product)
    call_command("check_catalogue")

    OutboxMessage.objects.all().delete()
    with pytest.raises(CommandError, match=f"^1 of {len(CHECKS)}"):
        call_command("check_catalogue")
    assert f"notice {notice.pk} waits for product {product.pk}" in capsys.readouterr().out

    StockNotice.objects.update(owed_at=timezone.now())
    with pytest.raises(CommandError, match=f"^1 of {len(CHECKS)}"):
        call_command("check_catalogue")
    assert f"notice {notice.pk} is owed and has no message" in capsys.readouterr().out


# --- At the same time -----------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_who_asks_while_it_comes_back_is_refused_or_told(run_owed_work):
    for _ in range(5):
        product, (black, white) = in_colours(0, 0)
        people = [UserFactory() for _ in range(6)]
        choices = [None, black.pk, white.pk] * 2

        def ask(user: User, variant_id: UUID | None, product: Product = product) -> bool:
            try:
                services.ask_for_notice(user=user, product_id=product.pk, variant_id=variant_id)
            except AlreadyInStock:
                return False
            return True

        asked = at_once(
            [
                *(partial(ask, user, choice) for user, choice in zip(people, choices, strict=True)),
                partial(stock.adjust_stock, {black.pk: 1, white.pk: 1}),
            ]
        )
        mail.outbox.clear()
        run_owed_work()

        assert mailed() == sorted(user.email for user, yes in zip(people, asked[:-1], strict=True) if yes)
        assert not waiting()


@pytest.mark.django_db(transaction=True)
def test_stock_that_flips_between_looking_and_writing_waits_for_the_notice(run_owed_work):
    """The race, step by step: whoever asks holds the product, so the new stock comes after, and sees the notice."""
    product, user = sold_out(), UserFactory()
    key = [product.pk]
    other = connection.copy()
    try:
        with transaction.atomic():
            services.ask_for_notice(user=user, product_id=product.pk)
            with other.cursor() as cursor:
                cursor.execute("SET lock_timeout = '200ms'")
                with pytest.raises(OperationalError, match="lock timeout"):
                    cursor.execute("UPDATE catalog_stock SET available = 1, on_hand = 1 WHERE product_id = %s", key)
    finally:
        other.close()

    add(product)
    run_owed_work()

    assert mailed() == [user.email]


@pytest.mark.django_db(transaction=True)
def test_ten_announcements_at_once_owe_each_mail_once(run_owed_work):
    product = sold_out()
    people = sorted(wait(product).user.email for _ in range(8))
    add(product)

    at_once([partial(services.announce_stock, product.pk) for _ in range(10)])

    assert OutboxMessage.objects.filter(topic=MAILED).count() == 8
    run_owed_work()
    assert mailed() == people


@pytest.mark.django_db(transaction=True)
def test_asking_ten_times_at_once_stores_one(customer):
    product = sold_out()
    clients = [client_for(customer) for _ in range(10)]

    answers = at_once([partial(client.post, address(product)) for client in clients])

    assert sorted(answer.status_code for answer in answers) == [200] * 9 + [201]
    assert StockNotice.objects.count() == 1
