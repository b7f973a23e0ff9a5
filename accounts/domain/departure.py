"""Export of a person's data, and deletion of their account."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from allauth.mfa.models import Authenticator
from django.db import transaction
from rest_framework.utils.encoders import JSONEncoder

from accounts.domain.grants import revoke_grant
from accounts.domain.sessions import revoke_all_sessions
from accounts.models import User
from accounts.signals import departing, exporting

PIECE_BYTES = 64_000


def export_data(user: User) -> dict[str, Any]:
    """Return all stored data about a person, JSON-ready: `{account, sessions, second_factor, grant, <app>…}`.

    Other apps add theirs as receivers of `accounts.signals.exporting`, which return `{name: data}`. Data of unlimited
    size is an iterator of rows. Tokens are left out, because whoever has the file could use them.
    """
    grant = getattr(user, "discord_grant", None)
    data: dict[str, Any] = {
        "account": {
            "id": str(user.pk),
            "discord_id": user.discord_id,
            "username": user.username,
            "display_name": user.display_name,
            "avatar_url": user.avatar_url,
            "created_at": user.created_at.isoformat(),
            "last_login": user.last_login.isoformat() if user.last_login else None,
        },
        "sessions": [
            {
                "sid": str(session.pk),
                "device": session.device,
                "address": session.address,
                "store": session.store or None,
                "created_at": session.created_at.isoformat(),
                "last_seen_at": session.last_seen_at.isoformat(),
                "revoked_at": session.revoked_at.isoformat() if session.revoked_at else None,
            }
            for session in user.auth_sessions.all()
        ],
        "second_factor": [
            {
                "type": factor.type,
                "created_at": factor.created_at.isoformat(),
                "last_used_at": factor.last_used_at.isoformat() if factor.last_used_at else None,
            }
            for factor in Authenticator.objects.filter(user=user)
        ],
        "grant": {
            "scope": grant.scope,
            "expires_at": grant.expires_at.isoformat() if grant.expires_at else None,
        }
        if grant
        else None,
    }
    for _, part in exporting.send(User, user=user):
        data.update(part if isinstance(part, dict) else {})
    return data


def export_pieces(user: User) -> Iterator[bytes]:
    """Yield `export_data` as one JSON document, in pieces, so that a log of a gigabyte is never held in memory."""
    piece = bytearray()
    for text in _export_text(user):
        piece += text.encode()
        if len(piece) >= PIECE_BYTES:
            yield bytes(piece)
            piece.clear()
    yield bytes(piece)


def _export_text(user: User) -> Iterator[str]:
    dumps = JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
    before = "{"
    for name, part in export_data(user).items():
        yield f"{before}{dumps(name)}:"
        before = ","
        if isinstance(part, Iterator):
            first = next(part, None)
            yield "[" if first is None else f"[{dumps(first)}"
            for row in part:
                yield f",{dumps(row)}"
            yield "]"
        else:
            yield dumps(part)
    yield "}"


def delete_account(user: User) -> None:
    """Delete a person. Their actions in a guild stay in its log, without their name."""
    with transaction.atomic():
        revoke_all_sessions(user)
    revoke_grant(user)
    with transaction.atomic():
        departing.send(User, user=user)
        user.delete()
