"""A small race report: last units, carts, the same request many times, killed processes, and the control."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]


def test_nothing_is_oversold_and_the_report_would_see_it(tmp_path):
    done = subprocess.run(
        [sys.executable, "bench/races.py", "--small", "--seed", "11", "--logs", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )

    assert done.returncode == 0, f"{done.stdout}\n{done.stderr[-3000:]}"
    assert "killed and restarted" in done.stdout
    assert "of 3 times, as it must be" in done.stdout  # without locks it oversells, and is caught
    assert done.stdout.rstrip().endswith("nothing oversold, everybody was told the truth")
