"""The provider's keys: fetched seldom, believed as long as they may be."""

import time

import pytest

from accounts.social import jwks
from accounts.social.exceptions import InvalidProviderToken, ProviderSilent
from accounts.social.jwks import KeySet, key_set
from tests.accounts.social.providers import Signer, google_claims

PATH = "/google/keys"
GOOGLE = "/api/auth/social/google/"


class Hours:
    """A monotonic clock that is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def hours(monkeypatch) -> Hours:
    hours = Hours()
    monkeypatch.setattr(jwks, "monotonic", hours)
    return hours


@pytest.fixture
def keys(stand) -> KeySet:
    return KeySet(f"{stand.url}{PATH}")


@pytest.fixture(scope="module")
def second() -> Signer:
    return Signer("key-2")


def test_keys_are_fetched_once_as_long_as_they_are_fresh(stand, keys, hours):
    for _ in range(5):
        keys.key("key-1")
        hours.now += 19800 / 5 - 1

    assert stand.times_asked(PATH) == 1
    hours.now += 10
    keys.key("key-1")
    assert stand.times_asked(PATH) == 2


@pytest.mark.parametrize(
    ("cache_control", "seconds"),
    [
        ("public, max-age=19800, must-revalidate", 19800),
        ("max-age=1", 300),
        ("max-age=999999999", 86400),
        ("no-store, max-age=600", 300),
        ("", 300),
        ("max-age=abc", 300),
    ],
)
def test_the_answer_says_for_how_long(stand, keys, hours, signer, cache_control, seconds):
    stand.keys(signer, cache_control=cache_control)
    keys.key("key-1")

    hours.now += seconds - 1
    keys.key("key-1")
    before = stand.times_asked(PATH)
    hours.now += 2
    keys.key("key-1")

    assert (before, stand.times_asked(PATH)) == (1, 2)


def test_a_new_key_is_found_at_once_and_an_unknown_one_asked_for_seldom(stand, keys, hours, signer, second):
    keys.key("key-1")
    hours.now += 31
    stand.keys(signer, second)

    found = keys.key("key-2")
    for n in range(20):
        with pytest.raises(InvalidProviderToken):
            keys.key(f"made-up-{n}")

    assert found.public_numbers() == second.private.public_key().public_numbers()
    assert stand.times_asked(PATH) == 2
    hours.now += 31
    with pytest.raises(InvalidProviderToken):
        keys.key("made-up")
    assert stand.times_asked(PATH) == 3


def test_a_key_that_the_provider_has_withdrawn_is_believed_no_more(stand, keys, hours, second):
    keys.key("key-1")
    stand.keys(second)
    hours.now += 19801

    with pytest.raises(InvalidProviderToken):
        keys.key("key-1")


def test_while_the_provider_is_away_keys_are_believed_an_hour_longer(stand, keys, hours):
    keys.key("key-1")
    stand.answer(PATH, {}, status=500)

    hours.now += 19800 + 3000
    keys.key("key-1")
    hours.now += 700

    with pytest.raises(ProviderSilent):
        keys.key("key-1")


@pytest.mark.parametrize(
    "value",
    [
        {},
        [],
        {"keys": {}},
        {"keys": ["x", None, {}]},
        {"keys": [{"kty": "RSA", "kid": "key-1", "n": "!", "e": "AQAB"}]},
        {"keys": [{"kty": "oct", "kid": "key-1", "k": "c2VjcmV0"}]},
        {"keys": [{"kty": "EC", "kid": "key-1", "crv": "P-256", "x": "x", "y": "y"}]},
        b"<html>",
        b"[" * 100_000,
        b" " * 300_000,
    ],
)
def test_what_holds_no_key_is_no_answer(stand, keys, value):
    stand.answer(PATH, value)

    with pytest.raises(ProviderSilent):
        keys.key("key-1")


@pytest.mark.parametrize("change", [{"use": "enc"}, {"alg": "RS512"}, {"kty": "oct"}, {"kid": 1}])
def test_keys_for_something_else_are_left_out(stand, keys, signer, second, change):
    stand.answer(PATH, {"keys": [signer.public(**change), second.public()]})

    with pytest.raises(InvalidProviderToken):
        keys.key("key-1")
    assert keys.key("key-2")


def test_no_redirect_is_followed(stand, keys):
    stand.answer("/elsewhere", stand.answers[PATH][1])
    stand.answer(PATH, {}, status=302, location=f"{stand.url}/elsewhere")

    with pytest.raises(ProviderSilent):
        keys.key("key-1")
    assert stand.times_asked("/elsewhere") == 0


def test_a_provider_that_is_away_is_not_asked_again_at_once(stand, keys, hours):
    stand.answer(PATH, {}, status=503)

    for _ in range(5):
        with pytest.raises(ProviderSilent):
            keys.key("key-1")

    assert stand.times_asked(PATH) == 1


@pytest.mark.django_db
def test_over_http_it_is_a_503_that_says_when_to_come_again(api_client, stand, signer, settings):
    settings.GOOGLE_LOGIN = settings.GOOGLE_LOGIN | {"JWKS_URL": "http://127.0.0.1:9/keys"}
    key_set.cache_clear()
    started = time.monotonic()

    answer = api_client.post(GOOGLE, {"id_token": signer.sign(google_claims())})

    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (503, "provider_unavailable")
    assert answer["Retry-After"] == "30"
    assert time.monotonic() - started < 5


def test_parallel_log_ins_ask_once(stand, keys):
    from tests.racing import at_once

    at_once([lambda: keys.key("key-1")] * 10)

    assert stand.times_asked(PATH) == 1
    assert stand.asked[0][2]["User-Agent"].startswith("ByteMtaani/")
