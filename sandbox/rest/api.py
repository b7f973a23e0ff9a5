"""Shared by all REST endpoints: authentication, injected faults, rate limits, and Discord's error bodies."""

import json
import logging
import re
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from sandbox import bodies
from sandbox.attachments import Attachments
from sandbox.bodies import Upload
from sandbox.bot_voice import BotVoice
from sandbox.credentials import Credentials
from sandbox.errors import DiscordError, invalid_form, unauthorized
from sandbox.faults import Faults
from sandbox.gateway import Gateway
from sandbox.interactions import Interactions
from sandbox.model import Json, User
from sandbox.ratelimit import RateLimited, RateLimiter, Verdict
from sandbox.snowflake import is_snowflake
from sandbox.tokens import Tokens
from sandbox.world import World

log = logging.getLogger(__name__)

PREFIX = "/api/v10"
PREFIXES = (PREFIX, "/api/v9", "/api")
BOT, ANY, NOBODY = "bot", "any", "nobody"


@dataclass(frozen=True)
class Caller:
    """The authenticated caller. `scopes` is None for the bot's token, and the granted scopes for a user's token."""

    user: User
    scopes: frozenset[str] | None
    expires_at: float | None = None

    def needs(self, scope: str) -> None:
        """Raises 401, Discord's response to a token without the scope."""
        if self.scopes is not None and scope not in self.scopes:
            raise unauthorized()


type Observer = Callable[[str, str, int, object], None]


@dataclass(frozen=True, kw_only=True)
class Parts:
    """The parts of the sandbox that the REST endpoints use.

    `redirect_uris` are those registered for the application. `observers` are called with
    `(method, path, status, body)` for every response.
    """

    credentials: Credentials
    redirect_uris: Sequence[str]
    world: World
    tokens: Tokens
    attachments: Attachments
    faults: Faults
    ratelimiter: RateLimiter
    gateway: Gateway
    bot_voice: BotVoice
    interactions: Interactions
    observers: Sequence[Observer]


@dataclass(frozen=True)
class Call:
    """One authenticated request. `who` is None only on routes of kind NOBODY."""

    parts: Parts
    request: web.Request
    who: Caller | None

    @property
    def world(self) -> World:
        return self.parts.world

    @property
    def caller(self) -> Caller:
        if self.who is None:
            raise unauthorized()
        return self.who

    def param(self, name: str) -> str:
        return self.request.match_info[name]

    def count_hidden(self, name: str, key: str) -> None:
        """Count this request against a limit in `ratelimit.HIDDEN`. Raises RateLimited."""
        self.parts.ratelimiter.hidden(name, key, caller=self.request.headers.get("Authorization", ""))

    def flag(self, name: str) -> bool:
        return self.request.query.get(name, "").lower() in ("true", "1")

    def number(self, name: str, default: int, low: int, high: int) -> int:
        text = self.request.query.get(name)
        if text is None:
            return default
        if not (text.isascii() and text.isdecimal() and len(text) < 20) or not low <= int(text) <= high:
            raise invalid_form({name: f"int value should be between {low} and {high}."})
        return int(text)

    async def json(self) -> object:
        """Return the body, sent as JSON or as a form. Raises DiscordError 400 when it cannot be parsed."""
        return (await bodies.read(self.request)).value

    async def object(self) -> Json:
        return _mapping(await self.json())

    async def message(self) -> tuple[Json, list[Upload]]:
        """Return a message's fields and the uploaded files."""
        body = await bodies.read(self.request)
        return _mapping(body.value), body.uploads

    def keep(self, channel_id: str, payload: Json, uploads: Sequence[Upload]) -> list[Json]:
        """Store a message's files. Returns Discord's attachment objects, with the payload's fields for each file."""
        listed = payload.get("attachments") or _data_attachments(payload)
        described = {str(each.get("id")): each for each in listed if isinstance(each, dict)}
        return [
            self.parts.attachments.store(
                channel_id=channel_id, upload=upload, described=described.get(upload.number, {})
            )
            for upload in uploads
        ]


def _mapping(body: object) -> Json:
    if not isinstance(body, dict):
        raise DiscordError(400, 50035, "Invalid Form Body")
    return body


def _data_attachments(payload: Json) -> list[Any]:
    data = payload.get("data")
    return (data.get("attachments") or []) if isinstance(data, dict) else []


@dataclass(frozen=True)
class Answer:
    """A response with a status other than the defaults: 200 with a body, 204 without.

    A body of type str is sent as HTML or plain text instead of JSON.
    """

    status: int
    body: object = None


# Exceptions that a handler raises when a field of the body is missing or has the wrong type.
MALFORMED = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)

