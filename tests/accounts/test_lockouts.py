from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import authenticate
from django.contrib.auth.hashers import MD5PasswordHasher
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.audit.models import SecurityEvent
from accounts.lockouts import log_ins, services
from accounts.lockouts.exceptions import LockedOut
from accounts.lockouts.models import TryCount
from accounts.models import RefreshSession, User
from accounts.tasks import clean_up
from tests.factories import PASSWORD, UserFactory

LOGIN = "/api/auth/login/"
EMAIL, PHONE = "wanjiku@example.com", "+254712345678"
HOME, CAFE = "41.90.1.1", "41.90.2.2"

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def no_throttle(settings: Any) -> None:
    """What is counted here must not be hidden behind the limit of requests."""
    settings.THROTTLE_RATES = dict.fromkeys(settings.THROTTLE_RATES, "999999999/3600")


@pytest.fixture
def user() -> User:
    return UserFactory(email=EMAIL, username="wanjiku")


@pytest.fixture
def hashes(monkeypatch) -> list[str]:
    """The passwords that reach the hasher."""
    seen: list[str] = []
    encode = MD5PasswordHasher.encode

    def counted(self: Any, password: str, salt: str) -> str:
        seen.append(password)
        return encode(self, password, salt)

    monkeypatch.setattr(MD5PasswordHasher, "encode", counted)
    return seen


@pytest.fixture
def later(monkeypatch):
    """Let time pass."""
    passed = [timedelta()]
    now = timezone.now

    def wait(**units: float) -> None:
        passed[0] += timedelta(**units)

    monkeypatch.setattr("accounts.lockouts.services.timezone.now", lambda: now() + passed[0])
    return wait


def log_in(name: str = EMAIL, password: str = "wrong-password", *, address: str = HOME) -> int:
    client = APIClient(raise_request_exception=False)
    return client.post(LOGIN, {"email": name, "password": password}, REMOTE_ADDR=address).status_code


def fail(times: int, name: str = EMAIL, *, address: str = HOME) -> None:
    for _ in range(times):
        assert log_in(name, address=address) == 401


# --- One account --------------------------------------------------------------------------------------------


def test_sixth_wrong_try_waits_and_the_right_password_does_too(user, hashes, later):
    fail(5)
    hashes.clear()

    locked = [log_in(password=PASSWORD), log_in()]

    assert (locked, hashes, RefreshSession.objects.count()) == ([401, 401], [], 0)
    later(minutes=15, seconds=1)
    assert (log_in(password=PASSWORD), hashes) == (200, [PASSWORD])


def test_delay_grows_and_a_refused_try_does_not_prolong_it(user, hashes, later):
    fail(5)
    waits = []

    for _ in range(4):
        with pytest.raises(LockedOut) as refused:
            services.check("login", EMAIL, request=None)
        waits.append(round(refused.value.wait / 60))
        before = TryCount.objects.order_by("pk").values_list("failures", "locked_until")
        untouched = list(before)
        fail(3)
        assert list(before.all()) == untouched
        later(minutes=waits[-1], seconds=1)
        hashes.clear()
        fail(1)
        assert len(hashes) == 1

    assert waits == [15, 30, 60, 60]


def test_right_password_begins_the_count_anew(user, later):
    for _ in range(5):
        fail(4)
        assert log_in(password=PASSWORD) == 200

    assert TryCount.objects.filter(locked_until__isnull=False).count() == 0


def test_count_drains_with_time(user, hashes, later):
    fail(4)
    later(hours=17)
    hashes.clear()

    fail(6)

    assert len(hashes) == 5


@pytest.mark.parametrize("name", ["nobody@example.com", EMAIL, "closed@example.com"])
def test_known_unknown_and_inactive_names_wait_alike(user, hashes, django_assert_num_queries, name):
    UserFactory(email="closed@example.com", is_active=False)
    with django_assert_num_queries(16):  # beside the hash: counted twice, looked up, written to the trail
        log_in(name, PASSWORD + "x")
    assert len(hashes) == 1
    fail(3, name)
    with django_assert_num_queries(13):  # the last free try also tells the trail that the wait begins
        log_in(name)
    hashes.clear()

    with django_assert_num_queries(2):  # one look, and the trail
        assert log_in(name, PASSWORD) == 401

    assert hashes == []
    assert TryCount.objects.filter(locked_until__isnull=False).count() == 2  # the name, and the account


