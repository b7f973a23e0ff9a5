"""Send one message of the outbox to Discord, once. This module calls Discord and does not use the database.

Within a few minutes, Discord creates no second message with the same nonce, so a message can simply be sent again.
After that time, `deliver` first looks for the message in the channel. Discord does not return nonces, so the link in
the message contains it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from accounts import discord_messages
from accounts.discord import DiscordObject, File
from accounts.discord_messages import MESSAGES_PAGE
from accounts.errors import DiscordBusy, DiscordError, DiscordRefused
from alerts.message import Without

# Discord: JSON Error Codes
UNKNOWN_CHANNEL, MISSING_ACCESS, MISSING_PERMISSIONS = 10003, 50001, 50013
NO_TEXT_CHANNEL = {40058, 50008, 50024}  # a forum; no text channel; wrong type of channel
BLOCKED = {200000, 240000}  # by AutoMod; by the filter for harmful links
FOR_NOW = {40004, 40006, 130000}  # sending is disabled, a feature is disabled, Discord is overloaded
CHANNEL_DELETED = "CHANNEL_DELETED"  # a code of GivenUp
MAX_PAGES = 5
# Discord says "the past few minutes" (docs: Create Message, enforce_nonce).
NONCE_HONORED = timedelta(minutes=2)
DISCORD_EPOCH_MS = 1_420_070_400_000
CLOCKS_DIFFER = timedelta(minutes=1)


@dataclass(frozen=True)
class Form:
    """One version of the message: the payload of Discord's Create Message, its files, and what it leaves out."""

    payload: DiscordObject
    files: Sequence[File]
    without: Without


@dataclass(frozen=True)
class Delivery:
    """A claimed post. No other process may claim it until `leased_until`.

    `forms` are versions of the message, each needing fewer permissions than the one before. When Discord refuses one
    for a missing permission, the next one is tried. `doubt_since`: since when the message may be in the channel from an
    earlier attempt, or None when it certainly is not. `look_first`: it may be there, but Discord no longer remembers
    its nonce.
    """

    post_id: int
    owner: str
    leased_until: datetime
    channel_id: str
    channel_name: str
    nonce: str
    forms: Sequence[Form]
    doubt_since: datetime | None
    look_first: bool
    reads_history: bool

    @property
    def where(self) -> str:
        return f"#{self.channel_name}" if self.channel_name else "the channel"


@dataclass(frozen=True)
class Posted:
    """The message was posted. `lacking`: Discord's names of the missing permissions that made it incomplete."""

    message_id: str
    lacking: str = ""


@dataclass(frozen=True)
class GivenUp:
    """The message was not posted, and a retry would not help."""

    code: str
    detail: str


@dataclass(frozen=True)
class Unsure:
    """The message may have been posted, and there is no way to find out."""

    detail: str


@dataclass(frozen=True)
class NotThere:
    """The channel was searched, and the message is not there."""


@dataclass(frozen=True)
class Later:
    """Retry later. `retry_after`: seconds, if Discord gave them. `perhaps_done`: this attempt may have posted it."""

    code: str
    detail: str
    retry_after: float | None = None
    perhaps_done: bool = False


type Outcome = Posted | GivenUp | Unsure | NotThere | Later


def deliver(delivery: Delivery) -> Outcome:
    """Send the message, or look for it. Blocks for about half a minute at most.

    Interrupting it is safe, because `settle` stores the outcome only afterwards.
    """
    if timezone.now() >= delivery.leased_until:
        # This process was suspended. Another one may have sent the message, and Discord may have forgotten its nonce.
        return Later("INTERRUPTED", "The bot was interrupted.")
    try:
        return _look(delivery) if delivery.look_first else _send(delivery)
    except DiscordRefused as error:
        if error.perhaps_done:
            return Unsure(
                f"The message in {delivery.where} lacks the alert's text, because the bot may not embed links there."
            )
        return _refused(delivery, error)
    except DiscordBusy as error:
        return Later(error.code, str(error), error.retry_after, error.perhaps_done)
    except DiscordError as error:
        detail = "Discord did not respond, or returned an error."
        return Later(error.code, detail, perhaps_done=error.perhaps_done)


