"""Forgetting what has been kept long enough, without being asked."""

import os
import re
import time
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from uuid import uuid4

import pgtrigger
import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.contrib.sessions.models import Session
from django.db import DatabaseError, connection
from django.utils import timezone

from accounts import tasks
from accounts.audit.models import SecurityEvent
from accounts.emails.models import EmailChange
from accounts.lockouts.models import TryCount
from accounts.models import EmailToken, RefreshSession
from accounts.opaque_tokens.models import OpaqueToken
from accounts.otp.models import OneTimeCode
from accounts.profiles.avatars import FOLDERS
from accounts.quotas.models import Quota
from accounts.retention import RULES
from accounts.second_factor.models import LogInChallenge
from accounts.sessions.models import BrowserSession
from accounts.sms.models import SmsMessage
from accounts.social.models import SpentToken
from ecommerce import retention
from ecommerce.models import Heartbeat
from ecommerce.pictures import storage
from ecommerce.retention import SHARE, Rule, clean_up
from tests.factories import UserFactory

ROOT = Path(__file__).parents[2]
SECOND, MINUTE, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(days=1)

# The column that says when the time of a row begins to end, and for how long after it the row is kept.
KEPT = {
    Quota: ("ends_at", SECOND),
    TryCount: ("expires_at", SECOND),
    OneTimeCode: ("expires_at", DAY),
    LogInChallenge: ("expires_at", DAY),
    SpentToken: ("expires_at", SECOND),
    RefreshSession: ("expires_at", DAY),
    Session: ("expire_date", SECOND),
    BrowserSession: ("created_at", DAY),
    OpaqueToken: ("revoked_at", DAY),
    EmailToken: ("expires_at", timedelta(days=10)),
    EmailChange: ("expires_at", timedelta(days=10)),
    SmsMessage: ("created_at", timedelta(days=20)),
    SecurityEvent: ("created_at", timedelta(days=40)),
}


def rows_of_everything(ago):
    """Make a row of each kind whose time ended ``ago`` before it is to be forgotten, or will end."""
    user, now, other = UserFactory(), timezone.now(), {"session_epoch": 0}
    family = {"family": uuid4(), "family_started_at": now} | other
    made = [
        Quota(scope="s", identity=uuid4().hex, used=1, ends_at=now),
        TryCount(key=uuid4(), failures=1, counted_at=now, expires_at=now),
        OneTimeCode(purpose="log_in", phone_number=user.phone_number, expires_at=now),
        LogInChallenge(user=user, token_hash=uuid4().hex, by="password", expires_at=now, **other),
        SpentToken(token_hash=uuid4().hex, expires_at=now),
        RefreshSession(user=user, expires_at=now, **family),
        Session(session_key=uuid4().hex, session_data="", expire_date=now),
        BrowserSession(user=user, session_key=uuid4().hex, **other),
        OpaqueToken(user=user, token_hash=uuid4().hex, last_used_at=now, **other),
        EmailToken(user=user, purpose="verify", token_hash=uuid4().hex, expires_at=now),
        EmailChange(user=user, new_email="new@example.com", expires_at=now),
        SmsMessage(reference=uuid4().hex, purpose="test", country_code="254", number_end="678", backend="console"),
        SecurityEvent(kind="login"),
    ]
    for row in made:
        column, kept = KEPT[type(row)]
        row.save(force_insert=True)
        with pgtrigger.ignore("accounts.SecurityEvent:append_only"):
            type(row).objects.filter(pk=row.pk).update(**{column: now - kept - ago})
    return {type(row): row.pk for row in made}


@pytest.mark.django_db
def test_what_is_old_goes_and_what_is_young_stays(settings, tmp_path):
    settings.LINK_RETENTION, settings.SMS_RETENTION = timedelta(days=10), timedelta(days=20)
    settings.AUDIT_RETENTION, settings.MEDIA_ROOT = timedelta(days=40), tmp_path
    rows_of_everything(MINUTE)
    young = rows_of_everything(-MINUTE)
    for folder in FOLDERS[:24]:  # one of each hour
        for age, name in ((90_000, f"{folder}/lost"), (80_000, f"{folder}/young")):
            storage.store(name, b"x")
            os.utime(tmp_path / name, (time.time() - age,) * 2)

    gone = clean_up(RULES)

    assert gone == dict.fromkeys((rule.name for rule in RULES), 1)
    assert {model: [*model.objects.values_list("pk", flat=True)] for model in KEPT} == {
        model: [pk] for model, pk in young.items()
    }
    left = [path.name for path in tmp_path.rglob("*") if path.is_file()]
    assert (left.count("young"), left.count("lost")) == (24, 23)


