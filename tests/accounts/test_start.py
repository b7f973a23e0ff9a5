"""Settings that prevent a start, and the settings that production sets by itself."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.config.test_settings import read_settings, refusal
from tests.program import Program, on_free_ports
from tests.waiting import until

PRODUCTION = """
ENVIRONMENT=production
SECRET_KEY={0}
JWT_SECRET={0}
FIELD_ENCRYPTION_KEYS=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=
DATABASE_URL=sqlite:////tmp/never-opened
API_BASE_URL=https://backline.example
DISCORD_CLIENT_ID=1
DISCORD_CLIENT_SECRET=2
DISCORD_BOT_TOKEN=3
""".format("s" * 60)

DISCORD = ("DISCORD_CLIENT_ID", "DISCORD_CLIENT_SECRET", "DISCORD_BOT_TOKEN")


@pytest.mark.parametrize("given", [c for n in (1, 2) for c in itertools.combinations(DISCORD, n)])
def test_some_but_not_all_of_discord_stop_development_too(given: tuple[str, ...], tmp_path: Path) -> None:
    output = refusal(tmp_path, "".join(f"{name}=123456\n" for name in given))
    for name in DISCORD:
        assert (f"{name} is missing" in output) == (name not in given)
    assert "123456" not in output


def test_production_starts_with_everything_set_and_closes_its_cookies(tmp_path: Path) -> None:
    settings = read_settings(tmp_path, PRODUCTION)
    assert settings["SESSION_COOKIE_SECURE"] is settings["CSRF_COOKIE_SECURE"] is True
    assert settings["SESSION_COOKIE_HTTPONLY"] is True
    assert (settings["SESSION_COOKIE_SAMESITE"], settings["SESSION_COOKIE_AGE"]) == ("Lax", 604800)
    assert settings["SANDBOX"] is settings["DEBUG"] is False
    assert settings["SECURE_HSTS_SECONDS"] > 0
    assert settings["DISCORD_REDIRECT_URI"] == "https://backline.example/api/auth/discord/callback"


def test_the_cookies_name_is_a_setting(tmp_path: Path) -> None:
    settings = read_settings(tmp_path, "SESSION_COOKIE_NAME=backline_session\n")
    assert settings["SESSION_COOKIE_NAME"] == "backline_session"


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
    output = refusal(tmp_path, PRODUCTION + line + "\n")
    assert named in output
    assert "sssss" not in output


@pytest.mark.parametrize(
    "line",
    ["REQUIRE_AUTH=perhaps", "ACCESS_TOKEN_SECONDS=long", "SYNC_GRACE_SECONDS=1.5", "DATABASE_URL=nowhere"],
)
def test_what_does_not_parse_is_named(line: str, tmp_path: Path) -> None:
    assert line.partition("=")[0] in refusal(tmp_path, line + "\n")


# --- REQUIRE_AUTH=false ---


@pytest.mark.parametrize("command", ["serve", "runweb", "runbot"])
def test_each_program_warns_when_anybody_may_come_in(
    command: str, tmp_path: Path, migrated: Callable[[Path], None]
) -> None:
    migrated(tmp_path / "sandbox")
    environment = on_free_ports(tmp_path) | {
        "REQUIRE_AUTH": "false",
        "MEDIA_LIBRARY": str(tmp_path),  # it exists, so no starter music is generated
    }
    program = Program(["manage.py", command], log=tmp_path / "log", **environment)
    program.start()
    try:
        until(lambda: "WARNING config.asgi: REQUIRE_AUTH is off" in program.output(), within=40)
    finally:
        program.kill()


def test_production_lets_nobody_in_unnamed_unless_told_twice(tmp_path: Path) -> None:
    assert "ALLOW_ANONYMOUS_IN_PRODUCTION" in refusal(tmp_path, PRODUCTION + "REQUIRE_AUTH=false\n")
    reported = PRODUCTION + "REQUIRE_AUTH=false\nALLOW_ANONYMOUS_IN_PRODUCTION=true\n"
    read_settings(tmp_path, reported)


def test_only_this_machines_address_may_let_anybody_in(tmp_path: Path) -> None:
    lines = "REQUIRE_AUTH=false\nBIND_HOST=0.0.0.0\nDISCORD_CLIENT_ID=1\nDISCORD_CLIENT_SECRET=2\nDISCORD_BOT_TOKEN=3\n"
    output = refusal(tmp_path, lines)
    assert "BIND_HOST" in output
    assert "REQUIRE_AUTH" in output
    read_settings(tmp_path, lines.replace("REQUIRE_AUTH=false", ""))
