import base64
import hashlib
import threading
import time

import bcrypt
import pytest
from django.conf import settings as django_settings
from django.contrib.auth import authenticate
from django.contrib.auth.hashers import Argon2PasswordHasher, identify_hasher, make_password
from django.test import Client

from accounts import hashers
from accounts.models import User
from tests.factories import UserFactory

LOGIN = "/api/auth/login/"
PASSWORD = "maji-ya-chai-7"


@pytest.fixture(autouse=True)
def real_hashers(settings) -> None:
    """The shop's own list, without the cheap one that tests put first."""
    settings.PASSWORD_HASHERS = [name for name in django_settings.PASSWORD_HASHERS if "MD5" not in name]


def bcrypt_sha256() -> str:
    """Made with the library alone, as a database from elsewhere would hold it."""
    digest = hashlib.sha256(PASSWORD.encode()).hexdigest().encode()
    return "bcrypt_sha256$" + bcrypt.hashpw(digest, bcrypt.gensalt(4)).decode()


def plain_bcrypt() -> str:
    return "bcrypt$" + bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()


def pbkdf2() -> str:
    digest = hashlib.pbkdf2_hmac("sha256", PASSWORD.encode(), b"0123456789abcdefABCDEF", 260_000)
    return f"pbkdf2_sha256$260000$0123456789abcdefABCDEF${base64.b64encode(digest).decode()}"


def djangos_argon2() -> str:
    """Django's own parameters: 100 MiB, eight lanes."""
    return Argon2PasswordHasher().encode(PASSWORD, "0123456789abcdefABCDEF")


OLD = {each.__name__: each for each in (bcrypt_sha256, plain_bcrypt, pbkdf2, djangos_argon2)}


@pytest.mark.parametrize("form", OLD)
@pytest.mark.django_db
def test_old_hash_opens_the_account_and_is_replaced(api_client, form):
    old = OLD[form]()
    user = UserFactory(password="x")
    User.objects.filter(pk=user.pk).update(password=old)

    wrong = api_client.post(LOGIN, {"email": user.email, "password": PASSWORD + "x"}).status_code
    user.refresh_from_db()
    kept = user.password
    right = api_client.post(LOGIN, {"email": user.email, "password": PASSWORD}).status_code

    user.refresh_from_db()
    assert (wrong, kept, right) == (401, old, 200)
    assert user.password.startswith("argon2$argon2id$v=19$m=19456,t=2,p=1$")
    assert api_client.post(LOGIN, {"email": user.email, "password": PASSWORD}).status_code == 200


def test_new_hash_has_the_parameters_that_the_decision_names():
    encoded = make_password(PASSWORD)

    assert encoded.startswith("argon2$argon2id$v=19$m=19456,t=2,p=1$")
    assert not identify_hasher(encoded).must_update(encoded)


@pytest.mark.django_db
def test_hash_of_today_is_left_alone(api_client):
    user = UserFactory(password=PASSWORD)
    before = User.objects.get().password

    assert api_client.post(LOGIN, {"email": user.email, "password": PASSWORD}).status_code == 200

    assert User.objects.get().password == before


@pytest.mark.django_db
def test_upgrade_does_not_bring_an_old_password_back(monkeypatch):
    """The owner changes the password while a log-in with the old one is being compared."""
    user = UserFactory(password="x")
    User.objects.filter(pk=user.pk).update(password=pbkdf2())
    verify = hashers.PBKDF2Hasher.verify

    def slow(self, password, encoded):
        right = verify(self, password, encoded)
        User.objects.filter(pk=user.pk).update(password="argon2$the-new-one")
        return right

    monkeypatch.setattr(hashers.PBKDF2Hasher, "verify", slow)

    authenticate(None, username=user.email, password=PASSWORD)

    assert User.objects.get().password == "argon2$the-new-one"


@pytest.mark.parametrize("hash_of_elsewhere", ["", "!", "md5$salt$0123", "$2b$04$abc", "unknown$a$b"])
@pytest.mark.django_db
def test_account_without_a_usable_hash_is_a_401(api_client, hash_of_elsewhere):
    user = UserFactory(password="x")
    User.objects.filter(pk=user.pk).update(password=hash_of_elsewhere)

    answer = api_client.post(LOGIN, {"email": user.email, "password": PASSWORD})

    assert (answer.status_code, User.objects.get().password) == (401, hash_of_elsewhere)


