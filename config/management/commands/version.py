"""`manage.py version`: print or set the version of the program and its clients."""

from __future__ import annotations

import re
from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

# Each pattern matches once in its file. Its only group is the version.
_TOML = re.compile(r'^version = "([^"]+)"', re.MULTILINE)
_PLACES: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("pyproject.toml", _TOML),
    ("clients/python/pyproject.toml", _TOML),
    ("clients/js/package.json", re.compile(r'^  "version": "([^"]+)"', re.MULTILINE)),
    ("uv.lock", re.compile(r'^name = "backline"\nversion = "([^"]+)"', re.MULTILINE)),
    ("uv.lock", re.compile(r'^name = "backline-client"\nversion = "([^"]+)"', re.MULTILINE)),
)
_NUMBER = re.compile(r"\d+\.\d+\.\d+")


def read_versions(root: Path) -> list[tuple[str, str]]:
    """Return `(file, version)` for each place that contains the version."""
    return [(name, _find(root / name, pattern).group(1)) for name, pattern in _PLACES]


def write_version(root: Path, version: str) -> None:
    """Set the version in each place."""
    for name, pattern in _PLACES:
        path = root / name
        found = _find(path, pattern)
        text = path.read_text()
        path.write_text(text[: found.start(1)] + version + text[found.end(1) :])


def _find(path: Path, pattern: re.Pattern[str]) -> re.Match[str]:
    found = pattern.search(path.read_text())
    if found is None:
        raise CommandError(f"{path.name}: found no version.")
    return found


class Command(BaseCommand):
    help = "Print the version of the program and its clients, or set it in every file that contains it."
    requires_system_checks = ()  # it only reads and writes files

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("version", nargs="?", help="the version to set, for example 0.3.0")

    def handle(self, *args: object, version: str | None, **options: object) -> None:
        if version is not None:
            if not _NUMBER.fullmatch(version):
                raise CommandError(f"{version} is not a version. Example: 0.3.0.")
            write_version(settings.BASE_DIR, version)
        versions = read_versions(settings.BASE_DIR)
        if len({number for _, number in versions}) > 1:
            differing = ", ".join(f"{name} {number}" for name, number in versions)
            raise CommandError(
                f"The versions differ: {differing}. Set one with `manage.py version <number>`."
            )
        self.stdout.write(versions[0][1])