def test_answer_of_a_locked_account_is_that_of_a_wrong_password(api_client, user):
    answers = [api_client.post(LOGIN, {"email": EMAIL, "password": "wrong-password"}) for _ in range(8)]

    assert {(answer.status_code, answer.content) for answer in answers} == {(401, answers[0].content)}
    assert not any("Retry-After" in answer for answer in answers)


@pytest.mark.parametrize("name", ["WANJIKU@Example.com", " wanjiku@example.com ", "ｗanjiku@example.com"])
def test_other_spellings_of_an_address_are_the_same_account(user, hashes, name):
    fail(3)
    fail(2, name)
    hashes.clear()

    assert (log_in(password=PASSWORD), log_in(name, PASSWORD), hashes) == (401, 401, [])


@pytest.fixture
def reachable(user) -> User:
    user.phone_number, user.phone_verified_at = PHONE, timezone.now()
    user.save()
    return user


def test_guesses_by_every_name_are_guesses_at_one_account(reachable, hashes):
    """Fifteen tries by three names: five are compared, and the others cost the same and find nothing."""
    for name in (EMAIL, "wanjiku", "0712345678"):
        fail(5, name)
    compared = len(hashes)

    answers = [log_in(name, PASSWORD) for name in (EMAIL, "wanjiku", PHONE)]

    assert (answers, compared, len(hashes)) == ([401] * 3, 15, 15)
    assert not RefreshSession.objects.exists()


def test_right_password_by_another_name_waits_too_and_is_not_told_by_its_speed(reachable, hashes):
    fail(5)
    hashes.clear()

    answers = [log_in(name, PASSWORD) for name in ("wanjiku", "0712345678", "nobody", "0722000000")]

    # Each costs one hash: whether the names belong to the account that waits is not to be heard.
    assert (answers, len(hashes), RefreshSession.objects.count()) == ([401] * 4, 4, 0)


def test_spellings_of_a_number_are_one_name_known_or_not(reachable, hashes):
    for digits in ("712345678", "722000000"):
        for text in (f"+254{digits}", f"0{digits}", f"254{digits}", f"0{digits[:3]} {digits[3:]}", f"+254-{digits}"):
            fail(1, text)
        hashes.clear()
        assert (log_in(f"0{digits}", PASSWORD), hashes) == (401, [])


def test_known_and_unknown_numbers_cost_the_same_statements(reachable, hashes, django_assert_num_queries):
    UserFactory(phone_number="+254722000000")
    for number in (PHONE, "+254722000000", "+254733000000"):
        with django_assert_num_queries(16):
            assert log_in(number) == 401
    assert len(hashes) == 3


def test_reset_ends_the_waits_of_every_name(reachable):
    for name in (EMAIL, "wanjiku", PHONE):
        fail(5, name)

    log_ins.forgive(reachable)

    assert [log_in(name, PASSWORD) for name in (EMAIL, "wanjiku", PHONE)] == [200, 200, 200]


def test_owner_at_home_comes_in_by_the_name_they_use_while_strangers_guess_by_another(reachable):
    assert log_in(password=PASSWORD, address=HOME) == 200
    fail(6, PHONE, address=CAFE)

    assert log_in(password=PASSWORD, address=HOME) == 200
    assert log_in(password=PASSWORD, address="41.90.4.4") == 401


def test_trail_tells_once_that_a_wait_began(user):
    fail(9)

    event = SecurityEvent.objects.get(kind="locked_out")
    assert (event.user, event.ip_address, event.details) == (None, HOME, {"what": "login"})
    # No refused try is forgotten either.
    assert SecurityEvent.objects.filter(kind="login_failed").count() == 9


# --- Strangers ----------------------------------------------------------------------------------------------


