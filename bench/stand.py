"""A whole shop of its own for a bench: servers, processes and simulator on free ports, and the ways to break them."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, Self

import psycopg2
import requests

from launcher.accounts import simulated_accounts
from launcher.paths import Checkout
from launcher.ports import free_port
from launcher.postgres import EmbeddedPostgres
from launcher.process import ManagedProcess, signal_group
from launcher.services import RELAY_NICENESS, WORKER_NICENESS
from launcher.throwaway import throw_away_folder
from launcher.valkey import EmbeddedValkey

ROOT = Path(__file__).resolve().parent.parent
CELERY = ("-m", "celery", "-A", "ecommerce")
# The simulator's account. The passkey is printed in Safaricom's documentation of the sandbox.
MPESA = {
    "MPESA_CONSUMER_KEY": "simulator-key",
    "MPESA_CONSUMER_SECRET": "simulator-secret",
    "MPESA_SHORTCODE": "174379",
    "MPESA_PASSKEY": "bfb279f9aa9bdbcf158e97dd71a467cd2e0c893059b10f78e6b72ada1ed2c919",
    "MPESA_TRANSACTION_TYPE": "CustomerPayBillOnline",
    "MPESA_C2B_SECRET": "told-to-nobody-else-3f1c9a77",
}

NICENESS = {"worker": WORKER_NICENESS, "relay": RELAY_NICENESS}  # as `./shop run` has them


class Stand:
    """PostgreSQL (durable), Valkey, web, worker, beat, relay and simulator, all thrown away at the end.

    ``only`` names the processes that a bench needs, if not all; ``application`` is what gunicorn serves. Without
    ``sample`` the shop starts empty. With ``simulated`` it has an account with every provider, else with M-Pesa alone;
    with ``nice`` its workers leave the processor to the web first. Whoever starts a process again does so from one
    thread; customers may call from others.
    """

    def __init__(
        self,
        *,
        settings: Mapping[str, str] | None = None,
        simulator: Mapping[str, str] | None = None,
        concurrency: int = 2,
        logs: Path | None = None,
        only: Collection[str] | None = None,
        application: str = "ecommerce.wsgi:application",
        sample: bool = True,
        simulated: bool = False,
        nice: bool = True,
    ) -> None:
        self._ending = ExitStack()
        self._settings, self._simulator = dict(settings or {}), dict(simulator or {})
        self._concurrency, self._wanted_logs = concurrency, logs
        self._only, self._application = only, application
        self._sample, self._simulated, self._nice = sample, simulated, nice
        self.port, simulator_port = free_port(), free_port()
        self.url, self.phone = f"http://127.0.0.1:{self.port}", f"http://127.0.0.1:{simulator_port}"
        self._simulator_port = simulator_port
        self.environment: dict[str, str] = {}
        self.processes: dict[str, ManagedProcess] = {}
        self.deaths = 0  # of processes that nobody had killed
        self._killed: set[str] = set()

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.processes.values():
            _kill(process)
        self._ending.close()

    def _start(self) -> None:
        folder = self._ending.enter_context(throw_away_folder(Checkout(ROOT)))
        self.postgres = self._ending.enter_context(EmbeddedPostgres(folder / "postgres"))
        self.valkey = self._ending.enter_context(EmbeddedValkey(folder / "valkey"))
        self.environment = {
            **os.environ,
            "ENVIRONMENT": "local",
            "ENV_FILES": "none",  # a shop of its own: what the developer's shop is set to is not its business
            "SECRET_KEY": "of-a-bench-" + "0123456789" * 5,
            "DATABASE_URL": self.postgres.url(),
            "REDIS_URL": self.valkey.url(0),
            "CACHE_URL": self.valkey.url(1),
            "PORT": str(self.port),
            "PUBLIC_BASE_URL": self.url,
            "EMAIL_URL": f"filemail://{folder}/mail",
            "LOG_LEVEL": "WARNING",
            "PAYMENT_PROVIDERS": "mpesa",
            "MPESA_BASE_URL": self.phone,
            "SIMULATOR_URL": self.phone,
            **MPESA,
            **(simulated_accounts(self.phone, self.url) if self._simulated else {}),
            **self._settings,
        }
        self.manage("migrate", "-v0")
        if self._sample:
            self.manage("load_sample_shop")
        self.logs = self._wanted_logs or folder / "log"
        for name, words in self._commands(folder).items():
            if self._only is not None and name not in self._only:
                continue
            environment = self.environment | self._simulator if name == "simulator" else self.environment
            argv = [sys.executable, "-W", "ignore", *words]
            process = ManagedProcess(
                name,
                argv,
                log=self.logs / f"{name}.log",
                environment=environment,
                folder=ROOT,
                niceness=NICENESS.get(name, 0) if self._nice else 0,
            )
            self.processes[name] = process
            process.start()
        # Ready is more than serving: without a worker there is no heartbeat, and the web is not ready.
        path = "/readyz" if self._only is None else "/healthz"
        wait_for(lambda: self._answers(path), seconds=90)

    def _commands(self, folder: Path) -> dict[str, tuple[str, ...]]:
        return {
            "simulator": ("-m", "simulator", "--port", str(self._simulator_port)),
            "web": (
                *("-m", "gunicorn", self._application, "--bind", f"127.0.0.1:{self.port}"),
                *("--workers", "2", "--threads", "4", "--graceful-timeout", "5"),
            ),
            "worker": (
                *(*CELERY, "worker", "--concurrency", str(self._concurrency)),
                *("--without-gossip", "--without-mingle"),
            ),
            "beat": (*CELERY, "beat", "--pidfile=", "--schedule", str(folder / "beat")),
            "relay": ("manage.py", "relay_outbox"),
        }

    def _answers(self, path: str) -> bool:
        with suppress(requests.RequestException):
            return requests.get(f"{self.url}{path}", timeout=5).status_code == 200
        return False

    # --- breaking

    def kill(self, name: str) -> None:
        """SIGKILL a process with its children, as the kernel does when memory ends."""
        self._killed.add(name)
        _kill(self.processes[name])

    def kill_child(self, name: str, chance: random.Random) -> None:
        """SIGKILL one child of a process, which shall replace it by itself."""
        pid = self.processes[name].pid
        with suppress(OSError):
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
            os.kill(int(chance.choice(sorted(children) or [str(pid)])), signal.SIGKILL)

    def start_again(self) -> None:
        """Do a supervisor's work: start what is not running."""
        for name, process in self.processes.items():
            if not process.running:
                self.deaths += name not in self._killed
                self._killed.discard(name)
                process.start()

    def serve(self, application: str) -> None:
        """Let gunicorn serve another application from now on."""
        web = self.processes["web"]
        _kill(web)
        web.argv = [application if word == self._application else word for word in web.argv]
        self._application = application
        web.start()
        wait_for(lambda: self._answers("/healthz"), seconds=90)

    def empty_broker(self) -> None:
        """Lose every message that waits, is being worked on, or says where messages go."""
        from redis import Redis

        Redis.from_url(self.environment["REDIS_URL"]).flushdb()

    # --- asking

    def sql(self, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        connection = psycopg2.connect(self.environment["DATABASE_URL"])
        try:
            with connection, connection.cursor() as cursor:
                cursor.execute(query, parameters)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()

    def manage(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run manage.py; with ``check`` a failure is raised with its output."""
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "manage.py", *words],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        if check and done.returncode:
            raise RuntimeError(f"manage.py {' '.join(words)}: {done.stdout[-2000:]}\n{done.stderr[-2000:]}")
        return done

    def tell_simulator(self, path: str, body: Any) -> Any:
        answer = requests.post(f"{self.phone}{path}", json=body, timeout=30)
        answer.raise_for_status()
        return answer.json()

    def ask_simulator(self, path: str) -> Any:
        answer = requests.get(f"{self.phone}{path}", timeout=60)
        answer.raise_for_status()
        return answer.json()


def wait_for(look: Callable[[], Any], *, seconds: float, pause: float = 0.2) -> Any:
    """Return the first true answer of ``look``.

    Raises:
        TimeoutError: none came.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if answer := look():
            return answer
        time.sleep(pause)
    raise TimeoutError(f"nothing within {seconds:.0f} s")


def _kill(process: ManagedProcess) -> None:
    if process.running and process.pid is not None:
        signal_group(process.pid, signal.SIGKILL)
        process.kill()
