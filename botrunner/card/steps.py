"""One step of a card: a call to Discord, and its outcome."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.utils.translation import gettext as _

from accounts import discord_messages
from accounts.discord import DiscordObject, File
from accounts.errors import DiscordBusy, DiscordError, DiscordRefused
from alerts.domain.delivery import (
    MISSING_ACCESS,
    MISSING_PERMISSIONS,
    UNKNOWN_CHANNEL,
    Delivery,
    GivenUp,
    NotThere,
    Posted,
    Unsure,
    deliver,
)
from alerts.domain.delivery import Later as PostLater

FLOOR = timedelta(seconds=2)  # least time between two edits
UNKNOWN_MESSAGE, ARCHIVED, TOO_OLD = 10008, 50083, 30046


@dataclass(frozen=True)
class Post:
    """Post a card, or find the one that may have been posted. `folded`: it shows that the queue has finished."""

    delivery: Delivery
    shown: str
    folded: bool
    fresh: bool  # it was certainly not posted before, so Discord's message shows the current state


@dataclass(frozen=True)
class Edit:
    channel_id: str
    message_id: str
    payload: DiscordObject
    files: list[File]
    shown: str
    picture: str
    folded: bool


@dataclass(frozen=True)
class Delete:
    channel_id: str
    message_id: str


type Step = Post | Edit | Delete


@dataclass(frozen=True)
class Done:
    """`message` is Discord's message object after an edit."""

    message: DiscordObject | None = None


@dataclass(frozen=True)
class Gone:
    """The message, or its channel, was deleted."""


@dataclass(frozen=True)
class Refused:
    code: str
    detail: str


@dataclass(frozen=True)
class Retry:
    seconds: float


type Outcome = Done | Gone | Refused | Retry | Posted | GivenUp | Unsure | NotThere | PostLater


def carry_out(step: Step) -> Outcome:
    """Call Discord. Blocks for at most about half a minute, and does not use the database."""
    if isinstance(step, Post):
        return deliver(step.delivery)
    try:
        if isinstance(step, Delete):
            discord_messages.delete_message(step.channel_id, step.message_id)
            return Done()
        return Done(_send_edit(step))
    except DiscordRefused as error:
        return _refused(error)
    except DiscordBusy as error:
        return Retry(error.retry_after or 5.0)
    except DiscordError:
        return Retry(5.0)


def _send_edit(step: Edit) -> DiscordObject:
    def edit() -> DiscordObject:
        return discord_messages.edit_message(
            step.channel_id, step.message_id, step.payload, files=step.files, attempts=1
        )

    try:
        return edit()
    except DiscordRefused as error:
        if error.discord_code != ARCHIVED:
            raise
    discord_messages.open_thread(step.channel_id)
    return edit()


def _refused(error: DiscordRefused) -> Outcome:
    match error.discord_code:
        case code if code in (UNKNOWN_MESSAGE, UNKNOWN_CHANNEL):
            return Gone()
        case code if code == TOO_OLD:
            return Retry(20.0)
        case code if code in (MISSING_ACCESS, MISSING_PERMISSIONS):
            return Refused("MISSING_PERMISSION", _("The bot may not edit its message in this channel."))
    if error.http_status == 401 or error.discord_code is None:
        return Retry(30.0)
    return Refused(
        "DISCORD_REFUSED",
        _("Discord rejected the message (HTTP %(status)s).") % {"status": error.http_status},
    )
