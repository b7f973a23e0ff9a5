"""One table of attacks for every surface that takes a token.

`forge(kind)` creates a person with a session and the claims of a valid token of that kind. Each attack turns them into
a token that must be refused. The test_attacks.py of accounts and of realtime present these tokens.
"""

from __future__ import annotations

import base64
import hmac
import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.conf import settings
from django.utils import timezone

from accounts import service_tokens, tokens
from accounts.models import AuthSession
from tests.factories import SessionFactory

STORE = "guild:100000000000000001"  # a kind of store that no client can create
REQUIRED = {
    "access": tokens.ACCESS_CLAIMS,
    "refresh": tokens.REFRESH_CLAIMS,
    "sync": tokens.SYNC_CLAIMS,
    "service": service_tokens._CLAIMS,
}
LIFE_SECONDS = {"access": 900, "refresh": 604_800, "sync": 30 * 86_400, "service": 60}


@dataclass
class Forge:
    """The attacker, who knows a real session and in most attacks even the key."""

    kind: str
    session: AuthSession
    claims: dict[str, Any]

    @property
    def key(self) -> bytes:
        secret: str = settings.JWT_SECRET
        return service_tokens._key(secret) if self.kind == "service" else secret.encode()

    def sign(self, *, key: bytes | None = None, alg: Any = "HS256", **changes: Any) -> str:
        """Sign with HMAC, whatever `alg` says. A change to None leaves the claim out."""
        claims = {name: value for name, value in (self.claims | changes).items() if value is not None}
        return self.seal({"alg": alg, "typ": "JWT"}, claims, key=key)

    def seal(self, header: Any, payload: Any, *, key: bytes | None = None, digest: str = "sha256") -> str:
        signed = f"{part(header)}.{part(payload)}"
        mac = hmac.digest(key or self.key, signed.encode(), digest)
        return f"{signed}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"


