"""Processes that hash, and how many requests may wait for them."""

import os
import signal
import threading
import time
from pathlib import Path

import bcrypt
import pytest
from django.conf import settings as django_settings
from django.contrib.auth.hashers import check_password, make_password
from django.test import Client

from accounts.hashing import helper
from accounts.hashing import pool as pools
from accounts.hashing.pool import Helper, TooManyLogIns, pool
from accounts.lockouts import services as lockouts
from accounts.lockouts.models import TryCount
from accounts.models import User
from tests.factories import UserFactory

LOGIN = "/api/auth/login/"
PASSWORD = "maji-ya-chai-7"
SALT = "$2b$04$aaaaaaaaaaaaaaaaaaaaau"


def wait_until(look) -> None:
    deadline = time.monotonic() + 20
    while not look():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture(autouse=True)
def real_hashers(settings):
    """The shop's own list, without the cheap one that tests put first; and helpers that nobody has used."""
    settings.PASSWORD_HASHERS = [name for name in django_settings.PASSWORD_HASHERS if "MD5" not in name]
    settings.PASSWORD_HASHES_AT_ONCE, settings.PASSWORD_HASHES_WAITING = 1, 1
    pool.end()
    yield
    pool.end()


@pytest.fixture
def let_go(monkeypatch):
    """Helpers that are asked nothing before the event."""
    go, ask = threading.Event(), Helper.ask

    def wait(self, question):
        go.wait(20)
        return ask(self, question)

    monkeypatch.setattr(Helper, "ask", wait)
    yield go
    go.set()
    wait_until(lambda: pool._inside == 0)


def hash_in_threads(count: int) -> list[threading.Thread]:
    """Begin to hash so many passwords, and return when each has its place."""
    started = [threading.Thread(target=make_password, args=(PASSWORD,)) for _ in range(count)]
    for thread in started:
        thread.start()
    wait_until(lambda: pool._inside >= count)
    return started


def helper_process() -> int:
    make_password(PASSWORD)
    [idle] = pool._idle
    return idle.pid


# --- Places -------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_who_finds_no_place_comes_again_later(api_client, let_go):
    started = hash_in_threads(2)

    api = api_client.post(LOGIN, {"email": "nobody@example.com", "password": PASSWORD})
    register = api_client.post("/api/auth/register/", {"email": "new@example.com", "password": "kahawa-na-maziwa-9"})
    admin = Client().post("/admin/login/", {"username": "nobody@example.com", "password": PASSWORD})

    assert [answer.status_code for answer in (api, register, admin)] == [503, 503, 503]
    assert {answer["Retry-After"] for answer in (api, register, admin)} == {"1"}
    assert api.json()["errors"][0]["code"] == "temporarily_unavailable"
    assert not User.objects.exists()
    let_go.set()
    for thread in started:
        thread.join(20)
    assert api_client.post(LOGIN, {"email": "nobody@example.com", "password": PASSWORD}).status_code == 401


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["owner@example.com", "nobody@example.com"])
def test_log_in_without_a_place_asks_the_database_nothing(api_client, let_go, django_assert_num_queries, name):
    user = User.objects.create(username="owner", email="owner@example.com", password="!")
    hash_in_threads(2)

    with django_assert_num_queries(0):
        answer = api_client.post(LOGIN, {"email": name, "password": PASSWORD})

    assert answer.status_code == 503
    assert not TryCount.objects.exists()
    user.refresh_from_db()
    assert user.last_login is None


@pytest.mark.django_db
def test_log_in_holds_one_place_from_the_count_to_the_end(api_client, monkeypatch, settings):
    """It must not lose its place between counting, comparing and replacing an old hash."""
    settings.PASSWORD_HASHES_WAITING = 0
    user = UserFactory(password="x")
    old = "bcrypt$" + bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
    User.objects.filter(pk=user.pk).update(password=old)
    seen = []

    def note(owner, name: str) -> None:
        real = getattr(owner, name)
        monkeypatch.setattr(
            owner, name, lambda *args, **named: seen.append((name, pool._inside)) or real(*args, **named)
        )

    for owner, name in ((pools.HashingPool, "ask"), (lockouts, "check"), (lockouts, "succeeded")):
        note(owner, name)

    assert api_client.post(LOGIN, {"email": user.email, "password": PASSWORD}).status_code == 200

    # Counted by name and by account, compared, hashed anew.
    assert seen == [(name, 1) for name in ("check", "check", "ask", "ask", "succeeded", "succeeded")]
    assert pool._inside == 0


