"""Tokens of forty characters."""

import hashlib
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from accounts import tokens
from accounts.audit.models import SecurityEvent
from accounts.models import OpaqueToken, User
from accounts.opaque_tokens import services
from tests.accounts.ways_in import enters, opaque_token, with_cookie, with_header, with_old_log_in, with_token
from tests.clients import client_for
from tests.factories import UserFactory, place_order

TOKEN = "/api/auth/token/"

pytestmark = pytest.mark.django_db


def grow_idle(by: timedelta) -> None:
    for token in OpaqueToken.objects.all():
        token.last_used_at -= by
        token.save(update_fields=["last_used_at"])


def refused(client: Any) -> bool:
    answer = client.get("/api/users/profile/")
    if answer.status_code == 200:
        return False
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (401, "invalid_token")
    return True


def test_issued_token_is_shown_once_and_kept_as_its_hash(customer):
    answer = client_for(customer).post(TOKEN, {"name": "Stock script"}, HTTP_USER_AGENT="curl")

    text = answer.json()["token"]
    token = OpaqueToken.objects.get()
    assert answer.status_code == 201
    assert answer.json() == {"id": str(token.pk), "token": text, "idle_days": 14}
    assert (len(text), answer["Cache-Control"]) == (40, "no-store")
    assert token.token_hash == hashlib.sha256(text.encode()).hexdigest()
    assert (token.user, token.name, token.user_agent, token.ip_address) == (
        customer, "Stock script", "curl", "127.0.0.1"
    )  # fmt: skip
    entry = SecurityEvent.objects.get(kind="token_issued")
    assert (entry.user, entry.details) == (customer, {"token": str(token.pk)})


def test_token_has_the_rights_of_the_log_in(customer):
    order = place_order(customer)
    someone_elses = place_order(UserFactory())
    client = with_token(customer)

    assert client.get("/api/users/profile/").json()["id"] == str(customer.pk)
    assert client.get(f"/api/orders/{order.pk}/").status_code == 200
    assert client.get(f"/api/orders/{someone_elses.pk}/").status_code == 404
    assert client.patch("/api/users/profile/", {"first_name": "Wanjiku"}).status_code == 200


def test_token_check_is_one_statement(customer):
    client = with_token(customer)
    with CaptureQueriesContext(connection) as asked:
        assert enters(client)
    assert len(asked) == 2  # the token with its user, and the profile that is shown


@pytest.mark.parametrize("keyword", ["Token", "token", "TOKEN"])
def test_keyword_is_read_in_any_case(customer, keyword):
    assert enters(with_header(f"{keyword} {opaque_token(customer)}"))


@pytest.mark.parametrize(
    "change",
    [
        str.upper, lambda text: text[:-1], lambda text: text + "0", lambda text: "", lambda text: "0" * 40,
        lambda text: text.replace(text[0], "é"), lambda text: f"{text} {text}", lambda text: "a" * 1_000_000,
        lambda text: text + "\x00", lambda text: hashlib.sha256(text.encode()).hexdigest(),
    ],
)  # fmt: skip
def test_anything_but_the_token_is_a_401(customer, change):
    text = opaque_token(customer)
    while text == change(text):  # all digits
        text = opaque_token(customer)
    assert refused(with_header(f"Token {change(text)}"))
    assert enters(with_header(f"Token {text}"))


def test_token_ends_when_nobody_uses_it(customer, settings):
    settings.OPAQUE_TOKEN_IDLE = timedelta(days=3)
    client = with_token(customer)
    grow_idle(timedelta(days=2, hours=23))
    before = enters(client)  # and that is a use
    grow_idle(timedelta(days=2, hours=23))
    again = enters(client)
    grow_idle(timedelta(days=3))

    assert (before, again, refused(client)) == (True, True, True)


def test_use_is_written_down_once_a_minute(customer):
    client = with_token(customer)
    grow_idle(timedelta(seconds=50))
    before = OpaqueToken.objects.get().last_used_at
    enters(client)
    assert OpaqueToken.objects.get().last_used_at == before

    grow_idle(timedelta(seconds=20))
    enters(client)
    noted = OpaqueToken.objects.get().last_used_at
    enters(client)

    assert noted > before
    assert OpaqueToken.objects.get().last_used_at == noted


