"""What the settings read, and what the documents say about it."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.services import SETTINGS

ROOT = Path(__file__).parent.parent

PRINT_SETTINGS = """
import json
from config import settings
print(json.dumps({name: repr(value) for name, value in vars(settings).items() if name.isupper()}))
"""


def variables_read() -> set[str]:
    """Names in the `env.<type>("NAME", …)` calls of config/settings.py."""
    names = set()
    for node in ast.walk(ast.parse((ROOT / "config" / "settings.py").read_text())):
        match node:
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id="env")), args=[ast.Constant(value=str(name)), *_]
            ):
                names.add(name)
    return names


def variables_of_example() -> dict[str, str]:
    """`{name: value}` of .env.example, which has every line commented out."""
    text = (ROOT / ".env.example").read_text()
    return dict(re.findall(r"^#([A-Z][A-Z0-9_]*)=(.*)$", text, re.MULTILINE))


def variables_of_document() -> list[str]:
    """Names in the first column of the tables of docs/settings.md."""
    text = (ROOT / "docs" / "settings.md").read_text()
    return [
        name
        for row in re.findall(r"^\| (`.*?) \|", text, re.MULTILINE)
        for name in re.findall("`(.+?)`", row)
    ]


def read_settings(folder: Path, env_text: str) -> subprocess.CompletedProcess[str]:
    """Read the settings in a process of its own, with that `.env`; stdout is JSON, `{name: repr}`."""
    (folder / "one.env").write_text(env_text)
    env = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    env |= {"ENV_FILE": str(folder / "one.env"), "DATA_DIR": str(folder / "data")}
    command = [sys.executable, "-c", PRINT_SETTINGS]
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60)


def refusal(folder: Path, env_text: str) -> str:
    """Return the last line that settings say which refuse to start."""
    run = read_settings(folder, env_text)
    assert run.returncode != 0
    return run.stderr.splitlines()[-1]


def test_example_names_what_is_read() -> None:
    assert set(variables_of_example()) == variables_read()


def test_the_tests_clear_what_is_read_from_a_developers_shell() -> None:
    assert set(SETTINGS) == variables_read()


def test_document_names_what_is_read_once() -> None:
    assert sorted(variables_of_document()) == sorted(variables_read())


def test_example_shows_the_defaults(tmp_path: Path) -> None:
    shown = {name: value for name, value in variables_of_example().items() if value and name != "DATA_DIR"}
    with_example = read_settings(tmp_path, "\n".join(f"{name}={value}" for name, value in shown.items()))
    assert with_example.returncode == 0, with_example.stderr
    assert json.loads(with_example.stdout) == json.loads(read_settings(tmp_path, "").stdout)


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("API_PORT=many", "API_PORT"),
        ("ENVIRONMENT=staging", "ENVIRONMENT"),
        ("ALLOW_PRIVATE_MEDIA=home", "ALLOW_PRIVATE_MEDIA"),
        ("DISCORD_CLIENT_ID=1", "DISCORD_BOT_TOKEN"),
        ("BIND_HOST=0.0.0.0", "BIND_HOST"),
        ("JWT_SECRET=short", "JWT_SECRET"),
    ],
)
def test_what_cannot_be_right_stops_the_start_by_name(tmp_path: Path, line: str, named: str) -> None:
    assert named in refusal(tmp_path, line)


def test_production_names_everything_that_is_missing_at_once(tmp_path: Path) -> None:
    said = refusal(tmp_path, "ENVIRONMENT=production")
    needed = {
        "SECRET_KEY", "JWT_SECRET", "FIELD_ENCRYPTION_KEYS", "DATABASE_URL", "API_BASE_URL",
        "DISCORD_CLIENT_ID", "DISCORD_CLIENT_SECRET", "DISCORD_BOT_TOKEN",
    }  # fmt: skip
    assert {name for name in needed if name not in said} == set()
