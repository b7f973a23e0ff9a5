"""Discord's REST, spoken synchronously: timeouts, bounded retries, and errors that say what to do.

Sources: Discord's developer documentation, OAuth2 and Rate Limits.
"""

from __future__ import annotations

import logging
import random
import ssl
import time
from functools import lru_cache
from typing import Any

import httpx
from django.conf import settings

from accounts.errors import (
    CodeRefused,
    DiscordBusy,
    DiscordError,
    DiscordMalformed,
    DiscordRefused,
    DiscordTimeout,
)

log = logging.getLogger(__name__)

ATTEMPTS = 3
TIMEOUT_SECONDS = 5.0
MAX_RETRY_AFTER_SECONDS = 3.0  # a browser is waiting; longer than this is a failure it should see
# Discord asks for `DiscordBot (url, version)` (Reference, User Agent); the url is the operator's own.
MAX_EXPIRES_IN = 10 * 365 * 24 * 3600
USER_AGENT = f"DiscordBot ({settings.API_BASE_URL}, {settings.VERSION})"


@lru_cache(maxsize=1)
def tls_context() -> ssl.SSLContext:
    """The system's roots, and DISCORD_CA_FILE when it is set."""
    context = ssl.create_default_context()
    if settings.DISCORD_CA_FILE:
        context.load_verify_locations(settings.DISCORD_CA_FILE)
    return context


def _request(method: str, path: str, *, token: str = "", data: dict[str, str] | None = None) -> Any:
    """Return the JSON of an answer. Raises DiscordRefused (4xx), DiscordTimeout or DiscordError."""
    headers = {"User-Agent": USER_AGENT}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    failure: DiscordError = DiscordError()
    try:
        context = tls_context()
    except OSError as error:
        log.error("DISCORD_CA_FILE cannot be read: %s", error.strerror or error)
        raise failure from error
    with httpx.Client(verify=context, timeout=TIMEOUT_SECONDS, headers=headers) as client:
        for attempt in range(ATTEMPTS):
            wait = random.uniform(0, 0.2 * 2**attempt)
            try:
                response = client.request(method, settings.DISCORD_API_URL + path, data=data)
            except httpx.TimeoutException:
                raise DiscordTimeout from None  # a second wait would outlast the person's patience
            except httpx.TransportError as error:
                log.warning("Discord %s %s: %s", method, path, type(error).__name__)
                failure = DiscordError()
            else:
                if response.status_code == 429:
                    wait = _retry_after(response)
                    failure = DiscordBusy()
                    if wait > MAX_RETRY_AFTER_SECONDS:
                        break
                elif response.status_code >= 500:
                    log.warning("Discord %s %s: HTTP %s", method, path, response.status_code)
                    failure = DiscordError()
                elif response.status_code >= 400:
                    log.warning("Discord %s %s: HTTP %s", method, path, response.status_code)
                    raise DiscordRefused(response.status_code)
                else:
                    if not response.content:
                        return None
                    try:
                        return response.json()
                    except ValueError as error:
                        raise DiscordMalformed from error
            if attempt + 1 < ATTEMPTS:
                time.sleep(wait)
    raise failure


def _retry_after(response: httpx.Response) -> float:
    try:
        seconds = float(response.headers.get("Retry-After", "1"))
    except ValueError:
        return 1.0
    return seconds if seconds >= 0 else 1.0  # not NaN either


def exchange_code(*, code: str, redirect_uri: str, code_verifier: str | None) -> dict[str, Any]:
    """Trade an authorization code for `{access_token, refresh_token, expires_in, scope, token_type}`."""
    data = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": redirect_uri,
        **_client(),
    }
    if code_verifier:
        data["code_verifier"] = code_verifier
    try:
        return _token_answer(_request("POST", "/oauth2/token", data=data))
    except DiscordRefused as error:
        if error.http_status != 400:  # 401: our own credentials are wrong, which is nobody's login's fault
            raise
        raise CodeRefused(400) from error


def renew_tokens(refresh_token: str) -> dict[str, Any]:
    """Trade a refresh token for the same as `exchange_code`. The old one is spent.

    Raises DiscordRefused, with `http_status` 400 when the token is good no more (RFC 6749 §5.2).
    """
    data = {"grant_type": "refresh_token", "refresh_token": refresh_token, **_client()}
    return _token_answer(_request("POST", "/oauth2/token", data=data))


def revoke_token(token: str) -> None:
    """Give a token back, and with it everything of the same authorization (RFC 7009)."""
    _request("POST", "/oauth2/token/revoke", data={"token": token, **_client()})


def _client() -> dict[str, str]:
    return {"client_id": settings.DISCORD_CLIENT_ID, "client_secret": settings.DISCORD_CLIENT_SECRET}


def _token_answer(answer: Any) -> dict[str, Any]:
    match answer:
        case {"access_token": str(token)} if token:
            expires_in = answer.get("expires_in", 0)
            texts = (answer.get("refresh_token") or "", answer.get("scope") or "")
            if type(expires_in) is int and 0 <= expires_in <= MAX_EXPIRES_IN and all(map(_is_text, texts)):
                return dict(answer)
    raise DiscordMalformed


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and "\0" not in value and len(value) <= 200


def fetch_me(access_token: str) -> dict[str, Any]:
    """Return the user object of `GET /users/@me`."""
    profile = _request("GET", "/users/@me", token=access_token)
    match profile:
        case {"id": str(snowflake), "username": str(username)} if snowflake.isdecimal() and username:
            texts = (snowflake, username, profile.get("global_name") or "", profile.get("avatar") or "")
            if len(snowflake) <= 20 and all(map(_is_text, texts)):
                return dict(profile)
    raise DiscordMalformed


def fetch_my_guilds(access_token: str) -> list[dict[str, Any]]:
    """Return the partial guilds of `GET /users/@me/guilds`: `{id, name, icon, owner, permissions}`."""
    guilds = _request("GET", "/users/@me/guilds?with_counts=true", token=access_token)
    if not isinstance(guilds, list):
        raise DiscordMalformed
    return guilds
