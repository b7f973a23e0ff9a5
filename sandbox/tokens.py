"""OAuth2 codes and tokens.

Codes are in memory. Tokens are stored (hashed) with the world, so that a login survives a restart.
"""

import base64
import hashlib
import secrets
import time
from dataclasses import dataclass

from sandbox.model import Json
from sandbox.world import World

CODE_SECONDS = 10 * 60
TOKEN_SECONDS = 7 * 24 * 3600


class OAuthError(Exception):
    """RFC 6749's `error`, an optional description, and the HTTP status."""

    def __init__(self, error: str, description: str = "", status: int = 400) -> None:
        super().__init__(f"{error}: {description}")
        self.error = error
        self.description = description
        self.status = status

    def body(self) -> Json:
        body = {"error": self.error}
        if self.description:
            body["error_description"] = self.description
        return body


@dataclass
class Code:
    user_id: str
    redirect_uri: str
    scopes: list[str]
    challenge: str | None
    guild_id: str | None
    expires_at: float  # time.monotonic()


@dataclass(frozen=True)
class Issued:
    """A new pair of tokens in plain text, as the client gets them once."""

    access_token: str
    refresh_token: str
    scopes: list[str]
    guild_id: str | None

    def body(self) -> Json:
        return {
            "token_type": "Bearer",
            "access_token": self.access_token,
            "expires_in": TOKEN_SECONDS,
            "refresh_token": self.refresh_token,
            "scope": " ".join(self.scopes),
        }


class Tokens:
    """Issues and checks tokens. A grant in `world.grants` is `{user_id, scopes, access, refresh, expires_at}`."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.codes: dict[str, Code] = {}

    def new_code(
        self,
        *,
        user_id: str,
        redirect_uri: str,
        scopes: list[str],
        challenge: str | None,
        guild_id: str | None,
    ) -> str:
        now = time.monotonic()
        self.codes = {key: code for key, code in self.codes.items() if code.expires_at > now}
        key = secrets.token_urlsafe(22)
        self.codes[key] = Code(user_id, redirect_uri, scopes, challenge, guild_id, now + CODE_SECONDS)
        return key

    def exchange(self, key: str, *, redirect_uri: str, verifier: str | None) -> Issued:
        """Exchange a code for tokens. A code can be tried only once, whether or not it succeeds."""
        code = self.codes.pop(key, None)
        if code is None or code.expires_at <= time.monotonic():
            raise OAuthError("invalid_grant", 'Invalid "code" in request.')
        if code.redirect_uri != redirect_uri:
            raise OAuthError("invalid_grant", 'Invalid "redirect_uri" in request.')
        if code.challenge is not None and (verifier is None or _challenge(verifier) != code.challenge):
            raise OAuthError("invalid_grant", 'Invalid "code_verifier" in request.')
        return self._issue(code.user_id, code.scopes, code.guild_id)

    def refresh(self, refresh_token: str) -> Issued:
        """Issue a new pair of tokens. The old pair becomes invalid."""
        grant = self._find("refresh", refresh_token)
        if grant is None:
            raise OAuthError("invalid_grant", 'Invalid "refresh_token" in request.')
        self.world.grants.remove(grant)
        return self._issue(grant["user_id"], grant["scopes"], None)

    def revoke(self, token: str) -> None:
        """Revoke both tokens of a pair, given either. An unknown token is no error (RFC 7009)."""
        grant = self._find("access", token) or self._find("refresh", token)
        if grant is not None:
            self.world.grants.remove(grant)
            self.world.changed()

    def grant_for(self, access_token: str) -> Json | None:
        grant = self._find("access", access_token)
        return grant if grant is not None and grant["expires_at"] > time.time() else None

    def _find(self, name: str, token: str) -> Json | None:
        digest = _digest(token)
        return next((grant for grant in self.world.grants if grant[name] == digest), None)

    def _issue(self, user_id: str, scopes: list[str], guild_id: str | None) -> Issued:
        issued = Issued(secrets.token_urlsafe(22), secrets.token_urlsafe(22), scopes, guild_id)
        grant = {
            "user_id": user_id,
            "scopes": scopes,
            "access": _digest(issued.access_token),
            "refresh": _digest(issued.refresh_token),
            "expires_at": time.time() + TOKEN_SECONDS,
        }
        self.world.grants.append(grant)
        del self.world.grants[:-500]
        self.world.changed()
        return issued


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _challenge(verifier: str) -> str:
    """Return the S256 code challenge (RFC 7636)."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
