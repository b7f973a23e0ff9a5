"""Failures on demand: what goes wrong with Discord, for tests and for the curious."""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sandbox import actions
from sandbox.gateway import INVALID_SESSION, RECONNECT
from sandbox.model import Json
from sandbox.ratelimit import PROFILES, RateLimiter, Verdict, exhausted, refuse
from sandbox.shapes import VOICE_TYPES

if TYPE_CHECKING:
    from sandbox.server import Sandbox

STANDING = ("http_status", "rate_limit", "rate_headers", "latency", "interaction")
# What headers a 429 comes with: those of a used-up window, the usual ones (of a hidden limit), or none.
HEADERS = ("used_up", "usual", "none")
MAX_SECONDS = 200_000.0  # Discord has said 102,737


class BadFault(ValueError):
    """A fault that cannot be had; the sentence says why."""


@dataclass
class StandingFault:
    """A fault that waits for REST requests. `left` counts down; None means until cleared."""

    kind: str
    path: re.Pattern[str]
    method: str | None = None
    left: int | None = 1
    status: int = 500
    code: int = 0
    html: bool = False
    scope: str = "user"
    retry_after: float = 1.0
    headers: str = "used_up"
    reset_after: float | None = None
    bucket: str | None = None
    ms: int = 0
    twice: bool = False
    done: bool = False

    def fits(self, method: str, path: str) -> bool:
        return self.method in (None, method) and self.path.search(path) is not None


@dataclass
class Faults:
    """Standing faults by arrival; the immediate ones happen in `inject` and are gone."""

    standing: list[StandingFault] = field(default_factory=list)

    def take(self, kind: str, method: str, path: str, *, done: bool = False) -> StandingFault | None:
        """The first standing fault of `kind` for this request, counted down."""
        for fault in self.standing:
            if (fault.kind, fault.done) == (kind, done) and fault.fits(method, path):
                if fault.left is not None:
                    fault.left -= 1
                    if fault.left <= 0:
                        self.standing.remove(fault)
                return fault
        return None

    async def delay(self, method: str, path: str, *, done: bool = False) -> None:
        """Hold a request back, or with `done` its answer: what it asked for has happened by then."""
        if fault := self.take("latency", method, path, done=done):
            await asyncio.sleep(fault.ms / 1000)

    def rate_limit(
        self, method: str, path: str, *, route: str, usual: Callable[[], dict[str, str]] = dict
    ) -> Verdict | None:
        """A 429 on demand. `usual` returns the headers that the answer would have otherwise."""
        fault = self.take("rate_limit", method, path)
        if fault is None:
            return None
        verdict = refuse(fault.retry_after, scope=fault.scope, code=fault.code)
        if fault.html:  # Cloudflare, in front of Discord, says this by itself
            return Verdict({"Retry-After": verdict.headers["Retry-After"]}, "error code: 1015")
        if fault.scope == "global" or fault.headers == "none":
            return verdict
        window = usual() if fault.headers == "usual" else exhausted(method, route, fault.retry_after)
        return Verdict(window | verdict.headers, verdict.refusal)

    def rewrite(self, method: str, path: str, headers: dict[str, str]) -> None:
        """Have an answer's headers tell of another window than its own, as Discord has done (docs, issue 5646)."""
        fault = self.take("rate_headers", method, path)
        if fault is not None and fault.reset_after is not None:
            headers["X-RateLimit-Reset-After"] = f"{fault.reset_after:.3f}"
            headers["X-RateLimit-Reset"] = f"{time.time() + fault.reset_after:.3f}"
        if fault is not None and fault.bucket is not None:
            headers["X-RateLimit-Bucket"] = fault.bucket

    def failure(self, method: str, path: str) -> StandingFault | None:
        return self.take("http_status", method, path)


async def inject(sandbox: "Sandbox", order: Json) -> Json:
    """Do what `order["kind"]` says. Returns what was done.

    Raises:
        BadFault: unknown kind, or a field that does not fit.
    """
    kind = order.get("kind")
    if kind in STANDING:
        fault = _standing(order)
        sandbox.faults.standing.append(fault)
        return {"kind": kind, "standing": len(sandbox.faults.standing)}
    act = IMMEDIATE.get(str(kind))
    if act is None:
        raise BadFault(f"kind must be one of {', '.join(sorted([*IMMEDIATE, *STANDING]))}")
    return {"kind": kind, **await act(sandbox, order)}


