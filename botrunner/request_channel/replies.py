"""The bot's own messages in a request channel, as Discord's Create Message. Does no I/O."""

from __future__ import annotations

import re
from collections.abc import Sequence

import nextcord
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.discord import DiscordObject
from alerts.message import plain
from guilds.bot_features import titles_of

SUPPRESS_EMBEDS, SUPPRESS_NOTIFICATIONS = 1 << 2, 1 << 12
MAX_TEXT = 1000  # escaping at most doubles it; Discord allows 2,000 characters

NOTHING = gettext_lazy("Write words to search or a link, or attach an audio file.")
NO_CONTENT = gettext_lazy(
    "The bot cannot read messages here, because its Message Content Intent is off. Ask the person who runs the bot to "
    "turn it on. Until then use /play, or mention the bot in your message."
)
# Refusals may quote what people typed, and some have escaped it already.
_BARE_MARKUP = re.compile(r"(?<!\\)((?:\\\\)*)([*_~`|>#\[\]<])")


def refusal(sentences: Sequence[str], *, to: int, as_reply: bool) -> DiscordObject:
    """Return the answer to the message `to`. It mentions nobody."""
    text = _BARE_MARKUP.sub(r"\1\\\2", plain("\n".join(dict.fromkeys(sentences)), MAX_TEXT))
    message = _silent({"content": text, "nonce": str(to), "enforce_nonce": True})
    if as_reply:
        message["message_reference"] = {"message_id": str(to), "fail_if_not_exists": False}
    return message


def failure(embed: nextcord.Embed) -> DiscordObject:
    """Return the message about a request that failed later."""
    return _silent({"embeds": [embed.to_dict()]})


def lacking(bits: int, *, url: str) -> DiscordObject:
    """Return the message that requests stay in the channel.

    `bits` are the permissions that are missing. `url` adds the bot again, with them.
    """
    sentence = _(
        "The bot lacks %(permissions)s in this channel, so it cannot remove requests. They are queued all the same. "
        "Grant it in the settings of the channel, or [add the bot again](%(url)s) with it."
    )
    names = " · ".join(f"**{name}**" for name in titles_of(bits))
    return _silent({"content": sentence % {"permissions": names, "url": f"<{url}>"}})


def _silent(message: DiscordObject) -> DiscordObject:
    flags = SUPPRESS_NOTIFICATIONS | (0 if "embeds" in message else SUPPRESS_EMBEDS)
    return message | {"allowed_mentions": {"parse": [], "replied_user": False}, "flags": flags}
