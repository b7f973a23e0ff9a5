"""Messages about alerts, as the payload of Discord's Create Message (docs: Message Resource). Does no I/O.

An alert's text comes from a device, so any markup, mention or link in it is escaped and shown as typed. It goes into an
embed where possible, in which Discord mentions nobody. The only mention is the rule's role, in the content.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts.discord import DiscordObject
from alerts.models import Level

MAX_TEXT, MAX_LINE = 1000, 120  # escaping at most doubles the length; an embed may have 4096 characters
MAX_NAME = 85  # likewise; a title may have 256 characters, of which a digest's counts take up to 80
MAX_PLAIN = 600  # a text outside of an embed; the whole content may have 2000 characters
ALERTS = {
    Level.LOW: gettext_lazy("low alert"),
    Level.MEDIUM: gettext_lazy("medium alert"),
    Level.HIGH: gettext_lazy("high alert"),
}
COLORS = {Level.LOW: 0x6B7A90, Level.MEDIUM: 0xE0A030, Level.HIGH: 0xD64545}
EXTENSIONS = {"image/jpeg": "jpg", "image/png": "png", "image/webp": "webp"}

# Discord shows punctuation after a backslash as it is. The colon occurs in links, emoji and timestamps.
_MARKUP = re.compile(r"([\\*_~`|>#\-\[\]<:])")
# Control characters except the line feed, lone surrogates, and characters that are invisible or change the direction
# of the text.
_UNSEEN = re.compile(
    r"[\x00-\x09\x0b-\x1f\x7f-\x9f\ud800-\udfff\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]"
)


@dataclass(frozen=True)
class AlertText:
    """One alert. `sender` is a display name, empty for a person who deleted their account."""

    text: str
    level: Level
    at: datetime
    sender: str


@dataclass(frozen=True)
class Picture:
    content_type: str
    data: bytes

    @property
    def filename(self) -> str:
        return f"alert.{EXTENSIONS[self.content_type]}"


def level_of(args: dict[str, Any]) -> Level:
    """Return an alert's level, or `medium` if it has none or an unknown one."""
    level = args.get("level")
    word = level.strip().lower() if isinstance(level, str) else ""
    return Level(word) if word in Level.values else Level.MEDIUM


def text_of(type_: str, args: dict[str, Any]) -> str:
    """Return an alert's text, or its type if it has no text."""
    for name in ("text", "message"):
        if isinstance(args.get(name), str) and args[name].strip():
            return str(args[name])
    return type_


def plain(text: str, longest: int) -> str:
    """Return text for places without markup, without invisible characters and cut to `longest`."""
    seen = _UNSEEN.sub("", text).strip()
    return seen if len(seen) <= longest else f"{seen[: longest - 1]}…"


def escape(text: str, longest: int) -> str:
    """Return text escaped so that Discord's markup shows it as typed."""
    # With a zero-width space after the @, `@everyone` is not even colored like a mention.
    return _MARKUP.sub(r"\\\1", plain(text, longest)).replace("@", "@\u200b")


@dataclass(frozen=True)
class Without:
    """The parts that a message leaves out, because the bot may not send them in the channel."""

    embed: bool = False
    picture: bool = False

    def __str__(self) -> str:
        """Return Discord's names of the missing permissions."""
        named = (("Embed Links", self.embed), ("Attach Files", self.picture))
        return " and ".join(name for name, left_out in named if left_out)


WHOLE = Without()


def page_of(stream_id: str, nonce: str) -> str:
    """Return the link in a post. It contains the nonce, by which the post is found again in the channel."""
    return f"{settings.FRONTEND_URL}/streams/{quote(stream_id)}#{nonce}"


def compose(
    alerts: Sequence[AlertText],
    *,
    levels: dict[str, int],
    digest: bool,
    stream_id: str,
    stream_name: str,
    role_id: str | None,
    nonce: str,
    picture: Picture | None,
    without: Without = WHOLE,
) -> DiscordObject:
    """Return the message for these alerts, oldest first. For a digest they may be only the newest ones.

    `levels` counts all alerts. Discord creates one message if it gets the same nonce twice within a few minutes.
    """
    worst = max((level for level in Level if levels.get(level)), key=list(Level).index)
    name = escape(" ".join((stream_name or stream_id).split()), MAX_NAME)
    total = sum(levels.values())
    mention = f"<@&{role_id}>" if role_id else ""
    title = _digest_title(levels, name) if digest else f"{name}: {ALERTS[worst]}"
    url = page_of(stream_id, nonce)
    # Discord shows a line that begins with `-#` in small print.
    note = "\n-# " + _("No picture: the bot lacks Attach Files here.") if without.picture else ""
    message: DiscordObject = {
        "allowed_mentions": {"parse": [], "roles": [role_id] if role_id else []},
        "nonce": nonce,
        "enforce_nonce": True,
    }
    if picture is not None and not without.picture:
        message["attachments"] = [
            {
                "id": 0,
                "filename": picture.filename,
                "description": _("The picture of the stream at the time of the alert."),
            }
        ]
    if without.embed:
        text = _lines(alerts, total, room=2 * MAX_PLAIN) if digest else escape(alerts[-1].text, MAX_PLAIN)
        # Angle brackets keep Discord from adding a preview of the link.
        return message | {"content": f"{mention} **{title}**\n{text}\n<{url}>{note}".strip()}
    embed: DiscordObject = {
        "title": title,
        "description": (_lines(alerts, total) if digest else escape(alerts[-1].text, MAX_TEXT)) + note,
        "url": url,
        "color": COLORS[worst],
        "timestamp": alerts[-1].at.isoformat(),
        "footer": {"text": plain(" · ".join(filter(None, (stream_id, alerts[-1].sender))), 200)},
    }
    if "attachments" in message and picture is not None:
        embed["image"] = {"url": f"attachment://{picture.filename}"}
    return message | {"content": mention, "embeds": [embed]}


def _digest_title(levels: dict[str, int], name: str) -> str:
    total = sum(levels.values())
    parts = [f"{level.label}: {levels[level]}" for level in reversed(Level) if levels.get(level)]
    title = ngettext(
        "%(count)s alert from %(stream)s (%(levels)s)", "%(count)s alerts from %(stream)s (%(levels)s)", total
    )
    return title % {"count": total, "stream": name, "levels": ", ".join(parts)}


def _lines(alerts: Sequence[AlertText], total: int, *, room: int = 4000) -> str:
    """Return one line per alert, oldest first, for as many of the newest as fit into `room` characters."""
    lines: list[str] = []
    for one in reversed(alerts):
        # Discord shows such times in each reader's own time zone (docs: Reference, Message Formatting).
        line = f"<t:{int(one.at.timestamp())}:T> **{one.level.label}** {escape(' '.join(one.text.split()), MAX_LINE)}"
        room -= len(line) + 1
        if room < 0:
            break
        lines.insert(0, line)
    if total > len(lines):
        earlier = total - len(lines)
        lines.insert(
            0, ngettext("%(count)s earlier alert", "%(count)s earlier alerts", earlier) % {"count": earlier}
        )
    return "\n".join(lines)
