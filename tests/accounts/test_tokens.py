import base64
import json
import threading
import time
from datetime import timedelta
from typing import Any

import jwt
import pytest
from django.conf import settings as django_settings
from django.db import connection, transaction
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import tokens
from accounts.exceptions import InvalidRefreshToken
from accounts.models import RefreshSession, User
from tests.factories import UserFactory

REFRESH = "/api/auth/refresh/"
PROFILE = "/api/users/profile/"

pytestmark = pytest.mark.django_db


CLAIMS_OF_ACCESS = {"token_type", "exp", "iat", "jti", "user_id", "epoch", "family", "auth_time", "iss", "aud"}


def claims(token: str) -> dict[str, Any]:
    return jwt.decode(token, options={"verify_signature": False})


def refused(api_client, refresh: Any) -> bool:
    answer = api_client.post(REFRESH, {"refresh": refresh})
    if answer.status_code == 200:
        return False
    assert answer.status_code == 401
    assert answer.json()["errors"][0]["code"] == "invalid_refresh_token"
    return True


def may_enter(api_client, access: str) -> bool:
    answer = api_client.get(PROFILE, HTTP_AUTHORIZATION=f"Bearer {access}")
    assert answer.status_code in (200, 401)
    return answer.status_code == 200


def grow_old(by: timedelta) -> None:
    """Let the time pass for all refresh sessions that are used."""
    for session in RefreshSession.objects.filter(used_at__isnull=False):
        session.used_at -= by
        session.save(update_fields=["used_at"])


def wait_for_a_waiting_lock() -> None:
    """Wait until somebody in this database waits for a row that another one holds."""
    end = time.monotonic() + 5
    while time.monotonic() < end:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
            if cursor.fetchone()[0]:
                return
        time.sleep(0.01)


AFTER_GRACE = timedelta(seconds=11)

# --- Rotation -----------------------------------------------------------------------------------------------


def test_tokens_hold_no_more_than_they_must(customer):
    pair = tokens.start_session(customer)

    assert set(claims(pair.access)) == CLAIMS_OF_ACCESS
    assert set(claims(pair.refresh)) == {"token_type", "exp", "iat", "jti", "user_id", "iss", "aud"}
    lifetimes = [claims(token)["exp"] - claims(token)["iat"] for token in (pair.access, pair.refresh)]
    assert lifetimes == [15 * 60, pytest.approx(14 * 24 * 3600, abs=2)]


@pytest.mark.parametrize("path", ["/api/auth/refresh/", "/api/token/refresh/"])
def test_refreshing_gives_a_new_pair_of_the_same_family(api_client, customer, path):
    old = tokens.start_session(customer, user_agent="Chrome", ip_address="41.90.0.1")

    answer = api_client.post(path, {"refresh": old.refresh})

    assert answer.status_code == 200
    assert set(answer.json()) == {"access", "refresh"}
    assert may_enter(api_client, answer.json()["access"])
    first, second = RefreshSession.objects.order_by("created_at")
    assert (first.successor, first.used_at is not None, second.used_at) == (second, True, None)
    assert (second.family, second.family_started_at) == (first.family, first.family_started_at)
    assert (second.user_agent, second.ip_address) == ("Chrome", "41.90.0.1")
    assert claims(answer.json()["refresh"])["jti"] == str(second.pk)


