"""What the settings refuse to start with, and what production sets by itself."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest

from tests.accounts.test_anonymous import PRODUCTION
from tests.test_settings import read_settings, refusal

DISCORD = ("DISCORD_CLIENT_ID", "DISCORD_CLIENT_SECRET", "DISCORD_BOT_TOKEN")


@pytest.mark.parametrize("given", [c for n in (1, 2) for c in itertools.combinations(DISCORD, n)])
def test_some_but_not_all_of_discord_stop_development_too(given: tuple[str, ...], tmp_path: Path) -> None:
    said = refusal(tmp_path, "".join(f"{name}=123456\n" for name in given))
    for name in DISCORD:
        assert (f"{name} is missing" in said) == (name not in given)
    assert "123456" not in said


def test_production_starts_with_everything_set_and_closes_its_cookies(tmp_path: Path) -> None:
    run = read_settings(tmp_path, PRODUCTION)
    assert run.returncode == 0, run.stderr
    settings = json.loads(run.stdout)
    assert settings["SESSION_COOKIE_SECURE"] == settings["CSRF_COOKIE_SECURE"] == "True"
    assert settings["SESSION_COOKIE_HTTPONLY"] == "True"
    assert (settings["SESSION_COOKIE_SAMESITE"], settings["SESSION_COOKIE_AGE"]) == ("'Lax'", "604800")
    assert settings["SANDBOX"] == settings["DEBUG"] == "False"
    assert int(settings["SECURE_HSTS_SECONDS"]) > 0
    assert settings["DISCORD_REDIRECT_URI"] == "'https://backline.example/api/auth/discord/callback'"


def test_the_cookies_name_is_a_setting(tmp_path: Path) -> None:
    settings = json.loads(read_settings(tmp_path, "SESSION_COOKIE_NAME=backline_session\n").stdout)
    assert settings["SESSION_COOKIE_NAME"] == "'backline_session'"


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("SECRET_KEY=short", "SECRET_KEY"),
        ("JWT_SECRET=short", "JWT_SECRET"),
        ("FIELD_ENCRYPTION_KEYS=short", "FIELD_ENCRYPTION_KEYS"),
        ("API_BASE_URL=http://backline.example", "API_BASE_URL"),
        ("DATABASE_URL=", "DATABASE_URL"),
    ],
)
def test_production_refuses_what_is_weak_without_repeating_it(line: str, named: str, tmp_path: Path) -> None:
    said = refusal(tmp_path, PRODUCTION + line + "\n")
    assert named in said
    assert "sssss" not in said


@pytest.mark.parametrize(
    "line",
    ["REQUIRE_AUTH=perhaps", "ACCESS_TOKEN_SECONDS=long", "SYNC_GRACE_SECONDS=1.5", "DATABASE_URL=nowhere"],
)
def test_what_does_not_parse_is_named(line: str, tmp_path: Path) -> None:
    assert line.partition("=")[0] in refusal(tmp_path, line + "\n")