def test_stranger_who_keeps_failing_does_not_keep_the_owner_out(user, hashes, later):
    assert log_in(password=PASSWORD, address=HOME) == 200
    for _ in range(8):  # two days of a stranger who comes back whenever he may
        fail(2, address=CAFE)
        later(hours=6)
        fail(6, address="41.90.3.3")

        assert log_in(password=PASSWORD, address=HOME) == 200

    # Elsewhere the owner waits as the stranger does, until the wait is over or the password is reset.
    assert log_in(password=PASSWORD, address="41.90.4.4") == 401
    log_ins.forgive(user)
    assert log_in(password=PASSWORD, address="41.90.4.4") == 200


def test_familiar_network_has_an_allowance_and_not_more(user, hashes):
    assert log_in(password=PASSWORD) == 200
    hashes.clear()

    fail(50)

    assert len(hashes) == 5
    assert log_in(password=PASSWORD) == 401


def test_success_from_home_leaves_what_strangers_failed_elsewhere(user, hashes):
    log_in(password=PASSWORD, address=HOME)
    fail(5, address=CAFE)
    log_in(password=PASSWORD, address=HOME)
    hashes.clear()

    fail(3, address=CAFE)

    assert hashes == []


def test_network_is_forgotten_after_a_season(user, later):
    log_in(password=PASSWORD, address=HOME)
    later(days=91)
    fail(5, address=CAFE)

    assert log_in(password=PASSWORD, address=HOME) == 401


# --- One network --------------------------------------------------------------------------------------------


def test_network_that_tries_many_accounts_waits_except_where_it_is_known(user, hashes, settings):
    settings.LOCKOUT_NETWORK_TRIES = 10
    log_in(password=PASSWORD, address=CAFE)
    neighbour = UserFactory(email="neighbour@example.com")
    for number in range(12):
        log_in(f"guess-{number}@example.com", address=CAFE)
    hashes.clear()

    answers = [
        log_in(neighbour.email, PASSWORD, address=CAFE),
        log_in(neighbour.email, PASSWORD, address=HOME),
        log_in(EMAIL, PASSWORD, address=CAFE),
    ]

    assert (answers, len(hashes)) == ([401, 200, 200], 2)


def test_own_account_does_not_clear_the_network(user, hashes, settings):
    settings.LOCKOUT_NETWORK_TRIES = 10
    for number in range(9):
        log_in(f"guess-{number}@example.com")
        assert log_in(password=PASSWORD) == 200
    log_in("guess-9@example.com")
    hashes.clear()

    log_in("guess-10@example.com")

    assert hashes == []


def test_network_drains(user, hashes, settings, later):
    settings.LOCKOUT_NETWORK_TRIES = 10
    for number in range(10):
        log_in(f"guess-{number}@example.com")
    later(minutes=20)
    hashes.clear()

    for number in range(12):
        log_in(f"other-{number}@example.com")

    assert len(hashes) == 10


def test_invented_forwarded_addresses_are_one_network(user, hashes, settings):
    settings.LOCKOUT_NETWORK_TRIES, settings.TRUSTED_PROXIES = 10, 1
    for number in range(30):
        APIClient().post(
            LOGIN,
            {"email": f"guess-{number}@example.com", "password": "wrong-password"},
            headers={"X-Forwarded-For": f"1.1.1.{number}, {CAFE}"},
        )

    assert len(hashes) == 10


@pytest.mark.parametrize(
    ("one", "other", "tries"),
    [
        ("41.90.1.1", "41.90.1.2", 4),
        ("41.90.1.1", "::ffff:41.90.1.1", 2),
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff", 2),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", 4),
    ],
)
def test_network_is_an_ipv4_address_or_a_64_of_ipv6(user, hashes, settings, one, other, tries):
    settings.LOCKOUT_NETWORK_TRIES = 2
    hashes.clear()

    for number in range(3):
        log_in(f"guess-{number}@example.com", address=one)
        log_in(f"other-{number}@example.com", address=other)

    assert len(hashes) == tries