def _standing(order: Json) -> StandingFault:
    try:
        pattern = re.compile(str(order.get("path", "")))
    except re.error as error:
        raise BadFault(f"path is no regular expression: {error}") from error
    count = order.get("count", None if order["kind"] == "latency" else 1)
    if count is not None and (not isinstance(count, int) or count < 1):
        raise BadFault("count must be a positive integer, or null for until cleared")
    status = _number(order, "status", 500, 400, 599)
    scope = order.get("scope", "user")
    if scope not in ("user", "shared", "global"):
        raise BadFault("scope must be user, shared or global")
    headers = order.get("headers", "used_up")
    if headers not in HEADERS:
        raise BadFault(f"headers must be one of {', '.join(HEADERS)}")
    method = order.get("method")
    return StandingFault(
        kind=order["kind"],
        path=pattern,
        method=None if method is None else str(method).upper(),
        left=count,
        status=int(status),
        code=int(_number(order, "code", 0, 0, 999_999)),
        html=bool(order.get("html", False)),
        scope=scope,
        retry_after=_number(order, "retry_after", 1.0, 0.001, MAX_SECONDS),
        headers=headers,
        reset_after=_number(order, "reset_after", 1.0, 0, MAX_SECONDS) if "reset_after" in order else None,
        bucket=str(order["bucket"]) if "bucket" in order else None,
        ms=int(_number(order, "ms", 0, 0, 60_000)),
        twice=bool(order.get("twice", False)),
        done=order["kind"] == "latency" and bool(order.get("done", False)),
    )


def _number(order: Json, name: str, default: float, low: float, high: float) -> float:
    value = order.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise BadFault(f"{name} must be a number from {low} to {high}")
    return value


def _close_code(order: Json, default: int) -> int:
    return int(_number(order, "code", default, 1000, 4999))


def _optional_code(order: Json, default: int | None) -> int | None:
    """null: the socket stays open."""
    code = order.get("code", default)
    return None if code is None else _close_code({"code": code}, 0)


async def _gateway_drop(sandbox: "Sandbox", order: Json) -> Json:
    """Without `code` the TCP connection breaks, as when a cable is pulled; with one it is closed."""
    code = order.get("code")
    connections = tuple(sandbox.gateway.connections)
    for connection in connections:
        if code is None:
            connection.abort()
        else:
            connection.close(int(_number(order, "code", 4000, 1000, 4999)))
    return {"connections": len(connections)}


async def _invalid_session(sandbox: "Sandbox", order: Json) -> Json:
    resumable = bool(order.get("resumable", False))
    sessions = tuple(sandbox.gateway.sessions.values())
    for session in sessions:
        connection = session.connection
        if not resumable:
            sandbox.gateway.end(session)
        if connection is not None:
            connection.send(INVALID_SESSION, resumable)
    return {"sessions": len(sessions)}


async def _reconnect(sandbox: "Sandbox", order: Json) -> Json:
    connections = tuple(sandbox.gateway.connections)
    for connection in connections:
        connection.send(RECONNECT)
    return {"connections": len(connections)}


async def _voice_close(sandbox: "Sandbox", order: Json) -> Json:
    guild_id = _guild_with_bot_in_voice(sandbox, order)
    code = _close_code(order, 4006)
    await sandbox.bot_voice.close_socket(guild_id, code)
    return {"guild_id": guild_id, "code": code}


async def _move_bot(sandbox: "Sandbox", order: Json) -> Json:
    guild_id = _guild_with_bot_in_voice(sandbox, order)
    channel = sandbox.world.channels.get(str(order.get("channel_id")))
    if channel is None or channel.guild_id != guild_id or channel.type not in VOICE_TYPES:
        raise BadFault("channel_id must be a voice channel of the guild")
    await sandbox.bot_voice.move(
        guild_id,
        channel.id,
        code=_optional_code(order, 4014),
        server_first=bool(order.get("server_first", False)),
        seconds=_number(order, "seconds", 0.0, 0, 60),
    )
    return {"guild_id": guild_id, "channel_id": channel.id}