# --- How many at once ---------------------------------------------------------------------------------------


@pytest.fixture
def slow_hash(monkeypatch):
    """Hashing that takes until it is let go."""
    go = threading.Event()
    monkeypatch.setattr(hashers, "threads", hashers.HashingThreads())
    encode = Argon2PasswordHasher.encode

    def waiting(self, password, salt):
        go.wait(20)
        return encode(self, password, salt)

    monkeypatch.setattr(Argon2PasswordHasher, "encode", waiting)
    yield go
    go.set()


def begin(count: int) -> list[threading.Thread]:
    started = [threading.Thread(target=make_password, args=(PASSWORD,)) for _ in range(count)]
    for thread in started:
        thread.start()
    end = time.monotonic() + 10
    while hashers.threads._inside < count and time.monotonic() < end:
        time.sleep(0.01)
    return started


@pytest.mark.django_db
def test_log_in_that_finds_no_place_comes_again_later(api_client, settings, slow_hash):
    settings.PASSWORD_HASHES_AT_ONCE, settings.PASSWORD_HASHES_WAITING = 1, 1
    started = begin(2)

    api = api_client.post(LOGIN, {"email": "nobody@example.com", "password": PASSWORD})
    register = api_client.post("/api/auth/register/", {"email": "new@example.com", "password": "kahawa-na-maziwa-9"})
    admin = Client().post("/admin/login/", {"username": "nobody@example.com", "password": PASSWORD})

    assert [answer.status_code for answer in (api, register, admin)] == [503, 503, 503]
    assert {answer["Retry-After"] for answer in (api, register, admin)} == {"1"}
    assert api.json()["errors"][0]["code"] == "temporarily_unavailable"
    assert not User.objects.exists()
    slow_hash.set()
    for thread in started:
        thread.join(20)
    assert api_client.post(LOGIN, {"email": "nobody@example.com", "password": PASSWORD}).status_code == 401


@pytest.mark.django_db
def test_refusal_for_want_of_a_place_is_no_failed_try(api_client, settings, slow_hash):
    settings.PASSWORD_HASHES_AT_ONCE, settings.PASSWORD_HASHES_WAITING = 1, 0
    settings.THROTTLE_RATES = dict.fromkeys(settings.THROTTLE_RATES, "999999999/3600")
    user = UserFactory(password="x")
    User.objects.filter(pk=user.pk).update(password=plain_bcrypt())
    started = begin(1)

    busy = [api_client.post(LOGIN, {"email": user.email, "password": PASSWORD}).status_code for _ in range(9)]
    slow_hash.set()
    started[0].join(20)

    assert busy == [503] * 9
    assert api_client.post(LOGIN, {"email": user.email, "password": PASSWORD}).status_code == 200


def test_hashing_leaves_the_processor_to_others(monkeypatch):
    import os

    seen = []
    monkeypatch.setattr(hashers, "threads", hashers.HashingThreads())

    hashers.threads.run(lambda: seen.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id())))

    assert seen == [hashers.NICENESS]
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) == 0


def test_place_is_free_again_after_a_failure(monkeypatch, settings):
    settings.PASSWORD_HASHES_AT_ONCE, settings.PASSWORD_HASHES_WAITING = 1, 0
    monkeypatch.setattr(hashers, "threads", hashers.HashingThreads())

    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            hashers.threads.run(lambda: 1 // 0)

    assert hashers.threads.run(lambda: "free") == "free"


def test_child_of_a_fork_hashes_with_threads_of_its_own():
    import os

    make_password(PASSWORD)
    child = os.fork()
    if child == 0:
        os._exit(0 if make_password(PASSWORD).startswith("argon2$") else 1)

    deadline = time.monotonic() + 20
    done, status = os.waitpid(child, os.WNOHANG)
    while not done and time.monotonic() < deadline:
        time.sleep(0.05)
        done, status = os.waitpid(child, os.WNOHANG)
    assert (done, os.waitstatus_to_exitcode(status)) == (child, 0)
