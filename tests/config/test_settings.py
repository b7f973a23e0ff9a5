"""The variables that the settings read, and their documentation."""

from __future__ import annotations

import ast
import os
import re
import runpy
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from django.core.exceptions import ImproperlyConfigured
from environs.exceptions import EnvError

from tests.services import SETTINGS

ROOT = Path(__file__).parents[2]


def variables_read() -> set[str]:
    """Return the names in the `env.<type>("NAME", …)` calls of config/settings.py."""
    names = set()
    for node in ast.walk(ast.parse((ROOT / "config" / "settings.py").read_text())):
        match node:
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id="env")), args=[ast.Constant(value=str(name)), *_]
            ):
                names.add(name)
    return names


def variables_of_example() -> dict[str, str]:
    """Return `{name: value}` from .env.example, where every line is commented out."""
    text = (ROOT / ".env.example").read_text()
    return dict(re.findall(r"^#([A-Z][A-Z0-9_]*)=(.*)$", text, re.MULTILINE))


def variables_of_document() -> list[str]:
    """Return the names in the first column of the tables in docs/settings.md."""
    text = (ROOT / "docs" / "settings.md").read_text()
    return [
        name
        for row in re.findall(r"^\| (`.*?) \|", text, re.MULTILINE)
        for name in re.findall("`(.+?)`", row)
    ]


def read_settings(folder: Path, env_text: str) -> dict[str, Any]:
    """Return `{NAME: value}` of the settings with that `.env` and an otherwise empty environment.

    Raises what the settings raise.
    """
    (folder / "one.env").write_text(env_text)
    env = {"ENV_FILE": str(folder / "one.env"), "DATA_DIR": str(folder / "data")}
    with mock.patch.dict(os.environ, env, clear=True):
        values = runpy.run_path(str(ROOT / "config" / "settings.py"))
    return {name: value for name, value in values.items() if name.isupper()}


def refusal(folder: Path, env_text: str) -> str:
    """Return the message with which the settings refuse to start."""
    with pytest.raises((ImproperlyConfigured, EnvError)) as refused:
        read_settings(folder, env_text)
    return str(refused.value)


def test_example_names_what_is_read() -> None:
    assert set(variables_of_example()) == variables_read()


def test_the_tests_clear_what_is_read_from_a_developers_shell() -> None:
    assert set(SETTINGS) == variables_read()


def test_document_names_what_is_read_once() -> None:
    assert sorted(variables_of_document()) == sorted(variables_read())


def test_example_shows_the_defaults(tmp_path: Path) -> None:
    shown = {name: value for name, value in variables_of_example().items() if value and name != "DATA_DIR"}
    example = "\n".join(f"{name}={value}" for name, value in shown.items())
    assert repr(read_settings(tmp_path, example)) == repr(read_settings(tmp_path, ""))


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("API_PORT=many", "API_PORT"),
        ("ENVIRONMENT=staging", "ENVIRONMENT"),
        ("ALLOW_PRIVATE_MEDIA=home", "ALLOW_PRIVATE_MEDIA"),
        ("DISCORD_CLIENT_ID=1", "DISCORD_BOT_TOKEN"),
        ("BIND_HOST=0.0.0.0", "BIND_HOST"),
        ("JWT_SECRET=short", "JWT_SECRET"),
        ("ATTACHMENT_MAX_MB=0", "ATTACHMENT_MAX_MB"),
    ],
)
def test_what_cannot_be_right_stops_the_start_by_name(tmp_path: Path, line: str, named: str) -> None:
    assert named in refusal(tmp_path, line)


def test_production_names_everything_that_is_missing_at_once(tmp_path: Path) -> None:
    output = refusal(tmp_path, "ENVIRONMENT=production")
    needed = {
        "SECRET_KEY", "JWT_SECRET", "FIELD_ENCRYPTION_KEYS", "DATABASE_URL", "API_BASE_URL",
        "DISCORD_CLIENT_ID", "DISCORD_CLIENT_SECRET", "DISCORD_BOT_TOKEN",
    }  # fmt: skip
    assert {name for name in needed if name not in output} == set()
