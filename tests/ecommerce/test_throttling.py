import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import caches
from django.utils import timezone
from redis import Redis
from rest_framework.test import APIClient

from ecommerce.client import client_address, client_network
from ecommerce.models import RequestCount
from ecommerce.redis_client import circuit
from ecommerce.retention import purge_expired_rows
from ecommerce.throttling import (
    LoginThrottle,
    RegisterThrottle,
    hit,
)
from tests.factories import UserFactory

LOGIN = "/api/auth/login/"
WRONG = {"email": "nobody@example.com", "password": "wrong-password"}


@pytest.fixture
def long_windows(settings):
    """Windows so long that none ends during a test, and small limits."""
    settings.THROTTLE_RATES = dict.fromkeys(("login", "register", "payment"), "3/1000000000")
    settings.THROTTLE_RATES |= dict.fromkeys(("user", "anonymous"), "100/1000000000")
    return settings


@pytest.fixture
def redis_at(monkeypatch) -> Iterator[Callable[[str], None]]:
    """Point the cache at another address for this test."""
    before = caches["default"]

    def point(address: str) -> None:
        monkeypatch.setitem(caches.settings["default"], "LOCATION", address)
        del caches["default"]  # made anew at the next use

    yield point
    caches["default"] = before


@pytest.fixture
def silent_server() -> Iterator[int]:
    """A port that accepts and never says anything, as a hung Redis does."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


# --- The counter --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("limit", [1, 10])
def test_limit_lets_exactly_so_many_of_six_times_as_many_through(settings, limit):
    settings.THROTTLE_RATES = {"login": f"{limit}/1000000000"}
    results: list[float | None] = []
    start = threading.Barrier(6 * limit)

    def work() -> None:
        start.wait(10)
        results.append(hit("login", "10.0.0.1"))

    threads = [threading.Thread(target=work) for _ in range(6 * limit)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    assert len(results) == 6 * limit
    assert results.count(None) == limit


def test_each_scope_and_each_identity_is_counted_by_itself(long_windows):
    for _ in range(3):
        hit("login", "10.0.0.1")

    assert hit("login", "10.0.0.1") is not None
    assert hit("login", "10.0.0.2") is None
    assert hit("register", "10.0.0.1") is None


def test_window_that_ends_begins_anew(settings, monkeypatch):
    settings.THROTTLE_RATES = {"login": "1/60"}
    monkeypatch.setattr("ecommerce.throttling.time.time", lambda: 1_000_010.0)
    first, second = hit("login", "a"), hit("login", "a")
    monkeypatch.setattr("ecommerce.throttling.time.time", lambda: 1_000_020.0)

    third = hit("login", "a")

    assert (first, second, third) == (None, 10.0, None)


def test_keys_hold_no_address_and_end_with_their_window(long_windows):
    hit("login", "192.168.77.1")

    cache: Any = caches["default"]
    client = cache._cache.get_client()
    (key,) = client.keys(f"{cache.key_prefix}:*")
    assert b"192.168" not in key
    assert 0 < client.ttl(key) <= 1_000_000_001


def test_redis_that_has_failed_is_left_alone_for_a_while(long_windows, redis_at, silent_server, monkeypatch):
    redis_at(f"redis://127.0.0.1:{silent_server}/0")
    hit("login", "10.0.0.1")  # waits for its answer
    started = time.monotonic()

    answers = [hit("login", "10.0.0.1") for _ in range(50)]

    assert (answers, time.monotonic() - started < 0.5) == ([None] * 50, True)
    monkeypatch.setattr("ecommerce.redis_client.time.monotonic", lambda: started + 60)
    assert not circuit.is_open


# --- Over HTTP ----------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_log_in_above_the_limit_is_a_429_that_says_when_to_come_again(api_client, settings):
    settings.THROTTLE_RATES = settings.THROTTLE_RATES | {"login": "3/100000000"}

    answers = [api_client.post(LOGIN, WRONG) for _ in range(5)]

    assert [answer.status_code for answer in answers] == [401, 401, 401, 429, 429]
    body = answers[-1].json()
    assert (body["type"], [row["code"] for row in body["errors"]]) == ("client_error", ["throttled"])
    assert 0 < int(answers[-1]["Retry-After"]) <= 100_000_000


@pytest.mark.django_db
def test_signed_in_user_is_counted_by_account_and_not_by_address(signed_in_client, customer, long_windows):
    long_windows.THROTTLE_RATES = long_windows.THROTTLE_RATES | {"user": "2/1000000000"}
    other = UserFactory()

    mine = [signed_in_client(customer).get("/api/users/profile/").status_code for _ in range(3)]
    theirs = signed_in_client(other).get("/api/users/profile/").status_code

    assert mine == [200, 200, 429]
    assert theirs == 200


@pytest.mark.django_db(transaction=True)
def test_parallel_log_ins_are_limited_exactly(together, settings):
    settings.THROTTLE_RATES = settings.THROTTLE_RATES | {"login": "4/100000000"}
    settings.PASSWORD_HASHES_WAITING = 16

    results = together(*[lambda: APIClient().post(LOGIN, WRONG).status_code] * 16)

    assert Counter(results) == {401: 4, 429: 12}


@pytest.mark.parametrize(
    ("proxies", "forwarded", "address"),
    [
        (0, None, "10.0.0.9"),
        (0, "1.1.1.1", "10.0.0.9"),
        (1, None, "10.0.0.9"),
        (1, "2.2.2.2", "2.2.2.2"),
        (1, "1.1.1.1, 2.2.2.2", "2.2.2.2"),
        (1, "1.1.1.1,2.2.2.2,,", "2.2.2.2"),
        (2, "2.2.2.2", "10.0.0.9"),
        (2, "2.2.2.2, 3.3.3.3", "2.2.2.2"),
        (2, "1.1.1.1, 2.2.2.2, 3.3.3.3", "2.2.2.2"),
        (1, "2001:db8::1", "2001:db8::1"),
        (1, "<script>", "10.0.0.9"),
        (1, "2.2.2.2:443", "10.0.0.9"),
        (1, "fe80::1%eth0", "10.0.0.9"),
        (2, ":::, 3.3.3.3", "10.0.0.9"),
    ],
)
def test_client_address_trusts_only_our_own_proxies(rf, settings, proxies, forwarded, address):
    settings.TRUSTED_PROXIES = proxies
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}

    assert client_address(rf.get("/", REMOTE_ADDR="10.0.0.9", headers=headers)) == address


@pytest.mark.parametrize(("proxies", "codes"), [(0, [401, 401, 401, 429]), (1, [401, 401, 401, 429])])
@pytest.mark.django_db
def test_invented_forwarded_addresses_do_not_widen_the_limit(api_client, settings, proxies, codes):
    settings.THROTTLE_RATES = settings.THROTTLE_RATES | {"login": "3/100000000"}
    settings.TRUSTED_PROXIES = proxies
    our_proxy_adds = ", 41.90.0.1" if proxies else ""

    answers = [
        api_client.post(LOGIN, WRONG, headers={"X-Forwarded-For": f"1.1.1.{n}{our_proxy_adds}"}) for n in range(4)
    ]

    assert [answer.status_code for answer in answers] == codes


def test_whole_64_of_ipv6_is_one_client(api_client, settings, db):
    settings.THROTTLE_RATES = settings.THROTTLE_RATES | {"login": "3/100000000"}
    addresses = ["2001:db8:1:2::1", "2001:db8:1:2::2", "2001:db8:1:2:a::1", "2001:db8:1:2:b::9", "2001:db8:1:3::1"]

    answers = [api_client.post(LOGIN, WRONG, REMOTE_ADDR=address).status_code for address in addresses]

    assert answers == [401, 401, 401, 429, 401]


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("41.90.1.1", "41.90.1.1"),
        ("::ffff:41.90.1.1", "41.90.1.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("", ""),
    ],
)
def test_client_network(address, network):
    assert client_network(address) == network


# --- What is told -------------------------------------------------------------------------------------------


def parsed(field: str) -> dict[str, dict[str, int]]:
    """Return the items of a RateLimit field by name, as the draft spells them."""
    items: dict[str, dict[str, int]] = {}
    for item in field.split(", "):
        name, *parameters = item.split(";")
        pairs = [parameter.split("=") for parameter in parameters]
        items[name.strip('"')] = {key: int(value) for key, value in pairs}
    return items


@pytest.mark.django_db
def test_every_answer_tells_what_is_left_of_each_limit(api_client, settings):
    settings.THROTTLE_RATES = settings.THROTTLE_RATES | {"login": "2/100000000", "anonymous": "50/3600"}

    answers = [api_client.post(LOGIN, WRONG) for _ in range(4)]

    assert {answer["RateLimit-Policy"] for answer in answers} == {'"anonymous";q=50;w=3600, "login";q=2;w=100000000'}
    left = [parsed(answer["RateLimit"]) for answer in answers]
    assert [(each["anonymous"]["r"], each["login"]["r"]) for each in left] == [(49, 1), (48, 0), (47, 0), (46, 0)]
    assert all(0 < each["anonymous"]["t"] <= 3600 for each in left)
    assert left[-1]["login"]["t"] == pytest.approx(int(answers[-1]["Retry-After"]), abs=2)


@pytest.mark.django_db
def test_reads_tell_it_too_even_when_nothing_is_new(api_client, settings):
    settings.THROTTLE_RATES = settings.THROTTLE_RATES | {"anonymous": "50/3600"}

    first = api_client.get("/api/brands/", headers={"Origin": "https://shop.example"})
    again = api_client.get("/api/brands/", headers={"If-None-Match": first["ETag"]})

    assert (first.status_code, again.status_code) == (200, 304)
    assert [parsed(each["RateLimit"])["anonymous"]["r"] for each in (first, again)] == [49, 48]


def test_frontends_may_read_what_is_left(settings):
    assert {"RateLimit", "RateLimit-Policy", "Retry-After"} <= set(settings.CORS_EXPOSE_HEADERS)


@pytest.mark.django_db
def test_limit_counts_only_what_it_applies_to(signed_in_client, customer, settings):
    settings.THROTTLE_RATES = settings.THROTTLE_RATES | {"payment": "2/100000000", "user": "50/3600"}
    client = signed_in_client(customer)

    looks = [client.get("/api/payments/") for _ in range(3)]
    starts = [client.post("/api/payments/", {}) for _ in range(3)]

    assert [answer.status_code for answer in looks + starts] == [200, 200, 200, 400, 400, 429]
    assert [list(parsed(answer["RateLimit"])) for answer in (looks[0], starts[0])] == [["user"], ["user", "payment"]]


@pytest.mark.django_db
def test_all_limits_of_a_request_are_one_question_to_redis(api_client, monkeypatch):
    api_client.get("/api/attributes/")  # the first of a window also sets its end
    asked: list[Any] = []
    ask = Redis.execute_command
    monkeypatch.setattr(Redis, "execute_command", lambda self, *words: asked.append(words[0]) or ask(self, *words))

    api_client.post(LOGIN, WRONG)
    api_client.get("/api/attributes/")

    assert asked == ["EVAL", "INCR"]


# --- Without Redis ------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_without_redis_the_shop_stays_open(api_client, settings, redis_at, caplog):
    settings.THROTTLE_RATES = settings.THROTTLE_RATES | {"anonymous": "1/100000000"}
    redis_at("redis://127.0.0.1:1/0")
    started = time.monotonic()

    answers = [api_client.get("/api/brands/") for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert not any("RateLimit" in answer for answer in answers)  # nobody knows what is left
    assert time.monotonic() - started < 3  # one refused connection each, no retries that wait
    assert "throttle_unavailable" in caplog.messages
    assert not RequestCount.objects.exists()


@pytest.mark.parametrize(
    ("path", "body", "scope"),
    [
        (LOGIN, WRONG, "login"),
        ("/api/auth/register/", {}, "register"),
        ("/api/auth/email/resend/", {"email": "nobody@example.com"}, "register"),
    ],
)
@pytest.mark.django_db
def test_without_redis_guessing_and_mailing_stay_bounded(api_client, settings, redis_at, path, body, scope):
    settings.THROTTLE_RATES = settings.THROTTLE_RATES | {scope: "3/100000000"}
    redis_at("redis://127.0.0.1:1/0")

    answers = [api_client.post(path, body) for _ in range(5)]
    elsewhere = api_client.post(path, body, REMOTE_ADDR="10.0.0.7")

    codes = [answer.status_code for answer in answers]
    assert (codes[3:], 429 in codes[:3], elsewhere.status_code) == ([429, 429], False, codes[0])
    assert 0 < int(answers[-1]["Retry-After"]) <= 100_000_000
    assert answers[0]["RateLimit"].startswith(f'"{scope}";r=2;t=')
    assert not any("127.0.0.1" in key for key in RequestCount.objects.values_list("key", flat=True))


@pytest.mark.parametrize("throttle", [LoginThrottle, RegisterThrottle])
def test_limits_of_what_strangers_may_do_are_durable(throttle, settings):
    assert (throttle.durable, throttle.scope in settings.THROTTLE_RATES) == (True, True)


@pytest.mark.django_db(transaction=True)
def test_database_counts_exactly_too(together, settings, redis_at):
    settings.THROTTLE_RATES = settings.THROTTLE_RATES | {"login": "4/100000000"}
    redis_at("redis://127.0.0.1:1/0")

    results = together(*[lambda: hit("login", "10.0.0.1", durable=True)] * 16)

    assert results.count(None) == 4
    assert RequestCount.objects.get().count == 16


@pytest.mark.django_db
def test_counts_of_past_windows_are_purged(settings, redis_at):
    redis_at("redis://127.0.0.1:1/0")
    hit("login", "10.0.0.1", durable=True)
    hit("register", "10.0.0.1", durable=True)
    RequestCount.objects.filter(key__contains=":login:").update(expires_at=timezone.now() - timedelta(seconds=1))

    deleted = purge_expired_rows()

    assert (deleted, RequestCount.objects.get().key.split(":")[1]) == (1, "register")


@pytest.mark.django_db
def test_hung_redis_delays_but_does_not_stop(api_client, redis_at, silent_server):
    redis_at(f"redis://127.0.0.1:{silent_server}/0")
    started = time.monotonic()

    answer = api_client.get("/api/brands/")

    assert answer.status_code == 200
    assert time.monotonic() - started < 4
