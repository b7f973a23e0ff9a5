"""What the bot writes: which item plays, how far it is, where it is heard.

Every function takes the lease's `owner` and raises LeaseLost when another process looks after the guild now.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from queue_app.domain.company import Company, company
from queue_app.domain.guild_state import GuildState, open_guild
from queue_app.domain.library import announce_track, apply_info, say_resolved
from queue_app.domain.owners import is_free, surely_dead
from queue_app.domain.owners import lease_owner as lease_owner
from queue_app.errors import LeaseLost
from queue_app.models import NOWHERE, ItemState, Player, QueueItem
from queue_app.queries import queued_items
from queue_app.sources import TrackInfo
from realtime.origin import BOT

LEASE = timedelta(seconds=8)
NOWHERE_SENTENCE = "Join a voice channel, or choose one on the page."


def take_lease(guild_id: str, *, owner: str) -> bool:
    """Take or renew the lease of a guild's player. Returns False while a living process holds it.

    A new owner starts from what is in the database: nothing connected, nothing sounding.
    """
    found, _ = Player.objects.get_or_create(pk=guild_id)
    if found.lease_owner == owner:
        return bool(renew_leases({guild_id: owner}))
    now, holder = timezone.now(), found.lease_owner
    if not is_free(holder, found.lease_expires_at, now=now):
        return False
    free = Q(lease_owner="") | Q(lease_expires_at=None) | Q(lease_expires_at__lt=now)
    if surely_dead(holder):
        free |= Q(lease_owner=holder)
    with transaction.atomic():
        state = open_guild(guild_id, origin=BOT)
        claimed = Player.objects.filter(free, pk=guild_id).update(
            lease_owner=owner, lease_expires_at=now + LEASE, connected_channel_id=None, sounding=False
        )
        if not claimed:
            return False
        was_heard = state.player.connected_channel_id is not None
        state.player.refresh_from_db()
        if was_heard:
            state.append("VoiceChanged", player=True)
    return True


def renew_leases(owners: dict[str, str]) -> set[str]:
    """Renew the leases of these guilds (`{guild id: owner}`), in one statement. Returns the guilds still held."""
    held = Player.objects.filter(pk__in=list(owners), lease_owner__in=list(owners.values()))
    if held.update(lease_expires_at=timezone.now() + LEASE) == len(owners):
        return set(owners)
    return set(held.values_list("pk", flat=True))


def free_leases(guild_ids: Iterable[str]) -> set[str]:
    """Return those of the guilds whose lease may be had. One query."""
    now = timezone.now()
    rows = Player.objects.filter(pk__in=list(guild_ids))
    leases = rows.values_list("pk", "lease_owner", "lease_expires_at")
    return {pk for pk, owner, expires_at in leases if is_free(owner, expires_at, now=now)}


def release(guild_id: str, *, owner: str) -> None:
    """Give the guild up in good order: nothing sounds any more, another process may take over at once."""
    with transaction.atomic():
        state = open_guild(guild_id, origin=BOT)
        if state.player.lease_owner != owner:
            return
        player = state.player
        heard = player.connected_channel_id is not None
        player.fold_position()
        player.connected_channel_id, player.sounding = None, False
        player.lease_owner, player.lease_expires_at = "", None
        player.save(
            update_fields=[
                "connected_channel_id", "sounding", "lease_owner", "lease_expires_at", "position_ms", "position_at",
            ]
        )  # fmt: skip
        if heard:
            state.append("VoiceChanged", player=True)


def _open(guild_id: str, owner: str) -> GuildState:
    state = open_guild(guild_id, origin=BOT)
    if state.player.lease_owner != owner:
        raise LeaseLost
    return state


def start_next(guild_id: str, *, owner: str) -> QueueItem | None:
    """Make the first queued item the current one. Returns it; null when nothing should start.

    Without a channel to play in the item stays queued and the player says NO_VOICE_CHANNEL.
    """
    with transaction.atomic():
        state = _open(guild_id, owner)
        player = state.player
        if player.item is not None or player.paused or player.stopped:
            return None
        queue = queued_items(guild_id)
        if not queue:
            return None
        item = queue[0]
        had_channel = player.voice_channel_id is not None
        if state.settle_channel(item.requested_by) is None:
            if not _set_error(state, NOWHERE, NOWHERE_SENTENCE) and had_channel:
                state.append("VoiceChanged", player=True)
            return None
        item.state, item.started_at = ItemState.PLAYING, timezone.now()
        item.save(update_fields=["state", "started_at"])
        player.item = item
        player.position_ms, player.position_at = 0, timezone.now()
        player.error_code = player.error_detail = ""
        player.save(update_fields=["item", "position_ms", "position_at", "error_code", "error_detail"])
        state.append("TrackStarted", item=item, player=True)
        return item


def find_channel(guild_id: str, *, owner: str) -> None:
    """Look for a channel for the current item, which has none: it was asked to go on from outside of voice."""
    with transaction.atomic():
        state = _open(guild_id, owner)
        player = state.player
        if player.item is None or player.stopped or player.voice_channel_id is not None:
            return
        if state.settle_channel(player.item.requested_by) is None:
            _set_error(state, NOWHERE, NOWHERE_SENTENCE)
            return
        player.error_code = player.error_detail = ""
        player.save(update_fields=["error_code", "error_detail"])
        state.append("VoiceChanged", player=True)


def finish(guild_id: str, *, item_id: UUID, owner: str) -> None:
    """The item played to its end."""
    _end(guild_id, item_id=item_id, owner=owner, state=ItemState.PLAYED, event="TrackFinished")


def fail(guild_id: str, *, item_id: UUID, code: str, detail: str, owner: str) -> None:
    """The item cannot be played; the queue goes on."""
    _end(
        guild_id,
        item_id=item_id,
        owner=owner,
        state=ItemState.FAILED,
        event="TrackFailed",
        code=code,
        detail=detail,
    )


def _end(
    guild_id: str,
    *,
    item_id: UUID,
    owner: str,
    state: ItemState,
    event: str,
    code: str = "",
    detail: str = "",
) -> None:
    with transaction.atomic():
        guild = _open(guild_id, owner)
        if guild.player.item_id != item_id:
            return  # skipped in the meantime; that event stands
        item = guild.end_item(state, code=code, detail=detail)
        guild.append(event, item=item, player=True)


def observe(
    guild_id: str, *, owner: str, connected_channel_id: str | None, sounding: bool, position_ms: int | None
) -> None:
    """Note where the bot is connected and whether it is heard; an event when that changed.

    `position_ms` null keeps the stored position.
    """
    with transaction.atomic():
        state = _open(guild_id, owner)
        player = state.player
        before = (player.connected_channel_id, player.sounding, player.error_code)
        player.fold_position()
        player.connected_channel_id, player.sounding = connected_channel_id, sounding
        if position_ms is not None:
            player.position_ms = position_ms
        if connected_channel_id and player.item_id:
            player.error_code = player.error_detail = ""
        player.save(
            update_fields=[
                "connected_channel_id", "sounding", "position_ms", "position_at", "error_code", "error_detail",
            ]
        )  # fmt: skip
        if before != (player.connected_channel_id, player.sounding, player.error_code):
            state.append("VoiceChanged", player=True)


def checkpoint(guild_id: str, *, owner: str, item_id: UUID, position_ms: int) -> None:
    """Save how far the item is: an observation, not an event."""
    Player.objects.filter(pk=guild_id, lease_owner=owner, item_id=item_id).update(
        position_ms=position_ms, position_at=timezone.now()
    )


def report_error(guild_id: str, *, owner: str, code: str, detail: str) -> None:
    """Say why nothing is heard; an empty code takes it back."""
    with transaction.atomic():
        _set_error(_open(guild_id, owner), code, detail)


def _set_error(state: GuildState, code: str, detail: str) -> bool:
    """Returns whether this is news."""
    player = state.player
    if (player.error_code, player.error_detail) != (code, detail[:300]):
        player.fold_position()
        player.error_code, player.error_detail = code, detail[:300]
        player.save(update_fields=["error_code", "error_detail", "position_ms", "position_at"])
        state.append("PlayerErrorChanged", player=True)
        return True
    return False


def moved(guild_id: str, *, owner: str, channel_id: str | None) -> None:
    """Somebody moved the bot to another channel, or (null) out of voice: that is now where it should be."""
    with transaction.atomic():
        state = _open(guild_id, owner)
        player = state.player
        player.fold_position()
        player.voice_channel_id = player.connected_channel_id = channel_id
        player.stopped = channel_id is None
        player.sounding = player.sounding and channel_id is not None
        player.save(
            update_fields=[
                "voice_channel_id", "connected_channel_id", "stopped", "sounding", "position_ms", "position_at",
            ]
        )  # fmt: skip
        state.append("VoiceLeft" if channel_id is None else "VoiceChanged", player=True)


def mind_company(guild_id: str, *, owner: str) -> None:
    """Note since when nobody is in the bot's channel, and leave it when that has been as long as the guild allows.

    What played is kept with its position, as after `LeaveVoice`.
    """
    with transaction.atomic():
        state = _open(guild_id, owner)
        player = state.player
        match company(player, state.settings):
            case Company.CAME:
                player.alone_since = None
            case Company.LEFT:
                player.alone_since = timezone.now()
            case Company.LONG_GONE:
                player.fold_position()
                player.voice_channel_id, player.stopped, player.alone_since = None, True, None
                player.save(
                    update_fields=["voice_channel_id", "stopped", "position_ms", "position_at", "alone_since"]
                )
                state.append("VoiceLeft", player=True, reason="alone")
                return
            case Company.SAME:
                return
        player.save(update_fields=["alone_since"])


def resolve_track(guild_id: str, *, item_id: UUID, info: TrackInfo, owner: str) -> None:
    """Fill in what the source says about an item's track, here and wherever else it is queued."""
    with transaction.atomic():
        state = _open(guild_id, owner)
        track = QueueItem.objects.select_related("track").get(pk=item_id).track
        apply_info(track, info)
        say_resolved(state, track)
    announce_track(track, besides=guild_id)


def fail_queued(guild_id: str, *, item_id: UUID, code: str, detail: str, owner: str) -> None:
    """An item that still waits was found to be unplayable."""
    with transaction.atomic():
        state = _open(guild_id, owner)
        item = (
            QueueItem.objects.select_related("track", "requested_by")
            .filter(pk=item_id, state=ItemState.QUEUED)
            .first()
        )
        if item is None:
            return
        item.end(ItemState.FAILED, code=code, detail=detail)
        state.append("TrackFailed", item=item, player=True)
