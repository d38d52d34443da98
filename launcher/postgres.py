"""A PostgreSQL server of the project's own: on loopback, with a generated password, sized for a laptop."""

import locale
import os
import re
import secrets
import shutil
import signal
import time
from collections.abc import Iterable
from pathlib import Path

from launcher import interrupt
from launcher.console import console
from launcher.embedded import EmbeddedServer
from launcher.errors import LauncherError
from launcher.memory import recall, remember, write_private
from launcher.paths import reachable, server_account
from launcher.ports import free_port, is_free
from launcher.postgres_programs import Programs, postgres_programs
from launcher.process import command_line, last_lines, run_to_end

ROLE = "bytemtaani"  # owns the database, may create others (tests do), is no superuser
SUPERUSER = "postgres"
DATABASE = "bytemtaani"

_STOP_SIGNALS = {"smart": signal.SIGTERM, "fast": signal.SIGINT, "immediate": signal.SIGQUIT}
_RECOVERY_SECONDS = 300.0  # after a crash the server replays its log before it accepts anybody

_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",  # no path that may be too long, no folder that the account may not write
    "max_connections": "100",
    "shared_buffers": "128MB",
    "random_page_cost": "1.1",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %d ",
    "lc_messages": "C",
    "password_encryption": "scram-sha-256",
}
_DURABLE = {"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on"}
_THROW_AWAY = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "autovacuum_naptime": "1h",
}


