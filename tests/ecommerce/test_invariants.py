"""What must be true of the shop's rows is verified by hand and at night, and somebody is told what is not."""

import json
from datetime import timedelta

import pytest
from django.conf import settings as shop_settings
from django.core import mail
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from bookings.checks import CHECKS as BOOKING_CHECKS
from catalog.checks import CHECKS as CATALOGUE_CHECKS
from ecommerce import checks, invariants
from ecommerce.models import Heartbeat, IdempotencyKey, OutboxMessage
from ecommerce.tasks import check_invariants
from orders.checks import CHECKS as ORDER_CHECKS
from orders.models import Order
from payments.checks import CHECKS as PAYMENT_CHECKS
from payments.models import ProviderEvent
from tests.factories import ProductFactory, UserFactory, place_order

pytestmark = pytest.mark.django_db(transaction=True)  # all are verified in one snapshot

GROUPS = {
    "bookings": BOOKING_CHECKS,
    "catalogue": CATALOGUE_CHECKS,
    "orders": ORDER_CHECKS,
    "payments": PAYMENT_CHECKS,
    "platform": checks.CHECKS,
}
OWED, EVENTS, KEYS = (check.name for check in checks.CHECKS)
LATE = "an order that was not paid in time has given its stock back"
TOLD = "what providers told is worked on, or waits for a person"


def ago(**how_long):
    return timezone.now() - timedelta(**how_long)


def expired_order():
    order = place_order(UserFactory(), ProductFactory())
    Order.objects.filter(pk=order.pk).update(reserved_until=ago(minutes=20))
    return order


def broken():
    return [(verdict.group, verdict.name) for verdict in invariants.verify() if verdict.culprits]


def test_every_app_has_its_checks_verified():
    verdicts = invariants.verify()

    assert [(verdict.group, verdict.name) for verdict in verdicts] == [
        (group, check.name) for group, group_checks in GROUPS.items() for check in group_checks
    ]
    assert broken() == []


def test_command_names_what_is_wrong_and_exits_with_one(capsys):
    call_command("check_invariants")
    assert f"All {sum(map(len, GROUPS.values()))} invariants hold." in capsys.readouterr().out
    order = expired_order()

    with pytest.raises(CommandError) as refusal:
        call_command("check_invariants")

    lines = capsys.readouterr().out.splitlines()
    assert refusal.value.returncode == 1
    assert [line for line in lines if line.startswith("WRONG")] == [f"WRONG  {LATE}"]
    assert lines[lines.index(f"WRONG  {LATE}") + 1].strip().startswith(f"order {order.number} is pending")


def test_command_tells_in_json(capsys):
    expired_order()

    with pytest.raises(CommandError):
        call_command("check_invariants", "--json")

    told = json.loads(capsys.readouterr().out)
    assert (told["holds"], told["broken"]) == (False, 1)
    assert [(each["group"], each["name"]) for each in told["invariants"] if not each["holds"]] == [("orders", LATE)]
    assert len(next(each for each in told["invariants"] if not each["holds"])["culprits"]) == 1


@pytest.mark.parametrize(
    ("command", "group"), [("check_catalogue", "catalogue"), ("check_orders", "orders"), ("check_ledger", "payments")]
)
def test_command_of_a_group_verifies_that_alone(capsys, command, group):
    expired_order()

    if group == "orders":
        with pytest.raises(CommandError):
            call_command(command)
    else:
        call_command(command)

    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith(("ok", "WRONG"))]
    assert [line.split(maxsplit=1)[1] for line in lines] == [check.name for check in GROUPS[group]]


def test_verifying_changes_nothing(monkeypatch):
    monkeypatch.setitem(
        invariants._groups, "platform", (invariants.Check("bad", "DELETE FROM accounts_user RETURNING 'gone'"),)
    )
    UserFactory()

    with pytest.raises(Exception, match="read-only transaction"):
        invariants.verify(["platform"])


def so_long_ago(fields):
    """Return fields with moments for spans: counted from when the test runs, not from when it was read."""
    return {name: timezone.now() - value if isinstance(value, timedelta) else value for name, value in fields.items()}


def message(**fields):
    row = OutboxMessage.objects.create(topic="shop.work", dedupe_key="work:1")
    OutboxMessage.objects.filter(pk=row.pk).update(**so_long_ago(fields))


