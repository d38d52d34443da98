"""Seeing one's log-ins and ending them."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import tokens
from accounts.audit.models import SecurityEvent
from accounts.exceptions import InvalidRefreshToken
from accounts.models import BrowserSession, OpaqueToken, RefreshSession
from accounts.tasks import clean_up
from tests.accounts.ways_in import enters, in_the_admin, with_cookie, with_header, with_token
from tests.clients import client_for
from tests.factories import PASSWORD, UserFactory

SESSIONS = "/api/auth/sessions/"

pytestmark = pytest.mark.django_db


def listed(client: Any) -> list[dict[str, Any]]:
    answer = client.get(SESSIONS)
    assert answer.status_code == 200
    rows: list[dict[str, Any]] = answer.json()["results"]
    return rows


def can_refresh(pair: tokens.TokenPair) -> bool:
    try:
        return bool(tokens.rotate(pair.refresh))
    except InvalidRefreshToken:
        return False


def test_every_way_in_is_listed_with_this_one_first(api_client, customer):
    client_for(UserFactory())
    with_token(customer)
    with_cookie(customer)
    phone = tokens.start_session(customer, user_agent="Opera Mini", ip_address="41.90.64.7")
    laptop = client_for(customer)

    rows = listed(laptop)

    assert [row["current"] for row in rows] == [True] + [False] * (len(rows) - 1)
    assert sorted(row["kind"] for row in rows) == ["browser", "log_in", "log_in", "log_in", "token"]
    seen = next(row for row in rows if row["user_agent"] == "Opera Mini")
    session = RefreshSession.objects.get(user_agent="Opera Mini")
    assert seen == {
        "id": str(session.family),
        "kind": "log_in",
        "name": "",
        "started_at": session.family_started_at.isoformat().replace("+00:00", "Z"),
        "last_used_at": session.created_at.isoformat().replace("+00:00", "Z"),
        "expires_at": session.expires_at.isoformat().replace("+00:00", "Z"),
        "ip_address": "41.90.64.7",
        "user_agent": "Opera Mini",
        "current": False,
    }
    assert can_refresh(phone)


def test_log_in_over_http_is_seen_from_the_other_device_at_once(api_client, customer):
    phone = client_for(customer)
    before = len(listed(phone))

    body = {"email": customer.email, "password": PASSWORD}
    api_client.post("/api/auth/login/", body, HTTP_USER_AGENT="Firefox")

    assert len(listed(phone)) == before + 1
    assert "Firefox" in [row["user_agent"] for row in listed(phone)]


def test_refreshed_log_in_is_one_row_with_its_first_beginning(customer):
    pair = tokens.start_session(customer)
    started = RefreshSession.objects.get().family_started_at
    pair = tokens.rotate(tokens.rotate(pair.refresh).refresh)

    (row,) = listed(with_header(f"Bearer {pair.access}"))

    assert row["started_at"] == started.isoformat().replace("+00:00", "Z")
    assert row["last_used_at"] > row["started_at"]


@pytest.mark.parametrize("way_in", [client_for, with_token, with_cookie])
def test_the_one_that_asks_is_marked_whatever_it_is(customer, way_in):
    client = way_in(customer)
    rows = listed(client)
    assert [row["kind"] for row in rows if row["current"]] == [
        {client_for: "log_in", with_token: "token", with_cookie: "browser"}[way_in]
    ]


def test_what_has_ended_is_not_listed(customer):
    asking = client_for(customer)
    ended = tokens.start_session(customer)
    tokens.end_session(ended.refresh, user=customer)
    reused = tokens.start_session(customer)
    tokens.rotate(tokens.rotate(reused.refresh).refresh)
    can_refresh(reused)  # ends its family
    tokens.start_session(customer)
    RefreshSession.objects.filter(revoked_at__isnull=True).order_by("-created_at")[:1].get().delete()
    with_cookie(customer).logout()
    token = with_token(customer)
    RefreshSession.objects.order_by("-created_at")[:1].get().delete()  # of the log-in that asked for the token
    token.delete("/api/auth/token/")

    assert [row["current"] for row in listed(asking)] == [True]


@pytest.mark.parametrize("rows", [1, 3])
def test_list_takes_the_same_statements_for_any_number(customer, rows):
    for _ in range(rows):
        with_token(customer)
        with_cookie(customer)
    client = client_for(customer)
    with CaptureQueriesContext(connection) as asked:
        listed(client)
    assert len(asked) == 4  # who it is, and the three kinds


def test_ended_log_in_is_over_at_once_with_its_access_token(customer):
    stolen, asking = tokens.start_session(customer, user_agent="Stolen"), client_for(customer)
    thief = with_header(f"Bearer {stolen.access}")
    row = next(row for row in listed(asking) if row["user_agent"] == "Stolen")
    before = enters(thief)

    answer = asking.delete(f"{SESSIONS}{row['id']}/")

    assert (answer.status_code, before) == (204, True)
    assert (enters(thief), can_refresh(stolen), enters(asking)) == (False, False, True)
    entry = SecurityEvent.objects.get(kind="session_ended")
    assert (entry.user, entry.details) == (customer, {"session": row["id"]})
    assert asking.delete(f"{SESSIONS}{row['id']}/").status_code == 404


def test_reused_refresh_token_ends_the_access_tokens_of_its_family_too(customer):
    first = tokens.start_session(customer)
    second = tokens.rotate(first.refresh)
    tokens.rotate(second.refresh)
    client = with_header(f"Bearer {second.access}")
    before = enters(client)

    assert not can_refresh(first)
    assert (before, enters(client)) == (True, False)


def test_logging_out_ends_the_access_token_too(customer):
    pair = tokens.start_session(customer)
    client = with_header(f"Bearer {pair.access}")

    assert client.post("/api/auth/logout/", {"refresh": pair.refresh}).status_code == 204

    assert not enters(client)


@pytest.mark.parametrize("way_in", [with_token, with_cookie])
def test_tokens_and_cookies_are_ended_by_the_same_address(customer, way_in):
    other, asking = way_in(customer), client_for(customer)
    kind = {with_token: "token", with_cookie: "browser"}[way_in]
    (row,) = [row for row in listed(asking) if row["kind"] == kind]

    assert asking.delete(f"{SESSIONS}{row['id']}/").status_code == 204

    assert (enters(other), enters(asking)) == (False, True)


def test_log_in_may_end_itself(customer):
    client = client_for(customer)
    (row,) = listed(client)
    assert client.delete(f"{SESSIONS}{row['id']}/").status_code == 204
    assert not enters(client)


@pytest.mark.parametrize("way_in", [client_for, with_token, with_cookie])
def test_someone_elses_log_in_is_a_404_and_stays(customer, way_in):
    theirs = way_in(UserFactory())
    (row,) = [row for row in listed(theirs) if row["current"]]

    assert client_for(customer).delete(f"{SESSIONS}{row['id']}/").status_code == 404

    assert enters(theirs)
    assert not SecurityEvent.objects.filter(kind="session_ended").exists()


@pytest.mark.parametrize("key", ["5d0c3c5e-8a43-4c58-9d0e-0f5a3b6c7d8e", "x", "00000000-0000-0000-0000-000000000000"])
def test_unknown_log_in_is_a_404(customer, key):
    assert client_for(customer).delete(f"{SESSIONS}{key}/").status_code == 404


@pytest.mark.parametrize("way_in", [client_for, with_token, with_cookie])
def test_logging_out_everywhere_else_leaves_the_one_that_asks(customer, way_in):
    asking, theirs = way_in(customer), client_for(UserFactory())
    others = [client_for(customer), with_token(customer), with_cookie(customer)]
    before = [enters(client) for client in others]

    assert asking.delete(SESSIONS).status_code == 204

    assert before == [True] * 3
    assert [enters(client) for client in others] == [False] * 3
    assert (enters(asking), enters(theirs)) == (True, True)
    assert [row["current"] for row in listed(asking)] == [True]
    assert SecurityEvent.objects.filter(kind="other_sessions_ended").count() == 1


def test_ending_a_log_in_of_the_admin_shuts_the_admin(staff):
    admin, asking = in_the_admin(staff), client_for(staff)
    before = admin.get("/admin/").status_code
    (row,) = [row for row in listed(asking) if row["kind"] == "browser"]

    asking.delete(f"{SESSIONS}{row['id']}/")

    assert (before, admin.get("/admin/").status_code) == (200, 302)


def test_form_of_the_admin_leaves_a_row(client, staff):
    answer = client.post("/admin/login/", {"username": staff.email, "password": PASSWORD}, HTTP_USER_AGENT="Firefox")
    assert answer.status_code == 302
    row = BrowserSession.objects.get()
    assert (row.user, row.user_agent, row.ip_address) == (staff, "Firefox", "127.0.0.1")
    assert Session.objects.get().session_key == row.session_key


def test_nobody_has_no_log_ins(api_client, customer):
    tokens.start_session(customer)
    assert api_client.get(SESSIONS).status_code == 401
    assert api_client.delete(SESSIONS).status_code == 401
    assert RefreshSession.objects.filter(revoked_at__isnull=True).count() == 1


def test_unknown_parameter_is_a_400(customer):
    answer = client_for(customer).get(SESSIONS, {"user": str(UserFactory().pk)})
    assert (answer.status_code, answer.json()["errors"][0]["attr"]) == (400, "user")


def test_access_token_of_no_family_is_a_401(customer):
    from rest_framework_simplejwt.tokens import AccessToken

    access = AccessToken()
    access["user_id"], access["epoch"] = str(customer.pk), customer.session_epoch
    assert not enters(with_header(f"Bearer {access}"))


def test_clean_up_keeps_the_mark_of_an_ended_family_while_it_has_others(customer):
    long_ago = timezone.now() - timedelta(days=2)
    pair = tokens.start_session(customer)
    second = tokens.rotate(pair.refresh)
    first = RefreshSession.objects.get(successor__isnull=False)
    RefreshSession.objects.filter(pk=first.pk).update(expires_at=long_ago, revoked_at=long_ago)
    tokens.start_session(customer)
    expired = RefreshSession.objects.exclude(family=first.family).get()
    RefreshSession.objects.filter(pk=expired.pk).update(expires_at=long_ago)
    idle, revoked, alive = with_token(customer), with_token(customer), with_token(customer)
    rows = OpaqueToken.objects.order_by("created_at")
    OpaqueToken.objects.filter(pk=rows[0].pk).update(last_used_at=timezone.now() - timedelta(days=16))
    OpaqueToken.objects.filter(pk=rows[1].pk).update(revoked_at=long_ago)
    gone = in_the_admin(customer)
    gone.logout()
    BrowserSession.objects.update(created_at=long_ago)
    stays = with_cookie(customer)

    clean_up()

    assert RefreshSession.objects.filter(family=first.family).count() == 2
    assert not can_refresh(second)
    assert not RefreshSession.objects.filter(pk=expired.pk).exists()
    assert (enters(idle), enters(revoked), enters(alive), enters(stays)) == (False, False, True, True)
    assert (OpaqueToken.objects.count(), BrowserSession.objects.count()) == (1, 1)
