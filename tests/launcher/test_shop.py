"""``./shop`` from outside: the real launcher and servers, with stand-ins for the Django project."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from launcher.paths import Checkout, reachable, server_account
from launcher.ports import free_port
from launcher.throwaway import remove_throw_away_folders, throw_away_folder
from tests.launcher.conftest import (
    Running,
    kill,
    occupied_port,
    processes_below,
    shop_environment,
    wait_until,
)

pytestmark = pytest.mark.slow
StartShop = Callable[..., Running]
OPEN = "Try a purchase: ./shop demo"
# For tests that are about something else; the stand-ins connect to nothing.
OWN_SERVERS = {"DATABASE_URL": "postgres://a:b@db.example/c", "REDIS_URL": "redis://cache.example"}


def shop(checkout: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run one ``./shop`` command to its end, from another folder."""
    return subprocess.run(
        [checkout / "shop", *arguments],
        env=shop_environment(**settings),
        cwd="/",
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_run_opens_the_shop_and_ctrl_c_closes_it_in_order(used_checkout: Path, start_shop: StartShop) -> None:
    checkout = used_checkout
    running = start_shop(checkout, PORT=str(port := free_port()), SIMULATOR_PORT=str(phone := free_port()))
    running.wait_for(OPEN)
    password = (checkout / ".shop" / "admin-password").read_text().strip()

    running.process.send_signal(signal.SIGINT)

    assert running.process.wait(timeout=20) == 0
    assert f"http://127.0.0.1:{port}/api/docs/\n" in running.text
    assert f"admin@bytemtaani.local  password: {password}\n" in running.text
    assert f"http://127.0.0.1:{phone}/phone/\n" in running.text
    events = running.events()
    assert events[:3] == ["command migrate", "command load_sample_shop", "command createadmin"]
    assert sorted(event.split()[0] for event in events[3:8]) == ["beat", "relay", "simulator", "web", "worker"]
    stops = events[8:]
    assert (stops[0], stops[-1]) == ("web stopped", "simulator stopped")
    assert sorted(stops[1:-1]) == ["beat stopped", "relay stopped", "worker stopped"]
    # Servers log whole milliseconds, rounded down.
    assert last_event_time(checkout) - 0.001 <= stop_time(checkout, "valkey") <= stop_time(checkout, "postgres")
    assert processes_below(checkout) == []


def last_event_time(checkout: Path) -> float:
    return float((checkout / "events").read_text().splitlines()[-1].split()[0])


def stop_time(checkout: Path, name: str) -> float:
    """Return when a server was asked to stop, in seconds since 1970, by its own log."""
    text = (checkout / ".shop" / "log" / f"{name}.log").read_text()
    if name == "postgres":
        found = re.findall(r"^(\S+ \S+) UTC .*received fast shutdown request", text, re.MULTILINE)
        return datetime.fromisoformat(f"{found[-1]}+00:00").timestamp()
    found = re.findall(r"^\d+:M (.*?) \* User requested shutdown", text, re.MULTILINE)
    return datetime.strptime(found[-1], "%d %b %Y %H:%M:%S.%f").astimezone().timestamp()


def test_second_start_is_refused_while_the_first_runs(used_checkout: Path, start_shop: StartShop) -> None:
    checkout = used_checkout
    running = start_shop(checkout, **OWN_SERVERS)
    running.wait_for(OPEN)

    second = shop(checkout, "run")

    pid = running.process.pid
    sentence = f"./shop: The shop is already running from this checkout (pid {pid}); ./shop stop ends it.\n"
    assert (second.returncode, second.stdout, second.stderr) == (1, "", sentence)
    assert running.process.poll() is None


def test_settings_of_the_running_shop_reach_manage_and_stop_ends_it(used_checkout: Path, start_shop: StartShop) -> None:
    checkout = used_checkout
    running = start_shop(checkout, SIMULATOR_PORT=str(phone := free_port()))
    running.wait_for(OPEN)

    demo = shop(checkout, "demo", "--fast")
    stopped = shop(checkout, "stop")

    assert demo.returncode == 0
    assert re.fullmatch(
        r"demo_purchase --fast postgres://bytemtaani:\w{48}@127\.0\.0\.1:\d+/bytemtaani "
        rf"http://127\.0\.0\.1:{phone}\n",
        demo.stdout,
    )
    assert (stopped.returncode, stopped.stdout) == (0, "The shop has stopped.\n")
    assert running.process.wait(timeout=5) == 0
    assert shop(checkout, "demo").stderr.startswith("./shop: The shop is not running")


def test_second_run_finds_everything_again(used_checkout: Path, start_shop: StartShop) -> None:
    checkout = used_checkout
    ports = {"PORT": str(free_port()), "SIMULATOR_PORT": str(free_port())}
    texts = []
    for _ in range(2):
        running = start_shop(checkout, **ports)
        running.wait_for(OPEN)
        running.process.terminate()
        assert running.process.wait(timeout=20) == 0
        texts.append(re.findall(r"http://\S+|password: \S+", running.text))
        env = (checkout / ".shop" / "env").read_text()
        texts[-1].append(env)

    assert texts[0] == texts[1]
    assert "SECRET_KEY=" in texts[0][-1]


def test_killed_launcher_leaves_nothing_behind_and_the_next_start_works(
    used_checkout: Path, start_shop: StartShop
) -> None:
    checkout = used_checkout
    running = start_shop(checkout)
    running.wait_for(OPEN)

    running.process.kill()
    running.process.wait()

    wait_until(lambda: processes_below(checkout) == [])
    start_shop(checkout).wait_for(OPEN)


@pytest.mark.parametrize("name", ["worker", "web"])
def test_killed_process_is_started_again(used_checkout: Path, start_shop: StartShop, name: str) -> None:
    checkout = used_checkout
    running = start_shop(checkout, **OWN_SERVERS)
    running.wait_for(OPEN)
    victim = running.pid_of(name)

    kill(victim)

    running.wait_for(f"The {name} process was killed by SIGKILL; starting it again in 0.1 s.")
    wait_until(lambda: running.pid_of(name) != victim)


def test_killed_postgres_is_started_again_on_its_port(used_checkout: Path, start_shop: StartShop) -> None:
    checkout = used_checkout
    running = start_shop(checkout)
    running.wait_for(OPEN)
    log = checkout / ".shop" / "log" / "postgres.log"
    ports = re.findall(r"listening on IPv4 address \"127.0.0.1\", port (\d+)", log.read_text())

    postmaster = next(pid for pid in children_of(running.process.pid) if "postgres" in pid[1])
    kill(postmaster[0])

    running.wait_for("The PostgreSQL process was killed by SIGKILL")
    wait_until(lambda: log.read_text().count("ready to accept connections") == 2)
    again = re.findall(r"listening on IPv4 address \"127.0.0.1\", port (\d+)", log.read_text())
    assert again == ports * 2


def children_of(pid: int) -> list[tuple[int, str]]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")
        except OSError:
            continue
        if int(fields[2].split()[1]) == pid:
            found.append((int(stat.parent.name), fields[0].partition("(")[2]))
    return found


def test_busy_port_is_one_sentence(checkout: Path) -> None:
    port = free_port()
    with occupied_port(port):
        refused = shop(checkout, "run", PORT=str(port))

    assert refused.returncode == 1
    assert refused.stderr == (
        f"./shop: Port {port} is busy: stop the program that listens there, or choose another: "
        f"PORT={port + 1000 if port <= 64535 else port - 1000} ./shop run\n"
    )
    assert not (checkout / ".shop" / "postgres").exists()


def test_servers_of_ones_own_are_used_instead(checkout: Path, start_shop: StartShop) -> None:
    (checkout / ".env").write_text("DATABASE_URL=postgres://a:b@db.example/c\nREDIS_URL=redis://ignored.example\n")
    running = start_shop(checkout, REDIS_URL="redis://cache.example/1", MPESA_BASE_URL="https://mpesa.example")

    running.wait_for(OPEN)

    env = (checkout / ".shop" / "env").read_text().splitlines()
    assert {"DATABASE_URL=postgres://a:b@db.example/c", "REDIS_URL=redis://cache.example/1"} <= set(env)
    assert not [line for line in env if line.startswith(("MPESA_", "SIMULATOR_"))]
    assert sorted(path.name for path in (checkout / ".shop" / "log").iterdir()) == [
        "beat.log",
        "prepare.log",
        "relay.log",
        "web.log",
        "worker.log",
    ]
    assert "phone" not in running.text


def test_failed_preparation_names_its_step_and_stops_the_servers(checkout: Path) -> None:
    failed = shop(checkout, "run", FAIL_AT="load_sample_shop", DATABASE_URL=OWN_SERVERS["DATABASE_URL"])

    log = checkout / ".shop" / "log" / "prepare.log"
    sentence = f"./shop: The database could not be prepared (sample shop): no such luck. The log is {log}.\n"
    assert (failed.returncode, failed.stderr) == (1, sentence)
    assert processes_below(checkout) == []
    shop(checkout, "reset", "--yes")


def test_process_that_keeps_dying_ends_the_run_with_its_last_lines(checkout: Path, start_shop: StartShop) -> None:
    (checkout / "simulator.py").write_text("raise SystemExit('simulator: it cannot be.')\n")

    running = start_shop(checkout, **OWN_SERVERS)

    assert running.process.wait(timeout=30) == 1
    log = checkout / ".shop" / "log" / "simulator.log"
    assert f"./shop: The simulator process ended with code 1, 5 times in a row; its log is {log}.\n" in running.text
    assert running.text.endswith("    simulator: it cannot be.\n")
    assert processes_below(checkout) == []


def test_unexpected_exception_is_one_sentence_and_a_log(checkout: Path) -> None:
    source = checkout / "launcher" / "run.py"
    line = "        supervisor = Supervisor("
    assert line in source.read_text()
    source.write_text(source.read_text().replace(line, f"        raise ZeroDivisionError('a bug')\n{line}"))

    failed = shop(checkout, "run")

    log = checkout / ".shop" / "log" / "launcher.log"
    assert failed.returncode == 1
    assert failed.stderr == (
        f"./shop: Something unexpected happened (ZeroDivisionError('a bug')); the details are in {log}.\n"
    )
    assert "Traceback" in log.read_text()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs another user")
def test_state_folder_of_another_user_is_one_sentence(tmp_path: Path) -> None:
    script = (
        "import os, sys, pathlib; sys.path.insert(0, sys.argv[2]); from launcher.paths import Checkout; "
        "from launcher.errors import LauncherError\n"
        "os.setuid(65534)\n"
        "try: Checkout(pathlib.Path(sys.argv[1])).make_state()\n"
        "except LauncherError as error: print(error)"
    )
    outside = Path("/var/tmp") / f"launcher-test-{os.getpid()}"
    (outside / ".shop").mkdir(parents=True)
    try:
        said = subprocess.run(
            [sys.executable, "-c", script, outside, Path(__file__).parents[2]],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    finally:
        (outside / ".shop").rmdir()
        outside.rmdir()
    assert said.startswith(f"{outside}/.shop cannot be written by this user; if it was made by root, ")


# --- The other commands ---


def test_tests_get_servers_of_their_own_and_the_last_word(checkout: Path) -> None:
    (checkout / "test_sample.py").write_text(
        "import os\n"
        "def test_servers():\n"
        "    print(sorted(name for name in os.environ if name.endswith('_URL')), os.environ['ENVIRONMENT'])\n"
        "def test_failing():\n"
        "    assert False\n"
    )
    (checkout / ".env").write_text("DATABASE_URL=postgres://a:b@db.example/c\n")

    ended = shop(checkout, "test", "-s", "-p", "no:cacheprovider", "test_sample.py", ENVIRONMENT="local")

    assert ended.returncode == 1
    assert "['DATABASE_URL', 'REDIS_URL'] test" in ended.stdout
    assert "db.example" not in ended.stdout
    assert re.fullmatch(r"=+ 1 failed, 1 passed in .* =+", ended.stdout.splitlines()[-1])
    assert ended.stderr == ""
    assert processes_below(checkout) == []
    base = reachable(checkout / ".shop" / "throw-away", server_account())
    assert [path.name for path in base.iterdir()] == ["lock"]
    shop(checkout, "reset", "--yes")
    assert not base.exists()


def test_folder_of_a_killed_test_run_is_swept_up_and_that_of_a_running_one_is_not(tmp_path: Path) -> None:
    place = Checkout(tmp_path)
    with throw_away_folder(place) as busy:
        killed = busy.parent / "test-killed"
        killed.mkdir()
        with throw_away_folder(place):
            assert not killed.exists()
            assert busy.exists()
    remove_throw_away_folders(place)
    assert not busy.parent.exists()


def test_reset_asks_somebody_and_deletes_the_local_data(checkout: Path, start_shop: StartShop) -> None:
    running = start_shop(checkout, **OWN_SERVERS)
    running.wait_for(OPEN)
    database = reachable(checkout / ".shop" / "postgres", server_account())
    (database / "data").mkdir(parents=True)
    refused = shop(checkout, "reset", "--yes")
    assert shop(checkout, "stop").returncode == 0

    unanswered = shop(checkout, "reset")
    assert (checkout / ".shop" / "env").exists()
    assert database.exists()
    done = shop(checkout, "reset", "--yes")

    assert f"The shop is running (pid {running.process.pid}); stop it first" in refused.stderr
    assert unanswered.stderr == "./shop: Nobody is there to ask; ./shop reset --yes deletes without asking.\n"
    assert (done.returncode, (checkout / ".shop").exists(), database.exists()) == (0, False, False)
    assert shop(checkout, "reset", "--yes").stdout == "There is no local data.\n"


def test_link_to_the_script_finds_the_checkout(checkout: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(checkout / "shop")

    shown = subprocess.run([link, "help"], capture_output=True, text=True, cwd="/", check=True)

    assert shown.stdout.startswith("./shop run ")


def test_without_a_new_enough_python_is_one_sentence(checkout: Path, tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("sh", "dirname", "readlink"):
        (programs / name).symlink_to(next(p for p in (Path("/usr/bin") / name, Path("/bin") / name) if p.exists()))
    (programs / "python3").write_text("#!/bin/sh\nexit 1\n")
    (programs / "python3").chmod(0o755)

    refused = subprocess.run(
        [checkout / "shop", "run"], env={"PATH": str(programs)}, capture_output=True, text=True, check=False
    )

    assert refused.returncode == 1
    assert re.fullmatch(r"ByteMtaani needs Python 3\.11 or newer, and none was found; .*\n", refused.stderr)


def test_unknown_command_is_one_sentence(checkout: Path) -> None:
    refused = shop(checkout, "rum")

    assert (refused.returncode, refused.stderr) == (
        2,
        "./shop: there is no command 'rum'; ./shop help lists them.\n",
    )
