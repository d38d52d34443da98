"""Where settings come from, which ports are taken, and what is remembered."""

import subprocess
import sys
from pathlib import Path

import pytest

from launcher.accounts import simulated_accounts
from launcher.environment import child_environment, read_env_file, write_env_file
from launcher.errors import LauncherError
from launcher.lock import exclusive, holder
from launcher.memory import kept_secret, recall, remember
from launcher.paths import Checkout
from launcher.ports import free_port
from launcher.run import _reason
from launcher.services import filled_in, make_plan, shop_processes
from tests.launcher.conftest import REAL, kill, occupied_port, wait_until


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    """An empty checkout, and an environment in which nothing is set."""
    for name in (
        "DATABASE_URL",
        "REDIS_URL",
        "ENVIRONMENT",
        "SECRET_KEY",
        "PUBLIC_BASE_URL",
        "MPESA_BASE_URL",
    ):
        monkeypatch.delenv(name, raising=False)
    for name in (
        "PORT",
        "SIMULATOR_PORT",
        "WEB_HOST",
        "WEB_CONCURRENCY",
        "WORKER_CONCURRENCY",
        "ALLOWED_HOSTS",
    ):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / ".shop").mkdir()
    return Checkout(tmp_path)


def test_env_file_is_read_line_by_line(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(
        "# a comment\n\nPLAIN=one two\nexport EXPORTED = 3\nQUOTED=\"a # b\"  # why\nSINGLE='c=d'\n"
        "COMMENTED=four # five\nURL=redis://:p#w@h/0\nEMPTY=\nno line at all\n"
    )

    assert read_env_file(tmp_path / ".env") == {
        "PLAIN": "one two",
        "EXPORTED": "3",
        "QUOTED": "a # b",
        "SINGLE": "c=d",
        "COMMENTED": "four",
        "URL": "redis://:p#w@h/0",
        "EMPTY": "",
    }
    assert read_env_file(tmp_path / "missing") == {}


def test_environment_comes_before_the_file_and_the_file_before_what_is_filled_in(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FIRST", "environment")
    monkeypatch.setenv("EMPTY", "")
    monkeypatch.setenv("VIRTUAL_ENV", "/elsewhere")
    for name in ("SECOND", "THIRD"):
        monkeypatch.delenv(name, raising=False)

    merged = child_environment(
        {"FIRST": "file", "SECOND": "file", "EMPTY": "file", "BLANK": ""},
        {"FIRST": "filled", "SECOND": "filled", "THIRD": "filled", "BLANK": "filled"},
    )

    assert [merged[name] for name in ("FIRST", "SECOND", "THIRD", "EMPTY", "BLANK")] == [
        "environment",
        "file",
        "filled",
        "",
        "filled",
    ]
    assert "VIRTUAL_ENV" not in merged


def test_written_file_is_private_and_reads_back(tmp_path: Path) -> None:
    values = {"DATABASE_URL": "postgres://a:b@127.0.0.1:5/c", "EMPTY": ""}

    write_env_file(tmp_path / "env", values)

    assert read_env_file(tmp_path / "env") == values
    assert (tmp_path / "env").stat().st_mode & 0o777 == 0o600


def test_missing_settings_are_filled_in_for_the_simulator(place: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    port, phone = free_port(), free_port()
    monkeypatch.setenv("PORT", str(port))
    monkeypatch.setenv("SIMULATOR_PORT", str(phone))

    values = filled_in(place, make_plan(place), database_url="postgres://x", redis_url="redis://y")

    key = values.pop("SECRET_KEY")
    assert len(key) == 64
    assert key == (place.state / "secret-key").read_text().strip()
    assert values == {
        "DATABASE_URL": "postgres://x",
        "REDIS_URL": "redis://y",
        "PORT": str(port),
        "ENVIRONMENT": "local",
        "PUBLIC_BASE_URL": f"http://127.0.0.1:{port}",
        **simulated_accounts(f"http://127.0.0.1:{phone}", f"http://127.0.0.1:{port}"),
    }
    assert values["MPESA_BASE_URL"] == values["SIMULATOR_URL"] == f"http://127.0.0.1:{phone}"
    assert values["SIMULATOR_STRIPE_WEBHOOK_URL"] == f"http://127.0.0.1:{port}/api/payments/webhooks/stripe/"


def test_production_is_given_nothing_that_it_should_name_itself(
    place: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ENVIRONMENT", "production")
    monkeypatch.setenv("PORT", str(port := free_port()))

    plan = make_plan(place)

    values = filled_in(place, plan, database_url="postgres://x", redis_url="redis://y")
    assert values == {"DATABASE_URL": "postgres://x", "REDIS_URL": "redis://y", "PORT": str(port)}
    assert [process.name for process in shop_processes(place, plan, {})] == ["worker", "beat", "relay", "web"]


def test_env_file_decides_where_the_environment_is_silent(place: Checkout) -> None:
    port = free_port()
    (place.root / ".env").write_text(f"PORT={port}\nMPESA_BASE_URL=https://mpesa.example\nWEB_HOST=0.0.0.0\n")

    plan = make_plan(place)

    assert (plan.port, plan.simulator_port, plan.local_url) == (port, None, f"http://127.0.0.1:{port}")
    command = shop_processes(place, plan, {"WEB_CONCURRENCY": "5"})[-1].argv
    assert command[command.index("--bind") + 1] == f"0.0.0.0:{port}"
    assert command[command.index("--workers") + 1] == "5"


@pytest.mark.parametrize("value", ["http", "0", "70000", "-1"])
def test_port_that_is_no_port_is_one_sentence(place: Checkout, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("PORT", value)

    with pytest.raises(LauncherError) as caught:
        make_plan(place)

    assert str(caught.value) == f"PORT must be a port number from 1 to 65535, not {value!r}."


def test_simulator_moves_from_its_busy_default_port_but_not_from_a_chosen_one(
    place: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    busy = free_port()
    monkeypatch.setenv("PORT", str(free_port()))
    monkeypatch.setattr("launcher.services.DEFAULT_SIMULATOR_PORT", busy)
    with occupied_port(busy):
        plan = make_plan(place)
        monkeypatch.setenv("SIMULATOR_PORT", str(busy))
        with pytest.raises(LauncherError) as caught:
            make_plan(place)

    assert plan.simulator_moved
    assert plan.simulator_port not in (None, busy)
    assert str(caught.value) == (
        f"Port {busy} is busy, so the payment simulator cannot listen there; set SIMULATOR_PORT to a free one."
    )


def test_callbacks_that_would_miss_the_shop_are_mentioned(place: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    monkeypatch.setenv("PORT", str(port))
    sentences = []
    for address in (f"http://localhost:{port}", "https://shop.example", "http://localhost:1"):
        monkeypatch.setenv("PUBLIC_BASE_URL", address)
        sentences.append(make_plan(place).callback_trouble)

    missed = f"Callbacks go to PUBLIC_BASE_URL, http://localhost:1, but the shop listens on port {port}."
    assert sentences == ["", "", missed]


@pytest.mark.parametrize(
    ("hosts", "host"),
    [("", "127.0.0.1"), ("shop.example, 127.0.0.1", "127.0.0.1"), (".shop.example,b", "shop.example")],
)
def test_readiness_is_asked_under_an_allowed_name(
    place: Checkout, monkeypatch: pytest.MonkeyPatch, hosts: str, host: str
) -> None:
    monkeypatch.setenv("PORT", str(free_port()))
    monkeypatch.setenv("ALLOWED_HOSTS", hosts)

    assert make_plan(place).allowed_host == host


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        (
            "Traceback (most recent call last):\n  File x\nKeyError: 'a'\n\nDuring handling ...\n"
            "django.db.utils.OperationalError: connection to server failed: refused\n\tIs it running there?\n",
            "connection to server failed: refused Is it running there",
        ),
        ("x.ImproperlyConfigured: SECRET_KEY is not set.\n", "SECRET_KEY is not set"),
        ("one\n\ntwo.\n", "two"),
        ("", "no message"),
    ],
)
def test_reason_is_the_last_exception_without_its_name(output: str, reason: str) -> None:
    assert _reason(output) == reason


# --- What is remembered ---


def test_secret_is_made_once_and_private(tmp_path: Path) -> None:
    first = kept_secret(tmp_path / "secret", 16)

    assert len(first) == 16
    assert kept_secret(tmp_path / "secret", 16) == first
    assert (tmp_path / "secret").stat().st_mode & 0o777 == 0o600


def test_damaged_memory_is_no_memory(tmp_path: Path) -> None:
    remember(tmp_path / "memory", {"port": "1"})
    assert recall(tmp_path / "memory") == {"port": "1"}

    (tmp_path / "memory").write_text('{"port": ')

    assert recall(tmp_path / "memory") == {}


# --- The lock ---


def test_lock_is_held_once_and_names_its_holder(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    script = (
        "import pathlib, sys, time; from launcher.lock import exclusive\n"
        "with exclusive(pathlib.Path(sys.argv[1]), ''):\n    print('held', flush=True); time.sleep(60)"
    )
    assert holder(lock) is None
    with subprocess.Popen([sys.executable, "-c", script, lock], cwd=REAL, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        assert holder(lock) == other.pid

        with pytest.raises(LauncherError) as caught, exclusive(lock, "It runs as {pid}."):
            pytest.fail("two had the lock")

        assert str(caught.value) == f"It runs as {other.pid}."
        kill(other.pid)

    wait_until(lambda: holder(lock) is None)
    with exclusive(lock, "It runs as {pid}."):
        pass
