"""scripts/chromium, as far as it can be tested without installing anything."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]


def find_chromium(**env: str) -> subprocess.CompletedProcess[str]:
    """Run scripts/chromium with a changed environment."""
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


def test_a_chromium_on_path_is_found_and_the_headless_one_preferred(tmp_path: Path) -> None:
    def found() -> tuple[int, str]:
        run = find_chromium(CHROMIUM_PATH="", CI="", PATH=f"{tmp_path}:{tools}")
        return run.returncode, run.stdout.strip()

    tools = tmp_path / "tools"  # the system's tools, without its browsers
    tools.mkdir()
    for name in ("dirname", "sh"):
        (tools / name).symlink_to(str(shutil.which(name)))
    whole = program(tmp_path / "chromium")
    assert found() == (0, whole)
    shell = program(tmp_path / "chromium-headless-shell")
    assert found() == (0, shell)


def test_a_named_chromium_that_is_no_program_is_said(tmp_path: Path) -> None:
    found = find_chromium(CHROMIUM_PATH=str(tmp_path / "nothing"))
    assert (found.returncode, found.stdout) == (1, "")
    assert str(tmp_path / "nothing") in found.stderr
