"""A synchronous client of Discord's REST API: rate limits, timeouts, bounded retries, and errors that say what to do.

`request` makes any call, from any thread. The functions below it are the calls that the program makes, except those for
messages (discord_messages.py). Sources: Discord's developer documentation: Reference, OAuth2, Rate Limits.
"""

from __future__ import annotations

import json
import logging
import random
import ssl
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import httpx
from django.conf import settings
from prometheus_client import Counter

from accounts.discord_limits import Limits, route_of
from accounts.errors import (
    CodeRefused,
    Crowded,
    DiscordBusy,
    DiscordError,
    DiscordMalformed,
    DiscordRefused,
    DiscordTimeout,
)

log = logging.getLogger(__name__)

ATTEMPTS = 3
TIMEOUT_SECONDS = 5.0
PATIENCE_SECONDS = 3.0  # a browser is waiting; longer than this is a failure it should see
# Of the 40 threads that handle requests (realtime/db.py). The rest stay free for requests that do not need Discord.
TURNS = 16
# Errors before a connection existed, so nothing was sent.
NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
MAX_EXPIRES_IN = 10 * 365 * 24 * 3600
# Discord asks for `DiscordBot (url, version)` (Reference, User Agent); the url is the operator's own.
USER_AGENT = f"DiscordBot ({settings.API_BASE_URL}, {settings.VERSION})"
# `mounts` of httpx: HTTP_PROXY is for the outside world, not for the sandbox or a Bot API on this machine.
WITHOUT_PROXY: dict[str, httpx.BaseTransport | None] = {
    "all://127.0.0.1": None,
    "all://[::1]": None,
    "all://localhost": None,
}

ANSWERS = Counter(
    "backline_discord_answers", "Responses of Discord's REST API to the web process.", ["status"]
)

type File = tuple[str, bytes, str]  # name, content, media type
# An object of Discord's API, whose documentation lists the fields. We check the fields that we rely on.
type DiscordObject = dict[str, Any]


@lru_cache(maxsize=1)
def tls_context() -> ssl.SSLContext:
    """Return a context that trusts the system's root certificates, and DISCORD_CA_FILE when it is set."""
    context = ssl.create_default_context()
    if settings.DISCORD_CA_FILE:
        context.load_verify_locations(settings.DISCORD_CA_FILE)
    return context


@dataclass(frozen=True)
class _Transport:
    http: httpx.Client
    limits: Limits


# lru_cache alone would let simultaneous threads each create a transport, with separate rate limits.
_making_transport = threading.Lock()


@lru_cache(maxsize=1)
def _transport(api_url: str, context: ssl.SSLContext) -> _Transport:
    """Return the process's only transport, which keeps its connections and the rate limits that it has learned."""
    headers = {"User-Agent": USER_AGENT}
    http = httpx.Client(base_url=api_url, verify=context, headers=headers, mounts=WITHOUT_PROXY)
    return _Transport(http, Limits())


_turns = threading.BoundedSemaphore(TURNS)


@contextmanager
def turn() -> Iterator[None]:
    """Limit how many request threads call Discord at a time. Raises Crowded at once when TURNS others are inside."""
    if not _turns.acquire(blocking=False):
        raise Crowded
    try:
        yield
    finally:
        _turns.release()


def bot_authorization() -> str:
    return f"Bot {settings.DISCORD_BOT_TOKEN}"


def request(
    method: str,
    path: str,
    *,
    authorization: str = "",
    data: dict[str, str] | None = None,
    payload: object = None,
    files: Sequence[File] = (),
    patience: float = PATIENCE_SECONDS,
    attempts: int = ATTEMPTS,
) -> object:
    """Return the JSON of the response, or None when its body is empty.

    `data` is a form, `payload` is JSON; with `files` the payload is sent as Discord's `payload_json`. Waits up to
    `patience` seconds in all for rate limits, and retries after a 429, a 5xx or a broken connection. Pass `attempts=1`
    for a request that must not be made twice. Raises DiscordRefused (4xx), DiscordBusy, DiscordPaused, DiscordTimeout,
    DiscordMalformed or DiscordError, whose `perhaps_done` is about the last attempt.
    """
    try:
        with _making_transport:
            transport = _transport(settings.DISCORD_API_URL, tls_context())
    except OSError as error:
        log.error("Could not read DISCORD_CA_FILE: %r", error)
        raise DiscordError from error
    route = route_of(method, path, authorization=authorization)
    body: dict[str, Any] = {"data": data} if data is not None else {}
    if files:
        body = {"data": {"payload_json": json.dumps(payload)}}
        body["files"] = {f"files[{number}]": file for number, file in enumerate(files)}
    elif payload is not None:
        body = {"json": payload}
    failure: DiscordError = DiscordError()
    until = time.monotonic() + patience
    for attempt in range(attempts):
        transport.limits.acquire(route, until=until)
        try:
            response = transport.http.request(
                method,
                path,
                headers={"Authorization": authorization} if authorization else None,
                timeout=TIMEOUT_SECONDS,
                **body,
            )
        except httpx.TimeoutException as error:
            transport.limits.abandon(route)
            # A second wait would outlast the person's patience.
            raise DiscordTimeout(perhaps_done=not isinstance(error, NEVER_SENT)) from None
        except httpx.TransportError as error:
            transport.limits.abandon(route)
            log.warning("Discord %s %s failed: %r", method, route.template, error)
            failure = DiscordError(perhaps_done=not isinstance(error, NEVER_SENT))
        except BaseException:
            transport.limits.abandon(route)
            raise
        else:
            answer = _json(response)
            wait = transport.limits.learn(
                route, status=response.status_code, headers=response.headers, body=answer
            )
            ANSWERS.labels(str(response.status_code)).inc()
            if response.is_success:
                if response.content and answer is None:
                    raise DiscordMalformed(perhaps_done=True)
                return answer
            log.warning("Discord %s %s: HTTP %s", method, route.template, response.status_code)
            if response.status_code == 429:
                failure = DiscordBusy(wait)
                continue  # `acquire` waits
            if response.status_code < 500:
                if not isinstance(answer, dict):
                    raise DiscordRefused(response.status_code, None)
                code = answer.get("code")
                raise DiscordRefused(response.status_code, code if isinstance(code, int) else 0)
            failure = DiscordError(perhaps_done=True)
        if attempt + 1 < attempts:
            time.sleep(random.uniform(0, 0.2 * 2**attempt))
    raise failure


