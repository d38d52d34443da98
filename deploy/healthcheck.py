"""Health checks of the containers, with the standard library alone.

    healthcheck.py                      the web process answers /healthz
    healthcheck.py process NAME         a process whose command line contains NAME runs
    healthcheck.py fresh PREFIX SECONDS a file whose path starts with PREFIX was written at most SECONDS ago

Exit code 0 is healthy, 1 is not.
"""

import os
import sys
import time
import urllib.request
from pathlib import Path


def web_answers() -> bool:
    # The shop answers only to its own names, and refuses plain http.
    host = os.environ.get("ALLOWED_HOSTS", "").split(",")[0].strip().lstrip(".") or "localhost"
    request = urllib.request.Request(
        f"http://127.0.0.1:{os.environ.get('PORT', '8000')}/healthz",
        headers={"Host": host, "X-Forwarded-Proto": "https"},
    )
    try:
        with urllib.request.urlopen(request, timeout=4) as response:  # noqa: S310 - our own address, always http
            return bool(response.status == 200)
    except OSError:
        return False


def process_runs(name: str) -> bool:
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue  # it ended meanwhile
        if name in command and int(entry.name) != os.getpid() and "healthcheck.py" not in command:
            return state not in "TZX"  # stopped, zombie, dead
    return False


def is_fresh(prefix: str, seconds: float) -> bool:
    path = Path(prefix)
    now = time.time()
    # A prefix, because beat's schedule is one file or three, by the dbm that Python found.
    return any(now - file.stat().st_mtime <= seconds for file in path.parent.glob(path.name + "*"))


def main(arguments: list[str]) -> bool:
    match arguments:
        case []:
            return web_answers()
        case ["process", name]:
            return process_runs(name)
        case ["fresh", prefix, seconds]:
            return is_fresh(prefix, float(seconds))
    raise SystemExit(__doc__)


if __name__ == "__main__":
    sys.exit(0 if main(sys.argv[1:]) else 1)
