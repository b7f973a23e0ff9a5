"""`manage.py version`: one version, written in several files."""

from __future__ import annotations

import shutil
import sys
from io import StringIO
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.core.management import CommandError, call_command
from pytest_django import Settings

import manage
from config.management.commands.version import read_versions


@pytest.fixture
def copy(tmp_path: Path, settings: Settings) -> Path:
    """Copy the files that contain the version into a separate folder."""
    for name in ("pyproject.toml", "clients/python/pyproject.toml", "clients/js/package.json", "uv.lock"):
        target = tmp_path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(django_settings.BASE_DIR / name, target)
    settings.BASE_DIR = tmp_path
    return tmp_path


def test_the_program_and_its_clients_have_one_version(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["manage.py", "version"])
    manage.main()
    assert capsys.readouterr().out.strip() == django_settings.VERSION


def test_a_version_is_set_everywhere_and_nothing_else_changes(copy: Path) -> None:
    before = (copy / "uv.lock").read_text().splitlines()
    call_command("version", "7.8.9", stdout=StringIO())
    assert {number for _, number in read_versions(copy)} == {"7.8.9"}
    after = (copy / "uv.lock").read_text().splitlines()
    assert len([line for old, line in zip(before, after, strict=True) if old != line]) == 2


def test_versions_that_differ_are_told(copy: Path) -> None:
    package = copy / "clients/js/package.json"
    package.write_text(package.read_text().replace('"version": "', '"version": "9', 1))
    with pytest.raises(CommandError, match=r"The versions differ: .*package\.json 9"):
        call_command("version", stdout=StringIO())


def test_what_is_no_version_is_refused(copy: Path) -> None:
    with pytest.raises(CommandError, match="not a version"):
        call_command("version", "soon", stdout=StringIO())