def test_without_an_address_only_accounts_wait(user, hashes, settings):
    settings.LOCKOUT_NETWORK_TRIES = 2
    for number in range(6):
        assert authenticate(None, username=f"guess-{number}@example.com", password="wrong-password") is None

    assert len(hashes) == 6


# --- At once, many, large -----------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_twenty_wrong_tries_at_once_are_five(together, hashes, settings):
    settings.PASSWORD_HASHES_WAITING = 20
    UserFactory(email=EMAIL)
    hashes.clear()

    results = together(*[log_in] * 20)

    assert (Counter(results), len(hashes)) == ({401: 20}, 5)
    assert sorted(TryCount.objects.values_list("failures", flat=True)) == [5, 5, 5, 5]


@pytest.mark.django_db(transaction=True)
def test_twenty_failures_at_once_count_twenty(together, settings):
    settings.LOCKOUT_ACCOUNT_TRIES = 100

    results = together(*[lambda: services.check("code", "someone", request=None)] * 20)

    assert [result for result in results if isinstance(result, Exception)] == []
    assert TryCount.objects.get().failures == 20


@pytest.mark.django_db(transaction=True)
def test_right_and_wrong_at_once_end_without_a_deadlock(together, settings):
    settings.PASSWORD_HASHES_WAITING = 20
    UserFactory(email=EMAIL)
    right = [lambda: log_in(password=PASSWORD)] * 4
    wrong = [lambda n=n: log_in(f"guess-{n}@example.com") for n in range(8)]

    results = together(*right, *wrong)

    assert Counter(results) == {200: 4, 401: 8}


def test_of_ten_thousand_guesses_five_reach_the_hasher(user, hashes, rf):
    hashes.clear()
    requests = [rf.post(LOGIN, REMOTE_ADDR=f"41.{third}.{fourth}.7") for third in range(40) for fourth in range(250)]

    found = [authenticate(request, username=EMAIL, password=f"guess {n}") for n, request in enumerate(requests)]

    assert (len(found), set(found), len(hashes)) == (10_000, {None}, 5)


def test_password_longer_than_any_costs_nothing(api_client, user, hashes):
    long = ["x" * 129, "x" * 4097, "é" * 129, "x" * 900_000]
    hashes.clear()

    answers = [api_client.post(LOGIN, {"email": EMAIL, "password": password}) for password in long]
    too_large = api_client.post(LOGIN, {"email": EMAIL, "password": "x" * 1_100_000})

    assert [answer.status_code for answer in answers] == [400] * 4
    assert too_large.status_code == 413
    assert (authenticate(None, username=EMAIL, password="x" * 129), hashes) == (None, [])
    assert not TryCount.objects.exists()


# --- Other places -------------------------------------------------------------------------------------------


def test_admin_counts_with_the_api(staff, hashes):
    browser = Client()
    form = {"username": staff.email, "password": "wrong-password", "next": "/admin/"}
    for _ in range(3):
        assert browser.post("/admin/login/", form, REMOTE_ADDR=HOME).status_code == 200
    fail(2, staff.email, address=HOME)
    hashes.clear()

    answer = browser.post("/admin/login/", form | {"password": PASSWORD}, REMOTE_ADDR=HOME)

    assert (answer.status_code, hashes, "_auth_user_id" in browser.session) == (200, [], False)


def test_each_thing_that_is_tried_has_its_own_count(user):
    for _ in range(5):
        services.check("code", EMAIL, request=None)

    with pytest.raises(LockedOut) as refused:
        services.check("code", EMAIL, request=None)

    assert 800 < refused.value.wait <= 900
    assert log_in(password=PASSWORD) == 200


def test_table_holds_neither_names_nor_addresses_and_is_swept(user, later):
    log_in(password=PASSWORD)
    fail(2, address=CAFE)

    text = str(list(TryCount.objects.values()))
    assert not any(word in text for word in ("wanjiku", HOME, CAFE))
    clean_up()
    assert TryCount.objects.count() == 8
    TryCount.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    clean_up()
    assert TryCount.objects.count() == 0
