"""What a running shop consists of, and which settings each part gets."""

import signal
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from launcher.accounts import simulated_accounts
from launcher.environment import child_environment, read_env_file
from launcher.errors import LauncherError
from launcher.memory import kept_secret
from launcher.paths import Checkout
from launcher.ports import free_port, is_free
from launcher.process import ManagedProcess

# Stages: what comes later needs what comes before, and is stopped before it.
DATABASE_STAGE, CACHE_STAGE, SIMULATOR_STAGE, WORK_STAGE, WEB_STAGE = range(5)

# Whoever waits for an answer comes first: what is owed can be a second late.
WORKER_NICENESS, RELAY_NICENESS = 10, 5

DEFAULT_PORT = 8000
DEFAULT_SIMULATOR_PORT = 8100


@dataclass(frozen=True)
class Plan:
    """What to start, decided before anything is."""

    given: Mapping[str, str]  # the environment, and .env below it
    host: str
    port: int
    simulator_port: int | None  # None: payments go to a real provider
    simulator_moved: bool  # its usual port was busy

    @property
    def production(self) -> bool:
        return self.given.get("ENVIRONMENT") == "production"

    @property
    def local_url(self) -> str:
        host = {"::": "[::1]"}.get(self.host, self.host)
        if host == "0.0.0.0":  # noqa: S104 - asked for by WEB_HOST; from here it is reached by loopback
            host = "127.0.0.1"
        return f"http://{host}:{self.port}"

    @property
    def allowed_host(self) -> str:
        """A Host header that the shop answers to."""
        hosts = [host.strip() for host in self.given.get("ALLOWED_HOSTS", "").split(",") if host.strip()]
        return "127.0.0.1" if not hosts or "127.0.0.1" in hosts else hosts[0].lstrip(".")

    @property
    def callback_trouble(self) -> str:
        """What to say when payments could not be confirmed, because callbacks would go to another port."""
        public = urlsplit(self.given.get("PUBLIC_BASE_URL", ""))
        if public.hostname not in ("localhost", "127.0.0.1", "::1") or (public.port or 80) == self.port:
            return ""
        return f"Callbacks go to PUBLIC_BASE_URL, {public.geturl()}, but the shop listens on port {self.port}."


def make_plan(checkout: Checkout) -> Plan:
    """Read the settings and look at the ports.

    Raises:
        LauncherError: a port is no number, or busy.
    """
    given = child_environment(read_env_file(checkout.root / ".env"))
    host = given.get("WEB_HOST") or "127.0.0.1"
    port = _port(given, "PORT", DEFAULT_PORT)
    if not is_free(port, host):
        raise LauncherError(
            f"Port {port} is busy: stop the program that listens there, "
            f"or choose another: PORT={_other(port)} ./shop run"
        )
    simulator_port, moved = None, False
    if not given.get("MPESA_BASE_URL") and given.get("ENVIRONMENT") != "production":
        simulator_port = _port(given, "SIMULATOR_PORT", DEFAULT_SIMULATOR_PORT)
        if simulator_port == port or not is_free(simulator_port):
            if given.get("SIMULATOR_PORT"):
                raise LauncherError(
                    f"Port {simulator_port} is busy, so the payment simulator cannot listen there; "
                    "set SIMULATOR_PORT to a free one."
                )
            simulator_port, moved = free_port(), True
    return Plan(given, host, port, simulator_port, moved)


def _other(port: int) -> int:
    return port + 1000 if port <= 64535 else port - 1000


def _port(given: Mapping[str, str], name: str, default: int) -> int:
    text = given.get(name) or str(default)
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise LauncherError(f"{name} must be a port number from 1 to 65535, not {text!r}.")
    return int(text)


def filled_in(checkout: Checkout, plan: Plan, *, database_url: str, redis_url: str) -> dict[str, str]:
    """Return what the launcher adds where nobody has set it: in the running shop, and in ``.shop/env``."""
    values = {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "PORT": str(plan.port),
    }
    if redis_url.endswith("/0"):
        # Beside the broker's database: what empties a cache must not empty the queue.
        values["CACHE_URL"] = redis_url.removesuffix("0") + "1"
    if not plan.production:  # there, what is missing must be named and not made up
        values |= {
            "ENVIRONMENT": "local",
            "SECRET_KEY": kept_secret(checkout.state / "secret-key", 64),
            "PUBLIC_BASE_URL": plan.local_url,
        }
    if plan.simulator_port:
        url = f"http://127.0.0.1:{plan.simulator_port}"
        values |= simulated_accounts(url, plan.local_url)
    return values


def shop_processes(checkout: Checkout, plan: Plan, environment: Mapping[str, str]) -> list[ManagedProcess]:
    """Return the shop's own processes in the order of their start."""
    beat_folder = checkout.state / "beat"
    beat_folder.mkdir(exist_ok=True)
    celery = ("-m", "celery", "-A", "ecommerce")
    host = f"[{plan.host}]" if ":" in plan.host else plan.host

    def process(
        name: str,
        stage: int,
        *words: str,
        stop_seconds: float = 10.0,
        death_signal: int = signal.SIGTERM,
        niceness: int = 0,
    ) -> ManagedProcess:
        return ManagedProcess(
            name,
            [checkout.python, *words],
            log=checkout.log / f"{name}.log",
            # For Celery: SIGTERM would wait for every task; its soft shutdown hands unfinished ones back.
            environment={**environment, "REMAP_SIGTERM": "SIGQUIT"} if name == "worker" else environment,
            folder=checkout.root,
            stage=stage,
            stop_seconds=stop_seconds,
            death_signal=death_signal,
            niceness=niceness,
        )

    processes = [
        process(
            "worker",
            WORK_STAGE,
            *(*celery, "worker", "--loglevel", "INFO", "--without-gossip", "--without-mingle"),
            *("--concurrency", environment.get("WORKER_CONCURRENCY") or "2"),
            stop_seconds=25.0,  # above the soft shutdown's 20 s
            # Its broker dies with the launcher, and without one its shutdown never ends. Unfinished tasks come again.
            death_signal=signal.SIGKILL,
            niceness=WORKER_NICENESS,
        ),
        process(
            "beat",
            WORK_STAGE,
            *(
                *celery,
                "beat",
                "--loglevel",
                "INFO",
                "--schedule",
                str(beat_folder / "schedule"),
                "--pidfile=",
            ),
        ),
        process("relay", WORK_STAGE, "manage.py", "relay_outbox", niceness=RELAY_NICENESS),
        process(
            "web",
            WEB_STAGE,
            *("-m", "gunicorn", "ecommerce.wsgi:application"),
            *("--bind", f"{host}:{plan.port}", "--workers", environment.get("WEB_CONCURRENCY") or "2"),
            *("--threads", environment.get("WEB_THREADS") or "4", "--graceful-timeout", "5"),
            stop_seconds=8.0,
        ),
    ]
    if plan.simulator_port:
        simulator = process(
            "simulator",
            SIMULATOR_STAGE,
            *("-m", "simulator", "--host", "127.0.0.1", "--port", str(plan.simulator_port)),
            *("--state", str(checkout.state / "simulator.sqlite3")),
            stop_seconds=5.0,
        )
        processes.insert(0, simulator)
    return processes
