"""The virtual environment, with a pip that only fails or that takes notes."""

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from launcher.errors import LauncherError
from launcher.packages import RUN_REQUIREMENTS, TEST_REQUIREMENTS, _reason, ensure_packages
from launcher.paths import Checkout

NOTING_PIP = "import pathlib, sys; pathlib.Path('pip-calls').open('a').write(' '.join(sys.argv[1:]) + '\\n')\n"
ONE_CALL = "install --no-input --disable-pip-version-check"


@pytest.fixture
def place(checkout: Path) -> Checkout:
    place = Checkout(checkout)
    place.make_state()
    pip = next((checkout / ".venv" / "lib").glob("python3*/site-packages/pip/__main__.py"))
    pip.write_text(NOTING_PIP)
    return place


def calls(place: Checkout) -> list[str]:
    path = place.root / "pip-calls"
    return path.read_text().splitlines() if path.exists() else []


def test_packages_are_installed_only_when_a_list_has_changed(place: Checkout) -> None:
    ensure_packages(place, RUN_REQUIREMENTS)
    assert calls(place) == []

    (place.root / "requirements-local.txt").write_text("x==1\n")
    ensure_packages(place, RUN_REQUIREMENTS)
    ensure_packages(place, RUN_REQUIREMENTS)

    assert calls(place) == [f"{ONE_CALL} -r requirements.txt -r requirements-local.txt"]


def test_list_for_tests_is_installed_by_the_tests_alone(place: Checkout) -> None:
    (place.root / "requirements-dev.txt").write_text("x==1\n")

    ensure_packages(place, RUN_REQUIREMENTS)
    assert calls(place) == []
    ensure_packages(place, TEST_REQUIREMENTS)
    ensure_packages(place, RUN_REQUIREMENTS)

    assert calls(place) == [f"{ONE_CALL} -r requirements.txt -r requirements-local.txt -r requirements-dev.txt"]


def test_list_that_is_included_counts(place: Checkout) -> None:
    (place.root / "base.txt").write_text("x==1\n")
    (place.root / "requirements.txt").write_text("-r base.txt\n")
    ensure_packages(place, RUN_REQUIREMENTS)

    (place.root / "base.txt").write_text("x==2\n")
    ensure_packages(place, RUN_REQUIREMENTS)

    assert len(calls(place)) == 2


def test_failed_installation_is_one_sentence_and_is_tried_again(place: Checkout) -> None:
    pip = next(place.venv.glob("lib/python3*/site-packages/pip/__main__.py"))
    pip.write_text("raise SystemExit('ERROR: No matching distribution found for x==1')\n")
    (place.root / "requirements.txt").write_text("x==1\n")

    for _ in range(2):
        with pytest.raises(LauncherError) as caught:
            ensure_packages(place, RUN_REQUIREMENTS)

    log = place.log / "packages.log"
    assert str(caught.value) == (
        f"Installing the Python packages failed: No matching distribution found for x==1; pip's log is {log}."
    )
    assert log.read_text().count("No matching distribution") == 2


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        ("ERROR: No matching distribution.\nERROR: second\n", ": No matching distribution"),
        ("x\nERROR: These are not pinned:\n    y>=1 from nowhere\nmore\n", ": These are not pinned: y>=1 from nowhere"),
        ("ERROR: Could not install: [Errno 28] No space left on device\n", ": the disk is full"),
        ("nothing to say\n", ""),
    ],
)
def test_reason_is_taken_from_what_pip_says(output: str, reason: str) -> None:
    assert _reason(output) == reason


def test_missing_venv_module_is_one_sentence(place: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    (place.venv / "bin" / "python").unlink()  # so that a new one has to be made
    real = importlib.util.find_spec

    def found(name: str, package: str | None = None) -> Any:
        return None if name == "ensurepip" else real(name, package)

    monkeypatch.setattr("launcher.packages.importlib.util.find_spec", found)

    with pytest.raises(LauncherError, match=r"has no venv module; install it \(.* apt-get install python3\.\d+-venv\)"):
        ensure_packages(place, RUN_REQUIREMENTS)

    assert place.venv.exists()


def test_environment_without_a_working_python_is_made_anew(place: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    python = place.venv / "bin" / "python"
    python.unlink()
    python.symlink_to("/nowhere/python3")
    steps: list[list[str]] = []

    def run(argv: list[Any], **_: Any) -> tuple[int, str]:
        steps.append([str(word) for word in argv])
        return 0, ""

    monkeypatch.setattr("launcher.packages.run_to_end", run)
    place.venv.joinpath("old").touch()

    ensure_packages(place, RUN_REQUIREMENTS)

    assert steps[0][1:] == ["-m", "venv", str(place.venv)]
    assert steps[1][1:4] == ["-m", "pip", "install"]
    assert not (place.venv / "old").exists()