def test_two_tabs_within_the_grace_get_the_same_successor(customer):
    old = tokens.start_session(customer)

    first, second = tokens.rotate(old.refresh), tokens.rotate(old.refresh)

    assert first.refresh == second.refresh
    assert RefreshSession.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_twenty_parallel_uses_of_one_token_make_one_successor(together, customer):
    old = tokens.start_session(customer)

    def post() -> tuple[int, str]:
        answer = APIClient(raise_request_exception=False).post(REFRESH, {"refresh": old.refresh})
        return answer.status_code, answer.json().get("refresh", "")

    answers = together(*[post] * 20)

    assert {code for code, _ in answers} == {200}
    assert len({refresh for _, refresh in answers}) == 1
    assert RefreshSession.objects.filter(revoked_at__isnull=True).count() == RefreshSession.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_second_use_waits_for_the_first_and_gets_its_successor(customer):
    old = tokens.start_session(customer)
    born, release, pairs = threading.Event(), threading.Event(), []

    def first() -> None:
        with transaction.atomic():
            pairs.append(tokens.rotate(old.refresh))
            born.set()
            release.wait(10)
        connection.close()

    def second() -> None:
        pairs.append(tokens.rotate(old.refresh))
        connection.close()

    threads = [threading.Thread(target=first), threading.Thread(target=second)]
    threads[0].start()
    assert born.wait(10)
    threads[1].start()
    wait_for_a_waiting_lock()
    release.set()
    for thread in threads:
        thread.join(10)

    assert len({pair.refresh for pair in pairs}) == 1
    assert (len(pairs), RefreshSession.objects.count()) == (2, 2)


def test_reuse_after_the_grace_ends_the_family_and_the_successor_too(api_client, customer):
    old = tokens.start_session(customer)
    other_device = tokens.start_session(customer)
    successor = tokens.rotate(old.refresh)
    grow_old(AFTER_GRACE)

    reused = refused(api_client, old.refresh)

    assert (reused, refused(api_client, successor.refresh)) == (True, True)
    assert not refused(api_client, other_device.refresh)
    assert RefreshSession.objects.filter(revoked_at__isnull=False).count() == 2


def test_reuse_of_a_token_whose_successor_is_used_ends_the_family_even_within_the_grace(api_client, customer):
    old = tokens.start_session(customer)
    second = tokens.rotate(old.refresh)
    third = tokens.rotate(second.refresh)

    assert refused(api_client, old.refresh)
    assert refused(api_client, third.refresh)


@pytest.mark.django_db(transaction=True)
def test_successor_born_while_its_family_ends_does_not_survive(api_client, customer):
    """The thief's reuse and the owner's rotation at the same moment: nothing of the family may live on."""
    old = tokens.start_session(customer)
    second = tokens.rotate(old.refresh)
    grow_old(AFTER_GRACE)
    born, release, third = threading.Event(), threading.Event(), []

    def owner() -> None:
        with transaction.atomic():
            third.append(tokens.rotate(second.refresh))
            born.set()
            release.wait(10)
        connection.close()

    def thief() -> None:
        try:
            tokens.rotate(old.refresh)
        except InvalidRefreshToken:
            pass
        finally:
            connection.close()

    threads = [threading.Thread(target=owner), threading.Thread(target=thief)]
    threads[0].start()
    assert born.wait(10)
    threads[1].start()
    wait_for_a_waiting_lock()
    release.set()
    for thread in threads:
        thread.join(10)

    assert refused(api_client, second.refresh)
    assert refused(api_client, third[0].refresh)


@pytest.mark.django_db(transaction=True)
def test_successor_born_while_its_owner_logs_out_does_not_survive(api_client, customer):
    old = tokens.start_session(customer)
    born, release, successor = threading.Event(), threading.Event(), []

    def other_tab() -> None:
        with transaction.atomic():
            successor.append(tokens.rotate(old.refresh))
            born.set()
            release.wait(10)
        connection.close()

    def log_out() -> None:
        tokens.end_session(old.refresh, user=customer)
        connection.close()

    threads = [threading.Thread(target=other_tab), threading.Thread(target=log_out)]
    threads[0].start()
    assert born.wait(10)
    threads[1].start()
    wait_for_a_waiting_lock()
    release.set()
    for thread in threads:
        thread.join(10)

    assert refused(api_client, successor[0].refresh)


# --- Ends ---------------------------------------------------------------------------------------------------


def test_expired_session_is_refused(api_client, customer):
    pair = tokens.start_session(customer)
    RefreshSession.objects.update(expires_at=timezone.now())

    assert refused(api_client, pair.refresh)
    assert RefreshSession.objects.count() == 1


