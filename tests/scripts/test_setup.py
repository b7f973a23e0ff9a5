"""scripts/setup, scripts/certificates and the Makefile's decision to run them, without installing anything."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PARTS = ("Makefile", "pyproject.toml", "uv.lock", ".python-version", "scripts/setup", "scripts/certificates")
# A uv that is new enough and makes environments whose Python is a shell.
UV = """#!/bin/sh
echo "uv $*"
case "$1" in venv) mkdir -p .venv/bin; printf '#!/bin/sh\\n' >.venv/bin/python; chmod +x .venv/bin/python ;; esac
"""
OLD_PYTHON = '#!/bin/sh\ncase "$1" in --version) echo "Python 3.6.15" ;; *) exit 1 ;; esac\n'


class Checkout:
    """A folder with the files of a set-up, and a PATH with the system's tools but without uv and Python."""

    def __init__(self, folder: Path, tools: Path) -> None:
        self.folder, self.tools = folder, tools
        tools.mkdir()
        for name in (
            "cat",
            "cut",
            "dirname",
            "env",
            "git",
            "grep",
            "head",
            "make",
            "mkdir",
            "chmod",
            "sh",
            "test",
            "touch",
            "uname",
        ):
            (tools / name).symlink_to(str(shutil.which(name)))
        for part in PARTS:
            (folder / part).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / part, folder / part)

    def add(self, name: str, text: str) -> None:
        (self.tools / name).write_text(text)
        (self.tools / name).chmod(0o755)

    def make(self) -> tuple[int, str]:
        """Run the target that `make run` depends on. Returns its exit code and its output."""
        env = {"PATH": str(self.tools), "HOME": str(self.tools)}
        run = subprocess.run(
            ["make", ".venv/.run"], cwd=self.folder, env=env, capture_output=True, text=True, timeout=60
        )
        return run.returncode, run.stdout + run.stderr


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path / "Bäck line", tmp_path / "tools")


def test_without_uv_and_python_it_is_said_what_to_install(checkout: Checkout) -> None:
    code, printed = checkout.make()
    assert code != 0
    assert "Python 3.8 or newer is needed to install uv, but python3 is missing." in printed
    checkout.add("python3", OLD_PYTHON)
    assert "but python3 is 3.6.15." in checkout.make()[1]


def test_packages_are_installed_once_in_each_place(checkout: Checkout) -> None:
    checkout.add("uv", UV)
    code, printed = checkout.make()
    assert (code, "uv venv" in printed, "uv sync --locked" in printed) == (0, True, True), printed
    assert "is up to date" in checkout.make()[1]

    checkout.folder = checkout.folder.rename(checkout.folder.with_name("moved"))
    printed = checkout.make()[1]
    assert ("uv venv" in printed, "uv sync --locked" in printed) == (False, True), printed
    assert "is up to date" in checkout.make()[1]

    python = checkout.folder / ".venv/bin/python"
    python.unlink()
    python.symlink_to("/nonexistent/python3.13")
    assert "uv venv --allow-existing" in checkout.make()[1]


@pytest.mark.parametrize("own", ["", "/own.pem"])
def test_every_download_trusts_the_named_certificates(tmp_path: Path, own: str) -> None:
    roots = tmp_path / "roots.pem"
    roots.write_text("-----BEGIN CERTIFICATE-----")
    env = {"PATH": os.environ["PATH"], "SSL_CERT_FILE": str(roots)} | (
        {"NODE_EXTRA_CA_CERTS": own} if own else {}
    )
    command = '. scripts/certificates; echo "$UV_SYSTEM_CERTS $REQUESTS_CA_BUNDLE $NODE_EXTRA_CA_CERTS"'
    run = subprocess.run(["sh", "-c", command], cwd=ROOT, env=env, capture_output=True, text=True, timeout=60)
    assert run.stdout == f"1 {roots} {own or roots}\n"