def _json(response: httpx.Response) -> object:
    try:
        return response.json() if response.content else None
    except ValueError:
        return None


def exchange_code(*, code: str, redirect_uri: str, code_verifier: str | None) -> DiscordObject:
    """Exchange an authorization code for `{access_token, refresh_token, expires_in, scope, token_type}`."""
    data = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": redirect_uri,
        **_client(),
    }
    if code_verifier:
        data["code_verifier"] = code_verifier
    try:
        return _token_answer(expect_object(request("POST", "/oauth2/token", data=data)))
    except DiscordRefused as error:
        if error.http_status != 400:  # 401: our own credentials are wrong, so the code is not to blame
            raise
        raise CodeRefused from error


def renew_tokens(refresh_token: str) -> DiscordObject:
    """Exchange a refresh token for new tokens, in the shape of `exchange_code`. The old refresh token is then spent.

    Raises DiscordRefused, with `http_status` 400 when the token is no longer valid (RFC 6749 §5.2).
    """
    data = {"grant_type": "refresh_token", "refresh_token": refresh_token, **_client()}
    return _token_answer(expect_object(request("POST", "/oauth2/token", data=data)))


def revoke_token(token: str) -> None:
    """Revoke a token, and with it all tokens of the same authorization (RFC 7009)."""
    request("POST", "/oauth2/token/revoke", data={"token": token, **_client()})


def _client() -> dict[str, str]:
    return {"client_id": settings.DISCORD_CLIENT_ID, "client_secret": settings.DISCORD_CLIENT_SECRET}


def _token_answer(answer: DiscordObject) -> DiscordObject:
    match answer:
        case {"access_token": str(token)} if token:
            expires_in = answer.get("expires_in", 0)
            texts = (answer.get("refresh_token") or "", answer.get("scope") or "")
            if type(expires_in) is int and 0 <= expires_in <= MAX_EXPIRES_IN and all(map(_is_text, texts)):
                return dict(answer)
    raise DiscordMalformed


def _is_text(value: object) -> bool:
    return isinstance(value, str) and "\0" not in value and len(value) <= 200


def fetch_me(access_token: str) -> DiscordObject:
    """Return the user object of `GET /users/@me`."""
    profile = expect_object(request("GET", "/users/@me", authorization=f"Bearer {access_token}"))
    match profile:
        case {"id": str(snowflake), "username": str(username)} if snowflake.isdecimal() and username:
            texts = (snowflake, username, profile.get("global_name") or "", profile.get("avatar") or "")
            if len(snowflake) <= 20 and all(map(_is_text, texts)):
                return dict(profile)
    raise DiscordMalformed


def fetch_my_guilds(access_token: str) -> list[DiscordObject]:
    """Return the partial guilds of `GET /users/@me/guilds`: `{id, name, icon, owner, permissions}`.

    One page is always enough: it holds 200 guilds, and Discord lets nobody join more.
    """
    path = "/users/@me/guilds?with_counts=true"
    guilds = expect_objects(request("GET", path, authorization=f"Bearer {access_token}"))
    if not all(_is_text(guild["id"]) and _is_text(guild.get("name")) for guild in guilds):
        raise DiscordMalformed
    return guilds


def fetch_bot() -> DiscordObject:
    """Return the bot's own user object."""
    return expect_object(request("GET", "/users/@me", authorization=bot_authorization()))


def fetch_guild(guild_id: str) -> DiscordObject:
    """Return the guild object, with its counts and roles, as the bot sees it."""
    path = f"/guilds/{guild_id}?with_counts=true"
    return expect_object(request("GET", path, authorization=bot_authorization()))


def fetch_channels(guild_id: str) -> list[DiscordObject]:
    """Return a guild's channel objects, without threads."""
    return expect_objects(request("GET", f"/guilds/{guild_id}/channels", authorization=bot_authorization()))


def fetch_member(guild_id: str, discord_id: str) -> DiscordObject:
    """Return the guild member object of a person or bot."""
    path = f"/guilds/{guild_id}/members/{discord_id}"
    return expect_object(request("GET", path, authorization=bot_authorization()))


def is_bot_in(guild_id: str) -> bool:
    """Whether the bot is a member of the guild, even during an outage of the guild."""
    path = f"/users/@me/guilds?limit=1&after={int(guild_id) - 1}"
    guilds = expect_objects(request("GET", path, authorization=bot_authorization()))
    return any(guild["id"] == guild_id for guild in guilds)


def expect_object(answer: object) -> DiscordObject:
    """Return the answer. Raises DiscordMalformed if it is not an object."""
    if not isinstance(answer, dict):
        raise DiscordMalformed
    return answer


def expect_objects(answer: object) -> list[DiscordObject]:
    """Return the answer. Raises DiscordMalformed if it is not a list of objects with ids."""
    if not isinstance(answer, list) or not all(isinstance(each, dict) and "id" in each for each in answer):
        raise DiscordMalformed
    return answer
