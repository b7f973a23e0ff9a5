"""Imports what the program imports from other packages, as far as that needs no settings. For tests/forked.py."""

from __future__ import annotations

import os
import re
import tomllib
from contextlib import suppress
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
IMPORT = re.compile(r"^(?:from|import) (\w[\w.]*)", re.MULTILINE)
NOT_HERE = {"daphne"}  # only `runserver` imports it, and importing it registers a check


def packages() -> set[str]:
    """Return the modules of other packages that the program's files name."""
    own = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["root_packages"]
    files = (path for package in own for path in (ROOT / package).rglob("*.py"))
    found = {name for path in files for name in IMPORT.findall(path.read_text())}
    return {name for name in found if name.partition(".")[0] not in {*own, *NOT_HERE}}


os.environ.pop("DJANGO_SETTINGS_MODULE", None)  # the settings of the tests are not those of the programs
for name in sorted(packages()):
    with suppress(Exception):  # it needs settings, or is no import but the start of a line in a text
        import_module(name)