type Handler = Callable[[Call], Awaitable[object]]


@dataclass(frozen=True)
class Route:
    """One endpoint. `who` is BOT, ANY (bot or user token) or NOBODY (a secret in the path, or none needed).

    An endpoint that is not `limited` has no rate limit, and its responses have no rate limit headers.
    """

    method: str
    path: str
    handler: Handler
    who: str = BOT
    limited: bool = True


def mount(parts: Parts, routes: Sequence[Route]) -> list[web.RouteDef]:
    """Return every route under both API versions, and without a version for older clients (allauth)."""
    return [
        web.route(route.method, prefix + route.path, _endpoint(parts, route))
        for prefix in PREFIXES
        for route in routes
    ]


def _endpoint(parts: Parts, route: Route) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def handle(request: web.Request) -> web.Response:
        await parts.faults.delay(request.method, request.path)
        headers = {"Via": "1.1 sandbox"}  # nextcord treats a 429 without Via as a ban
        try:
            answer = await _answer(parts, route, request, headers)
        except DiscordError as error:
            answer = Answer(error.status, error.body())
        except RateLimited as limited:
            headers.update(limited.verdict.headers)
            answer = Answer(429, limited.verdict.refusal)
        except (web.HTTPException, ConnectionError):
            raise
        except Exception as error:
            log.exception("The sandbox could not handle %s %s", request.method, request.path)
            if request.body_exists and isinstance(error, MALFORMED):
                answer = Answer(400, DiscordError(400, 50035, "Invalid Form Body").body())
            else:
                answer = Answer(500, {"message": "500: Internal Server Error", "code": 0})
        if isinstance(answer.body, str):  # not from Discord itself
            kind = "text/html" if answer.body.startswith("<") else "text/plain"
            return web.Response(text=answer.body, status=answer.status, content_type=kind, headers=headers)
        parts.faults.rewrite(request.method, request.path, headers)
        for observe in parts.observers:
            path = re.sub(r"^/api(/v\d+)?", "", request.path)
            observe(request.method, path, answer.status, answer.body)
        await parts.faults.delay(request.method, request.path, done=True)
        if answer.body is None:
            return web.Response(status=answer.status, headers=headers)
        # nextcord parses a body only if the content type is exactly this, without a charset.
        headers["Content-Type"] = "application/json"
        return web.Response(body=json.dumps(answer.body).encode(), status=answer.status, headers=headers)

    return handle


async def _answer(parts: Parts, route: Route, request: web.Request, headers: dict[str, str]) -> Answer:
    def check() -> Verdict:
        return parts.ratelimiter.check(
            caller="" if route.who == NOBODY else request.headers.get("Authorization", ""),
            method=route.method,
            route=route.path,
            parameters=dict(request.match_info),
            exempt=route.who == NOBODY,
        )

    limited = parts.faults.rate_limit(
        request.method, request.path, route=route.path, usual=lambda: check().headers
    )
    if limited is not None:
        if isinstance(limited.refusal, str):
            headers.clear()
        headers.update(limited.headers)
        return Answer(429, limited.refusal)
    if fault := parts.faults.failure(request.method, request.path):
        if fault.html:  # sent by Cloudflare, in front of Discord
            headers.clear()
            return Answer(fault.status, f"<!DOCTYPE html><title>Error {fault.status}</title>")
        return Answer(fault.status, {"message": f"{fault.status}: ordered by a test", "code": fault.code})
    who = None if route.who == NOBODY else authenticate(parts, request)
    if route.limited:
        verdict = check()
        headers.update(verdict.headers)
        if verdict.refusal is not None:
            return Answer(429, verdict.refusal)
    for name, value in request.match_info.items():
        if name.endswith("_id") and not is_snowflake(value):
            raise invalid_form({name: f'Value "{value}" is not snowflake.'})
    if route.who == BOT and who is not None and who.scopes is not None:
        raise DiscordError(403, 20002, "Only bots can use this endpoint")
    result = await route.handler(Call(parts, request, who))
    if isinstance(result, Answer):
        return result
    return Answer(204) if result is None else Answer(200, result)


def authenticate(parts: Parts, request: web.Request) -> Caller:
    """Raises 401 without a valid bot or user token."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme == "Bot" and secrets.compare_digest(token.encode(), parts.credentials.bot_token.encode()):
        return Caller(parts.world.bot, None)
    if scheme == "Bearer" and (grant := parts.tokens.grant_for(token)):
        return Caller(parts.world.users[grant["user_id"]], frozenset(grant["scopes"]), grant["expires_at"])
    raise unauthorized()
