"""What a member may do with the queue by their roles and the guild's settings. `domain/policy.py` checks each act."""

from __future__ import annotations

from typing import Any, Literal

from guilds.choices import Who
from guilds.models import GuildSettings, Membership
from guilds.permissions import can_manage, is_dj

Skipping = Literal["now", "vote"] | None


def is_among(membership: Membership | None, who: str) -> bool:
    if membership is None or who == Who.EVERYONE:
        return True
    return is_dj(membership) if who == Who.DJ else can_manage(membership)


def who_moves(settings: GuildSettings) -> str:
    """Return who may add tracks before those of other people. If people take turns, `everyone` means `dj`."""
    if settings.fair_order and settings.may_move == Who.EVERYONE:
        return Who.DJ
    return settings.may_move


def rights(membership: Membership, settings: GuildSettings) -> dict[str, Any]:
    """Return what a member may do by their roles. Whether they are in the bot's channel is checked when they act.

    `skip` is how they may skip other people's tracks: at once, by vote, or not at all (None). People who may skip them
    at once may also seek and jump in them.
    """
    dj = is_dj(membership)
    skip: Skipping = "now" if dj and is_among(membership, settings.may_skip) else None
    if not dj and settings.may_skip == Who.EVERYONE:
        skip = "vote"
    return {
        "add": is_among(membership, settings.may_add),
        "skip": skip,
        "seek": skip == "now",
        "move": is_among(membership, who_moves(settings)),
        "clear": is_among(membership, settings.may_clear),
        "remove": dj,
        "control": "always" if dj else "there",
        "undo": "any" if dj else "own",
        "settings": can_manage(membership),
    }
