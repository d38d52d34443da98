"""Low stock: one alert for each fall, one mail for all of a minute, none for what has risen again."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.models import Group, Permission
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.models import User
from catalog import stock
from catalog.inventory import alerts
from catalog.inventory.models import LowStockAlert
from catalog.models import Product, Stock
from ecommerce.models import OutboxMessage
from orders import services as order_services
from tests.admin_pages import member_of_staff
from tests.catalog.inventory import goods
from tests.clients import client_for
from tests.factories import UserFactory, place_order
from tests.invariants import assert_stock_holds
from tests.racing import at_once

pytestmark = pytest.mark.django_db


def phone(units: int, sku: str = "PHONE", **fields: Any) -> UUID:
    (variant,) = goods(sku, product_name=fields.pop("product_name", sku.title()), **fields)
    stock.adjust_stock({variant: units})
    return variant


def raised() -> list[tuple[int, int, bool]]:
    """What was left, the threshold, and whether it is still open; the oldest first."""
    rows = LowStockAlert.objects.order_by("created_at")
    return [(row.available, row.threshold, row.cleared_at is None) for row in rows]


@pytest.fixture
def reader(db: None) -> User:
    return member_of_staff("catalog.view_lowstockalert")


@pytest.fixture
def a_minute_later(run_owed_work) -> Any:
    def run() -> list[str]:
        OutboxMessage.objects.filter(done_at=None).update(next_attempt_at=timezone.now() - timedelta(seconds=1))
        return run_owed_work()

    return run


# --- Raising and clearing -------------------------------------------------------------------------------------


def test_falling_to_the_threshold_raises_one_alert_and_not_one_for_each_sale():
    phone(7)
    product = Product.objects.get()
    seen = []

    for _ in range(4):
        place_order(UserFactory(), product)
        seen.append(raised())

    assert seen == [[], [(5, 5, True)], [(5, 5, True)], [(5, 5, True)]]
    assert OutboxMessage.objects.filter(topic="catalog.gather_stock_alerts").count() == 1


def test_rising_clears_it_and_the_next_fall_raises_another():
    variant = phone(10)

    stock.adjust_stock({variant: -8})
    stock.adjust_stock({variant: 3})  # five is still low
    assert raised() == [(2, 5, True)]
    stock.adjust_stock({variant: 1})
    assert raised() == [(2, 5, False)]
    stock.adjust_stock({variant: -6})

    assert raised() == [(2, 5, False), (0, 5, True)]
    assert_stock_holds()


def test_new_goods_that_never_were_many_raise_nothing():
    phone(3)

    assert raised() == []


def test_cancelled_order_clears_what_it_had_raised():
    phone(6)
    order = place_order(UserFactory(), Product.objects.get())
    assert raised() == [(5, 5, True)]

    order_services.cancel_order(order.pk)

    assert raised() == [(5, 5, False)]


def test_variant_has_its_own_threshold_and_changing_it_raises_and_clears():
    variant = phone(8)

    stock.set_threshold(variant, 10)
    assert raised() == [(8, 10, True)]
    stock.set_threshold(variant, 0)
    assert raised() == [(8, 10, False)]
    stock.adjust_stock({variant: -7})
    assert raised() == [(8, 10, False)]  # one is left, and nought is low
    stock.adjust_stock({variant: -1})
    assert raised() == [(8, 10, False), (0, 0, True)]
    stock.set_threshold(variant, None)
    assert raised() == [(8, 10, False), (0, 0, True)]


def test_many_that_fall_at_once_owe_one_message():
    variants = goods("A", "B", "C")
    stock.adjust_stock(dict.fromkeys(variants, 9))

    stock.adjust_stock(dict.fromkeys(variants, -9))

    assert raised() == [(0, 5, True)] * 3
    assert OutboxMessage.objects.filter(topic="catalog.gather_stock_alerts").count() == 1


def test_refused_order_raises_nothing(django_assert_num_queries):
    phone(6)

    with pytest.raises(Exception, match="left of"):
        place_order(UserFactory(), Product.objects.get(), quantity=7)

    assert (raised(), OutboxMessage.objects.count()) == ([], 0)


@pytest.mark.django_db(transaction=True)
def test_many_orders_at_once_raise_one_alert():
    for n in range(5):
        phone(8, f"P{n}")
        product = Product.objects.get(variants__sku=f"P{n}")
        people = [UserFactory() for _ in range(5)]

        at_once([lambda user=user, product=product: place_order(user, product) for user in people])

        assert LowStockAlert.objects.filter(variant__sku=f"P{n}").count() == 1
    assert_stock_holds()


@pytest.mark.django_db(transaction=True)
def test_check_names_an_alert_that_should_be_cleared(capsys):
    variant = phone(9)
    LowStockAlert.objects.create(variant_id=variant, available=1, threshold=5)

    with pytest.raises(CommandError, match=r"^1 of "):
        call_command("check_catalogue")

    assert f"of variant {variant} there are 9" in capsys.readouterr().out
    alerts.tend_stock_alerts()
    call_command("check_catalogue")


# --- Telling --------------------------------------------------------------------------------------------------


def test_staff_who_may_see_alerts_get_one_mail_for_all_of_a_minute(reader, mailoutbox, a_minute_later):
    boss = UserFactory(is_staff=True, is_superuser=True)
    by_group = UserFactory(is_staff=True)
    group = Group.objects.create(name="Stock")
    group.permissions.add(Permission.objects.get(codename="view_lowstockalert"))
    by_group.groups.add(group)
    for other in ({"is_staff": True}, {"is_superuser": True}, {"is_staff": True, "is_superuser": True, "email": None}):
        UserFactory(**other)
    UserFactory(is_staff=True, is_superuser=True, is_active=False)
    first, second = phone(9, "PHONE", product_name="Nokia\n105"), phone(9, "CASE")
    stock.adjust_stock({first: -4})
    stock.adjust_stock({second: -8})

    ran = a_minute_later()

    assert ran.count("catalog.mail_stock_alerts") == 3
    assert {mail.to[0] for mail in mailoutbox} == {boss.email, by_group.email, reader.email}
    assert len(mailoutbox) == 3
    assert mailoutbox[0].subject == "2 products are running low — ByteMtaani"
    assert mailoutbox[0].body.startswith("CASE  Case: 1 left (low at 5)\nPHONE  Nokia 105: 5 left (low at 5)\n\n")
    assert "/admin/catalog/lowstockalert/" in mailoutbox[0].body
    assert LowStockAlert.objects.filter(told_at=None).count() == 0


def test_named_addresses_are_told_instead(reader, mailoutbox, a_minute_later, settings):
    settings.STOCK_ALERT_EMAILS = ["stock@shop.example", "boss@shop.example"]
    stock.adjust_stock({phone(9): -8})

    a_minute_later()

    assert sorted(mail.to[0] for mail in mailoutbox) == ["boss@shop.example", "stock@shop.example"]
    assert mailoutbox[0].subject == "1 product is running low — ByteMtaani"


def test_nobody_is_told_of_what_has_risen_again_or_is_not_sold(reader, mailoutbox, a_minute_later):
    risen, hidden, removed = phone(9, "A"), phone(9, "B"), phone(9, "C")
    stock.adjust_stock({risen: -8, hidden: -8, removed: -8})
    stock.adjust_stock({risen: 8})
    Product.objects.filter(variants__sku="B").update(is_active=False)
    Product.objects.filter(variants__sku="C").update(deleted_at=timezone.now())

    a_minute_later()

    assert mailoutbox == []


def test_what_rises_while_the_mail_is_owed_is_left_out(reader, mailoutbox, a_minute_later):
    first, second = phone(9, "A"), phone(9, "B")
    stock.adjust_stock({first: -8, second: -8})
    alerts.gather_stock_alerts()
    stock.adjust_stock({first: 8})

    a_minute_later()

    assert [mail.body.splitlines()[0] for mail in mailoutbox] == ["B  B: 1 left (low at 5)"]


def test_variant_around_its_threshold_is_mailed_of_once_a_day(reader, mailoutbox, a_minute_later):
    variant = phone(6)
    for _ in range(3):
        stock.adjust_stock({variant: -1})
        a_minute_later()
        stock.adjust_stock({variant: 1})
    assert (len(mailoutbox), len(raised())) == (1, 3)

    LowStockAlert.objects.update(told_at=timezone.now() - timedelta(days=2))
    stock.adjust_stock({variant: -1})
    a_minute_later()

    assert len(mailoutbox) == 2


def test_message_that_comes_twice_tells_once(reader, mailoutbox, a_minute_later):
    stock.adjust_stock({phone(9): -8})
    a_minute_later()

    alerts.gather_stock_alerts()
    a_minute_later()

    assert len(mailoutbox) == 1


def test_reader_who_lost_the_right_gets_no_mail(reader, mailoutbox, a_minute_later):
    stock.adjust_stock({phone(9): -8})
    alerts.gather_stock_alerts()
    reader.user_permissions.clear()

    a_minute_later()

    assert mailoutbox == []


def test_tending_clears_owes_again_and_forgets(reader, mailoutbox, a_minute_later, settings):
    variant, forgotten = phone(9, "A"), phone(9, "B")
    stock.adjust_stock({variant: -5, forgotten: -8})
    LowStockAlert.objects.update(created_at=timezone.now() - timedelta(hours=2))
    old = LowStockAlert.objects.create(variant_id=variant, available=1, threshold=5, cleared_at=timezone.now())
    LowStockAlert.objects.filter(pk=old.pk).update(cleared_at=timezone.now() - timedelta(days=366))
    OutboxMessage.objects.update(dead_at=timezone.now())
    settings.LOW_STOCK_THRESHOLD = 3  # four of A are not low any more

    alerts.tend_stock_alerts()
    alerts.tend_stock_alerts()

    assert sorted(raised()) == [(1, 5, True), (4, 5, False)]
    a_minute_later()
    assert [mail.body.splitlines()[0] for mail in mailoutbox] == ["B  B: 1 left (low at 5)"]


def test_tending_is_scheduled(settings):
    from catalog.tasks import tend_stock_alerts

    assert tend_stock_alerts.name in {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}


# --- Over HTTP ------------------------------------------------------------------------------------------------


def test_alerts_are_listed_newest_first_and_filtered(reader):
    first, second = phone(9, "A"), phone(9, "B")
    stock.adjust_stock({first: -8})
    stock.adjust_stock({second: -8})
    stock.adjust_stock({first: 9, second: -1})
    client = client_for(reader)

    def skus(**query: str) -> list[str]:
        answer = client.get("/api/stock/alerts/", query)
        assert answer.status_code == 200, answer.json()
        return [row["sku"] for row in answer.json()["results"]]

    assert (skus(), skus(open="true"), skus(open="false")) == (["B", "A"], ["B"], ["A"])
    assert skus(sku="A") == skus(variant=str(first)) == ["A"]
    row = client.get("/api/stock/alerts/", {"open": "true"}).json()["results"][0]
    assert {name: row[name] for name in ("available", "threshold", "left", "cleared_at", "told_at")} == {
        "available": 1,
        "threshold": 5,
        "left": 0,
        "cleared_at": None,
        "told_at": None,
    }
    assert client.get("/api/stock/alerts/", {"colour": "red"}).status_code == 400


def test_alerts_are_for_staff_with_the_right(api_client):
    assert api_client.get("/api/stock/alerts/").status_code == 401
    for user in (UserFactory(), UserFactory(role=User.Role.SELLER), member_of_staff("catalog.view_stock")):
        assert client_for(user).get("/api/stock/alerts/").status_code == 403


@pytest.mark.parametrize("count", [1, 3])
def test_alerts_take_the_same_statements_for_any_number(reader, count, django_assert_num_queries):
    for n in range(count):
        stock.adjust_stock({phone(9, f"N{n}"): -8})
    client = client_for(reader)

    with django_assert_num_queries(5):  # user, rights (2), count, alerts
        assert client.get("/api/stock/alerts/").json()["count"] == count


def test_the_triggers_threshold_is_the_settings(settings):
    """What a connection brings along is what the ORM compares with."""
    variant = phone(settings.LOW_STOCK_THRESHOLD + 1)
    stock.adjust_stock({variant: -1})

    assert raised() == [(settings.LOW_STOCK_THRESHOLD, settings.LOW_STOCK_THRESHOLD, True)]
    assert Stock.objects.filter(alerts.low_stock()).count() == 1
