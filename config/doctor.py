"""The checks of `manage.py doctor`. Each returns one finding, and none raises."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import httpx
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from accounts.discord import USER_AGENT, WITHOUT_PROXY, tls_context
from botrunner.intents import Privileged
from botrunner.voice_check import voice_problem
from config.checks import REMEDY, is_of_other_version
from guilds.domain.shards import CONTENT_REMEDY, MEMBERS_REMEDY
from guilds.models import GuildSettings
from guilds.queries import bot_guilds, bot_lacks
from library.domain.configured import options_for
from library.domain.health import can_write
from library.domain.watching import library_state
from library.search_index import index_problem
from realtime import hints

TIMEOUT_SECONDS = 5.0
MAX_GUILDS = 5  # that a finding names
MAX_CLOCK_SKEW_SECONDS = 5.0  # half of the leeway of tokens


@dataclass(frozen=True)
class Finding:
    """`remedy` is empty if there is no problem."""

    what: str
    state: str
    remedy: str = ""


def check_settings() -> Finding:
    where = "the sandbox" if settings.SANDBOX else "discord.com"
    remedy = "" if settings.REQUIRE_AUTH else "Anybody can open a socket. Set REQUIRE_AUTH=true."
    return Finding("settings", f"{settings.ENVIRONMENT}, Discord is {where}", remedy)


def check_database() -> Finding:
    try:
        executor = MigrationExecutor(connection)
        missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
        if is_of_other_version(connection):
            return Finding("database", "written by another version of Backline", REMEDY)
    except Exception as error:
        return Finding("database", repr(error), "Check DATABASE_URL and that the database server runs.")
    if missing:
        return Finding("database", f"{len(missing)} migrations not applied", "Run `manage.py migrate`.")
    return Finding("database", f"{connection.vendor}, migrated")


def check_layer() -> Finding:
    if not settings.REDIS_URL:
        many = settings.PRODUCTION
        remedy = "Set REDIS_URL before you run more than one process." if many else ""
        return Finding("channel layer", "in memory, one process only", remedy)
    state = hints.check_layer()
    if state != "ok":
        return Finding("channel layer", state, "Check REDIS_URL and that Redis runs.")
    return Finding("channel layer", "Redis answers")


def _get(path: str, authorization: str = "") -> httpx.Response | str:
    headers = {"User-Agent": USER_AGENT} | ({"Authorization": authorization} if authorization else {})
    try:
        with httpx.Client(
            verify=tls_context(), timeout=TIMEOUT_SECONDS, headers=headers, mounts=WITHOUT_PROXY
        ) as client:
            return client.get(settings.DISCORD_API_URL + path)
    except (httpx.HTTPError, OSError) as error:
        return repr(error)


def _field(answer: httpx.Response, name: str) -> str:
    """Return a field of a JSON object, empty if there is none. A proxy's own page may also have status 200."""
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
            else "Check the network and DISCORD_API_URL."
        )
        return Finding("Discord", state, remedy)
    if not _field(answer, "url"):
        return Finding(
            "Discord", "the answer is not from Discord", "Check DISCORD_API_URL and any proxy in between."
        )
    return Finding("Discord", "answers")


def check_bot_token() -> Finding:
    answer = _get("/users/@me", f"Bot {settings.DISCORD_BOT_TOKEN}")
    if isinstance(answer, str):
        return Finding("bot token", "not checked: Discord did not answer", "See Discord, above.")
    if answer.status_code == 401:
        return Finding(
            "bot token", "refused by Discord", "Reset it in the developer portal and set DISCORD_BOT_TOKEN."
        )
    if answer.status_code != 200:
        return Finding("bot token", f"HTTP {answer.status_code}", "Try again in a minute.")
    if not _field(answer, "username"):
        return Finding("bot token", "not checked: the answer is not from Discord", "See Discord, above.")
    return Finding("bot token", f"valid, the bot is {_field(answer, 'username')}")


def _privileged() -> Privileged | None:
    """Return the intents that are switched on, or None if Discord did not answer."""
    answer = _get("/applications/@me", f"Bot {settings.DISCORD_BOT_TOKEN}")
    if isinstance(answer, str) or answer.status_code != 200 or not _field(answer, "flags").isdecimal():
        return None
    return Privileged.of(int(_field(answer, "flags")))


def check_members_intent() -> Finding:
    granted = _privileged()
    if granted is None:
        return Finding("members intent", "not checked: Discord did not answer", "See bot token, above.")
    if not granted.members:
        return Finding("members intent", "off, so changed roles are noticed late", MEMBERS_REMEDY)
    return Finding("members intent", "on")


