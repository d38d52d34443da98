"""Compare ways of serving the shop over HTTP, request for request on the same machine and database.

    DATABASE_URL=… REDIS_URL=… python bench/serving.py [--rounds 9] [--seconds 2] [--only gthread,shop]

    gthread  gunicorn's own thread worker, which has no place for streams
    shop     the worker of gunicorn.conf.py: gthread, with streams on an event loop
    asgi     gunicorn's ASGI worker; ordinary requests in a pool of threads, through a2wsgi
    uvicorn  uvicorn's worker under gunicorn, in the same way

Each is one process of four threads: with two, chance decides how many connections each of them gets. They take turns
in short runs, so that a noisy neighbour hurts all alike; the ratio to gthread is taken within a round, and the table
shows the median over the rounds. A database with the sample shop is made for the run, beside the one that DATABASE_URL
names, and dropped at the end. `asgi` and `uvicorn` need `pip install a2wsgi uvicorn` and are left out without.
"""

import argparse
import os
import re
import selectors
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import cycle
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from launcher.ports import free_port  # noqa: E402 - a script finds the checkout's packages only now

THREADS = 4
WSGI = "ecommerce.wsgi:application"
CANDIDATES = {
    "gthread": ("--worker-class", "gthread", "--threads", str(THREADS), WSGI),
    "shop": ("--threads", str(THREADS), WSGI),
    "asgi": ("--worker-class", "asgi", "bench.serving:bridged()"),
    "uvicorn": ("--worker-class", "uvicorn.workers.UvicornWorker", "bench.serving:bridged()"),
}
NEEDS = {"asgi": ["a2wsgi"], "uvicorn": ["a2wsgi", "uvicorn"]}
BASELINE = "gthread"
PATHS = ("/healthz", "/api/products/")
CONCURRENCY = (1, 16)


def bridged() -> Any:
    """Return an ASGI application: streams by Django's own handler, the rest by WSGI in persistent threads."""
    from a2wsgi import WSGIMiddleware
    from django.core.asgi import get_asgi_application

    from ecommerce.wsgi import application

    streams, ordinary = get_asgi_application(), WSGIMiddleware(application, workers=THREADS)

    async def serve(scope: Any, receive: Any, send: Any) -> None:
        is_stream = scope["type"] == "http" and scope["path"].endswith("/stream/")
        await (streams if is_stream else ordinary)(scope, receive, send)

    return serve


@dataclass(frozen=True)
class Run:
    """What one client process saw in one run."""

    per_second: float
    slowest: float  # milliseconds; the 99th percentile
    middle: float  # milliseconds; the median


def load(port: int, paths: Sequence[str], connections: int, seconds: float) -> Run:
    """Ask for the paths, which take turns; as ``exchange``."""
    requests = [
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: application/json\r\n\r\n".encode() for path in paths
    ]
    return exchange(port, cycle(requests), connections, seconds)


