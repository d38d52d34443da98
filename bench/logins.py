"""How long the list of products takes while people log in: hashing must not hold up those who only look.

    python bench/logins.py [--seconds 20] [--list 40] [--logins 50] [--rounds 3]

Two web workers of four threads, PostgreSQL and Valkey of their own. The list is asked for at a steady rate, first
alone, then beside so many log-ins a second of people with the right password. Times are from the moment a request was
due, so that waiting for a free connection counts. The exit code is 1 when the list's p99 beside log-ins is not below
100 ms.
"""

import argparse
import http.client
import json
import os
import statistics
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bench.stand import Stand  # noqa: E402 - a script finds the checkout's packages only now

MOST = 100.0  # milliseconds; of the list's p99 beside log-ins
PASSWORD = "maji-ya-chai-7"  # of people who live for a minute
PEOPLE = 500
UNLIMITED = "999999999/3600"
SETTINGS = {
    "THROTTLE_ANONYMOUS": UNLIMITED,
    "THROTTLE_LOGIN": UNLIMITED,
    "LOCKOUT_NETWORK_TRIES": "1000000",
    "LOG_LEVEL": "ERROR",
}
MAKE_PEOPLE = f"""
from accounts.models import User
first = User.objects.create_user("person-0@example.com", "{PASSWORD}")
names = [f"person-{{n}}" for n in range(1, {PEOPLE})]
User.objects.bulk_create(User(email=f"{{n}}@example.com", username=n, password=first.password) for n in names)
"""


@dataclass(frozen=True)
class Seen:
    """What a client saw: how long each answer took in milliseconds, by its status."""

    took: dict[str, list[float]]

    def at(self, share: float, status: str = "200") -> float:
        took = sorted(self.took.get(status, []))
        return took[min(len(took) - 1, int(len(took) * share))] if took else 0.0

    def __str__(self) -> str:
        everything = sum(len(took) for took in self.took.values())
        return "\n".join(
            f"    {status} {len(took):5} ({100 * len(took) / everything:5.1f} %)  p50 {self.at(0.5, status):6.1f}"
            f"  p95 {self.at(0.95, status):6.1f}  p99 {self.at(0.99, status):6.1f}  max {self.at(1, status):6.1f} ms"
            for status, took in sorted(self.took.items())
        )


def ask_steadily(port: int, what: str, rate: float, seconds: float) -> Seen:
    """Send requests when they are due, however long the ones before take."""
    took: dict[str, list[float]] = {}
    number, lock, began = iter(range(int(rate * seconds))), threading.Lock(), time.perf_counter() + 0.2

    def work() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        while True:
            with lock:
                turn = next(number, None)
            if turn is None:
                return
            due = began + turn / rate
            time.sleep(max(0.0, due - time.perf_counter()))
            if what == "list":
                connection.request("GET", "/api/products/", headers={"Accept": "application/json"})
            else:
                person = {"email": f"person-{turn % PEOPLE}@example.com", "password": PASSWORD}
                connection.request(
                    "POST", "/api/auth/login/", json.dumps(person), headers={"Content-Type": "application/json"}
                )
            answer = connection.getresponse()
            answer.read()
            with lock:
                took.setdefault(str(answer.status), []).append((time.perf_counter() - due) * 1000)

    threads = [threading.Thread(target=work) for _ in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return Seen(took)


def client(port: int, what: str, rate: float, seconds: float) -> "subprocess.Popen[str]":
    """Begin asking in a process of its own, so that one client does not wait for the other."""
    words = [sys.executable, __file__, "--as-client", str(port), what, str(rate), str(seconds)]
    return subprocess.Popen(words, stdout=subprocess.PIPE, text=True)


def heard(process: "subprocess.Popen[str]") -> Seen:
    out, _ = process.communicate(timeout=300)
    return Seen(**json.loads(out))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20.0, help="of one run")
    parser.add_argument("--list", type=float, default=40.0, help="requests for the list a second")
    parser.add_argument("--logins", type=float, default=50.0, help="log-ins a second")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    alone: list[Seen] = []
    beside: list[Seen] = []
    settings = SETTINGS | {name: os.environ[name] for name in os.environ if name.startswith(("PASSWORD_", "LOCKOUT_"))}
    with Stand(only=("web",), settings=settings) as stand:
        stand.manage("shell", "--verbosity", "0", "-c", MAKE_PEOPLE)
        for what in ("list", "login"):  # whatever is made at the first request has been made
            ask_steadily(stand.port, what, 20, 3)
        for turn in range(options.rounds):
            alone.append(heard(client(stand.port, "list", options.list, options.seconds)))
            logins = client(stand.port, "login", options.logins, options.seconds)
            beside.append(heard(client(stand.port, "list", options.list, options.seconds)))
            print(f"round {turn + 1}")
            print(f"  list alone\n{alone[-1]}")
            print(f"  list beside log-ins\n{beside[-1]}")
            print(f"  log-ins\n{heard(logins)}")
    before, after = (statistics.median(seen.at(0.99) for seen in runs) for runs in (alone, beside))
    print(
        f"list p99 alone {before:.1f} ms, beside {options.logins:.0f} log-ins a second {after:.1f} ms:"
        f" {after / before:.1f} times"
    )
    return 0 if after < MOST else 1


if __name__ == "__main__":
    if sys.argv[1:2] == ["--as-client"]:
        port, what, rate, seconds = sys.argv[2:]
        seen = ask_steadily(int(port), what, float(rate), float(seconds))
        print(json.dumps({"took": seen.took}))
    else:
        sys.exit(main())
