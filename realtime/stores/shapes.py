"""How REST shows stores."""

from __future__ import annotations

from typing import Any

from accounts.models import User
from accounts.shapes import user_shape
from realtime.models import Store, StoreMember


def role_of(user: User, store: Store) -> str | None:
    """Return `owner`, `writer` or `reader`, None for a user who may read only because the store is public."""
    if store.owner_id == user.pk:
        return "owner"
    return next((member.role for member in store.members.all() if member.user_id == user.pk), None)


def store_shape(store: Store, viewer: User) -> dict[str, Any]:
    """Return a store as `viewer` sees it. Its `members` and `owner` should be loaded."""
    return {
        "name": store.name.removeprefix("app:"),
        "instance_id": store.name,
        "owner": user_shape(store.owner) if store.owner else None,
        "role": role_of(viewer, store),
        "public": store.public,
        "epoch": store.epoch,
        "head": store.head,
        "size_bytes": store.size_bytes,
        "created_at": store.created_at.isoformat(),
    }


def member_shape(member: StoreMember) -> dict[str, Any]:
    return {"user": user_shape(member.user), "role": member.role, "created_at": member.created_at.isoformat()}
