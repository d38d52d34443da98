"""``./shop test``: pytest with servers of its own, which are thrown away."""

import os
import signal
import subprocess
from contextlib import ExitStack

from launcher import interrupt
from launcher.console import console
from launcher.environment import child_environment
from launcher.packages import TEST_REQUIREMENTS, ensure_packages
from launcher.paths import Checkout
from launcher.postgres import EmbeddedPostgres
from launcher.process import spawn
from launcher.throwaway import throw_away_folder
from launcher.valkey import EmbeddedValkey


def test(checkout: Checkout, arguments: list[str]) -> int:
    """Run pytest and return its exit code; nothing is printed after pytest's own last line."""
    interrupt.install()
    checkout.make_state()
    ensure_packages(checkout, TEST_REQUIREMENTS)
    with ExitStack() as servers:
        # .env is left alone here: tests must not meet a developer's own database by accident.
        values = {"SECRET_KEY": "test-only-" + "0123456789" * 5}
        folder = servers.enter_context(throw_away_folder(checkout))
        with console.step("Servers for the tests"):
            if not os.environ.get("DATABASE_URL"):
                postgres = servers.enter_context(EmbeddedPostgres(folder / "postgres", durable=False))
                values["DATABASE_URL"] = postgres.url()
            if not os.environ.get("REDIS_URL"):
                values["REDIS_URL"] = servers.enter_context(EmbeddedValkey(folder / "valkey", durable=False)).url()
        environment = {**child_environment(values), "ENVIRONMENT": "test"}
        return _pytest(checkout, arguments, environment)


def _pytest(checkout: Checkout, arguments: list[str], environment: dict[str, str]) -> int:
    """Run pytest in the foreground, with the terminal, and hand stop signals on to it."""
    child = spawn(
        [checkout.python, "-m", "pytest", *arguments],
        environment=environment,
        folder=checkout.root,
        output=None,
        stdin=None,
        death_signal=signal.SIGINT,
        own_session=False,
    )
    handed_on = 0
    while True:
        try:
            code = child.wait(timeout=0.1)
            break
        except subprocess.TimeoutExpired:
            for number in interrupt.received()[handed_on:]:
                handed_on += 1
                if number != signal.SIGINT or not _in_foreground():
                    child.send_signal(signal.SIGINT)  # at which pytest tears down and reports
    return code if code >= 0 else 128 - code


def _in_foreground() -> bool:
    """Tell whether a Ctrl-C reaches pytest from the terminal by itself."""
    try:
        return os.tcgetpgrp(0) == os.getpgrp()
    except OSError:
        return False
