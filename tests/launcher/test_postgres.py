"""The embedded PostgreSQL, with real servers; those of most tests share one cluster, because making one takes time."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from launcher import paths
from launcher.errors import LauncherError
from launcher.memory import recall
from launcher.ports import free_port
from launcher.postgres import EmbeddedPostgres
from launcher.process import command_line
from tests.launcher.conftest import REAL, kill, occupied_port, wait_until

pytestmark = pytest.mark.slow
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has to change the account")


def ask(url: str, statement: str) -> Any:
    """Run one statement and return the first column of its first row, if it has one."""
    connection = psycopg2.connect(url, connect_timeout=5)
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchone()[0] if cursor.description else None
    finally:
        connection.close()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a durable cluster in it, stopped."""
    folder = tmp_path_factory.mktemp("cluster") / "postgres"
    server = EmbeddedPostgres(folder)
    with server:
        pass
    yield folder
    server.delete()


@pytest.fixture
def server(cluster: Path) -> Iterator[EmbeddedPostgres]:
    with EmbeddedPostgres(cluster) as server:
        yield server


def test_server_is_durable_private_and_in_utc(server: EmbeddedPostgres) -> None:
    names = (
        "fsync",
        "full_page_writes",
        "synchronous_commit",
        "data_checksums",
        "listen_addresses",
        "timezone",
    )

    values = [ask(server.url(), f"SHOW {name}") for name in names]

    assert values == ["on", "on", "on", "on", "127.0.0.1", "UTC"]
    assert ask(server.url(), "SELECT lower('ÄÖ')") == "äö"
    assert ask(server.url(), "SELECT count(*) > 0 FROM pg_stat_statements") is True


def test_role_of_the_shop_may_create_databases_and_is_no_superuser(server: EmbeddedPostgres) -> None:
    statement = "SELECT (rolcreatedb, rolsuper)::text FROM pg_roles WHERE rolname = current_user"

    assert ask(server.url(), statement) == "(t,f)"
    assert ask(server.url(user="postgres"), statement) == "(t,t)"


def test_password_is_needed(server: EmbeddedPostgres) -> None:
    with pytest.raises(psycopg2.OperationalError, match="no password supplied"):
        psycopg2.connect(host="127.0.0.1", port=server.port, user="postgres", dbname="bytemtaani")


def test_port_and_passwords_are_remembered(cluster: Path) -> None:
    with EmbeddedPostgres(cluster) as server:
        first = server.url()
    with EmbeddedPostgres(cluster) as server:
        assert server.url() == first
        assert ask(first, "SELECT 1") == 1


def test_remembered_port_that_is_busy_is_replaced(cluster: Path) -> None:
    with EmbeddedPostgres(cluster) as server:
        port = server.port
    with occupied_port(port), EmbeddedPostgres(cluster) as server:
        assert server.port != port
        assert ask(server.url(), "SELECT 1") == 1


