"""What the Makefile calls, as far as it can be tried without installing anything."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).parent.parent


def find_chromium(**env: str) -> subprocess.CompletedProcess[str]:
    """Run scripts/chromium with some of the environment changed."""
    return subprocess.run(
        ["scripts/chromium"], cwd=ROOT, env=os.environ | env, capture_output=True, text=True, timeout=60
    )


def program(path: Path) -> str:
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return str(path)


def test_the_chromium_named_by_the_environment_comes_first(tmp_path: Path) -> None:
    named = program(tmp_path / "my-browser")
    program(tmp_path / "chromium")
    found = find_chromium(CHROMIUM_PATH=named, PATH=f"{tmp_path}:{os.environ['PATH']}")
    assert (found.returncode, found.stdout) == (0, f"{named}\n")


def test_a_chromium_on_path_is_found(tmp_path: Path) -> None:
    installed = program(tmp_path / "chromium")
    found = find_chromium(CHROMIUM_PATH="", PATH=f"{tmp_path}:{os.environ['PATH']}")
    assert (found.returncode, found.stdout) == (0, f"{installed}\n")


def test_a_named_chromium_that_is_no_program_is_said(tmp_path: Path) -> None:
    found = find_chromium(CHROMIUM_PATH=str(tmp_path / "nothing"))
    assert (found.returncode, found.stdout) == (1, "")
    assert str(tmp_path / "nothing") in found.stderr