@pytest.mark.django_db
def test_opaque_token_that_nobody_uses_is_forgotten_too(settings):
    settings.OPAQUE_TOKEN_IDLE = timedelta(days=14)
    for days in (15.1, 14.9):
        OpaqueToken.objects.create(
            user=UserFactory(),
            token_hash=str(days),
            session_epoch=0,
            last_used_at=timezone.now() - timedelta(days=days),
        )

    tasks.clean_up()

    assert OpaqueToken.objects.get().token_hash == "14.9"


@pytest.mark.django_db
def test_browser_session_stays_while_its_cookie_opens_something():
    session = Session.objects.create(session_key="k", session_data="", expire_date=timezone.now() + DAY)
    BrowserSession.objects.create(user=UserFactory(), session_key="k", session_epoch=0)
    BrowserSession.objects.update(created_at=timezone.now() - 5 * DAY)

    kept = clean_up(RULES)["browser_sessions"]
    session.delete()

    assert (kept, clean_up(RULES)["browser_sessions"]) == (0, 1)


@pytest.mark.django_db
def test_revoked_family_is_kept_whole_until_none_of_it_could_live():
    user, now, family = UserFactory(), timezone.now(), uuid4()
    fields = {"user": user, "family": family, "family_started_at": now, "session_epoch": 0}
    RefreshSession.objects.create(**fields, expires_at=now - 20 * DAY, revoked_at=now - 20 * DAY)
    last = RefreshSession.objects.create(**fields, expires_at=now + DAY)

    kept = clean_up(RULES)["refresh_sessions"]
    RefreshSession.objects.filter(pk=last.pk).update(expires_at=now - 2 * DAY)
    gone = clean_up(RULES)["refresh_sessions"]

    assert (kept, gone, RefreshSession.objects.count()) == (0, 2, 0)


# --- The clean-up itself ------------------------------------------------------------------------------------------


def broken_sql():
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM no_such_table")
    return 1


@pytest.mark.django_db(transaction=True)
def test_rule_that_fails_keeps_no_other_from_its_work(caplog):
    caplog.set_level("INFO", logger="ecommerce.retention")
    Heartbeat.objects.create(name="old", seen_at=timezone.now())
    rules = [
        Rule("first", lambda: 3),
        Rule("broken", broken_sql),
        retention.rule_of_rows("beats", Heartbeat.objects.all),
    ]

    gone = clean_up(rules)

    assert (gone, Heartbeat.objects.count()) == ({"first": 3, "beats": 1}, 0)
    assert [(entry.message, entry.rule, entry.levelname) for entry in caplog.records] == [
        ("cleaned_up", "first", "INFO"),
        ("clean_up_failed", "broken", "ERROR"),
        ("cleaned_up", "beats", "INFO"),
    ]
    assert [entry.exc_info[0].__mro__[1] is DatabaseError for entry in caplog.records if entry.exc_info] == [True]


def test_time_of_the_task_is_not_taken_for_a_failure_of_a_rule():
    def slow():
        raise SoftTimeLimitExceeded

    with pytest.raises(SoftTimeLimitExceeded):
        clean_up([Rule("slow", slow), Rule("next", lambda: 1)])


@pytest.mark.django_db
def test_heap_that_is_too_large_for_its_share_goes_in_parts(monkeypatch):
    monkeypatch.setattr(retention, "BATCH", 2)
    ticks = iter(range(100))
    monkeypatch.setattr(retention.time, "monotonic", lambda: float(next(ticks)))
    for number in range(7):
        SpentToken.objects.create(token_hash=str(number), expires_at=timezone.now() - DAY)

    assert retention.delete_in_batches(SpentToken.objects.all(), seconds=2.5) == 4
    assert SpentToken.objects.count() == 3


def test_all_shares_fit_into_the_time_of_the_task():
    assert len(RULES) * SHARE < tasks.clean_up.soft_time_limit


def test_each_rule_is_named_once_and_each_part_is_asked():
    names = [rule.name for rule in RULES]
    declared = {
        rule.name
        for path in (ROOT / "accounts").glob("*/retention.py")
        for rule in getattr(import_module(f"accounts.{path.parent.name}.retention"), "RULES", ())
    }

    assert (len(set(names)), set(names)) == (len(names), declared)


def test_privacy_page_names_every_rule():
    page = (ROOT / "docs" / "privacy.md").read_text()

    assert {rule.name for rule in RULES} <= set(re.findall(r"`(\w+)`", page))
