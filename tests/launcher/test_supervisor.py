"""The supervisor, with small shell programs."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from launcher.errors import LauncherError
from launcher.memory import recall, remember
from launcher.process import LOG_LIMIT, ManagedProcess, command_line, last_lines, open_log
from launcher.supervisor import Supervisor, end_leftovers
from tests.launcher.conftest import kill, wait_until


@pytest.fixture
def record(tmp_path: Path) -> Path:
    return tmp_path / "processes.json"


@pytest.fixture
def supervisor(record: Path) -> Iterator[Supervisor]:
    supervisor = Supervisor(record, quick=5.0, limit=3, backoff=0.1)
    yield supervisor
    supervisor.stop()


def program(folder: Path, name: str, script: str, stage: int = 0) -> ManagedProcess:
    return ManagedProcess(name, ["/bin/sh", "-c", script], log=folder / f"{name}.log", folder=folder, stage=stage)


def watch(supervisor: Supervisor, until: Callable[[], bool]) -> None:
    """Let the supervisor work until something is so; ten seconds at most."""
    deadline = time.monotonic() + 10
    supervisor.watch(until=lambda: until() or time.monotonic() > deadline, turn=0.01)
    assert time.monotonic() <= deadline, "it did not come about in time"


def test_killed_process_is_started_again_and_named(
    supervisor: Supervisor, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    process = program(tmp_path, "worker", "exec sleep 60")
    supervisor.start(process)
    first = process.pid
    assert first is not None

    kill(first)
    watch(supervisor, lambda: process.running and process.pid != first)

    assert capsys.readouterr().out == "The worker process was killed by SIGKILL; starting it again in 0.1 s.\n"


def test_process_that_dies_at_once_is_given_up_with_its_last_words(
    supervisor: Supervisor, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    supervisor.start(program(tmp_path, "worker", "echo start >> starts; echo no luck; exit 3"))

    with pytest.raises(LauncherError) as caught:
        supervisor.watch(turn=0.01)

    log = tmp_path / "worker.log"
    assert str(caught.value) == f"The worker process ended with code 3, 3 times in a row; its log is {log}."
    assert caught.value.tail == ["no luck"] * 3
    assert (tmp_path / "starts").read_text() == "start\n" * 3
    pauses = re.findall(r"again in (\S+) s", capsys.readouterr().out)
    assert pauses == ["0.1", "0.2"]


def test_deaths_after_a_long_life_are_forgiven(record: Path, tmp_path: Path) -> None:
    supervisor = Supervisor(record, quick=0.0, limit=2, backoff=0.01)
    (tmp_path / "starts").touch()
    supervisor.start(program(tmp_path, "worker", "echo start >> starts"))

    watch(supervisor, lambda: (tmp_path / "starts").read_text().count("start") >= 4)

    supervisor.stop()


def _says_up(log: Path) -> bool:
    return "up" in log.read_text()


def test_stop_goes_from_the_highest_stage_down(supervisor: Supervisor, tmp_path: Path) -> None:
    script = 'trap "sleep 0.1; echo {0} >> order; exit 0" TERM; echo up; while :; do sleep 0.01; done'
    for stage, name in enumerate(["postgres", "worker", "web"]):
        process = program(tmp_path, name, script.format(name), stage)
        supervisor.start(process)
        wait_until(partial(_says_up, process.log))

    supervisor.stop()

    assert (tmp_path / "order").read_text() == "web\nworker\npostgres\n"


def test_process_that_ignores_the_request_is_ended_with_its_children(supervisor: Supervisor, tmp_path: Path) -> None:
    process = program(tmp_path, "worker", 'trap "" TERM; sleep 61 & echo $!; while :; do sleep 0.01; done')
    process.stop_seconds = 0.2
    supervisor.start(process)
    wait_until(lambda: last_lines(process.log))
    child = int(last_lines(process.log)[0])

    supervisor.stop()

    assert process.exit_code == -signal.SIGKILL
    wait_until(lambda: command_line(child) is None)


def test_children_of_a_killed_process_do_not_live_on(supervisor: Supervisor, tmp_path: Path) -> None:
    process = program(tmp_path, "web", "sleep 61 & echo $!; wait")
    supervisor.start(process)
    wait_until(lambda: last_lines(process.log))
    child = int(last_lines(process.log)[0])

    process.kill()
    assert not process.running

    wait_until(lambda: command_line(child) is None)


class Server(ManagedProcess):
    """Stands for PostgreSQL: a start succeeds once there is a file ``ready``."""

    foundation = True

    def start(self) -> None:
        if not (self.folder / "ready").exists():
            raise LauncherError("PostgreSQL did not start.")
        super().start()


def test_nothing_is_started_while_a_server_that_it_needs_is_down(
    record: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    supervisor = Supervisor(record, limit=6, backoff=0.02)
    server = Server("PostgreSQL", ["sleep", "60"], log=tmp_path / "log", folder=tmp_path, stage=0)
    worker = program(tmp_path, "worker", "exec sleep 60", stage=3)
    (tmp_path / "ready").touch()
    supervisor.start(server)
    supervisor.start(worker)
    pids = [server.pid, worker.pid]
    (tmp_path / "ready").unlink()
    for pid in pids:
        kill(pid or 0)

    watch(supervisor, lambda: "did not start" in capsys.readouterr().out)
    deadline = time.monotonic() + 0.1
    watch(supervisor, lambda: time.monotonic() > deadline)
    assert worker.pid == pids[1]
    (tmp_path / "ready").touch()
    watch(supervisor, lambda: server.running and worker.running)

    assert server.pid != pids[0]
    supervisor.stop()


@pytest.mark.skipif(not Path("/proc/self/autogroup").exists(), reason="this system shares out no time by sessions")
def test_work_that_can_wait_stands_back(supervisor: Supervisor, tmp_path: Path) -> None:
    process = ManagedProcess("worker", ["sleep", "60"], log=tmp_path / "log", folder=tmp_path, niceness=7)

    supervisor.start(process)

    assert process.pid is not None
    assert os.getpriority(os.PRIO_PROCESS, process.pid) == 7
    assert Path(f"/proc/{process.pid}/autogroup").read_text().split()[-1] == "7"


def test_program_that_does_not_exist_is_one_sentence(supervisor: Supervisor, tmp_path: Path) -> None:
    process = ManagedProcess("worker", [tmp_path / "missing"], log=tmp_path / "log", folder=tmp_path)

    with pytest.raises(LauncherError, match=r"^worker cannot be started: No such file or directory: "):
        supervisor.start(process)


def test_leftover_of_an_earlier_start_is_ended(record: Path, capsys: pytest.CaptureFixture[str]) -> None:
    leftover = subprocess.Popen(["sleep", "61"], start_new_session=True)
    bystander = subprocess.Popen(["sleep", "62"], start_new_session=True)
    remember(record, {str(leftover.pid): "2 61", str(bystander.pid): "2 something else", "x": "y"})
    try:
        end_leftovers(record)
        assert leftover.wait(timeout=1) == -signal.SIGINT
        assert bystander.poll() is None
    finally:
        for process in (leftover, bystander):
            process.kill()
            process.wait()

    assert capsys.readouterr().out == (
        f"Process {leftover.pid} was still running from an earlier start; stopping it first.\n"
    )
    assert not record.exists()


def test_record_names_what_runs(supervisor: Supervisor, record: Path, tmp_path: Path) -> None:
    process = program(tmp_path, "worker", "exec sleep 60")

    supervisor.start(process)

    assert recall(record) == {str(process.pid): "15 -c exec sleep 60"}


def test_long_log_is_set_aside_at_the_next_start(tmp_path: Path) -> None:
    log = tmp_path / "web.log"
    log.write_bytes(b"x" * (LOG_LIMIT + 1))

    with open_log(log) as file:
        file.write(b"new\n")

    assert log.read_bytes() == b"new\n"
    assert (tmp_path / "web.log.1").stat().st_size == LOG_LIMIT + 1
