"""Whether the time of an answer tells which accounts exist.

    python bench/enumeration.py [--tries 300] [--only log-in,…]

A shop of its own (gunicorn, PostgreSQL, Valkey) is asked about names that have an account and names that have none, in
turns, one request at a time: log-in with a wrong password, registration, sending the confirmation again (also to those
who have confirmed), reset by mail and one-time code. For each the two sets of times are compared by the Mann-Whitney U
test. The control is the same log-in with an unknown name costing no hash, which must be told apart: a test that sees
nothing there would see nothing anywhere. The exit code is 1 when a pair can be told apart (p < 0.001), or the control
cannot.
"""

import argparse
import http.client
import json
import math
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bench.stand import Stand  # noqa: E402 - a script finds the checkout's packages only now

CERTAIN = 0.001  # several pairs are compared; one in a thousand runs of a pair fails by chance
UNLIMITED = "999999999/3600"
SCOPES = ("ANONYMOUS", "LOGIN", "REGISTER")
SETTINGS = {f"THROTTLE_{scope}": UNLIMITED for scope in SCOPES} | {
    "LOCKOUT_NETWORK_TRIES": "1000000",
    "LOG_LEVEL": "ERROR",
}
WARM_UP = 20
PEOPLE = """
from accounts.models import User
first = User.objects.create_user("known-0@example.com", "maji-ya-chai-7")
User.objects.bulk_create(
    User(
        email=f"known-{{n}}@example.com", username=f"known-{{n}}", password=first.password,
        phone_number=f"+2547{{n:08d}}", phone_verified_at=first.date_joined,
    )
    for n in range(1, {count})
)
User.objects.bulk_create(
    User(
        email=f"confirmed-{{n}}@example.com", username=f"confirmed-{{n}}", password=first.password,
        email_verified_at=first.date_joined,
    )
    for n in range({count})
)
"""
WRONG = "not-the-password-9"
Body = Callable[[str, int], dict[str, Any]]
ASKED: dict[str, tuple[str, Body]] = {
    "log-in": ("/api/auth/login/", lambda name, _: {"email": f"{name}@example.com", "password": WRONG}),
    "registration": ("/api/auth/register/", lambda name, _: {"email": f"{name}@example.com", "password": WRONG}),
    # Each name twice: an unknown one is known the second time.
    "registering twice": (
        "/api/auth/register/",
        lambda name, n: {"email": f"{name.split('-')[0]}-{n - n % 2}@example.com", "password": WRONG},
    ),
    "resending": ("/api/auth/email/resend/", lambda name, _: {"email": f"{name}@example.com"}),
    "resending twice": (
        "/api/auth/email/resend/",
        lambda name, n: {"email": f"{name.split('-')[0]}-{n - n % 2}@example.com"},
    ),
    "resending (confirmed)": (
        "/api/auth/email/resend/",
        lambda name, _: {"email": f"{name.replace('known', 'confirmed')}@example.com"},
    ),
    "reset": ("/api/auth/password/reset/", lambda name, _: {"email": f"{name}@example.com"}),
    "one-time code": (
        "/api/auth/otp/",
        lambda name, n: {"phone_number": f"+2547{n:08d}" if name.startswith("known") else f"+2541{n:08d}"},
    ),
}


def without_dummy_hash() -> Any:
    """Return the application as it would be if an unknown name cost no hash: the control."""
    from ecommerce.wsgi import application  # isort: skip - the models are there only after it

    from accounts.models import User

    User.set_password = lambda self, raw_password: None  # type: ignore[method-assign]
    return application


def mann_whitney(one: Sequence[float], other: Sequence[float]) -> float:
    """Return the two-sided probability that two samples of one distribution differ so much, by ranks (normal form)."""
    together = sorted([(value, 0) for value in one] + [(value, 1) for value in other])
    ranks, ties, start = 0.0, 0, 0
    while start < len(together):
        end = start
        while end < len(together) and together[end][0] == together[start][0]:
            end += 1
        ranks += (start + end + 1) / 2 * sum(1 for _, which in together[start:end] if which == 0)
        ties += (end - start) ** 3 - (end - start)
        start = end
    n, m = len(one), len(other)
    u = ranks - n * (n + 1) / 2
    spread = math.sqrt(n * m / 12 * (n + m + 1 - ties / ((n + m) * (n + m - 1))))
    return math.erfc(abs(u - n * m / 2) / spread / math.sqrt(2)) if spread else 1.0


def ask(port: int, path: str, body: Body, tries: int, offset: int) -> tuple[dict[str, list[float]], set[int]]:
    """Return the times in milliseconds of names that are known and of others, and the statuses."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    took: dict[str, list[float]] = {"known": [], "other": []}
    statuses: set[int] = set()
    for turn in range(-WARM_UP, tries):
        # Whoever comes first in a pair changes, so that what the first does for the second hurts both alike.
        for kind in ("known", "other") if turn % 2 else ("other", "known"):
            number = offset + turn + WARM_UP
            content = json.dumps(body(f"{kind}-{number}", number))
            began = time.perf_counter()
            connection.request("POST", path, content, headers={"Content-Type": "application/json"})
            answer = connection.getresponse()
            answer.read()
            if turn >= 0:
                took[kind].append((time.perf_counter() - began) * 1000)
                statuses.add(answer.status)
    return took, statuses


def compared(name: str, took: dict[str, list[float]], statuses: set[int]) -> float:
    known, other = (statistics.median(took[kind]) for kind in ("known", "other"))
    chance = mann_whitney(took["known"], took["other"])
    print(f"{name:<20} known {known:7.2f} ms  unknown {other:7.2f} ms  p {chance:.4f}  statuses {sorted(statuses)}")
    return chance


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tries", type=int, default=300, help="of each kind and address")
    parser.add_argument("--only", default=",".join(ASKED))
    options = parser.parse_args()
    told_apart, rounds = [], options.tries + WARM_UP
    with Stand(only=("web",), settings=SETTINGS, sample=False) as stand:
        stand.manage("shell", "--verbosity", "0", "-c", PEOPLE.format(count=rounds * (len(ASKED) + 1)))
        for turn, name in enumerate(options.only.split(",")):
            path, body = ASKED[name]
            took, statuses = ask(stand.port, path, body, options.tries, turn * rounds)
            if statuses == {404}:
                print(f"{name:<20} has no address here")
            elif compared(name, took, statuses) < CERTAIN or len(statuses) > 1:
                told_apart.append(name)
        stand.serve("bench.enumeration:without_dummy_hash()")
        control = compared("the control", *ask(stand.port, *ASKED["log-in"], options.tries, len(ASKED) * rounds))
    seen = "is" if control < CERTAIN else "is not"
    print(f"told apart: {', '.join(told_apart) or 'none'}; the control {seen} told apart")
    return 1 if told_apart or control >= CERTAIN else 0


if __name__ == "__main__":
    sys.exit(main())