def exchange(port: int, requests: Iterator[bytes], connections: int, seconds: float, *, status: int = 200) -> Run:
    """Send requests over kept-alive connections, one at a time on each.

    Raises:
        RuntimeError: an answer has another status, the connection is closed, or nothing is answered at all.
    """
    took: list[float] = []
    sent: dict[socket.socket, float] = {}
    received: dict[socket.socket, bytes] = {}
    with selectors.DefaultSelector() as selector:
        for _ in range(connections):
            client = socket.create_connection(("127.0.0.1", port), timeout=30)
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            selector.register(client, selectors.EVENT_READ)
            received[client] = b""
            sent[client] = time.perf_counter()
            client.sendall(next(requests))
        began = time.perf_counter()
        while (now := time.perf_counter()) - began < seconds:
            for key, _ in selector.select(timeout=30):
                ready: Any = key.fileobj
                received[ready] += ready.recv(262_144)
                if not _is_whole(received[ready], status):
                    continue
                now = time.perf_counter()
                took.append(now - sent[ready])
                received[ready], sent[ready] = b"", now
                ready.sendall(next(requests))
        for client in received:
            client.close()
    if not took:
        raise RuntimeError("Nothing was answered in time.")
    took.sort()
    return Run(len(took) / (now - began), took[int(len(took) * 0.99)] * 1000, took[len(took) // 2] * 1000)


def _is_whole(answer: bytes, status: int) -> bool:
    if not answer:
        raise RuntimeError("The server closed a kept-alive connection.")
    head, end, body = answer.partition(b"\r\n\r\n")
    if not end:
        return False
    if not head.startswith(f"HTTP/1.1 {status}".encode()):
        raise RuntimeError(answer.decode(errors="replace"))
    length = re.search(rb"(?i)content-length: *(\d+)", head)
    if length is None:
        raise RuntimeError("An answer has no Content-Length.")
    return len(body) >= int(length[1])


@contextmanager
def sample_shop() -> Iterator[dict[str, str]]:
    """Make a database with the sample shop; give the environment that leads to it."""
    import psycopg2

    server, name = os.environ["DATABASE_URL"], f"bench_serving_{os.getpid()}"
    environment = os.environ | {
        "ENVIRONMENT": "local",
        "ENV_FILES": "none",
        "DATABASE_URL": urlunsplit(urlsplit(server)._replace(path=f"/{name}")),
        "CACHE_KEY_PREFIX": name,
        "THROTTLE_ANONYMOUS": "999999999/3600",
        "LOG_LEVEL": "ERROR",
    }
    with ExitStack() as ending:
        connection = psycopg2.connect(server)
        ending.callback(connection.close)
        connection.autocommit = True
        connection.cursor().execute(f'CREATE DATABASE "{name}"')
        ending.callback(connection.cursor().execute, f'DROP DATABASE "{name}" WITH (FORCE)')
        for words in (("migrate", "-v0"), ("load_sample_shop",)):
            subprocess.run(
                [sys.executable, "manage.py", *words], cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL
            )
        yield environment


@contextmanager
def served(
    words: Sequence[str], environment: dict[str, str], *, ready: Sequence[str] = PATHS
) -> Iterator[tuple[int, int]]:
    """Start gunicorn; give its port and process id once it answers."""
    port = free_port()
    gunicorn = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "gunicorn", "--bind", f"127.0.0.1:{port}", *words],
        cwd=ROOT,
        env=environment | {"PORT": str(port)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for path in ready:
            _wait_for_answer(port, path)
        yield port, gunicorn.pid
    finally:
        gunicorn.terminate()
        gunicorn.wait(timeout=60)


def _wait_for_answer(port: int, path: str) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            load(port, [path], connections=8, seconds=0.5)
            return
        except (OSError, RuntimeError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def memory(gunicorn: int) -> float:
    """Return the proportional memory of one worker in MiB, the mean over the workers."""
    workers = Path(f"/proc/{gunicorn}/task/{gunicorn}/children").read_text().split()
    sizes = [re.search(r"^Pss: +(\d+)", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.M) for pid in workers]
    return statistics.mean(int(size[1]) for size in sizes if size) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=2.0, help="of one run")
    parser.add_argument("--only", default=",".join(CANDIDATES), help="candidates, comma-separated")
    options = parser.parse_args()
    names = [name for name in options.only.split(",") if all(find_spec(module) for module in NEEDS.get(name, []))]
    if BASELINE not in names:
        parser.error(f"{BASELINE} must be among the candidates, the others are compared with it")
    seen: dict[tuple[str, int, str], list[Run]] = {}
    with ExitStack() as running:
        environment = running.enter_context(sample_shop())
        servers = {
            name: running.enter_context(served(("--workers", "1", *CANDIDATES[name]), environment)) for name in names
        }
        for turn in range(options.rounds):
            order = names[turn % len(names) :] + names[: turn % len(names)]
            for path in PATHS:
                for connections in CONCURRENCY:
                    for name in order:
                        run = load(servers[name][0], [path], connections, options.seconds)
                        seen.setdefault((path, connections, name), []).append(run)
            print(f"round {turn + 1} of {options.rounds}", file=sys.stderr)
        sizes = {name: memory(pid) for name, (_, pid) in servers.items()}
    print(f"{'path':<16}{'c':>3}  {'server':<9}{'req/s':>8}{'p99 ms':>9}{'ratio':>8}  {'(quartiles)':<14}")
    for (path, connections, name), runs in seen.items():
        base = seen[path, connections, BASELINE]
        ratios = [run.per_second / other.per_second for run, other in zip(runs, base, strict=True)]
        low, middle, high = statistics.quantiles(ratios, n=4) if len(ratios) > 1 else ratios * 3
        rate = statistics.median(run.per_second for run in runs)
        tail = statistics.median(run.slowest for run in runs)
        quartiles = f"({low:.2f}–{high:.2f})"
        print(f"{path:<16}{connections:>3}  {name:<9}{rate:>8.0f}{tail:>9.1f}{middle:>8.2f}  {quartiles:<14}")
    print("memory of one worker, MiB: " + ", ".join(f"{name} {size:.0f}" for name, size in sizes.items()))


if __name__ == "__main__":
    main()
