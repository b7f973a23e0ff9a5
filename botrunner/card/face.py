"""The message of a card, as the body of Discord's Create Message and Edit Message. Does no I/O.

Titles are untrusted: they are escaped, cut off, and mention nobody. An embed may contain 6,000 characters (docs:
Message Resource, Embed Limits). These contain fewer than 3,000.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.discord import DiscordObject
from alerts.message import escape, plain
from botrunner.card.scene import Scene
from botrunner.labels import label, length_in_words
from library.clock import clock
from queue_app.models import Loop, Player, QueueItem
from queue_app.player_states import PlayerStatus

VERSION = 1  # in the ids of buttons, so that cards of older versions are recognized
SOUND, REST, BLOCKED = 0xF2A33A, 0x6B7278, 0xD64545
SEGMENTS = 16
MAX_TITLE, MAX_LINE, MAX_NAME = 120, 60, 80  # escaping at most doubles them
MAX_STATE = 400

ACTION_ROW, BUTTON = 1, 2
PRIMARY, SECONDARY, LINK = 1, 2, 5
PICTURE = "cover"


# The loop that a press sets. It is part of the button's id, so that a press that arrives twice does not set the next.
NEXT_LOOP = {Loop.OFF: Loop.QUEUE, Loop.QUEUE: Loop.TRACK, Loop.TRACK: Loop.OFF}


def custom_id(act: str, *about: str) -> str:
    return ":".join(("card", str(VERSION), act, *about))


def message(scene: Scene, *, nonce: str, embed: bool, picture: str) -> DiscordObject:
    """Return the message without files. `picture` is the name of the attached file, or "" without one.

    If the bot may not send embeds, `embed` is False, and the text is in the message's content.
    """
    content = _embed(scene, nonce, picture)
    body: DiscordObject = {
        "allowed_mentions": {"parse": []},
        "components": _buttons(scene),
        "attachments": [{"id": 0, "filename": picture}] if picture else [],
    }
    if embed:
        return body | {"content": "", "embeds": [content]}
    lines = [content["author"]["name"], f"**{content.get('title', '')}**", content.get("description", "")]
    return body | {
        "content": "\n".join(line for line in lines if line)[:1900] + f"\n<{content['url']}>",
        "embeds": [],
    }


def digest(scene: Scene) -> str:
    """Return a hash of everything that the card shows, except for the position."""
    shown = message(scene, nonce="", embed=True, picture=scene.artwork)
    for embed in shown["embeds"]:
        embed.pop("description", None)
    position = _subtitle(scene) if scene.item else ""
    text = json.dumps(
        [shown, position, str(scene.item and scene.item.pk)], sort_keys=True, ensure_ascii=False
    )
    return hashlib.sha256(text.encode()).hexdigest()


# --- The embed ---


def _embed(scene: Scene, nonce: str, picture: str) -> dict[str, Any]:
    url = f"{settings.FRONTEND_URL}/guilds/{scene.guild_id}#{nonce}"
    if scene.item is None:
        return {
            "author": {"name": _("Queue finished")},
            "title": _summary(scene),
            "url": url,
            "color": REST,
        }
    player, track = scene.player, scene.item.track
    embed: dict[str, Any] = {
        "author": {"name": _heading(scene)},
        "title": escape(" ".join((track.title or track.uri).split()), MAX_TITLE),
        "url": url,
        "color": _color(player),
        "description": "\n".join(filter(None, (_subtitle(scene), _progress(scene), _state(player)))),
        "fields": _fields(scene),
    }
    if vote := _vote(player):
        embed["footer"] = {"text": vote}
    if picture:
        embed["thumbnail"] = {"url": f"attachment://{picture}"}
    return embed


def _summary(scene: Scene) -> str:
    finished = scene.finished
    if finished is None or not finished.tracks:
        return _("Add a track with /play.")
    tracks = ngettext("%(count)s track", "%(count)s tracks", finished.tracks) % {"count": finished.tracks}
    return f"{tracks} · {length_in_words(finished.heard_ms)}"


def _heading(scene: Scene) -> str:
    where = plain(scene.channel_name, MAX_NAME)
    match scene.player.status:
        case PlayerStatus.PLAYING if where:
            return _("Now playing in %(channel)s") % {"channel": where}
        case PlayerStatus.PLAYING:
            return _("Now playing")
        case status:
            return str(status.label)


def _color(player: Player) -> int:
    if player.status is PlayerStatus.PLAYING:
        return SOUND
    return BLOCKED if player.status is PlayerStatus.ERROR else REST


def _subtitle(scene: Scene) -> str:
    assert scene.item is not None
    track = scene.item.track
    parts = [escape(" ".join(part.split()), MAX_NAME) for part in (track.artist, track.album) if part]
    return " · ".join(parts)


def _progress(scene: Scene) -> str:
    assert scene.item is not None
    track, position_ms = scene.item.track, scene.player.shown_position_ms
    if scene.player.item is None:
        return ""
    if track.is_live:
        return f"🔴 {_('Live')} · `{clock(position_ms)}`"
    if not track.duration_ms:
        return f"`{clock(position_ms)}`"
    done = min(SEGMENTS - 1, position_ms * SEGMENTS // track.duration_ms)
    bar = "▬" * done + "🔘" + "▬" * (SEGMENTS - 1 - done)
    return f"`{clock(position_ms)}` {bar} `{clock(track.duration_ms)}`"


def _state(player: Player) -> str:
    silence = player.silence
    return plain(_(silence[1]), MAX_STATE) if silence else ""


def _fields(scene: Scene) -> list[dict[str, Any]]:
    assert scene.item is not None
    player, fields = scene.player, []
    if scene.up_next:
        fields.append({"name": _("Up next"), "value": _up_next(scene), "inline": False})
    if scene.item.requested_by is not None:
        name = escape(str(scene.item.requested_by), MAX_NAME) or _("Someone")
        fields.append({"name": _("Added by"), "value": name, "inline": True})
    fields.append({"name": _("Loop"), "value": str(Loop(player.loop).label), "inline": True})
    fields.append({"name": _("Volume"), "value": f"{player.volume} %", "inline": True})
    return fields


def _up_next(scene: Scene) -> str:
    lines = [_line(number, item) for number, item in enumerate(scene.up_next, start=1)]
    more = scene.queue_total - len(scene.up_next) - (scene.player.item is None)
    if more > 0:
        rest = ngettext("and %(count)s more", "and %(count)s more", more) % {"count": more}
        length = f" · {length_in_words(scene.remaining_ms)}" if scene.remaining_ms else ""
        lines.append(f"-# {rest}{length}")
    return "\n".join(lines)


def _line(number: int, item: QueueItem) -> str:
    track = item.track
    title = escape(label(track.title or track.uri, track.artist), MAX_LINE)
    length = f" · {clock(track.duration_ms)}" if track.duration_ms else ""
    return f"{number}. {title}{length}"


def _vote(player: Player) -> str:
    if not player.skip_votes:
        return ""
    return ngettext(
        "%(votes)s of %(count)s vote to skip",
        "%(votes)s of %(count)s votes to skip",
        player.skip_votes_needed,
    ) % {"votes": player.skip_votes, "count": player.skip_votes_needed}


# --- The buttons ---


def _buttons(scene: Scene) -> list[dict[str, Any]]:
    page = _link("🌐", _("Open"), f"{settings.FRONTEND_URL}/guilds/{scene.guild_id}")
    if scene.item is None:
        return [_row(_button("again", "🔁", _("Again")), page)]
    player, about = scene.player, str(scene.item.pk)
    votes = f"{player.skip_votes}/{player.skip_votes_needed}" if player.skip_votes else ""
    plays = player.status in (PlayerStatus.PLAYING, PlayerStatus.CONNECTING)
    toggle = _button("pause", "⏸️") if plays else _button("resume", "▶️", style=PRIMARY)
    looping = PRIMARY if player.loop != Loop.OFF else SECONDARY
    return [
        _row(
            _button("previous", "⏮️"),
            toggle,
            _button("skip", "⏭️", votes, about=about),
            _button(
                "loop",
                "🔂" if player.loop == Loop.TRACK else "🔁",
                about=NEXT_LOOP[Loop(player.loop)],
                style=looping,
            ),
            _button("shuffle", "🔀", disabled=scene.queue_total < 2),
        ),
        _row(
            _button("favorite", "❤️", about=about),
            _button("stop", "⏹️"),
            _button("queue", "📜", _("Queue")),
            page,
        ),
    ]


def _row(*buttons: dict[str, Any]) -> dict[str, Any]:
    return {"type": ACTION_ROW, "components": list(buttons)}


def _button(
    act: str, emoji: str, text: str = "", *, about: str = "", style: int = SECONDARY, disabled: bool = False
) -> dict[str, Any]:
    button: dict[str, Any] = {
        "type": BUTTON,
        "style": style,
        "custom_id": custom_id(act, *filter(None, (about,))),
        "emoji": {"name": emoji},
    }
    if disabled:
        button["disabled"] = True
    return button | ({"label": text[:80]} if text else {})


def _link(emoji: str, text: str, url: str) -> dict[str, Any]:
    return {"type": BUTTON, "style": LINK, "url": url, "label": text[:80], "emoji": {"name": emoji}}
