"""The measurements of bench/ take minutes; here each only has to start."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BENCHES = sorted(
    [path.stem for path in (ROOT / "bench").glob("[a-z]*.py")]
    + [path.parent.name for path in (ROOT / "bench").glob("[a-z]*/__main__.py")]
)
LOADS = sorted(path.stem for path in (ROOT / "bench" / "load").glob("[a-z]*.py"))


@pytest.mark.parametrize("name", BENCHES)
def test_a_measurement_says_how_it_is_used(name: str) -> None:
    command = [sys.executable, "-m", f"bench.{name}", "--help"]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert (told.returncode, told.stderr) == (0, "")
    assert told.stdout.startswith("usage: ")


def test_the_parts_of_measurements_can_be_imported() -> None:
    imports = "; ".join(f"import bench.load.{name}" for name in LOADS)
    done = subprocess.run(
        [sys.executable, "-c", imports], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_everything_that_keeps_a_server_busy_runs_once() -> None:
    command = [sys.executable, "-m", "bench.soak", "--once"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "MB resident" in done.stdout