def test_family_ends_after_ninety_days_however_often_it_is_used(api_client, customer):
    pair = tokens.start_session(customer)
    started = timezone.now() - timedelta(days=85)
    RefreshSession.objects.update(family_started_at=started)

    successor = tokens.rotate(pair.refresh)

    session = RefreshSession.objects.get(pk=claims(successor.refresh)["jti"])
    assert session.expires_at == started + timedelta(days=90)
    assert claims(successor.refresh)["exp"] == int(session.expires_at.timestamp())


@pytest.mark.parametrize("change", ["inactive", "deleted", "epoch"])
def test_tokens_of_a_user_who_may_not_come_any_more_are_a_401(api_client, customer, change):
    pair = tokens.start_session(customer)
    before = may_enter(api_client, pair.access)
    if change == "inactive":
        User.objects.update(is_active=False)
    elif change == "deleted":
        customer.delete()
    else:
        User.objects.update(session_epoch=1)

    assert (before, may_enter(api_client, pair.access), refused(api_client, pair.refresh)) == (True, False, True)


# --- Forgeries ----------------------------------------------------------------------------------------------

KEY = django_settings.SIMPLE_JWT["SIGNING_KEY"]


def forge(good: str, *, key: str = KEY, algorithm: str = "HS256", **changes: Any) -> str:
    body = {name: value for name, value in (claims(good) | changes).items() if value is not None}
    return jwt.encode(body, key, algorithm=algorithm)


def unsigned(good: str) -> str:
    header = base64.urlsafe_b64encode(json.dumps({"alg": "none", "typ": "JWT"}).encode()).rstrip(b"=").decode()
    return f"{header}.{good.split('.')[1]}."


def nested_header(levels: int) -> str:
    header = base64.urlsafe_b64encode(b"[" * levels + b"]" * levels).rstrip(b"=").decode()
    return f"{header}.e30.AAAA"


FORGERIES = {
    "nothing": lambda good: "",
    "rubbish": lambda good: "rubbish",
    "dots": lambda good: "..",
    "no signature": lambda good: good.rsplit(".", 1)[0] + ".",
    "alg none": unsigned,
    "wrong signature": lambda good: forge(good, key="x" * 64),
    "the secret key itself": lambda good: forge(good, key=django_settings.SECRET_KEY),
    "other algorithm": lambda good: forge(good, algorithm="HS512"),
    "wrong issuer": lambda good: forge(good, iss="evil"),
    "no issuer": lambda good: forge(good, iss=None),
    "wrong audience": lambda good: forge(good, aud="other-api"),
    "no audience": lambda good: forge(good, aud=None),
    "expired": lambda good: forge(good, exp=int(time.time()) - 60),
    "no expiry": lambda good: forge(good, exp=None),
    "no id": lambda good: forge(good, jti=None),
    "no type": lambda good: forge(good, token_type=None),
    "not ASCII": lambda good: good[:-3] + "äöü",
    "nested header": lambda good: nested_header(700),
    "list as header": lambda good: nested_header(1),
}


@pytest.mark.parametrize("how", FORGERIES)
def test_forged_access_token_is_a_401(api_client, customer, how):
    good = tokens.start_session(customer).access

    answer = api_client.get(PROFILE, HTTP_AUTHORIZATION=f"Bearer {FORGERIES[how](good)}")

    assert answer.status_code == 401
    assert may_enter(api_client, good)


@pytest.mark.parametrize("how", [how for how in FORGERIES if how != "nothing"])
def test_forged_refresh_token_is_a_401(api_client, customer, how):
    good = tokens.start_session(customer).refresh

    assert refused(api_client, FORGERIES[how](good))
    assert not refused(api_client, good)