class EmbeddedPostgres(EmbeddedServer):
    """One server with its data in ``folder/data``.

    Args:
        folder: moved below /var/lib/bytemtaani when root starts the server and its account cannot reach the folder;
            the attribute ``folder`` tells where it is. The port and the passwords are remembered beside the data.
        port: 0 takes the port of the last start if it is free, else any free one; it stays the same from then on.
        durable: False trades safety for speed, for tests that throw the data away.
        log: the server's log; ``folder/server.log`` when None.

    Start it from the main thread: on Linux the server ends with the thread that started it, unless that is another.
    """

    # "Fast": open transactions are rolled back, nobody is waited for.
    stop_signal = death_signal = signal.SIGINT
    stop_seconds = 30.0
    foundation = True

    def __init__(
        self,
        folder: Path | str,
        port: int = 0,
        durable: bool = True,
        *,
        log: Path | None = None,
        stage: int = 0,
    ) -> None:
        wanted = Path(folder).absolute()
        home = reachable(wanted, server_account(wanted / "data"))
        super().__init__("PostgreSQL", log=log or home / "server.log", environment={}, folder=home, stage=stage)
        self.account = server_account(home / "data")
        self.data = home / "data"
        self.durable = durable
        self.port = port
        self._asked_port = port
        self._values = recall(self._memory)

    @property
    def _memory(self) -> Path:
        return self.folder / "launcher.json"

    def url(self, database: str = DATABASE, user: str = ROLE) -> str:
        """Return the address for ``DATABASE_URL``; ``user`` is ``bytemtaani`` or ``postgres``, the superuser."""
        return f"postgres://{user}:{self._values[user]}@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Start the server and wait until it accepts connections, making the cluster at the first start.

        Raises:
            LauncherError: says in one sentence what stands in the way.
        """
        if self.running:
            return
        programs = postgres_programs(self.account)
        self.environment = programs.environment
        self._prepare(programs)
        self._end_leftover()
        deadline = time.monotonic() + _RECOVERY_SECONDS
        while True:
            self.port = self._choose_port()
            self.argv = self._command(programs)
            self._launch()
            if self._wait_until_ready(deadline):
                break
            lines = last_lines(self.log, 40, since=self.log_start)
            if not self._may_try_again(lines, deadline):
                raise self._start_failure(lines)
        self._asked_port = self.port  # others know the address now
        remember(self._memory, {**self._values, "port": str(self.port)})

    def restart(self, mode: str = "fast") -> None:
        """Stop in the way of ``mode`` (smart, fast, immediate) and start on the same port."""
        if self.running and self._child is not None:
            self._child.send_signal(_STOP_SIGNALS[mode])
            self.finish_stop()
        self.start()

    def _force(self) -> None:
        # SIGKILL would leave shared memory behind; "immediate" only skips the last checkpoint.
        if self.running and self._child is not None:
            self._child.send_signal(signal.SIGQUIT)
            deadline = time.monotonic() + 5
            while self.running and time.monotonic() < deadline:
                time.sleep(0.02)
        super()._force()

    # --- before the start ---

    def _prepare(self, programs: Programs) -> None:
        """Make sure that there is a cluster of the right version and that its passwords are known."""
        if not (programs.root / "share" / "timezone").exists() and not Path("/usr/share/zoneinfo/UTC").exists():
            raise LauncherError(
                "PostgreSQL needs the system's time zone data; install it (Debian, Ubuntu: apt-get install tzdata)."
            )
        self.folder.mkdir(mode=0o711, parents=True, exist_ok=True)
        if not self.data.exists():
            self._create(programs)
            return
        version = self.data / "PG_VERSION"
        try:
            written_by = version.read_text(encoding="ascii").strip()
        except PermissionError:
            raise LauncherError(
                f"{self.data} belongs to another user; start ./shop as that user, or as root."
            ) from None
        except (OSError, UnicodeDecodeError):
            written_by = ""
        if not written_by.isdigit():
            raise LauncherError(
                f"The database in {self.data} is damaged: {version.name} is missing or unreadable. "
                "Restore the folder from a copy, or start afresh with ./shop reset."
            )
        if int(written_by) != programs.major:
            raise LauncherError(
                f"The database in {self.data} was made by PostgreSQL {written_by}, and this is PostgreSQL "
                f"{programs.major}: take a dump with the old version of the shop, or start afresh with ./shop reset."
            )
        if not {ROLE, SUPERUSER} <= self._values.keys():  # launcher.json was lost; the data was not
            self._end_leftover()
            self._new_passwords()
            self._as_single_user(programs, self.data, "postgres", self._password_statements("ALTER"))

    def _create(self, programs: Programs) -> None:
        """Make the cluster, the role and the database beside ``data``, then rename: all of it or nothing."""
        draft = self.folder / "data.new"
        password_file = self.folder / "password"
        shutil.rmtree(draft, ignore_errors=True)
        self._new_passwords()
        draft.mkdir(mode=0o700)
        write_private(password_file, self._values[SUPERUSER] + "\n")
        if self.account is not None:
            os.chown(draft, self.account.uid, self.account.gid)
            os.chown(password_file, self.account.uid, self.account.gid)
        try:
            code, output = run_to_end(
                [
                    *(programs.path("initdb"), "-D", draft, "-U", SUPERUSER, "--pwfile", password_file),
                    *("--auth=scram-sha-256", "--encoding=UTF8", "--no-instructions"),
                    *(
                        "--locale-provider=builtin",
                        "--builtin-locale=C.UTF-8",
                        f"--locale={_system_locale()}",
                    ),
                    *(() if self.durable else ("--no-sync",)),
                ],
                environment=programs.environment,
                folder=self.folder,
                account=self.account,
            )
        finally:
            password_file.unlink()
        if code:
            raise self._failure("PostgreSQL's data folder could not be made", output.splitlines())
        statements = [
            *self._password_statements("CREATE"),
            f"GRANT pg_monitor TO {ROLE}",
            f"CREATE DATABASE {DATABASE} OWNER {ROLE}",
        ]
        self._as_single_user(programs, draft, "postgres", statements)
        if programs.has_library("pg_stat_statements"):
            self._as_single_user(programs, draft, DATABASE, ["CREATE EXTENSION pg_stat_statements"])
        draft.rename(self.data)

    def _new_passwords(self) -> None:
        self._values = {**self._values, SUPERUSER: secrets.token_hex(24), ROLE: secrets.token_hex(24)}
        remember(self._memory, self._values)

    def _password_statements(self, verb: str) -> list[str]:
        superuser = f"ALTER ROLE {SUPERUSER} PASSWORD '{self._values[SUPERUSER]}'"
        role = f"{verb} ROLE {ROLE} LOGIN CREATEDB PASSWORD '{self._values[ROLE]}'"
        return [role] if verb == "CREATE" else [superuser, role]

    def _as_single_user(self, programs: Programs, data: Path, database: str, statements: Iterable[str]) -> None:
        """Run statements without a server, and so without a client library or a password."""
        code, output = run_to_end(
            [programs.path("postgres"), "--single", "-D", data, "-c", "log_checkpoints=off", database],
            environment=programs.environment,
            folder=self.folder,
            stdin_text="".join(f"{statement}\n" for statement in statements),
            account=self.account,
        )
        # Errors in statements do not change the exit code of this mode.
        if code or re.search(r"\b(ERROR|FATAL|PANIC): ", output):
            raise self._failure("PostgreSQL's database could not be set up", output.splitlines())

    def _end_leftover(self) -> None:
        """Stop a server that still runs on this data; an earlier launcher was killed before it could."""
        pid = self._pid_in_file()
        if pid is None or pid == self.pid:
            return
        words = command_line(pid)
        if words is None:
            return  # no such process; PostgreSQL clears a stale file itself
        if str(self.data) not in words:
            # The number was given to some other program meanwhile, which PostgreSQL would take for a server.
            (self.data / "postmaster.pid").unlink(missing_ok=True)
            return
        console.say(f"PostgreSQL was still running from an earlier start (process {pid}); stopping it first.")
        for number, seconds in ((signal.SIGINT, 20), (signal.SIGQUIT, 10), (signal.SIGKILL, 5)):
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                return
            deadline = time.monotonic() + seconds
            while time.monotonic() < deadline:
                if command_line(pid) is None:
                    return
                interrupt.pause()
        raise LauncherError(f"PostgreSQL (process {pid}) from an earlier start does not stop; end it by hand.")

    def _pid_in_file(self) -> int | None:
        try:
            first = (self.data / "postmaster.pid").read_text(encoding="utf-8").partition("\n")[0].strip()
        except (OSError, UnicodeDecodeError):
            return None
        return int(first) if first.isdigit() else None

    # --- the start ---

    def _choose_port(self) -> int:
        if self._asked_port:
            return self._asked_port
        last = self._values.get("port", "")
        return int(last) if last.isdigit() and is_free(int(last)) else free_port()

    def _command(self, programs: Programs) -> list[str]:
        settings = {**_SETTINGS, **(_DURABLE if self.durable else _THROW_AWAY), "port": str(self.port)}
        if programs.has_library("pg_stat_statements"):
            settings["shared_preload_libraries"] = "pg_stat_statements"
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return [str(programs.path("postgres")), "-D", str(self.data), *options]

    def _wait_until_ready(self, deadline: float) -> bool:
        """Wait for the server's own word in its pid file; False when it ended or the time is up."""
        while self.running and time.monotonic() < deadline:
            try:
                lines = (self.data / "postmaster.pid").read_text(encoding="utf-8").splitlines()
            except (OSError, UnicodeDecodeError):
                lines = []
            # The eighth line is its status. Source: PostgreSQL, src/include/utils/pidfile.h.
            if len(lines) >= 8 and lines[0].strip() == str(self.pid) and lines[7].strip() == "ready":
                return True
            interrupt.pause(0.02)
        return False

    def _may_try_again(self, lines: list[str], deadline: float) -> bool:
        if self.running or time.monotonic() >= deadline:
            return False
        text = "\n".join(lines)
        if "Address already in use" in text and not self._asked_port:
            self._values["port"] = ""
            return True
        if "pre-existing shared memory block" in text:  # children of a killed server are still on their way out
            interrupt.pause(0.2)
            return True
        return False

    def _start_failure(self, lines: list[str]) -> LauncherError:
        if self.running:
            return LauncherError(
                f"PostgreSQL did not become ready in {_RECOVERY_SECONDS:.0f} s; its log is {self.log}.",
                lines[-8:],
            )
        if self._asked_port and "Address already in use" in "\n".join(lines):
            return LauncherError(f"Port {self._asked_port} is busy, so PostgreSQL cannot listen there.")
        return self._failure("PostgreSQL did not start", lines)

    def _failure(self, what: str, lines: list[str]) -> LauncherError:
        """Return one sentence out of PostgreSQL's output, most telling line first."""
        text = "\n".join(lines)
        if "No space left on device" in text or "Disk quota exceeded" in text:
            return LauncherError(f"{what}: the disk that holds {self.folder} is full.")
        telling = [line for line in lines if re.search(r"\b(FATAL|PANIC|ERROR|error): ", line)]
        reason = re.sub(r"^.*?\b(?:FATAL|PANIC|ERROR|error): +", "", telling[0]) if telling else "it gave no reason"
        damaged = re.search(r"PANIC|could not (open|read|locate).*(global|base|pg_|checkpoint)|invalid|corrupt", text)
        advice = " Its data looks damaged: restore a copy, or start afresh with ./shop reset." if damaged else ""
        return LauncherError(f"{what}: {reason.rstrip('.')}.{advice} Its log is {self.log}.", lines[-8:])


def _system_locale() -> str:
    """Return C.UTF-8 where the system has it; it only serves what the built-in provider leaves to the system."""
    before = locale.setlocale(locale.LC_CTYPE)
    try:
        locale.setlocale(locale.LC_CTYPE, "C.UTF-8")
    except locale.Error:
        return "C"
    locale.setlocale(locale.LC_CTYPE, before)
    return "C.UTF-8"
