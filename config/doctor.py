"""What `manage.py doctor` looks at. Each check returns findings; none raises."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import httpx
from django.conf import settings
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from accounts.discord import USER_AGENT, tls_context
from botrunner.intents import GATEWAY_GUILD_MEMBERS, GATEWAY_GUILD_MEMBERS_LIMITED
from botrunner.voice_check import voice_problem
from config.checks import REMEDY, is_of_other_version
from guilds.domain.shards import MEMBERS_REMEDY
from realtime import hints

TIMEOUT_SECONDS = 5.0
MAX_CLOCK_SKEW_SECONDS = 5.0  # half of what tokens forgive


@dataclass(frozen=True)
class Finding:
    """`remedy` is empty when all is well."""

    what: str
    state: str
    remedy: str = ""


def check_settings() -> Finding:
    where = "the sandbox" if settings.SANDBOX else "discord.com"
    remedy = "" if settings.REQUIRE_AUTH else "Sockets let anybody in: set REQUIRE_AUTH=true."
    return Finding("settings", f"{settings.ENVIRONMENT}, Discord is {where}", remedy)


def check_database() -> Finding:
    try:
        executor = MigrationExecutor(connection)
        missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
        if is_of_other_version(connection):
            return Finding("database", "written by another version of Backline", REMEDY)
    except Exception as error:
        return Finding("database", repr(error), "Check DATABASE_URL, and that the server is up.")
    if missing:
        return Finding("database", f"{len(missing)} migrations missing", "Run `manage.py migrate`.")
    return Finding("database", f"{connection.vendor}, migrated")


def check_layer() -> Finding:
    if not settings.REDIS_URL:
        many = settings.PRODUCTION
        remedy = "Set REDIS_URL before you run more than one process." if many else ""
        return Finding("channel layer", "in memory, one process only", remedy)
    state = hints.check_layer()
    if state != "ok":
        return Finding("channel layer", state, "Check REDIS_URL, and that Redis is up.")
    return Finding("channel layer", "Redis answers")


def _get(path: str, authorization: str = "") -> httpx.Response | str:
    headers = {"User-Agent": USER_AGENT} | ({"Authorization": authorization} if authorization else {})
    try:
        with httpx.Client(verify=tls_context(), timeout=TIMEOUT_SECONDS, headers=headers) as client:
            return client.get(settings.DISCORD_API_URL + path)
    except (httpx.HTTPError, OSError) as error:
        return repr(error)


def _field(answer: httpx.Response, name: str) -> str:
    """A field of a JSON object, empty where there is none: a proxy's page also comes with 200."""
    try:
        body = answer.json()
    except ValueError:
        return ""
    return str(body.get(name, "")) if isinstance(body, dict) else ""


def check_discord() -> Finding:
    answer = _get("/gateway")
    if isinstance(answer, str) or answer.status_code != 200:
        state = answer if isinstance(answer, str) else f"HTTP {answer.status_code}"
        remedy = (
            "Start the sandbox (`manage.py serve`)."
            if settings.SANDBOX
            else "Check network and DISCORD_API_URL."
        )
        return Finding("Discord", state, remedy)
    if not _field(answer, "url"):
        return Finding("Discord", "something else answers", "Check DISCORD_API_URL, and proxies on the way.")
    return Finding("Discord", "answers")


def check_bot_token() -> Finding:
    answer = _get("/users/@me", f"Bot {settings.DISCORD_BOT_TOKEN}")
    if isinstance(answer, str):
        return Finding("bot token", "not checked: Discord does not answer", "See Discord, above.")
    if answer.status_code == 401:
        return Finding(
            "bot token", "refused", "Make a new one in the developer portal, set DISCORD_BOT_TOKEN."
        )
    if answer.status_code != 200:
        return Finding("bot token", f"HTTP {answer.status_code}", "Try again in a minute.")
    if not _field(answer, "username"):
        return Finding("bot token", "not checked: something else answers", "See Discord, above.")
    return Finding("bot token", f"good, the bot is {_field(answer, 'username')}")


def check_members_intent() -> Finding:
    answer = _get("/applications/@me", f"Bot {settings.DISCORD_BOT_TOKEN}")
    if isinstance(answer, str) or answer.status_code != 200 or not _field(answer, "flags").isdecimal():
        return Finding("members intent", "not checked: Discord does not say", "See bot token, above.")
    if not int(_field(answer, "flags")) & (GATEWAY_GUILD_MEMBERS | GATEWAY_GUILD_MEMBERS_LIMITED):
        return Finding("members intent", "off: roles and rights of people are seen late", MEMBERS_REMEDY)
    return Finding("members intent", "on")


def check_redirect_uri() -> Finding:
    given, base = urlsplit(settings.DISCORD_REDIRECT_URI), urlsplit(settings.API_BASE_URL)
    if (given.scheme, given.netloc) != (base.scheme, base.netloc):
        return Finding(
            "redirect URI",
            "leads to another host than API_BASE_URL",
            "Login would lose its cookie: make them agree.",
        )
    if given.path != "/api/auth/discord/callback":
        return Finding("redirect URI", f"its path is {given.path}", "It must be /api/auth/discord/callback.")
    hint = "" if settings.SANDBOX else " (must stand in the developer portal to the letter)"
    return Finding("redirect URI", settings.DISCORD_REDIRECT_URI + hint)


def check_voice() -> Finding:
    problem = voice_problem()
    if problem:
        return Finding("voice", "cannot work", problem)
    return Finding("voice", "nextcord with DAVE, PyNaCl and PyAV are there")


def check_clock() -> Finding:
    begin = time.time()
    answer = _get("/gateway")
    if isinstance(answer, str) or "Date" not in answer.headers:
        return Finding("clock", "not checked: Discord does not answer")
    ours = (begin + time.time()) / 2
    try:
        theirs = parsedate_to_datetime(answer.headers["Date"]).timestamp() + 0.5
    except ValueError:
        return Finding("clock", "not checked: Discord's date is unreadable")
    skew = abs(theirs - ours)
    if skew > MAX_CLOCK_SKEW_SECONDS:
        return Finding("clock", f"{skew:.0f} s off", "Turn on NTP: tokens depend on the time.")
    return Finding("clock", "agrees with Discord's")


CHECKS: list[Callable[[], Finding]] = [
    check_settings,
    check_database,
    check_layer,
    check_discord,
    check_bot_token,
    check_members_intent,
    check_redirect_uri,
    check_voice,
    check_clock,
]
