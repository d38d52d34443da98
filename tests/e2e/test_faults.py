"""A small fault run: lost, doubled, late and forged callbacks while the shop's processes are being killed."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]


def test_books_agree_to_the_cent_after_a_small_fault_run(tmp_path):
    done = subprocess.run(
        [
            *(sys.executable, "bench/faults.py", "--short", "--payments", "40", "--seed", "11", "--seconds", "240"),
            *("--kill-every", "4", "--concurrency", "2", "--logs", str(tmp_path)),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )

    assert done.returncode == 0, f"{done.stdout}\n{done.stderr[-3000:]}"
    assert "PostgreSQL crashed 1×" in done.stdout
    assert "broker emptied 2×" in done.stdout
    assert done.stdout.rstrip().endswith("the books agree to the cent, nothing was lost")
