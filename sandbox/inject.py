"""Fault injection: `POST /_sandbox/faults`."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from sandbox import actions
from sandbox.bot_voice import BotVoice
from sandbox.faults import Faults, StandingFault
from sandbox.gateway import INVALID_SESSION, RECONNECT, Gateway
from sandbox.model import Json
from sandbox.ratelimit import PROFILES, RateLimiter
from sandbox.shapes import VOICE_TYPES
from sandbox.world import World

STANDING = ("http_status", "rate_limit", "rate_headers", "latency", "interaction")
# The headers of a 429: those of a used-up window, the normal ones (as for a hidden limit), or none.
HEADERS = ("used_up", "usual", "none")
MAX_SECONDS = 200_000.0  # Discord has sent 102,737


class BadFault(ValueError):
    """The request for a fault is invalid. The message says why."""


@dataclass(frozen=True, kw_only=True)
class Injector:
    """Carries out orders at once. Orders of the kinds in STANDING are added to `faults`."""

    world: World
    faults: Faults
    ratelimiter: RateLimiter
    gateway: Gateway
    bot_voice: BotVoice

    async def inject(self, order: Json) -> Json:
        """Carry out an order by its `kind`, and return what was done.

        Raises:
            BadFault: unknown kind, or an invalid field.
        """
        kind = order.get("kind")
        if kind in STANDING:
            self.faults.standing.append(_standing(order))
            return {"kind": kind, "standing": len(self.faults.standing)}
        act = IMMEDIATE.get(str(kind))
        if act is None:
            raise BadFault(f"kind must be one of {', '.join(sorted([*IMMEDIATE, *STANDING]))}")
        return {"kind": kind, **await act(self, order)}

    async def _drop_gateway(self, order: Json) -> Json:
        """Abort the TCP connections, as when a cable is pulled. With `code`, close the WebSockets with it."""
        code = order.get("code")
        connections = tuple(self.gateway.connections)
        for connection in connections:
            if code is None:
                connection.abort()
            else:
                connection.close(_close_code(order, 4000))
        return {"connections": len(connections)}

    async def _invalidate_sessions(self, order: Json) -> Json:
        resumable = bool(order.get("resumable", False))
        sessions = tuple(self.gateway.sessions.values())
        for session in sessions:
            connection = session.connection
            if not resumable:
                self.gateway.end(session)
            if connection is not None:
                connection.send(INVALID_SESSION, resumable)
        return {"sessions": len(sessions)}

    async def _ask_to_reconnect(self, order: Json) -> Json:
        connections = tuple(self.gateway.connections)
        for connection in connections:
            connection.send(RECONNECT)
        return {"connections": len(connections)}

    async def _close_voice(self, order: Json) -> Json:
        guild_id = self._guild_with_bot_in_voice(order)
        code = _close_code(order, 4006)
        await self.bot_voice.close_socket(guild_id, code)
        return {"guild_id": guild_id, "code": code}

    async def _move_bot(self, order: Json) -> Json:
        guild_id = self._guild_with_bot_in_voice(order)
        channel = self.world.channels.get(str(order.get("channel_id")))
        if channel is None or channel.guild_id != guild_id or channel.type not in VOICE_TYPES:
            raise BadFault("channel_id must be a voice channel of the guild")
        await self.bot_voice.move(
            guild_id,
            channel.id,
            code=_optional_code(order, 4014),
            server_first=bool(order.get("server_first", False)),
            seconds=_number(order, "seconds", 0.0, 0, 60),
        )
        return {"guild_id": guild_id, "channel_id": channel.id}

    async def _change_voice_server(self, order: Json) -> Json:
        """Move the bot's call to another voice server, which is available after `seconds`."""
        guild_id = self._guild_with_bot_in_voice(order)
        await self.bot_voice.change_server(
            guild_id,
            code=_optional_code(order, 4022 if self.bot_voice.is_alone(guild_id) else None),
            null_first=bool(order.get("null_first", False)),
            seconds=_number(order, "seconds", 0.0, 0, 60),
        )
        return {"guild_id": guild_id}

    async def _kick_bot(self, order: Json) -> Json:
        guild_id = self._guild_with_bot_in_voice(order)
        code = _close_code(order, 4022 if self.bot_voice.is_alone(guild_id) else 4014)
        await self.bot_voice.kick(guild_id, code=code, state_first=bool(order.get("state_first", True)))
        return {"guild_id": guild_id, "code": code}

    async def _set_unavailable(self, order: Json) -> Json:
        """Begin an outage of a guild. `available: true` ends it. With `seconds` it ends by itself after that time."""
        guild_id = self._guild(order)
        available = bool(order.get("available"))
        actions.set_available(self.world, guild_id, available=available)
        if not available and "seconds" in order:
            seconds = _number(order, "seconds", 1, 0, 3600)
            asyncio.get_running_loop().call_later(seconds, self._end_outage, guild_id)
        return {"guild_id": guild_id, "available": available}

    def _end_outage(self, guild_id: str) -> None:
        if guild_id in self.world.unavailable:
            actions.set_available(self.world, guild_id, available=True)

    async def _remove_bot(self, order: Json) -> Json:
        """Remove the bot from the guild, as when it is kicked."""
        guild_id = self._guild(order)
        actions.remove_bot(self.world, guild_id)
        return {"guild_id": guild_id}

    async def _set_limits(self, order: Json) -> Json:
        """Switch to the limits of a profile and reset all windows."""
        profile = order.get("profile")
        if profile not in PROFILES:
            raise BadFault(f"profile must be one of {', '.join(PROFILES)}")
        self.ratelimiter.reset(str(profile))
        return {"profile": profile}

    async def _advance_cdn_clock(self, order: Json) -> Json:
        """Set the clock that the links to attachments expire by ahead by `seconds`, at most ten years."""
        seconds = _number(order, "seconds", 0.0, 0, 315_360_000)
        self.world.links.ahead_seconds = seconds
        return {"seconds": seconds}

    async def _set_intent(self, order: Json) -> Json:
        """Set a switch of the developer portal. While it is off, a bot that asks for the intent is closed with 4014."""
        granted = order.get("granted", False)
        if not isinstance(granted, bool):
            raise BadFault("granted must be true or false")
        setattr(self.world, order["kind"], granted)
        return {"granted": granted}

    def _guild(self, order: Json) -> str:
        """Return the order's guild, or the bot's first guild."""
        if "guild_id" in order:
            if not self.world.bot_installed(str(order["guild_id"])):
                raise BadFault("the bot is not in this guild")
            return str(order["guild_id"])
        for guild in self.world.guilds_of(self.world.bot_id):
            return guild.id
        raise BadFault("the bot is not in any guild")

    def _guild_with_bot_in_voice(self, order: Json) -> str:
        states = self.world.voice_states.values()
        places = [state.guild_id for state in states if state.user_id == self.world.bot_id]
        if "guild_id" in order:
            places = [guild_id for guild_id in places if guild_id == str(order["guild_id"])]
        if not places:
            raise BadFault("the bot is not in a voice channel there")
        return places[0]


IMMEDIATE: dict[str, Callable[[Injector, Json], Awaitable[Json]]] = {
    "gateway_drop": Injector._drop_gateway,
    "invalid_session": Injector._invalidate_sessions,
    "reconnect": Injector._ask_to_reconnect,
    "voice_close": Injector._close_voice,
    "move_bot": Injector._move_bot,
    "kick_bot": Injector._kick_bot,
    "voice_server": Injector._change_voice_server,
    "guild_unavailable": Injector._set_unavailable,
    "guild_delete": Injector._remove_bot,
    "cdn_clock": Injector._advance_cdn_clock,
    "members_intent": Injector._set_intent,
    "content_intent": Injector._set_intent,
    "limits": Injector._set_limits,
}


def _standing(order: Json) -> StandingFault:
    try:
        pattern = re.compile(str(order.get("path", "")))
    except re.error as error:
        raise BadFault(f"path is not a regular expression: {error}") from error
    count = order.get("count", None if order["kind"] == "latency" else 1)
    if count is not None and (not isinstance(count, int) or count < 1):
        raise BadFault("count must be a positive integer, or null to apply until cleared")
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
    """Return the close code, or None to leave the socket open."""
    code = order.get("code", default)
    return None if code is None else _close_code({"code": code}, 0)