def test_port_taken_between_choice_and_start_is_replaced(cluster: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with EmbeddedPostgres(cluster) as server:
        port = server.port
    monkeypatch.setattr("launcher.postgres.is_free", lambda _: True)
    with occupied_port(port), EmbeddedPostgres(cluster) as server:
        assert server.port != port


def test_asked_port_that_is_busy_is_one_sentence(cluster: Path) -> None:
    port = free_port()
    with occupied_port(port), pytest.raises(LauncherError) as caught:
        EmbeddedPostgres(cluster, port=port).start()

    assert str(caught.value) == f"Port {port} is busy, so PostgreSQL cannot listen there."


@pytest.mark.parametrize("mode", ["smart", "fast", "immediate"])
def test_restart_keeps_what_was_committed_and_the_port(server: EmbeddedPostgres, mode: str) -> None:
    url, pid = server.url(), server.pid
    ask(url, f"CREATE TABLE restarted_{mode} AS SELECT 42 AS answer")

    server.restart(mode)

    assert server.url() == url
    assert server.pid != pid
    assert ask(url, f"SELECT answer FROM restarted_{mode}") == 42


def test_killed_server_comes_back_with_what_was_committed(server: EmbeddedPostgres) -> None:
    ask(server.url(), "CREATE TABLE killed AS SELECT 42 AS answer")

    server.kill()

    assert (server.running, server.exit_code) == (False, -signal.SIGKILL)
    server.start()
    assert ask(server.url(), "SELECT answer FROM killed") == 42


def test_stop_does_not_wait_for_a_client(server: EmbeddedPostgres) -> None:
    connection = psycopg2.connect(server.url())
    began = time.monotonic()

    server.stop()

    assert server.exit_code == 0
    assert time.monotonic() - began < server.stop_seconds / 2
    connection.close()


def test_throw_away_server_skips_what_makes_data_safe(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path / "postgres", durable=False)
    with server:
        assert [ask(server.url(), f"SHOW {name}") for name in ("fsync", "wal_level")] == ["off", "minimal"]
    server.delete()
    assert not server.folder.exists()


# --- What may be found in the folder ---


def test_server_left_by_a_killed_launcher_is_stopped_first(cluster: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # Started in a thread: the kernel's death signal, which would end it, is only asked for on the main one.
    script = (
        "import sys, threading, time; from launcher.postgres import EmbeddedPostgres; "
        "server = EmbeddedPostgres(sys.argv[1]); thread = threading.Thread(target=server.start); "
        "thread.start(); thread.join(); print(server.pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, cluster], stdout=subprocess.PIPE, text=True, cwd=REAL
    ) as launcher:
        assert launcher.stdout is not None
        orphan = int(launcher.stdout.readline())
        launcher.kill()
    assert command_line(orphan) is not None

    with EmbeddedPostgres(cluster) as server:
        assert ask(server.url(), "SELECT 1") == 1

    assert command_line(orphan) is None
    said = f"PostgreSQL was still running from an earlier start (process {orphan}); stopping it first.\n"
    assert said in capsys.readouterr().out


def test_pid_file_that_names_another_program_is_no_obstacle(cluster: Path) -> None:
    server = EmbeddedPostgres(cluster)
    user = server.account.uid if server.account else None  # PostgreSQL fears a number of its own user only
    with subprocess.Popen(["sleep", "60"], user=user) as bystander:
        (server.data / "postmaster.pid").write_text(f"{bystander.pid}\n{server.data}\n")

        with server:
            assert ask(server.url(), "SELECT 1") == 1

        assert bystander.poll() is None
        bystander.kill()


def test_lost_passwords_are_made_anew(cluster: Path) -> None:
    server = EmbeddedPostgres(cluster)
    before = recall(server.folder / "launcher.json")
    (server.folder / "launcher.json").unlink()

    with EmbeddedPostgres(cluster) as server:
        assert ask(server.url(), "SELECT current_user::text") == "bytemtaani"
        assert ask(server.url(user="postgres"), "SELECT current_user::text") == "postgres"

    after = recall(server.folder / "launcher.json")
    assert after["bytemtaani"] != before["bytemtaani"]
    assert (server.folder / "launcher.json").stat().st_mode & 0o777 == 0o600


def test_data_of_another_major_version_is_one_sentence(cluster: Path) -> None:
    server = EmbeddedPostgres(cluster)
    version = server.data / "PG_VERSION"
    version.write_text("17\n")
    try:
        with pytest.raises(LauncherError, match=r"was made by PostgreSQL 17, and this is PostgreSQL \d+: .*reset\.$"):
            server.start()
    finally:
        version.write_text("18\n")


def test_damaged_folder_is_one_sentence(cluster: Path) -> None:
    server = EmbeddedPostgres(cluster)
    control, aside = server.data / "global" / "pg_control", server.data / "global" / "aside"
    control.rename(aside)
    try:
        with pytest.raises(LauncherError, match=r"did not start: .*looks damaged: .*\./shop reset\. Its log is "):
            server.start()
    finally:
        aside.rename(control)


def test_interrupted_making_starts_over(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path / "postgres", durable=False)
    (server.folder / "data.new").mkdir(parents=True)
    (server.folder / "data.new" / "PG_VERSION").write_text("18\n")

    with server:
        assert ask(server.url(), "SELECT 1") == 1
    assert not (server.folder / "data.new").exists()
    server.delete()


# --- Root ---


@as_root
def test_root_in_a_private_home_keeps_the_data_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    base = Path("/var/tmp") / f"launcher-test-{os.getpid()}"
    monkeypatch.setattr(paths, "SHARED_BASE", base)
    monkeypatch.setattr(paths, "here", lambda: paths.Checkout(home))
    server = EmbeddedPostgres(home / "postgres", durable=False)
    try:
        with server:
            assert server.folder.parent == base
            assert server.data.stat().st_mode & 0o777 == 0o700
            assert server.data.owner() in paths.UNPRIVILEGED
            assert Path(f"/proc/{server.pid}").owner() in paths.UNPRIVILEGED
            assert str(base) in str(command_line(server.pid or 0))
            assert ask(server.url(), "SELECT 1") == 1
        assert list(home.iterdir()) == []
        assert EmbeddedPostgres(home / "postgres").folder == server.folder
    finally:
        server.stop()
        subprocess.run(["rm", "-rf", base], check=True)


@as_root
def test_root_in_an_open_folder_keeps_the_data_there(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = Path("/var/tmp") / f"launcher-test-{os.getpid()}"
    folder.mkdir(mode=0o755)
    try:
        assert EmbeddedPostgres(folder / "postgres").folder == folder / "postgres"
    finally:
        folder.rmdir()


@as_root
def test_base_that_another_user_made_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    squatted = tmp_path / "bytemtaani-0"
    squatted.mkdir()
    os.chown(squatted, 65534, 65534)
    monkeypatch.setattr(paths, "SHARED_BASE", tmp_path / "missing" / "bytemtaani")
    monkeypatch.setattr(paths, "SHARED_BASE_FALLBACK", tmp_path)

    with pytest.raises(LauncherError, match="can be used for the database"):
        paths.shared_base()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends children with their parent")
def test_server_ends_with_its_killed_launcher(cluster: Path) -> None:
    script = (
        "import sys, time; from launcher.postgres import EmbeddedPostgres; "
        "server = EmbeddedPostgres(sys.argv[1]); server.start(); print(server.pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, cluster], stdout=subprocess.PIPE, text=True, cwd=REAL
    ) as launcher:
        assert launcher.stdout is not None
        pid = int(launcher.stdout.readline())
        kill(launcher.pid)

    wait_until(lambda: command_line(pid) is None)
