"""Child processes: started in groups of their own, with a log each, and never outliving the launcher."""

import ctypes
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from launcher import interrupt
from launcher.errors import LauncherError
from launcher.paths import Account

LOG_LIMIT = 5 * 1024 * 1024  # bytes; a longer log is set aside at the next start, replacing the one before
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


def open_log(path: Path) -> BinaryIO:
    """Open a log for appending; one past ``LOG_LIMIT`` becomes ``NAME.log.1`` first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and path.stat().st_size > LOG_LIMIT:
        path.replace(path.with_name(path.name + ".1"))
    return open(path, "a+b")


def last_lines(path: Path, count: int = 12, since: int = 0) -> list[str]:
    """Return the last lines of a log that are not empty, reading no further back than byte ``since``."""
    try:
        with open(path, "rb") as file:
            end = file.seek(0, os.SEEK_END)
            file.seek(max(min(since, end), end - 64 * 1024))
            text = file.read().decode(errors="replace")
    except OSError:
        return []
    return [line.rstrip() for line in text.splitlines() if line.strip()][-count:]


def spawn(
    argv: Sequence[str | Path],
    *,
    environment: Mapping[str, str],
    folder: Path,
    output: BinaryIO | None,
    stdin: BinaryIO | int | None = subprocess.DEVNULL,
    account: Account | None = None,
    death_signal: int = signal.SIGTERM,
    own_session: bool = True,
) -> subprocess.Popen[bytes]:
    """Start a program, by default in a session of its own, so that a terminal's Ctrl-C reaches the launcher alone.

    On Linux the kernel sends ``death_signal`` when the launcher is gone, however it went. That signal belongs to the
    thread that starts the program, so it is asked for on the main thread only.
    """
    parent = os.getpid()

    def ask_for_death_signal() -> None:
        if _LIBC is not None:
            _LIBC.prctl(_PR_SET_PDEATHSIG, death_signal, 0, 0, 0)
        if os.getppid() != parent:  # it died before the kernel was asked
            os._exit(1)

    on_main_thread = threading.current_thread() is threading.main_thread()
    return subprocess.Popen(
        [str(word) for word in argv],
        env=dict(environment),
        cwd=folder,
        stdin=stdin,
        stdout=output,
        stderr=subprocess.STDOUT if output is not None else None,
        start_new_session=own_session,
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
        # Safe: the launcher has no threads. Runs after the change of user, which would clear the setting.
        # Source: prctl(2), PR_SET_PDEATHSIG.
        preexec_fn=ask_for_death_signal if _LIBC is not None and on_main_thread else None,  # noqa: PLW1509
    )


def _be_nice(pid: int, niceness: int) -> None:
    """Let others have the processor first when there is not enough of it.

    Linux shares it out among sessions before it looks at processes, so the session must be nice as well. Source:
    sched(7), autogroup.
    """
    with suppress(OSError):  # it has ended, or the system knows no such thing
        os.setpriority(os.PRIO_PROCESS, pid, niceness)
        Path(f"/proc/{pid}/autogroup").write_text(str(niceness))


def signal_group(pid: int, number: int) -> None:
    """Send a signal to a child and to everything that it started."""
    with suppress(ProcessLookupError, PermissionError):  # nobody left; macOS says EPERM for a group of zombies
        os.killpg(pid, number)


def describe_exit(code: int) -> str:
    """Return ``ended with code 3`` or ``was killed by SIGKILL``."""
    if code >= 0:
        return f"ended with code {code}"
    try:
        return f"was killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"was killed by signal {-code}"


def command_line(pid: int) -> list[str] | None:
    """Return the words of a running process's command, or None when there is no such process or it is not shown."""
    if sys.platform == "linux":
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            return None
        return words.decode(errors="replace").rstrip("\0").split("\0") if words else None  # a zombie has none
    shown = subprocess.run(["ps", "-ww", "-p", str(pid), "-o", "command="], capture_output=True, text=True, check=False)
    return shown.stdout.split() or None


