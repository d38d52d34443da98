"""``./shop run``: everything, until somebody stops it."""

import http.client
import json
import re
import time
from collections.abc import Mapping
from pathlib import Path

from launcher import interrupt
from launcher.console import console
from launcher.environment import child_environment, write_env_file
from launcher.errors import LauncherError, StopRequested
from launcher.lock import exclusive
from launcher.memory import kept_secret, write_private
from launcher.packages import RUN_REQUIREMENTS, ensure_packages
from launcher.paths import Checkout
from launcher.postgres import EmbeddedPostgres
from launcher.prepare import ADMIN_EMAIL, ADMIN_IS_KNOWN, STEP
from launcher.process import run_to_end
from launcher.services import CACHE_STAGE, DATABASE_STAGE, Plan, filled_in, make_plan, shop_processes
from launcher.supervisor import Supervisor, end_leftovers
from launcher.valkey import EmbeddedValkey

_READY_SECONDS = 90.0


def run(checkout: Checkout) -> int:
    """Start the shop, look after it, and stop it at Ctrl-C, SIGTERM or SIGHUP; returns the exit code.

    Raises:
        LauncherError: it cannot start, or a part of it keeps dying.
    """
    began = time.monotonic()
    interrupt.install()
    checkout.make_state()
    with exclusive(checkout.lock, "The shop is already running from this checkout (pid {pid}); ./shop stop ends it."):
        supervisor = Supervisor(checkout.state / "processes.json")
        try:
            end_leftovers(checkout.state / "processes.json")
            plan = make_plan(checkout)
            ensure_packages(checkout, RUN_REQUIREMENTS)
            environment = _start_servers(checkout, plan, supervisor)
            admin_password = _prepare(checkout, plan, environment)
            with console.step("Shop") as step:
                for process in shop_processes(checkout, plan, environment):
                    step.note = process.name
                    supervisor.start(process)
                step.note = "waiting for /readyz"
                _wait_until_ready(checkout, plan, supervisor)
            _show_addresses(checkout, plan, admin_password, time.monotonic() - began)
            supervisor.watch()
        except StopRequested:
            console.say()
        finally:
            if supervisor.in_charge:
                with console.step("Stopping"):
                    supervisor.stop()
    return 0


def database_folder(checkout: Checkout) -> Path:
    return checkout.state / "postgres"


def _start_servers(checkout: Checkout, plan: Plan, supervisor: Supervisor) -> dict[str, str]:
    """Start the embedded servers that nobody replaced by one of their own; returns the shop's environment."""
    database_url, redis_url = plan.given.get("DATABASE_URL", ""), plan.given.get("REDIS_URL", "")
    if not database_url:
        with console.step("PostgreSQL"):
            postgres = EmbeddedPostgres(
                database_folder(checkout), log=checkout.log / "postgres.log", stage=DATABASE_STAGE
            )
            supervisor.start(postgres)
        database_url = postgres.url()
    if not redis_url:
        with console.step("Valkey"):
            valkey = EmbeddedValkey(checkout.state / "valkey", log=checkout.log / "valkey.log", stage=CACHE_STAGE)
            supervisor.start(valkey)
        redis_url = valkey.url()
    values = filled_in(checkout, plan, database_url=database_url, redis_url=redis_url)
    environment = child_environment(plan.given, values)
    write_env_file(checkout.env_file, {name: environment[name] for name in values})
    return environment


def _prepare(checkout: Checkout, plan: Plan, environment: Mapping[str, str]) -> str:
    """Bring the database up to date; returns the administrator's password, or "" when it is not known here."""
    password_file = checkout.state / "admin-password"
    password = "" if plan.production else environment.get("ADMIN_PASSWORD") or kept_secret(password_file, 16)
    (checkout.root / "staticfiles").mkdir(exist_ok=True)  # empty on a laptop, but whitenoise warns when there is none
    log = checkout.log / "prepare.log"
    with console.step("Database") as step:

        def show(line: str) -> None:
            if line.startswith(STEP):
                step.note = line.removeprefix(STEP)

        code, output = run_to_end(
            [checkout.python, "-m", "launcher.prepare", *(["--production"] if plan.production else [])],
            environment={**environment, "ADMIN_PASSWORD": password},
            folder=checkout.root,
            log=log,
            on_line=show,
        )
    if code:
        step_name = ([line for line in output.splitlines() if line.startswith(STEP)] or [f"{STEP}start"])[-1]
        raise LauncherError(
            f"The database could not be prepared ({step_name.removeprefix(STEP)}): {_reason(output)}. The log is {log}."
        )
    if ADMIN_IS_KNOWN not in output:
        return ""
    write_private(password_file, password + "\n")
    return password


def _reason(output: str) -> str:
    """Return what a program said last; of a traceback, the exception's message without its name."""
    lines = [line.strip() for line in output.splitlines() if line.strip()] or ["no message"]
    found = re.findall(r"^(?:\w+\.)*\w+(?:Error|Configured|Exception): (.*(?:\n.+)*)", output, re.MULTILINE)
    text = found[-1] if found else lines[-1]
    return " ".join(text.split())[:300].rstrip(".?")


def _wait_until_ready(checkout: Checkout, plan: Plan, supervisor: Supervisor) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    answer = "no answer"

    def ready() -> bool:
        nonlocal answer
        code, body = _ask(plan, "/readyz")
        if code == 200:
            return True
        if code:
            answer = f"{code}: {_one_line(body)}"
        return time.monotonic() > deadline

    supervisor.watch(until=ready, turn=0.1)
    if time.monotonic() > deadline:
        raise LauncherError(
            f"The shop did not become ready in {_READY_SECONDS:.0f} s (/readyz says {answer}); "
            f"the logs are in {checkout.log}."
        )


def _ask(plan: Plan, path: str) -> tuple[int, str]:
    """Return the status and the body of a GET to the shop; status 0 when nobody answers. No proxy is asked."""
    connection = http.client.HTTPConnection(plan.local_url.removeprefix("http://"), timeout=5)
    try:
        connection.request("GET", path, headers={"Host": plan.allowed_host})
        response = connection.getresponse()
        return response.status, response.read(4096).decode(errors="replace")
    except (OSError, http.client.HTTPException):
        return 0, ""
    finally:
        connection.close()


def _one_line(body: str) -> str:
    try:
        return json.dumps(json.loads(body))[:300]
    except ValueError:
        return " ".join(body.split())[:300]


def _show_addresses(checkout: Checkout, plan: Plan, admin_password: str, seconds: float) -> None:
    url = plan.local_url
    console.say(f"\nThe shop is open ({seconds:.1f} s).\n")
    console.say(f"  API              {url}/api/")
    console.say(f"  API docs         {url}/api/docs/")
    console.say(f"  Admin            {url}/admin/")
    if not plan.production:
        console.say(f"                   {ADMIN_EMAIL}  password: {admin_password or 'the one it was given'}")
    if plan.simulator_port:
        moved = "  (its usual port is busy)" if plan.simulator_moved else ""
        console.say(f"  Simulated phone  http://127.0.0.1:{plan.simulator_port}/phone/{moved}")
        console.say(f"  Payment pages    http://127.0.0.1:{plan.simulator_port}/checkout/")
    console.say(f"  Mail             {checkout.state / 'mail'}")
    console.say(f"  Logs             {checkout.log}")
    if plan.callback_trouble:
        console.say(f"\n  {plan.callback_trouble}")
    console.say("\n  Try a purchase: ./shop demo      Stop: Ctrl-C\n")