def test_tokens_of_a_former_key_are_read_while_it_is_named(api_client, customer, settings):
    former = "the-key-before-this-one-0123456789abcdef"
    pair = tokens.start_session(customer)
    access, refresh = (forge(token, key=former) for token in (pair.access, pair.refresh))
    before = may_enter(api_client, access)
    settings.JWT_SIGNING_KEY_FALLBACKS = ["older-still-0123456789abcdef0123456789", former]

    during = may_enter(api_client, access)
    renewed = api_client.post(REFRESH, {"refresh": refresh}).json()["access"]
    wrong = {
        how: may_enter(api_client, forge(pair.access, **{"key": former} | changes))
        for how, changes in {
            "audience": {"aud": "other-api"}, "issuer": {"iss": "evil"}, "expired": {"exp": int(time.time()) - 60},
            "algorithm": {"algorithm": "HS512"}, "key": {"key": "x" * 64}, "refresh": {"token_type": "refresh"},
        }.items()
    }  # fmt: skip

    assert (before, during, set(wrong.values())) == (False, True, {False})
    settings.JWT_SIGNING_KEY_FALLBACKS = []
    assert (may_enter(api_client, access), may_enter(api_client, renewed)) == (False, True)


def test_access_token_lives_for_minutes(customer):
    held = claims(tokens.start_session(customer).access)

    assert 5 * 60 <= held["exp"] - held["iat"] <= 15 * 60
    assert (held["iss"], held["aud"]) == ("bytemtaani", "bytemtaani-api")


@pytest.mark.parametrize("levels", [100, 700, 1400, 2000])
def test_token_with_a_nested_header_is_a_401(api_client, levels):
    answer = api_client.get(PROFILE, HTTP_AUTHORIZATION=f"Bearer {nested_header(levels)}")

    assert answer.status_code == 401


@pytest.mark.parametrize(
    "changes",
    [
        {"user_id": None}, {"user_id": "00000000-0000-4000-8000-000000000000"}, {"user_id": "7"}, {"user_id": 7},
        {"user_id": ["a"]}, {"epoch": None}, {"epoch": 1}, {"epoch": "0"}, {"token_type": "refresh"},
        {"epoch": True}, {"epoch": 0.0}, {"family": None}, {"family": "7"}, {"family": [1]},
    ],
)  # fmt: skip
def test_access_token_with_other_claims_is_a_401_even_if_it_is_signed(api_client, customer, changes):
    assert not may_enter(api_client, forge(tokens.start_session(customer).access, **changes))


@pytest.mark.parametrize("jti", ["7", 7, "00000000-0000-4000-8000-000000000000", ["a"], {"a": 1}])
def test_refresh_token_with_another_id_is_a_401_even_if_it_is_signed(api_client, customer, jti):
    assert refused(api_client, forge(tokens.start_session(customer).refresh, jti=jti))


def test_access_and_refresh_tokens_do_not_stand_for_each_other(api_client, customer):
    pair = tokens.start_session(customer)

    assert refused(api_client, pair.access)
    assert not may_enter(api_client, pair.refresh)


@pytest.mark.parametrize("header", ["Bearer", "Bearer a b", "bearer", "Basic dXNlcjpwYXNz", "Token abc", "\xe4\xf6"])
def test_odd_authorization_header_is_a_401(api_client, header):
    assert api_client.get(PROFILE, HTTP_AUTHORIZATION=header).status_code == 401


@pytest.mark.parametrize("body", [{}, {"refresh": ""}, {"refresh": None}, {"refresh": "x" * 2001}, {"refresh": [1]}])
def test_refreshing_without_a_token_is_a_400(api_client, body):
    answer = api_client.post(REFRESH, body)

    assert answer.status_code == 400
    assert [row["attr"] for row in answer.json()["errors"]] == ["refresh"]


def test_other_users_session_is_not_theirs(customer):
    mine, theirs = tokens.start_session(customer), tokens.start_session(UserFactory())

    tokens.end_all_sessions(customer)

    with pytest.raises(InvalidRefreshToken):
        tokens.rotate(mine.refresh)
    assert tokens.rotate(theirs.refresh)
