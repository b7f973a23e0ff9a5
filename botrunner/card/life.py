"""The life of a guild's card, one call to Discord at a time.

    no message → posted → edited … → folded when the queue ends
                   ↓
                replaced and deleted, if other messages have buried it or it belongs in another channel

`claim` decides on the next step and stores it, `carry_out` (steps.py) calls Discord, and `settle` (settle.py) stores
the outcome. If the process dies between two of them, the lease expires, and the next `claim` continues from the row.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Q
from django.utils import timezone, translation

from accounts.discord import File
from alerts.domain.delivery import NONCE_HONORED, Delivery, Form
from alerts.message import Without
from botrunner.card.face import digest, message
from botrunner.card.scene import Scene, read_scene
from botrunner.card.steps import FLOOR, Delete, Edit, Post, Step
from botrunner.languages import public_language
from botrunner.models import Card, new_nonce
from guilds.channel_permissions import ATTACH_FILES, EMBED_LINKS, READ_MESSAGE_HISTORY, likely_bot_permissions
from guilds.domain.settings import load_settings
from guilds.models import Channel, GuildSettings
from library.artwork import artwork_folder

LEASE = timedelta(seconds=30)
REFRESH = timedelta(seconds=15)  # between two updates of the position
OLD = timedelta(minutes=55)  # Discord limits edits of messages over an hour old to a few in 20 seconds
OLD_FLOOR = timedelta(seconds=7)

# --- Deciding ---


def claim(guild_id: str, *, owner: str, edited_at: datetime | None) -> tuple[Step | None, datetime | None]:
    """Return the next step, claimed for `LEASE`, or when to call this again. Both are None if nothing is due.

    `edited_at` is when this process last edited the card.
    """
    card = Card.objects.select_related("guild").filter(pk=guild_id).first()
    if card is None:
        return None, None
    settings = load_settings(guild_id)
    with translation.override(public_language(settings, card.guild.preferred_locale)):
        return _claim(card, settings, owner, edited_at)


def _claim(
    card: Card, settings: GuildSettings, owner: str, edited_at: datetime | None
) -> tuple[Step | None, datetime | None]:
    now = timezone.now()
    if card.not_before is not None and card.not_before > now:
        return None, card.not_before
    scene = read_scene(card.pk, began_at=card.began_at)
    if _rests(card, settings, scene):
        return None, None
    if _stands(card, settings, scene):
        edit, later = _edit(card, scene, now, edited_at)
        if edit is None:  # the usual case: most events change nothing that it shows
            return None, later
    free = Q(lease_owner="") | Q(lease_expires_at__lt=now) | Q(lease_owner=owner)
    if not Card.objects.filter(free, pk=card.pk).update(lease_owner=owner, lease_expires_at=now + LEASE):
        return None, now + LEASE
    card.refresh_from_db()
    step, again = _decide(card, settings, now, edited_at, owner)
    if step is None:
        Card.objects.filter(pk=card.pk, lease_owner=owner).update(lease_owner="", lease_expires_at=None)
    return step, again


def _decide(
    card: Card, settings: GuildSettings, now: datetime, edited_at: datetime | None, owner: str
) -> tuple[Step | None, datetime | None]:
    scene = read_scene(card.guild_id, began_at=card.began_at)
    wanted = _wanted_channel(card, settings)
    if card.doubt_since is not None:
        return _post(card, scene, now, owner), None
    if card.old_message_id and (card.message_id or not wanted or (scene.item is None and not card.folded)):
        return Delete(card.old_channel_id, card.old_message_id), None
    if not card.message_id:
        if scene.item is None or not wanted:
            return None, None
        card.set(channel_id=wanted, nonce=new_nonce(), doubt_since=now, buried=False)
        if card.began_at is None:
            card.set(began_at=_began(scene, now))
        return _post(card, scene, now, owner), None
    if not wanted or (scene.item is not None and (card.buried or card.channel_id != wanted)):
        card.set(
            old_channel_id=card.channel_id, old_message_id=card.message_id,
            message_id="", channel_id="", shown="", buried=False,
        )  # fmt: skip
        return _decide(card, settings, now, edited_at, owner)
    return _edit(card, scene, now, edited_at)


def _stands(card: Card, settings: GuildSettings, scene: Scene) -> bool:
    """Whether the card is where it should be, so that at most its content is out of date."""
    if not card.message_id or card.old_message_id or card.doubt_since is not None:
        return False
    wanted = _wanted_channel(card, settings)
    return bool(wanted) and (scene.item is None or (not card.buried and card.channel_id == wanted))


def _rests(card: Card, settings: GuildSettings, scene: Scene) -> bool:
    """Whether the last card says that the queue has finished, and may say so until the next one is posted."""
    return card.folded and scene.item is None and bool(_wanted_channel(card, settings))


def _began(scene: Scene, now: datetime) -> datetime:
    item = scene.player.item
    return item.started_at if item is not None and item.started_at is not None else now


def _wanted_channel(card: Card, settings: GuildSettings) -> str:
    """Return the channel in which the card should be, or "" if there should be none."""
    if not settings.show_card or not card.guild.bot_installed:
        return ""
    chosen = chosen_channel(settings)
    return chosen.pk if chosen is not None else card.home_channel_id


def chosen_channel(settings: GuildSettings) -> Channel | None:
    """Return the channel that the settings choose for the card. A channel that was deleted does not count."""
    chosen = [each for each in (settings.request_channel_id, settings.announce_channel_id) if each]
    here = Channel.objects.filter(guild_id=settings.pk).in_bulk(chosen) if chosen else {}
    return next((here[each] for each in chosen if each in here), None)


def _post(card: Card, scene: Scene, now: datetime, owner: str) -> Post:
    doubt_since = card.doubt_since or now
    channel = Channel.objects.filter(guild_id=card.guild_id, pk=card.channel_id).first()
    may = likely_bot_permissions(card.guild, channel)
    forms = [
        Form(
            message(scene, nonce=card.nonce, embed=embed, picture=picture)
            | {"nonce": card.nonce, "enforce_nonce": True},
            _files(picture),
            Without(embed=not embed, picture=bool(scene.artwork) and not picture),
        )
        for embed, picture in _ways(may, _picture(scene))
    ]
    delivery = Delivery(
        post_id=0,
        owner=owner,
        leased_until=now + LEASE,
        channel_id=card.channel_id,
        channel_name=channel.name if channel else "",
        nonce=card.nonce,
        forms=forms,
        doubt_since=doubt_since,
        look_first=now - doubt_since > NONCE_HONORED,
        reads_history=bool(may & READ_MESSAGE_HISTORY),
    )
    return Post(delivery, digest(scene), folded=scene.item is None, fresh=doubt_since == now)


def _ways(may: int, picture: str) -> list[tuple[bool, str]]:
    """Return `(embed, picture)` of each form that the bot may send, from the complete one to the simplest."""
    ways = [(True, picture), (True, ""), (False, "")] if picture else [(True, ""), (False, "")]
    return [
        (embed, shown)
        for embed, shown in ways
        if not (embed and not may & EMBED_LINKS) and not (shown and not may & ATTACH_FILES)
    ]


def _picture(scene: Scene) -> str:
    return scene.artwork if scene.artwork and (artwork_folder() / scene.artwork).is_file() else ""


def _files(picture: str) -> list[File]:
    if not picture:
        return []
    path = artwork_folder() / picture
    kinds = {".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png", ".webp": "image/webp"}
    return [(picture, path.read_bytes(), kinds.get(path.suffix, "image/jpeg"))]


def _edit(
    card: Card, scene: Scene, now: datetime, edited_at: datetime | None
) -> tuple[Edit | None, datetime | None]:
    shown = digest(scene)
    folded = scene.item is None
    age = now - card.posted_at if card.posted_at else timedelta()
    floor = OLD_FLOOR if age > OLD else FLOOR
    moves = scene.player.status == "playing"
    if shown == card.shown:
        if not moves or folded:
            return None, None
        due = (edited_at or card.posted_at or now) + REFRESH
    else:
        due = (edited_at or now - floor) + floor
    if due > now:
        return None, due
    may = likely_bot_permissions(
        card.guild, Channel.objects.filter(guild_id=card.guild_id, pk=card.channel_id).first()
    )
    embed, picture = _ways(may, _picture(scene))[0]
    payload = message(scene, nonce=card.nonce, embed=embed, picture=picture)
    kept = bool(picture) and picture == card.picture and bool(card.picture_id)
    if kept:
        payload["attachments"] = [{"id": card.picture_id, "filename": picture}]
    files = [] if kept else _files(picture)
    return Edit(card.channel_id, card.message_id, payload, files, shown, picture, folded), None


# --- Reports from outside ---


def note_home(guild_id: str, channel_id: str) -> None:
    """Remember the channel in which somebody added a track in Discord, because the card belongs there."""
    Card.objects.update_or_create(pk=guild_id, defaults={"home_channel_id": channel_id})


def note_buried(guild_id: str) -> None:
    """Note that other messages have pushed the card out of sight."""
    Card.objects.filter(pk=guild_id).exclude(message_id="").update(buried=True)


def live_cards() -> dict[str, tuple[str, str]]:
    """Return `{guild id: (channel id, message id)}` of all cards that are posted, being posted or being deleted."""
    cards = Card.objects.exclude(message_id="", old_message_id="", doubt_since=None)
    return {
        pk: (channel_id, message_id)
        for pk, channel_id, message_id in cards.values_list("pk", "channel_id", "message_id")
    }