def part(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def forge(kind: str, *, store: str = STORE, session: AuthSession | None = None) -> Forge:
    if session is None:
        session = SessionFactory.create()
        if kind == "sync":
            session.store = store
            session.save(update_fields=["store"])
    now = int(time.time())
    user = session.user
    every = {
        "iss": "backline",
        "aud": {"service": "backline-bot", "access": "backline-api"}.get(kind, f"backline-{kind}"),
        "sub": str(user.pk),
        "user_id": str(user.pk),
        "discord_id": user.discord_id,
        "username": user.username,
        "sid": str(session.pk),
        "token_type": kind,
        "store": store,
        "chain": str(uuid.uuid4()),
        "generation": 0,
        "iat": now,
        "exp": now + LIFE_SECONDS[kind],
        "jti": uuid.uuid4().hex,
    }
    return Forge(kind, session, {name: every[name] for name in REQUIRED[kind]})


Attack = Callable[[Forge], str]


@lru_cache(maxsize=1)
def _rsa() -> tuple[rsa.RSAPrivateKey, bytes]:
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return private, public


def _header(**more: Any) -> dict[str, Any]:
    return {"alg": "HS256", "typ": "JWT", **more}


def _nested(text: str) -> str:
    return text % ("[" * 1200 + "]" * 1200)  # about as deep as the parser's size limit allows


def _cut(token: str, *, keep: int) -> str:
    signed, _, signature = token.rpartition(".")
    return f"{signed}.{signature[:keep]}"


def _other_payload(f: Forge) -> str:
    header, _, signature = f.sign().split(".")
    return f"{header}.{part(f.claims | {'username': 'root'})}.{signature}"


def changed(**changes: Any) -> Attack:
    return lambda f: f.sign(**changes)


def of_kind(kind: str) -> Attack:
    return lambda f: forge(kind).sign()


def later(claim: str, seconds: int) -> Attack:
    """Return a time relative to when the token is created, because a test run takes minutes."""

    def forge(forge: Forge) -> str:
        changes: dict[str, Any] = {claim: int(time.time()) + seconds}
        return forge.sign(**changes)

    return forge


ANY_KIND: dict[str, Attack] = {
    # Not a token at all
    "a word": lambda f: "hello",
    "empty parts": lambda f: "..",
    "one dot": lambda f: "a.b",
    "bytes of no alphabet": lambda f: "é\x7f.ü.ö",
    "NUL": lambda f: "\0",
    "NUL before a good token": lambda f: "\0" + f.sign(),
    "NUL behind a good token": lambda f: f.sign() + "\0",
    "a megabyte": lambda f: "a" * 1_000_000,
    "a megabyte that is signed": lambda f: f.sign(padding="x" * 1_000_000),
    "a header nested deep": lambda f: f.seal(_nested('{"alg":"HS256","x":%s}'), f.claims, key=b"x" * 48),
    "a payload nested deep": lambda f: f.seal(_header(), _nested("%s")),
    "a payload that is a list": lambda f: f.seal(_header(), [f.claims]),
    "a payload that is no JSON": lambda f: f.seal(_header(), "sid=1"),
    "a header that is a list": lambda f: f.seal(["HS256"], f.claims),
    # Another algorithm, another key
    "alg none": lambda f: f"{part(_header(alg='none'))}.{part(f.claims)}.",
    "alg None": lambda f: f"{part(_header(alg='None'))}.{part(f.claims)}.",
    "alg none, well signed": lambda f: f.sign(alg="none"),
    "no alg": lambda f: f.seal({"typ": "JWT"}, f.claims),
    "alg is a number": lambda f: f.sign(alg=256),
    "alg is a list": lambda f: f.sign(alg=["HS256"]),
    "HS384 with our key": lambda f: f.seal(_header(alg="HS384"), f.claims, digest="sha384"),
    "HS512 with our key": lambda f: f.seal(_header(alg="HS512"), f.claims, digest="sha512"),
    "another key": lambda f: f.sign(key=b"x" * 48),
    "a key named in the header": lambda f: f.seal(
        _header(kid="../../dev/null", jku="http://127.0.0.1/keys", jwk={"kty": "oct", "k": part("x" * 48)}),
        f.claims,
        key=b"x" * 48,
    ),
    "RS256": lambda f: jwt.encode(f.claims, _rsa()[0], algorithm="RS256"),
    "RS256 whose public key is the secret": lambda f: f.sign(key=_rsa()[1], alg="RS256"),
    "HS256 whose secret is a public key": lambda f: f.sign(key=_rsa()[1]),
    "payload changed": _other_payload,
    "signature cut": lambda f: _cut(f.sign(), keep=20),
    "no signature": lambda f: _cut(f.sign(), keep=0),
    # Correctly signed, but not for us or not valid now
    "another issuer": changed(iss="elsewhere"),
    "the issuer is a list": changed(iss=["backline"]),
    "another audience": changed(aud="elsewhere"),
    "two audiences": lambda f: f.sign(aud=[f.claims["aud"], "backline-other"]),
    "one audience in a list": lambda f: f.sign(aud=[f.claims["aud"]]),
    "another type": changed(token_type="other"),
    "the type is a list": lambda f: f.sign(token_type=[f.kind]),
    "not yet issued": later("iat", 60),
    "not yet valid": later("nbf", 60),
    "iat is a word": changed(iat="now"),
    "iat beyond the calendar": changed(iat=-(10**30)),
    "exp is a word": changed(exp="soon"),
    "exp is a number in a string": lambda f: f.sign(exp=str(f.claims["exp"])),
    "exp is a list": changed(exp=[1]),
    "exp is true": changed(exp=True),
    "exp beyond the calendar": changed(exp=10**30),
    "exp at the calendar's end": changed(exp=253_402_300_795),
    "exp is infinite": changed(exp=float("inf")),
    "exp is not a number": changed(exp=float("nan")),
}

_OF_A_SESSION: dict[str, Attack] = {
    "sub is no number": changed(sub="root", user_id="root"),
    "sub beyond a bigint": changed(sub="9" * 30, user_id="9" * 30),
    "sub is below zero": changed(sub="-1", user_id="-1"),
    "sub in digits of another script": changed(sub="١", user_id="١"),
    "sub with NUL": changed(sub="1\0", user_id="1\0"),
    "sub is a number": lambda f: f.sign(sub=f.session.user_id, user_id=f.session.user_id),
    "sid is no UUID": changed(sid="1 OR 1=1"),
    "sid is NUL": changed(sid="\0"),
    "sid is a list": lambda f: f.sign(sid=[f.claims["sid"]]),
    "sid of somebody else": lambda f: f.sign(sid=str(SessionFactory.create().pk)),
}

ATTACKS: dict[str, dict[str, Attack]] = {
    "access": _OF_A_SESSION
    | {
        "sub and user_id differ": changed(sub="999"),
        "username is a list": changed(username=["root"]),
        "a sync token's session": lambda f: f.sign(
            sid=str(forge("sync", session=None).session.pk),
        ),
    },
    "sync": _OF_A_SESSION
    | {
        "another store": changed(store="app:other"),
        "the store is empty": changed(store=""),
        "the store is a list": changed(store=[STORE]),
        "a login's session": lambda f: f.sign(sid=str(SessionFactory.create(user=f.session.user).pk)),
    },
    "refresh": _OF_A_SESSION
    | {
        "chain is no UUID": changed(chain="1"),
        "chain is a number": changed(chain=1),
        "generation is a word": changed(generation="0"),
        "generation is a fraction": changed(generation=0.5),
        "generation is true": changed(generation=True),
        "generation below zero": changed(generation=-1),
        "generation beyond its column": changed(generation=2**31),
        "generation beyond a bigint": changed(generation=10**30),
    },
    "service": {
        "a longer life than a minute": later("exp", 120),
        "jti is empty": changed(jti=""),
        "jti is a number": changed(jti=5),
        "jti is long": changed(jti="x" * 65),
        "jti with NUL": changed(jti="a\0b"),
        "the key of people's tokens": lambda f: f.sign(key=settings.JWT_SECRET.encode()),
    },
}


def _session(**changes: Any) -> Callable[[Forge], str]:
    def attack(f: Forge) -> str:
        AuthSession.objects.filter(pk=f.session.pk).update(**changes)
        return f.sign()

    return attack


def _inactive(f: Forge) -> str:
    f.session.user.is_active = False
    f.session.user.save(update_fields=["is_active"])
    return f.sign()


def _gone(f: Forge) -> str:
    token = f.sign()
    f.session.user.delete()
    return token


def _session_gone(f: Forge) -> str:
    token = f.sign()
    f.session.delete()
    return token


def attacks(kind: str) -> dict[str, tuple[str, str]]:
    """Return `{name: (token, expected error code)}` for a surface that accepts that kind."""
    refused = {"TOKEN_INVALID": ANY_KIND | ATTACKS[kind]}
    for claim in REQUIRED[kind]:
        refused["TOKEN_INVALID"] |= {f"without {claim}": changed(**{claim: None})}
    for other in REQUIRED.keys() - {kind}:
        refused["TOKEN_INVALID"] |= {f"a good {other} token": of_kind(other)}
        refused["TOKEN_INVALID"] |= {f"{other} in type only": changed(token_type=other)}
    # More than a day ago, which is beyond the grace period of /sync as well.
    refused["TOKEN_EXPIRED"] = {
        "expired": lambda f: f.sign(iat=int(time.time()) - 100_030, exp=int(time.time()) - 100_000)
    }
    if kind != "service":
        refused["SESSION_REVOKED"] = {
            "session revoked": _session(revoked_at=timezone.now()),
            "session deleted": _session_gone,
        }
        refused["USER_NOT_FOUND"] = {"user inactive": _inactive, "user deleted": _gone}
    return {
        name: (attack(forge(kind)), code) for code, table in refused.items() for name, attack in table.items()
    }


def good(kind: str) -> dict[str, str]:
    """Return tokens that must be accepted, at the limits of the allowed clock skew."""
    now = int(time.time())
    return {
        "good": forge(kind).sign(),
        "expired five seconds ago": forge(kind).sign(iat=now - 60, exp=now - 5),
        "issued in five seconds": forge(kind).sign(iat=now + 5, exp=now + 60),
    }
