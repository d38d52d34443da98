import base64
import hashlib

import bcrypt
import pytest
from django.conf import settings as django_settings
from django.contrib.auth import authenticate
from django.contrib.auth.hashers import (
    Argon2PasswordHasher,
    BCryptSHA256PasswordHasher,
    PBKDF2PasswordHasher,
    identify_hasher,
    make_password,
)

from accounts import hashers
from accounts.models import User
from tests.factories import UserFactory

LOGIN = "/api/auth/login/"
PASSWORD = "maji-ya-chai-7"


class WithOurParameters(Argon2PasswordHasher):
    time_cost, memory_cost, parallelism = 2, 19456, 1


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


@pytest.mark.parametrize(
    "password", ["x", PASSWORD, "line\nbreak\r\x00", '"quoted" \\u0041', "密码 \U0001f511 ß", "x9" * 64]
)
@pytest.mark.parametrize(
    ("ours", "djangos", "salt"),
    [
        (hashers.Argon2Hasher, WithOurParameters, "0123456789abcdefABCDEF"),
        (hashers.BcryptHasher, BCryptSHA256PasswordHasher, b"$2b$04$" + b"a" * 21 + b"u"),
        (hashers.PBKDF2Hasher, PBKDF2PasswordHasher, "0123456789abcdefABCDEF"),
    ],
)
def test_hash_is_the_one_that_django_makes(monkeypatch, password, ours, djangos, salt):
    monkeypatch.setattr(PBKDF2PasswordHasher, "iterations", 1000)

    encoded = ours().encode(password, salt)

    assert encoded == djangos().encode(password, salt)
    assert (ours().verify(password, encoded), ours().verify(f"{password}y", encoded)) == (True, False)


def test_what_cannot_be_hashed_is_an_error_that_does_not_name_the_password():
    with pytest.raises(ValueError, match=r"^HashingError$"):
        hashers.Argon2Hasher().encode(PASSWORD, "short")