async def _voice_server(sandbox: "Sandbox", order: Json) -> Json:
    """The bot's call goes to another voice server. `seconds`: how long until there is one."""
    guild_id = _guild_with_bot_in_voice(sandbox, order)
    await sandbox.bot_voice.change_server(
        guild_id,
        code=_optional_code(order, 4022 if sandbox.bot_voice.is_alone(guild_id) else None),
        null_first=bool(order.get("null_first", False)),
        seconds=_number(order, "seconds", 0.0, 0, 60),
    )
    return {"guild_id": guild_id}


async def _kick_bot(sandbox: "Sandbox", order: Json) -> Json:
    guild_id = _guild_with_bot_in_voice(sandbox, order)
    default = 4022 if sandbox.bot_voice.is_alone(guild_id) else 4014
    code = _close_code(order, default)
    await sandbox.bot_voice.kick(guild_id, code=code, state_first=bool(order.get("state_first", True)))
    return {"guild_id": guild_id, "code": code}


async def _guild_unavailable(sandbox: "Sandbox", order: Json) -> Json:
    """`available: true` ends the outage; `seconds` ends it by itself."""
    guild_id = _guild(sandbox, order)
    if order.get("available"):
        actions.set_available(sandbox.world, guild_id, available=True)
        return {"guild_id": guild_id, "available": True}
    actions.set_available(sandbox.world, guild_id, available=False)
    if "seconds" in order:
        seconds = _number(order, "seconds", 1, 0, 3600)
        sandbox.call_later(seconds, lambda: _end_outage(sandbox, guild_id))
    return {"guild_id": guild_id, "available": False}


def _end_outage(sandbox: "Sandbox", guild_id: str) -> None:
    if guild_id in sandbox.world.unavailable:
        actions.set_available(sandbox.world, guild_id, available=True)


async def _guild_delete(sandbox: "Sandbox", order: Json) -> Json:
    """Somebody kicks the bot out of the guild."""
    guild_id = _guild(sandbox, order)
    actions.remove_bot(sandbox.world, guild_id)
    return {"guild_id": guild_id}


async def _limits(sandbox: "Sandbox", order: Json) -> Json:
    """Keep the limits of a profile from now on, with all windows unused."""
    profile = order.get("profile")
    if profile not in PROFILES:
        raise BadFault(f"profile must be one of {', '.join(PROFILES)}")
    sandbox.ratelimiter = RateLimiter(str(profile))
    return {"profile": profile}


async def _members_intent(sandbox: "Sandbox", order: Json) -> Json:
    """`granted: false` turns the developer portal's switch off: who asks for the intent is closed with 4014."""
    granted = order.get("granted", False)
    if not isinstance(granted, bool):
        raise BadFault("granted must be true or false")
    sandbox.world.members_intent = granted
    return {"granted": granted}


def _guild(sandbox: "Sandbox", order: Json) -> str:
    """The order's guild, or the first with the bot."""
    world = sandbox.world
    if "guild_id" in order:
        if not world.bot_installed(str(order["guild_id"])):
            raise BadFault("the bot is not in this guild")
        return str(order["guild_id"])
    for guild in world.guilds_of(world.bot_id):
        return guild.id
    raise BadFault("the bot is in no guild")


def _guild_with_bot_in_voice(sandbox: "Sandbox", order: Json) -> str:
    world = sandbox.world
    places = [state.guild_id for state in world.voice_states.values() if state.user_id == world.bot_id]
    if "guild_id" in order:
        places = [guild_id for guild_id in places if guild_id == str(order["guild_id"])]
    if not places:
        raise BadFault("the bot is in no voice channel there")
    return places[0]


type Act = Callable[["Sandbox", Json], Awaitable[dict[str, Any]]]

IMMEDIATE: dict[str, Act] = {
    "gateway_drop": _gateway_drop,
    "invalid_session": _invalid_session,
    "reconnect": _reconnect,
    "voice_close": _voice_close,
    "move_bot": _move_bot,
    "kick_bot": _kick_bot,
    "voice_server": _voice_server,
    "guild_unavailable": _guild_unavailable,
    "guild_delete": _guild_delete,
    "members_intent": _members_intent,
    "limits": _limits,
}