def test_places_are_free_again_after_a_failure():
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), pool.place(), pool.place():
            raise ZeroDivisionError
        with pytest.raises(ValueError, match="ValueError"):
            pool.ask("bcrypt", password=PASSWORD, salt="no salt")

    assert (pool._inside, len(pool._idle)) == (0, 1)


def test_many_at_once_share_few_helpers(together, settings):
    settings.PASSWORD_HASHES_AT_ONCE, settings.PASSWORD_HASHES_WAITING = 2, 10

    encoded = together(*[lambda number=number: make_password(f"{PASSWORD}{number}") for number in range(12)])

    assert all(check_password(f"{PASSWORD}{number}", each) for number, each in enumerate(encoded))
    assert 1 <= len(pool._idle) <= 2
    assert pool._made == len(pool._idle)


# --- Helpers ------------------------------------------------------------------------------------------------


def test_helper_leaves_the_processor_to_others():
    pid = helper_process()

    assert os.getpriority(os.PRIO_PROCESS, pid) == os.getpriority(os.PRIO_PROCESS, 0) + helper.NICENESS
    assert os.getsid(pid) == pid
    autogroup = Path(f"/proc/{pid}/autogroup")
    if autogroup.exists():
        assert autogroup.read_text().split()[-1] == str(helper.NICENESS)


def test_helper_has_none_of_the_secrets(monkeypatch):
    monkeypatch.setenv("SECRET_OF_THE_SHOP", "told-to-nobody")

    pid = helper_process()

    told = Path(f"/proc/{pid}/environ").read_bytes() + Path(f"/proc/{pid}/cmdline").read_bytes()
    assert b"told-to-nobody" not in told
    assert django_settings.SECRET_KEY.encode() not in told


def test_helper_that_was_killed_is_replaced():
    pid = helper_process()
    os.kill(pid, signal.SIGKILL)

    assert check_password(PASSWORD, make_password(PASSWORD))

    assert [each.pid != pid for each in pool._idle] == [True]
    assert not Path(f"/proc/{pid}").exists()


def test_helper_that_says_nothing_is_ended_and_the_client_comes_again(monkeypatch):
    pid = helper_process()
    pool.end()
    monkeypatch.setattr(pools, "LONGEST", 0.2)
    started = []

    def stopped(self, question):
        os.kill(self.pid, signal.SIGSTOP)
        started.append(self.pid)
        return ask(self, question)

    with monkeypatch.context() as patch:
        ask = Helper.ask
        patch.setattr(Helper, "ask", stopped)
        with pytest.raises(TooManyLogIns):
            make_password(PASSWORD)

    assert len(started) == 2
    assert not any(Path(f"/proc/{each}").exists() for each in (pid, *started))
    assert (pool._inside, pool._made) == (0, 0)


@pytest.mark.django_db
def test_log_in_that_could_not_be_compared_is_no_failed_try(api_client, monkeypatch, settings):
    settings.THROTTLE_RATES = dict.fromkeys(settings.THROTTLE_RATES, "999999999/3600")
    user = UserFactory(password=PASSWORD)

    with monkeypatch.context() as patch:
        patch.setattr(pools.sys, "executable", "/bin/false")  # helpers that end at once
        pool.end()
        answers = [api_client.post(LOGIN, {"email": user.email, "password": PASSWORD}) for _ in range(9)]

    assert {(answer.status_code, answer["Retry-After"]) for answer in answers} == {(503, "1")}
    assert set(TryCount.objects.values_list("failures", flat=True)) == {0}
    assert api_client.post(LOGIN, {"email": user.email, "password": PASSWORD}).status_code == 200


def test_helper_ends_with_whoever_asks():
    mine = Helper()
    assert mine.ask(["bcrypt", {"password": PASSWORD, "salt": SALT}]).startswith(SALT)

    mine._answers.close()
    mine._socket.close()

    assert mine._process.wait(20) == 0


def test_child_of_a_fork_has_helpers_of_its_own():
    parents = helper_process()
    child = os.fork()
    if child == 0:
        os._exit(0 if helper_process() != parents else 1)

    done: tuple[int, int] = (0, 0)

    def ended() -> bool:
        nonlocal done
        done = os.waitpid(child, os.WNOHANG)
        return done[0] == child

    wait_until(ended)
    assert os.waitstatus_to_exitcode(done[1]) == 0
    assert helper_process() == parents