@pytest.mark.parametrize("end", ["everywhere", "inactive", "deleted", "password", "role"])
def test_token_ends_with_what_ends_every_log_in(customer, end):
    client = with_token(customer)
    before = enters(client)
    if end == "everywhere":
        assert client_for(customer).post("/api/auth/logout/", {"everywhere": True}).status_code == 204
    elif end == "inactive":
        User.objects.update(is_active=False)
    elif end == "deleted":
        customer.delete()
    else:
        tokens.end_all_sessions(customer)

    assert (before, refused(client)) == (True, True)


def test_deleting_ends_the_token_that_asks_and_no_other(customer):
    mine, other, someone_elses = with_token(customer), with_token(customer), with_token(UserFactory())

    assert mine.delete(TOKEN).status_code == 204

    assert refused(mine)
    assert (enters(other), enters(someone_elses)) == (True, True)
    assert mine.delete(TOKEN).status_code == 401
    assert SecurityEvent.objects.filter(kind="token_revoked").count() == 1


def test_deleting_by_a_log_in_ends_all_tokens_of_the_user(customer):
    first, second, someone_elses = with_token(customer), with_token(customer), with_token(UserFactory())
    log_in = client_for(customer)

    assert log_in.delete(TOKEN).status_code == 204
    assert log_in.delete(TOKEN).status_code == 204

    assert (refused(first), refused(second)) == (True, True)
    assert (enters(log_in), enters(someone_elses)) == (True, True)
    assert SecurityEvent.objects.filter(kind="token_revoked").count() == 1


def test_nobody_gets_no_token(api_client, customer):
    assert api_client.post(TOKEN, {"email": customer.email, "password": "maji-ya-chai-7"}).status_code == 401
    assert not OpaqueToken.objects.exists()


@pytest.mark.parametrize("way_in", [with_token, with_old_log_in])
def test_token_takes_a_fresh_log_in(customer, way_in):
    client = way_in(customer)
    before = OpaqueToken.objects.count()

    answer = client.post(TOKEN)

    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (403, "fresh_log_in_required")
    assert OpaqueToken.objects.count() == before


def test_browser_without_its_csrf_token_is_issued_nothing(customer):
    """Another site may make a browser send its cookie, but not the token."""
    client = APIClient(enforce_csrf_checks=True, raise_request_exception=False)
    client.force_login(customer)
    assert client.post(TOKEN).status_code == 403
    assert not OpaqueToken.objects.exists()
    assert with_cookie(customer).post(TOKEN).status_code == 201


@pytest.mark.parametrize("body", [{"name": "x" * 81}, {"name": ["a"]}, {"name": "\x00"}])
def test_name_that_is_none_is_a_400(customer, body):
    assert client_for(customer).post(TOKEN, body).status_code == 400
    assert not OpaqueToken.objects.exists()


def test_token_that_was_not_used_for_longest_makes_room(customer, rf):
    texts = [services.issue(customer, request=rf.post(TOKEN))[1] for _ in range(services.MOST)]
    OpaqueToken.objects.filter(token_hash=services.hashed(texts[7])).update(
        last_used_at=OpaqueToken.objects.earliest("last_used_at").last_used_at - timedelta(hours=1)
    )

    texts.append(services.issue(customer, request=rf.post(TOKEN))[1])

    alive = [enters(with_header(f"Token {text}")) for text in texts]
    assert [index for index, lives in enumerate(alive) if not lives] == [7]


@pytest.mark.django_db(transaction=True)
def test_tokens_issued_at_once_stay_within_the_limit(customer, rf, together):
    for _ in range(services.MOST - 1):
        services.issue(customer, request=rf.post(TOKEN))

    together(*[lambda: services.issue(customer, request=rf.post(TOKEN))] * 6)

    assert OpaqueToken.objects.filter(revoked_at__isnull=True).count() == services.MOST


def test_token_issued_while_everything_ends_is_born_dead(customer, rf):
    """The log-out everywhere commits between the check of the log-in and the making of the token."""
    tokens.end_all_sessions(User.objects.get(pk=customer.pk))

    _, text = services.issue(customer, request=rf.post(TOKEN))

    assert refused(with_header(f"Token {text}"))
