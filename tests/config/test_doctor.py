"""`manage.py doctor` prints a table of problems and fixes, and never a token."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.core.management import call_command
from pytest_django import Settings

from accounts import discord
from guilds.bot_features import INSTALL_PERMISSIONS
from guilds.channel_permissions import SPEAK
from guilds.models import GuildSettings
from tests.accounts.conftest import Discord, Gibberish, gibberish, there
from tests.conftest import use_redis
from tests.factories import GuildFactory, RoleFactory

__all__ = ["gibberish", "there"]  # fixtures of the tests here

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]


@pytest.fixture(autouse=True)
def library(tmp_path: Path, settings: Settings) -> None:
    settings.MEDIA_LIBRARY = tmp_path


def ask() -> tuple[int, dict[str, tuple[bool, str]]]:
    """Return `(exit code, {what: (well, its lines)})`."""
    out = io.StringIO()
    code = 0
    try:
        call_command("doctor", stdout=out, no_color=True)
    except SystemExit as ended:
        code = int(str(ended.code))
    found: dict[str, tuple[bool, str]] = {}
    name = ""
    for line in out.getvalue().splitlines():
        if line[:2].strip():
            name = line[4:].split("  ")[0].strip()
            found[name] = (line.startswith("ok"), line)
        else:
            found[name] = (found[name][0], found[name][1] + line)
    return code, found


def test_all_is_well_with_the_sandbox_up(there: Discord, settings: LazySettings) -> None:
    code, found = ask()
    assert code == 0, found
    assert set(found) == {
        "settings", "database", "channel layer", "Discord", "bot token", "members intent", "content intent",
        "permissions",
        "redirect URI", "voice", "library", "uploads", "search", "clock",
    }  # fmt: skip
    assert all(well for well, _ in found.values())
    assert "valid, the bot is" in found["bot token"][1]


def test_a_library_that_is_not_there_is_told(there: Discord, settings: LazySettings, tmp_path: Path) -> None:
    settings.MEDIA_LIBRARY = tmp_path / "absent"
    code, found = ask()
    assert (code, found["library"][0]) == (1, False)
    assert "does not exist" in found["library"][1]
    assert "MEDIA_LIBRARY" in found["library"][1]


def test_without_discord_it_says_what_to_start(settings: LazySettings, tmp_path: Path) -> None:
    settings.DISCORD_API_URL = "http://127.0.0.1:9"
    settings.DISCORD_CA_FILE = ""
    discord.tls_context.cache_clear()
    code, found = ask()
    assert code == 1
    assert not found["Discord"][0]
    assert "-> Start the sandbox" in found["Discord"][1]
    assert found["database"][0]


def test_a_bot_token_that_is_refused_is_told_and_never_shown(there: Discord, settings: LazySettings) -> None:
    settings.DISCORD_BOT_TOKEN = "MTE4.wrong.token-of-the-bot"
    code, found = ask()
    assert (code, found["bot token"][0]) == (1, False)
    assert "DISCORD_BOT_TOKEN" in found["bot token"][1]
    reported = str(found)
    for secret in (settings.DISCORD_BOT_TOKEN, settings.DISCORD_CLIENT_SECRET, settings.JWT_SECRET):
        assert secret not in reported


def test_an_intent_that_is_off_is_told_with_its_switch(there: Discord) -> None:
    there.sandbox.world.members_intent = False
    code, found = ask()
    assert (code, found["members intent"][0]) == (1, False)
    assert "turn on Server Members Intent" in found["members intent"][1]


def test_a_permission_that_the_bot_lacks_is_told_with_its_feature(there: Discord) -> None:
    guild = GuildFactory.create(name="Loft", settings=None)
    RoleFactory.create(id=guild.pk, guild=guild, permissions=INSTALL_PERMISSIONS & ~SPEAK)
    code, found = ask()
    assert (code, found["permissions"][0]) == (1, False)
    assert "Loft (READ_MESSAGE_HISTORY for card, SPEAK)" in found["permissions"][1]
    assert "Add the bot again" in found["permissions"][1]


def test_the_content_intent_is_a_problem_only_with_a_request_channel(there: Discord) -> None:
    there.sandbox.world.content_intent = False
    code, found = ask()
    assert (code, found["content intent"][0]) == (0, True)
    GuildSettings.objects.filter(pk=GuildFactory.create().pk).update(request_channel_id="1")
    code, found = ask()
    assert (code, found["content intent"][0]) == (1, False)
    assert "turn on Message Content Intent" in found["content intent"][1]


@pytest.mark.parametrize(
    ("uri", "word"),
    [
        ("http://elsewhere.example/api/auth/discord/callback", "differs"),
        ("http://127.0.0.1:1337/callback", "its path"),
    ],
)
def test_a_redirect_uri_that_cannot_work_is_told(
    uri: str, word: str, there: Discord, settings: LazySettings
) -> None:
    settings.DISCORD_REDIRECT_URI = uri
    code, found = ask()
    assert (code, found["redirect URI"][0]) == (1, False)
    assert word in found["redirect URI"][1]


def test_a_clock_that_is_wrong_is_told(gibberish: Gibberish) -> None:
    gibberish.say("/gateway", {}, Date="Mon, 01 Jan 2024 00:00:00 GMT")
    code, found = ask()
    assert (code, found["clock"][0]) == (1, False)
    assert "NTP" in found["clock"][1]


def test_a_redis_that_is_down_is_told(there: Discord, settings: Settings, tmp_path: Path) -> None:
    use_redis(settings, f"unix://{tmp_path}/nobody.sock")
    code, found = ask()
    assert (code, found["channel layer"][0]) == (1, False)
    assert "REDIS_URL" in found["channel layer"][1]


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"{}"])
def test_an_answer_nobody_understands_is_a_finding_and_no_traceback(
    body: bytes, gibberish: Gibberish
) -> None:
    gibberish.say("/gateway", body)
    gibberish.say("/users/@me", body)
    code, found = ask()
    assert code == 1
    assert not found["bot token"][0]


def test_authentication_that_is_off_is_a_finding(there: Discord, settings: LazySettings) -> None:
    settings.REQUIRE_AUTH = False
    code, found = ask()
    assert (code, found["settings"][0]) == (1, False)
    assert "REQUIRE_AUTH=true" in found["settings"][1]
