"""The virtual environment and the Python packages in it."""

import hashlib
import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path

from launcher.console import Step, console
from launcher.environment import child_environment
from launcher.errors import LauncherError
from launcher.lock import exclusive
from launcher.memory import recall, remember
from launcher.paths import Checkout, here
from launcher.process import open_log, run_to_end

RUN_REQUIREMENTS = ("requirements.txt", "requirements-local.txt")
TEST_REQUIREMENTS = (*RUN_REQUIREMENTS, "requirements-dev.txt")


def find_in_packages(relative: str) -> Path | None:
    """Return a file that some installed package brings: of this Python first, else of the checkout's own."""
    folders = [Path(entry) for entry in sys.path if entry]
    folders += sorted((here().venv / "lib").glob("python3*/site-packages"), reverse=True)
    return next((folder / relative for folder in folders if (folder / relative).is_file()), None)


def ensure_packages(checkout: Checkout, requirements: tuple[str, ...]) -> None:
    """Make the virtual environment and install what the named files list, unless that was done before.

    Raises:
        LauncherError: Python's venv module is missing, or the installation failed.
    """
    wanted = {name: _fingerprint(checkout.root / name) for name in requirements if (checkout.root / name).exists()}
    if not wanted:
        raise LauncherError(f"{checkout.root / requirements[0]} is missing; is this a whole checkout?")
    stamp = checkout.venv / "shop-packages.json"
    if _works(checkout) and wanted.items() <= recall(stamp).items():
        return
    busy = "Another ./shop (process {pid}) is installing the Python packages right now; try again when it is done."
    with exclusive(checkout.state / "packages.lock", busy), console.step("Python packages") as step:
        if not _works(checkout):
            step.note = "virtual environment"
            _make(checkout)
        _install(checkout, list(wanted), step)
        remember(stamp, {**recall(stamp), **wanted})


def _fingerprint(file: Path) -> str:
    """Return a hash of a requirements file and of the files that it includes."""
    text = file.read_bytes()
    digest = hashlib.sha256(text)
    for included in re.findall(rb"^\s*(?:-r|-c|--requirement|--constraint)[ =]*(\S+)", text, re.MULTILINE):
        digest.update((file.parent / included.decode()).read_bytes())
    return digest.hexdigest()


def _works(checkout: Checkout) -> bool:
    """Tell whether the environment has a usable Python and pip; one that was interrupted or moved has not."""
    version = next((checkout.venv / "lib").glob("python3*/site-packages/pip/__init__.py"), None)
    if version is None:
        return False
    try:
        probe = subprocess.run(
            [
                checkout.python,
                "-c",
                "import sys; sys.exit(sys.version_info < (3, 11) or sys.prefix == sys.base_prefix)",
            ],
            capture_output=True,
            check=False,
        )
    except OSError:  # its Python was removed
        return False
    return probe.returncode == 0


def _make(checkout: Checkout) -> None:
    if not (importlib.util.find_spec("venv") and importlib.util.find_spec("ensurepip")):
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        raise LauncherError(
            f"{sys.executable} has no venv module; install it (Debian, Ubuntu: apt-get install python{version}-venv) "
            "and start again."
        )
    shutil.rmtree(checkout.venv, ignore_errors=True)
    log = checkout.log / "packages.log"
    code, output = run_to_end(
        [sys.executable, "-m", "venv", checkout.venv],
        environment=child_environment(),
        folder=checkout.root,
        log=log,
    )
    if code:
        raise LauncherError(f"The virtual environment could not be made{_reason(output)}; the log is {log}.")


def _install(checkout: Checkout, names: list[str], step: Step) -> None:
    step.note = "asking the package index"
    log = checkout.log / "packages.log"

    def show(line: str) -> None:
        if found := re.match(r"\s*(Collecting|Downloading|Installing collected) (\S+)", line):
            word = re.split(r"[=<>~!\[(-]", found[2].rsplit("/", 1)[-1], maxsplit=1)[0]
            step.note = "installing" if found[1].startswith("Installing") else word

    with open_log(log) as file:
        file.write(f"\n--- {' '.join(names)}\n".encode())
    options = [word for name in names for word in ("-r", name)]
    # pip leaves what it unpacks behind when it is stopped; here, not in a folder that everybody shares.
    scratch = checkout.state / "unpacked"
    scratch.mkdir(exist_ok=True)
    try:
        code, output = run_to_end(
            [checkout.python, "-m", "pip", "install", "--no-input", "--disable-pip-version-check", *options],
            environment=child_environment() | {"TMPDIR": str(scratch)},
            folder=checkout.root,
            log=log,
            on_line=show,
        )
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    if code:
        raise LauncherError(f"Installing the Python packages failed{_reason(output)}; pip's log is {log}.")


def _reason(output: str) -> str:
    if "No space left on device" in output:
        return ": the disk is full"
    error = re.search(r"^ERROR: (.*:\n.*|.*)$", output, re.MULTILINE)  # after a colon the next line says it
    return f": {' '.join(error[1].split()).rstrip('.')}" if error else ""