def _send(delivery: Delivery) -> Posted:
    """Post the first form that Discord accepts. Raises a DiscordError about the last one that was tried."""
    *others, last = delivery.forms
    for form in others:
        try:
            return _post(delivery, form)
        except DiscordRefused as error:
            if error.discord_code != MISSING_PERMISSIONS:
                raise
    return _post(delivery, last)


def _post(delivery: Delivery, form: Form) -> Posted:
    # One attempt: the outbox makes the retries, so that it knows the outcome of each.
    message = discord_messages.post_message(delivery.channel_id, form.payload, files=form.files, attempts=1)
    if "embeds" in form.payload and not message.get("embeds"):
        # When the bot may not embed links, Discord silently drops the embed of a message with a mention.
        return _add_text(delivery, message["id"])
    return Posted(message["id"], str(form.without))


def _add_text(delivery: Delivery, message_id: str) -> Posted:
    """Edit a message that was posted without its embed, so that it contains the text of the embed."""
    plain = delivery.forms[-1]
    fields = {name: plain.payload[name] for name in ("content", "allowed_mentions")}
    try:
        discord_messages.edit_message(delivery.channel_id, message_id, fields)
    except DiscordError as error:
        error.perhaps_done = True  # the message is there, without the text; the same nonce finds it again
        raise
    return Posted(message_id, str(plain.without))


def _refused(delivery: Delivery, error: DiscordRefused) -> Outcome:
    status = f"HTTP {error.http_status}, code {error.discord_code}"
    if error.http_status == 401:
        return Later(
            "DISCORD_REFUSED", "Discord rejected the bot's token. Ask the operator of Backline to replace it."
        )
    if error.discord_code is None:
        detail = f"A proxy in front of Discord rejected the request (HTTP {error.http_status})."
        return Later("DISCORD_FAILED", detail)
    if error.discord_code in FOR_NOW:
        return Later("DISCORD_FAILED", f"Discord does not accept messages at the moment ({status}).")
    if error.discord_code == UNKNOWN_CHANNEL:
        return GivenUp(CHANNEL_DELETED, "The channel was deleted. Choose another one.")
    if error.discord_code in NO_TEXT_CHANNEL:
        detail = f"{delivery.where} no longer accepts messages. Choose another channel."
        return GivenUp("CHANNEL_UNSUITABLE", detail[:1].upper() + detail[1:])
    if error.discord_code in BLOCKED:
        return GivenUp("MESSAGE_BLOCKED", f"AutoMod or Discord's own filter blocked the message ({status}).")
    if error.discord_code in (MISSING_ACCESS, MISSING_PERMISSIONS):
        if delivery.look_first:
            return Unsure(
                "The bot was interrupted while posting this. It cannot check whether the message arrived, because "
                f"it may not read {delivery.where}."
            )
        detail = (
            f"The bot may not post in {delivery.where}. It needs View Channel and Send Messages there, and must "
            "not be timed out."
        )
        return GivenUp("MISSING_PERMISSION", detail)
    return GivenUp("DISCORD_REFUSED", f"Discord rejected the message ({status}).")


def _look(delivery: Delivery) -> Outcome:
    """Look for the message among the channel's newest messages. Raises a DiscordError."""
    since = delivery.doubt_since or timezone.now()
    oldest = _first_snowflake(since - CLOCKS_DIFFER)
    before: str | None = None
    for _ in range(MAX_PAGES):
        messages = discord_messages.fetch_messages(delivery.channel_id, before=before)
        for message in messages:
            if _is(message, delivery.nonce):
                return Posted(str(message["id"]))
        if not messages and before is None and not delivery.reads_history:
            break  # the channel is empty, or we may not read its history
        if len(messages) < MESSAGES_PAGE or int(messages[-1]["id"]) < oldest:
            return NotThere()
        before = str(messages[-1]["id"])
    return Unsure("The bot was interrupted while posting this, and cannot check whether the message arrived.")


def _is(message: DiscordObject, nonce: str) -> bool:
    """Whether a message contains the post's link, in its embed or as plain text in angle brackets."""
    links = [str(embed.get("url")) for embed in message.get("embeds") or []]
    return any(link.endswith(f"#{nonce}") for link in links) or f"#{nonce}>" in str(message.get("content"))


def _first_snowflake(at: datetime) -> int:
    """Return the smallest snowflake of that time (docs: Reference, Snowflakes)."""
    return (int(at.timestamp() * 1000) - DISCORD_EPOCH_MS) << 22