def run_to_end(
    argv: Sequence[str | Path],
    *,
    environment: Mapping[str, str],
    folder: Path,
    log: Path | None = None,
    stdin_text: str = "",
    account: Account | None = None,
    on_line: Callable[[str], None] | None = None,
) -> tuple[int, str]:
    """Run a program to its end and return its exit code and what it printed, at most the last 64 KiB.

    The output is kept in ``log`` when one is named; ``on_line`` gets the newest line while the program runs.

    Raises:
        StopRequested: a stop signal came; the program has been ended.
    """
    with open_log(log) if log else tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as stdin:
        stdin.write(stdin_text.encode())
        stdin.seek(0)
        start = seen = output.seek(0, os.SEEK_END)
        child = spawn(argv, environment=environment, folder=folder, output=output, stdin=stdin, account=account)
        try:
            while child.poll() is None:
                interrupt.pause(0.02)
                if on_line and (size := os.fstat(output.fileno()).st_size) > seen:
                    for line in os.pread(output.fileno(), size - seen, seen).decode(errors="replace").splitlines():
                        on_line(line)
                    seen = size
        finally:
            _end(child)
        size = os.fstat(output.fileno()).st_size
        begin = max(start, size - 64 * 1024)
        return child.returncode, os.pread(output.fileno(), size - begin, begin).decode(errors="replace")


def _end(child: subprocess.Popen[bytes]) -> None:
    if child.poll() is None:
        signal_group(child.pid, signal.SIGTERM)
        try:
            child.wait(timeout=5)
        except subprocess.TimeoutExpired:
            signal_group(child.pid, signal.SIGKILL)
            child.wait()


class ManagedProcess:
    """A program that is meant to stay up.

    ``stage`` orders the stopping: higher stages go first, those of one stage together. ``niceness``, 0 to 19, says how
    far it stands back when the processor is short.
    """

    stop_signal: int = signal.SIGTERM
    death_signal: int = signal.SIGTERM  # what it gets when the launcher itself is killed
    stop_seconds: float = 10.0
    foundation: bool = False  # others would only die without it
    account: Account | None = None

    def __init__(
        self,
        name: str,
        argv: Sequence[str | Path] = (),
        *,
        log: Path,
        environment: Mapping[str, str] | None = None,
        folder: Path = Path("/"),
        stage: int = 0,
        stop_seconds: float | None = None,
        death_signal: int | None = None,
        niceness: int = 0,
    ) -> None:
        self.name = name
        self.niceness = niceness
        self.argv = [str(word) for word in argv]
        self.log = log
        self.environment = dict(os.environ if environment is None else environment)
        self.folder = folder
        self.stage = stage
        if stop_seconds is not None:
            self.stop_seconds = stop_seconds
        if death_signal is not None:
            self.death_signal = death_signal
        self._child: subprocess.Popen[bytes] | None = None
        self._swept = True
        self.log_start = 0  # bytes; where the last start's part of the log begins

    @property
    def pid(self) -> int | None:
        return self._child.pid if self._child else None

    @property
    def running(self) -> bool:
        if self._child is None:
            return False
        if self._child.poll() is None:
            return True
        self._sweep()
        return False

    def _sweep(self) -> None:
        """End what the dead process has left of its group; at once, while the number is nobody else's."""
        if self._child is not None and not self._swept:
            self._swept = True
            signal_group(self._child.pid, signal.SIGKILL)

    @property
    def exit_code(self) -> int | None:
        """How the last run ended; negative for a signal, None while it lasts or before the first."""
        return self._child.poll() if self._child else None

    def start(self) -> None:
        """Start it, if it is not running.

        Raises:
            LauncherError: it cannot be started at all.
        """
        if not self.running:
            self._launch()

    def _launch(self) -> None:
        try:
            with open_log(self.log) as output:
                self.log_start = output.seek(0, os.SEEK_END)
                self._child = spawn(
                    self.argv,
                    environment=self.environment,
                    folder=self.folder,
                    output=output,
                    account=self.account,
                    death_signal=self.death_signal,
                )
        except OSError as error:
            raise LauncherError(f"{self.name} cannot be started: {error.strerror}: {error.filename}.") from error
        self._swept = False
        if self.niceness:
            _be_nice(self._child.pid, self.niceness)

    def request_stop(self) -> None:
        """Ask it to stop, without waiting."""
        if self.running and self._child is not None:
            self._child.send_signal(self.stop_signal)

    def finish_stop(self, hurry: Callable[[], bool] = lambda: False) -> None:
        """Wait for a stop that was asked for; past ``stop_seconds``, or in a hurry, end it by force."""
        if self._child is None:
            return
        deadline = time.monotonic() + self.stop_seconds
        while self.running and time.monotonic() < deadline and not hurry():
            time.sleep(0.02)
        if self.running:
            self._force()
            self._child.wait()
        self._sweep()

    def _force(self) -> None:
        if self._child is not None:
            signal_group(self._child.pid, signal.SIGKILL)

    def stop(self) -> None:
        """Stop it and wait for the end."""
        self.request_stop()
        self.finish_stop()

    def kill(self) -> None:
        """End it as a crash would, and wait for the end."""
        if self.running and self._child is not None:
            self._child.kill()
            self._child.wait()
