"""Send one message of the outbox to Discord, once. Asks Discord, touches no database.

Discord makes no second message of the same nonce within a few minutes, so within these a message is just sent again.
Later it is looked for in the channel first: its link carries the nonce (Discord keeps nonces to itself).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from accounts import discord
from accounts.discord import MESSAGES_PAGE, File
from accounts.errors import DiscordBusy, DiscordError, DiscordRefused
from guilds.channel_permissions import NEEDS, TEXT_TYPES

# Discord: JSON Error Codes
UNKNOWN_CHANNEL, MISSING_ACCESS, MISSING_PERMISSIONS = 10003, 50001, 50013
MAX_PAGES = 5
DISCORD_EPOCH_MS = 1_420_070_400_000
CLOCKS_DIFFER = timedelta(minutes=1)


@dataclass(frozen=True)
class Delivery:
    """A claimed post. `look_first`: it may be in the channel since `handed_at`, and its nonce is forgotten by now."""

    post_id: int
    owner: str
    channel_id: str
    channel_name: str
    payload: dict[str, Any]
    files: Sequence[File]
    handed_at: datetime
    look_first: bool
    reads_history: bool


@dataclass(frozen=True)
class Posted:
    message_id: str


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
    """Seconds, where Discord said so."""

    code: str
    detail: str
    retry_after: float | None = None


type Outcome = Posted | GivenUp | Unsure | NotThere | Later


def deliver(delivery: Delivery) -> Outcome:
    """Blocks for half a minute at most. Breaking off is safe: nothing is settled."""
    try:
        if delivery.look_first:
            return _look(delivery)
        message = discord.post_message(delivery.channel_id, delivery.payload, files=delivery.files)
    except DiscordRefused as error:
        return _refused(delivery, error)
    except DiscordBusy as error:
        return Later(error.code, str(error), error.retry_after)
    except DiscordError as error:
        return Later(error.code, "Discord does not answer as it should.")
    return Posted(str(message.get("id", "")))


def _refused(delivery: Delivery, error: DiscordRefused) -> Outcome:
    where = f"#{delivery.channel_name}" if delivery.channel_name else "the channel"
    if error.discord_code == UNKNOWN_CHANNEL:
        return GivenUp("CHANNEL_DELETED", "The channel was deleted. Choose another one.")
    if error.http_status == 401:
        return Later("DISCORD_REFUSED", "Discord refuses the bot's token. Tell whoever runs Backline.")
    if error.discord_code in (MISSING_ACCESS, MISSING_PERMISSIONS):
        if delivery.look_first:
            return Unsure(f"The bot was interrupted while it posted this, and may not look into {where}.")
        needs = ", ".join(
            need.name.replace("_", " ").title() for need in NEEDS if set(need.types) & set(TEXT_TYPES)
        )
        return GivenUp("MISSING_PERMISSION", f"The bot may not post in {where}. There it needs {needs}.")
    said = f"HTTP {error.http_status}, code {error.discord_code}"
    return GivenUp("DISCORD_REFUSED", f"Discord refused the message ({said}).")


def _look(delivery: Delivery) -> Outcome:
    """Look for the message among the channel's newest. Raises a DiscordError."""
    mark = f"#{delivery.payload['nonce']}"
    oldest = _first_snowflake(delivery.handed_at - CLOCKS_DIFFER)
    before: str | None = None
    for _ in range(MAX_PAGES):
        messages = discord.fetch_messages(delivery.channel_id, before=before)
        for message in messages:
            if any(str(embed.get("url")).endswith(mark) for embed in message.get("embeds") or []):
                return Posted(str(message["id"]))
        if not messages and before is None and not delivery.reads_history:
            break  # an empty channel, or one whose history is not for us
        if len(messages) < MESSAGES_PAGE or int(messages[-1]["id"]) < oldest:
            return NotThere()
        before = str(messages[-1]["id"])
    return Unsure("The bot was interrupted while it posted this, and cannot find out whether it did.")


def _first_snowflake(at: datetime) -> int:
    """Return the smallest snowflake of a moment (docs: Reference, Snowflakes)."""
    return (int(at.timestamp() * 1000) - DISCORD_EPOCH_MS) << 22