@pytest.mark.parametrize(
    ("fields", "is_wrong"),
    [
        ({"next_attempt_at": timedelta(minutes=16)}, True),
        ({"next_attempt_at": timedelta(minutes=14)}, False),
        (
            {
                "created_at": timedelta(minutes=20),
                "sent_at": timedelta(minutes=2),
                "next_attempt_at": timedelta(minutes=-2),
            },
            True,
        ),
        (
            {
                "created_at": timedelta(minutes=20),
                "sent_at": timedelta(minutes=1),
                "next_attempt_at": timedelta(minutes=-1),
            },
            False,
        ),
        (
            {
                "created_at": timedelta(days=1),
                "sent_at": timedelta(minutes=2),
                "next_attempt_at": timedelta(minutes=-8),
                "last_error": "waits",
            },
            False,
        ),
        ({"created_at": timedelta(days=1), "next_attempt_at": timedelta(days=-1)}, False),  # not due yet
        ({"next_attempt_at": timedelta(days=1), "done_at": timedelta(days=1)}, False),
        ({"next_attempt_at": timedelta(days=1), "dead_at": timedelta(days=1)}, False),
    ],
)
def test_forgotten_work_is_found(fields, is_wrong):
    message(**fields)

    assert broken() == ([("platform", OWED)] if is_wrong else [])


def test_key_without_an_answer_is_found():
    IdempotencyKey.objects.create(owner="user:1", operation="orders.place", key="k", expires_at=ago(days=-1))

    assert broken() == [("platform", KEYS)]


@pytest.mark.parametrize(
    ("fields", "is_wrong"),
    [
        ({"created_at": timedelta(minutes=16)}, True),
        ({"created_at": timedelta(minutes=14)}, False),
        ({"created_at": timedelta(days=9), "handled_at": timedelta(days=8)}, False),
        ({"created_at": timedelta(days=9), "last_error": "amount_mismatch"}, False),  # a person must look
    ],
)
def test_event_that_nobody_handles_is_found(fields, is_wrong):
    event = ProviderEvent.objects.create(provider="mpesa", event_id="e", kind="stk_callback", body=b"{}")
    ProviderEvent.objects.filter(pk=event.pk).update(**so_long_ago(fields))

    assert broken() == ([("payments", TOLD)] if is_wrong else [])


def test_order_that_may_still_be_paid_waits_rightly():
    order = expired_order()
    Order.objects.filter(pk=order.pk).update(payment_open=True)

    assert (LATE in [name for _, name in broken()]) is False


def test_tax_that_no_line_has_is_found():
    order = place_order(UserFactory(), ProductFactory())
    Order.objects.filter(pk=order.pk).update(tax=order.tax + 1)

    assert broken() == [("orders", "an order is taxed as its lines and its shipping are")]


# --- at night -----------------------------------------------------------------------------------------------


def test_superusers_are_told_once_in_a_night(run_owed_work, caplog):
    boss = UserFactory(is_superuser=True, is_staff=True, email="boss@example.com")
    UserFactory(is_superuser=True, is_active=False)
    UserFactory(is_staff=True)
    order = expired_order()

    check_invariants()
    check_invariants()
    run_owed_work()

    (letter,) = mail.outbox
    assert (letter.to, letter.subject) == ([boss.email], "1 invariant does not hold — ByteMtaani")
    assert f"orders: {LATE}\n    order {order.number} is pending" in letter.body
    assert [record.invariant for record in caplog.records if record.msg == "invariant_broken"] == [LATE]


def test_addresses_that_are_set_are_told(settings, run_owed_work):
    settings.ALERT_EMAILS = ["ops@example.com", "boss@example.com"]
    UserFactory(is_superuser=True)
    expired_order()

    check_invariants()
    run_owed_work()

    assert sorted(letter.to for letter in mail.outbox) == [["boss@example.com"], ["ops@example.com"]]


def test_nobody_is_told_that_all_is_well(run_owed_work, caplog):
    UserFactory(is_superuser=True)

    check_invariants()
    run_owed_work()

    assert mail.outbox == []
    assert [record for record in caplog.records if record.msg == "invariant_broken"] == []
    assert Heartbeat.objects.filter(name="invariants").exists()


def test_next_night_tells_again(run_owed_work):
    UserFactory(is_superuser=True)
    expired_order()
    check_invariants()
    OutboxMessage.objects.all().delete()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE ecommerce_heartbeat SET seen_at = now() - interval '13 hours'")

    check_invariants()
    run_owed_work()

    assert len(mail.outbox) == 1


def test_who_lost_the_right_meanwhile_is_not_told(run_owed_work):
    boss = UserFactory(is_superuser=True)
    expired_order()
    check_invariants()
    boss.is_superuser = False
    boss.save(update_fields=["is_superuser"])

    run_owed_work()

    assert mail.outbox == []


def test_beat_asks_for_it():
    assert check_invariants.name in {entry["task"] for entry in shop_settings.CELERY_BEAT_SCHEDULE.values()}