def check_permissions() -> Finding:
    """Name the guilds in which the bot lacks a permission everywhere. Single channels may be closed on purpose."""
    try:
        lacking = {guild: lacks for guild in bot_guilds() if (lacks := everywhere(bot_lacks(guild)))}
    except DatabaseError:
        return Finding("permissions", "not checked: the database did not answer", "See database, above.")
    if not lacking:
        return Finding("permissions", "the bot lacks none in any server")
    told = [f"{guild.name} ({', '.join(lacks)})" for guild, lacks in list(lacking.items())[:MAX_GUILDS]]
    more = [f"and {len(lacking) - MAX_GUILDS} more"] if len(lacking) > MAX_GUILDS else []
    remedy = f"Add the bot again from {settings.FRONTEND_URL}/guilds/<id>, which also says what they are for."
    return Finding("permissions", "missing in " + ", ".join([*told, *more]), remedy)


def everywhere(lacks: list[dict[str, Any]]) -> list[str]:
    """Return the permissions that are missing in a whole guild, each with the features that need it."""
    return [
        lack["permission"] + (f" for {' and '.join(lack['features'])}" if lack["features"] else "")
        for lack in lacks
        if lack["channel_id"] is None
    ]


def check_content_intent() -> Finding:
    """It is a problem only if a guild has a request channel. Nothing else needs the intent."""
    granted = _privileged()
    if granted is None:
        return Finding("content intent", "not checked: Discord did not answer", "See bot token, above.")
    if granted.content:
        return Finding("content intent", "on")
    try:
        wanted = GuildSettings.objects.exclude(request_channel_id=None).count()
    except DatabaseError:
        wanted = 0
    if wanted:
        return Finding("content intent", f"off, but {wanted} request channels need it", CONTENT_REMEDY)
    return Finding("content intent", "off (only request channels need it)")


def check_redirect_uri() -> Finding:
    given, base = urlsplit(settings.DISCORD_REDIRECT_URI), urlsplit(settings.API_BASE_URL)
    if (given.scheme, given.netloc) != (base.scheme, base.netloc):
        return Finding(
            "redirect URI",
            "its host differs from API_BASE_URL",
            "Use the same host, or login loses its cookie.",
        )
    if given.path != "/api/auth/discord/callback":
        return Finding("redirect URI", f"its path is {given.path}", "It must be /api/auth/discord/callback.")
    hint = "" if settings.SANDBOX else " (the developer portal must list exactly this)"
    return Finding("redirect URI", settings.DISCORD_REDIRECT_URI + hint)


def check_voice() -> Finding:
    problem = voice_problem()
    if problem:
        return Finding("voice", "unavailable", problem)
    return Finding("voice", "nextcord with DAVE, PyNaCl and PyAV are installed")


def check_library() -> Finding:
    """Try to read the library's folder, and say whether its changes are watched."""
    try:
        return Finding("library", *library_state())
    except DatabaseError:
        return Finding("library", "not checked: the database did not answer", "See database, above.")


def check_uploads() -> Finding:
    """Check whether files of people can be kept."""
    folder = options_for("").uploads
    if not can_write(folder):
        return Finding(
            "uploads", f"{folder} cannot be written", "Give Backline's user the permission to write to it."
        )
    return Finding("uploads", f"{folder}" if settings.UPLOADS else "off (UPLOADS)")


def check_search() -> Finding:
    try:
        problem = index_problem(connection)
    except DatabaseError:
        return Finding("search", "not checked: the database did not answer", "See database, above.")
    if problem:
        return Finding("search", problem, "Run `manage.py migrate`, which builds the index again.")
    return Finding("search", "the index is whole")


def check_clock() -> Finding:
    begin = time.time()
    answer = _get("/gateway")
    if isinstance(answer, str) or "Date" not in answer.headers:
        return Finding("clock", "not checked: Discord did not answer")
    ours = (begin + time.time()) / 2
    try:
        theirs = parsedate_to_datetime(answer.headers["Date"]).timestamp() + 0.5
    except ValueError:
        return Finding("clock", "not checked: Discord sent no valid date")
    skew = abs(theirs - ours)
    if skew > MAX_CLOCK_SKEW_SECONDS:
        return Finding("clock", f"{skew:.0f} s off", "Turn on NTP. Tokens depend on the time.")
    return Finding("clock", "in sync with Discord")


CHECKS: list[Callable[[], Finding]] = [
    check_settings,
    check_database,
    check_layer,
    check_discord,
    check_bot_token,
    check_members_intent,
    check_permissions,
    check_content_intent,
    check_redirect_uri,
    check_voice,
    check_library,
    check_uploads,
    check_search,
    check_clock,
]
