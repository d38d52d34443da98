"""A whole shop of real processes on free ports, with a database of its own, for tests that need the real thing."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg2
import requests

from launcher.accounts import simulated_accounts
from launcher.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
CELERY = ("-m", "celery", "-A", "ecommerce")


class RunningShop:
    """Web, worker, beat, relay and simulator. ``kill`` and ``start`` act on one of them by name."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.database = f"e2e_{os.getpid()}"
        self.server_url = os.environ["DATABASE_URL"]
        port, simulator_port = free_port(), free_port()
        self.url, self.phone = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{simulator_port}"
        parts = urlsplit(os.environ["REDIS_URL"])
        # Each process of the test run has a shop of its own, and no shop may take another's work.
        worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
        self.environment = os.environ | {
            "ENVIRONMENT": "local",
            "ENV_FILES": "none",
            "DATABASE_URL": urlunsplit(urlsplit(self.server_url)._replace(path=f"/{self.database}")),
            "REDIS_URL": urlunsplit(parts._replace(path=f"/{9 + worker}")),
            "PORT": str(port),
            "PUBLIC_BASE_URL": self.url,
            "EMAIL_URL": f"filemail://{folder}/mail",
            **simulated_accounts(self.phone, self.url),
        }
        self.commands = {
            "simulator": ("-m", "simulator", "--port", str(simulator_port)),
            "web": (
                *("-m", "gunicorn", "ecommerce.wsgi:application"),
                *("--workers", "2", "--threads", "4", "--bind", f"127.0.0.1:{port}"),
            ),
            "worker": (*CELERY, "worker", "--concurrency", "2", "--without-gossip", "--without-mingle"),
            "beat": (*CELERY, "beat", "--pidfile=", "--schedule", str(folder / "beat")),
            "relay": ("manage.py", "relay_outbox"),
        }
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> "RunningShop":
        self._on_server(f'CREATE DATABASE "{self.database}"')
        self.manage("migrate", "-v0")
        self.manage("load_sample_shop")
        for name in self.commands:
            self.start(name)
        self.wait_until_ready()
        return self

    def __exit__(self, *_: object) -> None:
        for name in list(self.processes):
            self.kill(name)
        self._on_server(f'DROP DATABASE "{self.database}" WITH (FORCE)')

    def start(self, name: str) -> None:
        with open(self.folder / f"{name}.log", "ab") as log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, *self.commands[name]],
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def kill(self, name: str) -> None:
        """SIGKILL the process and its children, as the kernel does when memory ends."""
        process = self.processes.pop(name)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=10)

    def manage(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run manage.py and return what it printed; a failure is raised with its output."""
        done = subprocess.run(
            [sys.executable, "manage.py", *words],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, f"{words}: {done.stdout[-2000:]}\n{done.stderr[-2000:]}"
        return done

    def wait_until_ready(self, seconds: float = 45) -> None:
        def ready() -> bool:
            try:
                return requests.get(f"{self.url}/readyz", timeout=5).status_code == 200
            except requests.RequestException:
                return False

        wait_for(ready, seconds=seconds)

    def empty_broker(self) -> None:
        """Lose every message that waits in Redis."""
        from redis import Redis

        Redis.from_url(self.environment["REDIS_URL"]).flushdb()

    def sql(self, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        with psycopg2.connect(self.environment["DATABASE_URL"]) as connection, connection.cursor() as cursor:
            cursor.execute(query, parameters)
            return cursor.fetchall() if cursor.description else []

    def _on_server(self, statement: str) -> None:
        connection = psycopg2.connect(self.server_url)
        connection.autocommit = True
        try:
            connection.cursor().execute(statement)
        finally:
            connection.close()


class Customer:
    """Somebody with an account, a phone and a way to buy."""

    _count = 0

    def __init__(self, shop: RunningShop) -> None:
        Customer._count += 1
        self.shop = shop
        self.msisdn = f"2547{os.getpid() % 10**4:04d}{Customer._count:04d}"
        self.http = requests.Session()
        self.email = f"c{self.msisdn}@example.com"
        account = {"email": self.email, "password": "maji-ya-chai-7"}
        assert self.post("/api/auth/register/", account).status_code == 201
        access = self.post("/api/auth/login/", account).json()["access"]
        self.http.headers["Authorization"] = f"Bearer {access}"

    def post(self, path: str, body: Any, headers: dict[str, str] | None = None) -> requests.Response:
        return self.http.post(f"{self.shop.url}{path}", json=body, headers=headers, timeout=20)

    def get(self, path: str) -> Any:
        response = self.http.get(f"{self.shop.url}{path}", timeout=15)
        assert response.status_code == 200, response.text
        return response.json()

    def order(self, variant_id: str, quantity: int = 1) -> requests.Response:
        return self.post("/api/orders/", {"items": [{"variant_id": variant_id, "quantity": quantity}]})

    def start_payment(self, order: dict[str, Any]) -> dict[str, Any]:
        body = {"order_id": order["id"], "method": "mpesa", "phone_number": f"+{self.msisdn}"}
        response = self.post("/api/payments/", body)
        assert response.status_code == 201, response.text
        return dict(response.json())

    def type_pin(self, pin: str = "1234") -> None:
        """Wait for the prompt and answer it."""

        def prompts() -> list[dict[str, Any]]:
            answer = requests.get(f"{self.shop.phone}/phone/api/prompts", params={"msisdn": self.msisdn}, timeout=5)
            return list(answer.json()["prompts"])

        wait_for(prompts, seconds=20)
        url = f"{self.shop.phone}/phone/api/prompts/{prompts()[0]['id']}/answer"
        assert requests.post(url, json={"pin": pin}, timeout=5).status_code == 200

    def fault(self, name: str, **parameters: Any) -> None:
        """Let this fault strike the next payment of this phone."""
        scenario = {"fault": name, "msisdn": self.msisdn, **parameters}
        queue = requests.get(f"{self.shop.phone}/control/faults", timeout=5).json()["queue"]
        answer = requests.post(f"{self.shop.phone}/control/faults", json={"queue": [*queue, scenario]}, timeout=5)
        assert answer.status_code == 200, answer.text

    def states(self, order: dict[str, Any]) -> tuple[str, str, str]:
        """Return the states of order, payment and newest attempt."""
        payment = self.get(f"/api/payments/?order={order['id']}")["results"][0]
        return self.get(f"/api/orders/{order['id']}/")["status"], payment["status"], payment["attempts"][0]["status"]


def wait_for(look: Any, *, seconds: float) -> Any:
    """Return the first true answer of ``look``."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if answer := look():
            return answer
        time.sleep(0.2)
    raise AssertionError(f"nothing within {seconds} s")
