"""The commands of ``./shop``."""

import errno
import os
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Callable
from types import TracebackType

from launcher.environment import child_environment, read_env_file
from launcher.errors import LauncherError, StopRequested
from launcher.lock import exclusive, holder
from launcher.packages import RUN_REQUIREMENTS, TEST_REQUIREMENTS, ensure_packages
from launcher.paths import Checkout, here, reachable, server_account
from launcher.run import database_folder, run
from launcher.testing import test
from launcher.throwaway import remove_throw_away_folders

HELP = """\
./shop run                 install what is missing, start the shop, stop it at Ctrl-C
./shop install             install everything that running, testing and linting need, and start nothing
./shop demo                buy something in the running shop, from the catalogue to the receipt
./shop test [arguments]    run the tests with servers of their own; the arguments go to pytest
./shop manage COMMAND ...  Django's manage.py with the running shop's settings
./shop stop                stop a shop that runs in another terminal
./shop reset [--yes]       delete the local data: the database, the queue, the passwords, the logs
./shop help                show this text

Settings come from the environment, then from .env, and what is missing is filled in. Those of the launcher:
  PORT=8000                the shop's port           WEB_HOST=127.0.0.1    the address it listens on
  SIMULATOR_PORT=8100      the payment simulator's   WEB_CONCURRENCY=2     web processes
  ADMIN_PASSWORD           the admin's, at first     WEB_THREADS=4         threads of each web process
                                                     WORKER_CONCURRENCY=2  task processes
  DATABASE_URL, REDIS_URL  servers of your own, instead of the embedded PostgreSQL and Valkey
  MPESA_BASE_URL           the real M-Pesa or its sandbox, instead of the simulator"""

_CAUSES = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EROFS: "the file system is read-only",
    errno.EACCES: "permission denied",
    errno.EPERM: "permission denied",
    errno.EMFILE: "too many open files",
}


def main(arguments: list[str]) -> int:
    """Carry out one command; whatever goes wrong is one sentence on the screen."""
    sys.excepthook = report_unexpected
    checkout = here()
    commands: dict[str, Callable[[Checkout, list[str]], int]] = {
        "run": lambda checkout, rest: run(checkout),
        "demo": _demo,
        "install": _install,
        "test": test,
        "manage": _manage,
        "stop": _stop,
        "reset": _reset,
    }
    name, rest = (arguments[0], arguments[1:]) if arguments else ("help", [])
    if name in ("help", "-h", "--help"):
        print(HELP)
        return 0
    if name not in commands:
        print(f"./shop: there is no command {name!r}; ./shop help lists them.", file=sys.stderr)
        return 2
    try:
        return commands[name](checkout, rest)
    except (StopRequested, KeyboardInterrupt):
        return 128 + signal.SIGINT
    except LauncherError as error:
        return _fail(str(error), error.tail)
    except OSError as error:
        if error.errno in _CAUSES:
            where = f": {error.filename}" if error.filename else ""
            return _fail(f"{_CAUSES[error.errno].capitalize()}{where}.")
        raise


def _fail(sentence: str, tail: list[str] | None = None) -> int:
    print(f"./shop: {sentence}", file=sys.stderr)
    for line in tail or []:
        print(f"    {line}", file=sys.stderr)
    return 1


def report_unexpected(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Put the traceback of a bug into a log and one sentence on the screen (a ``sys.excepthook``)."""
    log = here().log / "launcher.log"
    try:
        with open(log, "a", encoding="utf-8") as file:
            file.write(f"\n--- {time.strftime('%Y-%m-%d %H:%M:%S')} {' '.join(sys.argv[1:])}\n")
            traceback.print_exception(kind, error, trace, file=file)
    except OSError:
        _fail(f"Something unexpected happened: {error!r}.")
    else:
        _fail(f"Something unexpected happened ({error!r}); the details are in {log}.")


def _install(checkout: Checkout, arguments: list[str]) -> int:
    checkout.make_state()
    ensure_packages(checkout, TEST_REQUIREMENTS)
    return 0


def _demo(checkout: Checkout, arguments: list[str]) -> int:
    if holder(checkout.lock) is None:
        raise LauncherError("The shop is not running; start it in another terminal: ./shop run")
    return _manage(checkout, ["demo_purchase", *arguments])


def _manage(checkout: Checkout, arguments: list[str]) -> int:
    """Become manage.py, with the settings that the running shop has."""
    checkout.make_state()
    ensure_packages(checkout, RUN_REQUIREMENTS)
    environment = child_environment(read_env_file(checkout.root / ".env"), read_env_file(checkout.env_file))
    if not environment.get("DATABASE_URL"):
        raise LauncherError("There is no database yet: start the shop once with ./shop run, or set DATABASE_URL.")
    os.chdir(os.environ.get("SHOP_CALLED_FROM") or checkout.root)  # where the files that it names are
    manage = checkout.root / "manage.py"
    # Its arguments are what the person typed for manage.py.
    os.execve(checkout.python, [str(checkout.python), str(manage), *arguments], environment)  # noqa: S606


def _stop(checkout: Checkout, arguments: list[str]) -> int:
    pid = holder(checkout.lock)
    if not pid:
        print("The shop is not running.")
        return 0
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + 60
    while holder(checkout.lock) == pid:
        if time.monotonic() > deadline:
            raise LauncherError(f"The shop (pid {pid}) has not stopped after 60 s.")
        time.sleep(0.1)
    print("The shop has stopped.")
    return 0


def _reset(checkout: Checkout, arguments: list[str]) -> int:
    """Delete what ``./shop run`` has made, apart from the packages; servers named by settings are left alone."""
    if unknown := set(arguments) - {"--yes", "-y"}:
        raise LauncherError(f"./shop reset knows --yes alone, not {' '.join(sorted(unknown))}.")
    if not checkout.state.exists():
        print("There is no local data.")
        return 0
    with exclusive(checkout.lock, "The shop is running (pid {pid}); stop it first: ./shop stop"):
        # In private home folders root's database lives elsewhere; see launcher/paths.py.
        database = reachable(database_folder(checkout), server_account(database_folder(checkout) / "data"))
        if not arguments:
            print(f"This deletes the local database, the queue, the passwords and the logs in {checkout.state}")
            if not sys.stdin.isatty():
                raise LauncherError("Nobody is there to ask; ./shop reset --yes deletes without asking.")
            if input("Delete them? [y/N] ").strip().lower() not in ("y", "yes"):
                print("Nothing was deleted.")
                return 0
        remove_throw_away_folders(checkout)
        shutil.rmtree(database, ignore_errors=True)
        shutil.rmtree(checkout.state)
    print("The local data is deleted; ./shop run makes a new shop.")
    return 0
