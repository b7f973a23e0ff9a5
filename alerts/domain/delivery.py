"""Send one message of the outbox to Discord, once. Asks Discord, touches no database.

Discord makes no second message of the same nonce within a few minutes, so within these a message is just sent again.
Later it is looked for in the channel first: its link carries the nonce (Discord keeps nonces to itself).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from accounts import discord
from accounts.discord import MESSAGES_PAGE, DiscordObject, File
from accounts.errors import DiscordBusy, DiscordError, DiscordRefused
from alerts.message import Without

# Discord: JSON Error Codes
UNKNOWN_CHANNEL, MISSING_ACCESS, MISSING_PERMISSIONS = 10003, 50001, 50013
NO_TEXT_CHANNEL = {40058, 50008, 50024}  # a forum; no text; this kind of channel
BLOCKED = {200000, 240000}  # by AutoMod, by the filter of harmful links
FOR_NOW = {40004, 40006, 130000}  # Discord turned sending off, a feature off, is overloaded
MAX_PAGES = 5
DISCORD_EPOCH_MS = 1_420_070_400_000
CLOCKS_DIFFER = timedelta(minutes=1)


@dataclass(frozen=True)
class Form:
    """One way to say it: Discord's Create Message, its files, and what it leaves out."""

    payload: DiscordObject
    files: Sequence[File]
    without: Without


@dataclass(frozen=True)
class Delivery:
    """A claimed post, nobody else's until `leased_until`.

    `forms` say the same with ever less that needs a permission; where Discord lacks one, the next is tried.
    `doubt_since`: since when it may be in the channel from an earlier attempt, null when it surely is not.
    `look_first`: it may be there, and its nonce is forgotten by now.
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
    """`lacking`: Discord's names of the permissions for want of which it says less than it could."""

    message_id: str
    lacking: str = ""


@dataclass(frozen=True)
class GivenUp:
    """Trying again would not help."""

    code: str
    detail: str


@dataclass(frozen=True)
class Unsure:
    """It may have been posted, and there is no way to tell."""

    detail: str


@dataclass(frozen=True)
class NotThere:
    """It was looked for, and was not posted."""


@dataclass(frozen=True)
class Later:
    """`retry_after`: seconds, where Discord said so. `perhaps_done`: this attempt may have posted it all the same."""

    code: str
    detail: str
    retry_after: float | None = None
    perhaps_done: bool = False


type Outcome = Posted | GivenUp | Unsure | NotThere | Later


def deliver(delivery: Delivery) -> Outcome:
    """Blocks for about half a minute at most. Breaking off is safe: nothing is settled."""
    if timezone.now() >= delivery.leased_until:
        # This process stood still. Somebody else may have sent it, so long ago that its nonce is forgotten.
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
        detail = "Discord did not answer correctly."
        return Later(error.code, detail, perhaps_done=error.perhaps_done)


def _send(delivery: Delivery) -> Posted:
    """Raises a DiscordError, about the last form."""
    *others, last = delivery.forms
    for form in others:
        try:
            return _post(delivery, form)
        except DiscordRefused as error:
            if error.discord_code != MISSING_PERMISSIONS:
                raise
    return _post(delivery, last)


def _post(delivery: Delivery, form: Form) -> Posted:
    # Once: the outbox repeats, and so knows of each attempt what came of it.
    message = discord.post_message(delivery.channel_id, form.payload, files=form.files, attempts=1)
    if "embeds" in form.payload and not message.get("embeds"):
        # Beside a mention Discord drops an embed without a word, where the bot may not embed links.
        return _say_plainly(delivery, message["id"])
    return Posted(message["id"], str(form.without))


def _say_plainly(delivery: Delivery, message_id: str) -> Posted:
    """Write into a message that was posted without its embed what stood there."""
    plain = delivery.forms[-1]
    fields = {name: plain.payload[name] for name in ("content", "allowed_mentions")}
    try:
        discord.edit_message(delivery.channel_id, message_id, fields)
    except DiscordError as error:
        error.perhaps_done = True  # it is there, and says too little: the nonce finds it again
        raise
    return Posted(message_id, str(plain.without))


def _refused(delivery: Delivery, error: DiscordRefused) -> Outcome:
    said = f"HTTP {error.http_status}, code {error.discord_code}"
    if error.http_status == 401:
        return Later(
            "DISCORD_REFUSED", "Discord rejected the bot's token. Ask the operator of Backline to replace it."
        )
    if error.discord_code is None:
        detail = f"A proxy in front of Discord rejected the request (HTTP {error.http_status})."
        return Later("DISCORD_FAILED", detail)
    if error.discord_code in FOR_NOW:
        return Later("DISCORD_FAILED", f"Discord does not accept messages at the moment ({said}).")
    if error.discord_code == UNKNOWN_CHANNEL:
        return GivenUp("CHANNEL_DELETED", "The channel was deleted. Choose another one.")
    if error.discord_code in NO_TEXT_CHANNEL:
        detail = f"{delivery.where} no longer accepts messages. Choose another channel."
        return GivenUp("CHANNEL_UNSUITABLE", detail[:1].upper() + detail[1:])
    if error.discord_code in BLOCKED:
        return GivenUp("MESSAGE_BLOCKED", f"AutoMod or Discord's own filter blocked the message ({said}).")
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
    return GivenUp("DISCORD_REFUSED", f"Discord rejected the message ({said}).")


def _look(delivery: Delivery) -> Outcome:
    """Look for the message among the channel's newest. Raises a DiscordError."""
    since = delivery.doubt_since or timezone.now()
    oldest = _first_snowflake(since - CLOCKS_DIFFER)
    before: str | None = None
    for _ in range(MAX_PAGES):
        messages = discord.fetch_messages(delivery.channel_id, before=before)
        for message in messages:
            if _is(message, delivery.nonce):
                return Posted(str(message["id"]))
        if not messages and before is None and not delivery.reads_history:
            break  # an empty channel, or one whose history is not for us
        if len(messages) < MESSAGES_PAGE or int(messages[-1]["id"]) < oldest:
            return NotThere()
        before = str(messages[-1]["id"])
    return Unsure("The bot was interrupted while posting this, and cannot check whether the message arrived.")


def _is(message: DiscordObject, nonce: str) -> bool:
    """Whether a message carries the post's link: in its embed, or as plain text in angle brackets."""
    links = [str(embed.get("url")) for embed in message.get("embeds") or []]
    return any(link.endswith(f"#{nonce}") for link in links) or f"#{nonce}>" in str(message.get("content"))


def _first_snowflake(at: datetime) -> int:
    """Return the smallest snowflake of a moment (docs: Reference, Snowflakes)."""
    return (int(at.timestamp() * 1000) - DISCORD_EPOCH_MS) << 22
