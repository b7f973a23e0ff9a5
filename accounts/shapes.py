"""People and device tokens, as every app shows them over REST."""

from __future__ import annotations

from accounts.models import AuthSession, User


def user_shape(user: User) -> dict[str, object]:
    return {
        "id": str(user.pk),
        "username": user.username,
        "display_name": str(user),
        "avatar_url": user.avatar_url,
    }


def token_shape(session: AuthSession) -> dict[str, object]:
    return {
        "id": str(session.pk),
        "device": session.device,
        "created_at": session.created_at.isoformat(),
        "last_seen_at": session.last_seen_at.isoformat(),
        "expires_at": session.expires_at.isoformat() if session.expires_at else None,
    }
