from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.audit.models import SecurityEvent
from accounts.models import User
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch) -> None:
    for name in ("ADMIN_EMAIL", "ADMIN_PASSWORD", "ADMIN_PASSWORD_FILE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def user() -> User:
    return UserFactory(email="wanjiku@example.com")


def row(user: User) -> dict[str, Any]:
    return User.objects.filter(pk=user.pk).values().get()


def test_createadmin_makes_an_administrator(monkeypatch, capsys):
    monkeypatch.setenv("ADMIN_PASSWORD", "a-long-password-7")

    call_command("createadmin", "--email", " Boss@Example.com ")

    admin = User.objects.get()
    assert (admin.email, admin.role, admin.is_staff, admin.is_superuser) == ("boss@example.com", "admin", True, True)
    assert admin.check_password("a-long-password-7")
    assert capsys.readouterr().out == "Created the administrator boss@example.com.\n"


@pytest.mark.parametrize("password", ["", "short-one-7"])
def test_createadmin_refuses_a_weak_password(monkeypatch, password):
    monkeypatch.setenv("ADMIN_PASSWORD", password)

    with pytest.raises(CommandError, match="at least 12 characters"):
        call_command("createadmin", "--email", "boss@example.com")

    assert not User.objects.exists()


@pytest.mark.parametrize("email", ["", "boss", "boss@", "a b@example.com"])
def test_createadmin_refuses_what_is_no_address(monkeypatch, email):
    monkeypatch.setenv("ADMIN_PASSWORD", "a-long-password-7")

    with pytest.raises(CommandError):
        call_command("createadmin", "--email", email)

    assert not User.objects.exists()


def test_createadmin_leaves_an_account_that_exists_alone(monkeypatch, user):
    monkeypatch.setenv("ADMIN_PASSWORD", "a-long-password-7")
    before = row(user)

    with pytest.raises(CommandError, match="exists already"):
        call_command("createadmin", "--email", "WANJIKU@example.com")
    call_command("createadmin", "--email", "WANJIKU@example.com", "--if-missing")

    assert row(user) == before
    assert User.objects.count() == 1


def test_createadmin_twice_makes_one_and_keeps_its_password(monkeypatch, capsys):
    monkeypatch.setenv("ADMIN_EMAIL", "boss@example.com")
    monkeypatch.setenv("ADMIN_PASSWORD", "a-long-password-7")
    call_command("createadmin")
    before = row(User.objects.get())
    monkeypatch.setenv("ADMIN_PASSWORD", "another-password-8")

    call_command("createadmin")

    assert row(User.objects.get()) == before
    assert list(SecurityEvent.objects.values_list("kind", "user")) == [("admin_created", before["id"])]
    assert capsys.readouterr().out.endswith("boss@example.com exists already.\n")


def test_createadmin_promotes_nobody(monkeypatch, user):
    monkeypatch.setenv("ADMIN_PASSWORD", "a-long-password-7")
    User.objects.filter(pk=user.pk).update(is_superuser=True, is_active=False)
    before = row(user)

    with pytest.raises(CommandError, match="is no administrator"):
        call_command("createadmin", "--email", user.email)

    assert row(user) == before


@pytest.mark.parametrize("way", ["option", "variable"])
def test_createadmin_reads_the_password_from_a_file(monkeypatch, tmp_path, way):
    file = tmp_path / "password"
    file.write_text("a-long-password-7\n")
    words = ["--password-file", str(file)] if way == "option" else []
    if way == "variable":
        monkeypatch.setenv("ADMIN_PASSWORD_FILE", str(file))

    call_command("createadmin", "--email", "boss@example.com", *words)

    assert User.objects.get().check_password("a-long-password-7")


def test_createadmin_says_when_the_file_is_not_there(tmp_path):
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("createadmin", "--email", "boss@example.com", "--password-file", str(tmp_path / "none"))

    assert not User.objects.exists()


@pytest.mark.parametrize("password", ["1q2w3e4r5t6y", "boss@example.com", "1234567890123", "x" * 129])
def test_createadmin_refuses_a_guessable_password_in_production(monkeypatch, settings, password):
    settings.PRODUCTION = True
    monkeypatch.setenv("ADMIN_PASSWORD", password)

    with pytest.raises(CommandError):
        call_command("createadmin", "--email", "boss@example.com")

    assert not User.objects.exists()
