"""What the bot writes: which item plays, at which position, and in which channel.

Functions with an `owner` expect the owner of the guild's lease. Unless they say otherwise, they raise LeaseLost if
another process has the lease now.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from database.owners import is_free, surely_dead
from library.domain.tracks import apply_info
from library.sources import TrackInfo
from queue_app.domain.announce import announce_resolved, announce_track
from queue_app.domain.empty_channel import ChannelChange, compare_channel
from queue_app.domain.guild_state import GuildState, first_player, open_guild
from queue_app.domain.plays import begin_play
from queue_app.domain.skip import repeat
from queue_app.domain.whereabouts import best_channel
from queue_app.errors import LeaseLost
from queue_app.events import TrackFailed, TrackFinished, TrackStarted, VoiceChanged, VoiceLeft
from queue_app.models import ItemState, Loop, Player, QueueItem
from queue_app.player_states import BOT_AWAY, CHANNEL_GONE, NOWHERE
from queue_app.queries import first_queued, load_player
from realtime.origin import BOT

LEASE = timedelta(seconds=8)


def take_lease(guild_id: str, *, owner: str) -> bool:
    """Take or renew the lease of a guild's player. Returns False if another process has it and may still be running.

    For a new owner, the player starts without a connection and without sound.
    """
    found = first_player(guild_id)
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
        if state.player.error_code == BOT_AWAY:
            state.set_error("")
        elif was_heard:
            state.append(VoiceChanged())
    return True


def renew_leases(owners: dict[str, str]) -> set[str]:
    """Renew the leases of these guilds (`{guild id: owner}`), in one statement. Returns the guilds still held."""
    held = Player.objects.filter(pk__in=list(owners), lease_owner__in=list(owners.values()))
    if held.update(lease_expires_at=timezone.now() + LEASE) == len(owners):
        return set(owners)
    return set(held.values_list("pk", flat=True))


def free_leases(guild_ids: Iterable[str]) -> set[str]:
    """Return the guilds whose lease can be taken. One query."""
    now = timezone.now()
    rows = Player.objects.filter(pk__in=list(guild_ids))
    leases = rows.values_list("pk", "lease_owner", "lease_expires_at")
    return {pk for pk, owner, expires_at in leases if is_free(owner, expires_at, now=now)}


def release(guild_id: str, *, owner: str) -> None:
    """Give up the lease, if this owner has it. The player is then silent, and another process can take over at once."""
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
            state.append(VoiceChanged())


def _open(guild_id: str, owner: str) -> GuildState:
    state = open_guild(guild_id, origin=BOT)
    if state.player.lease_owner != owner:
        raise LeaseLost
    return state


def start_next(guild_id: str, *, owner: str) -> QueueItem | None:
    """Make the first queued item the current one. Returns it, or None if nothing should start.

    Without a voice channel, the item stays queued and the player gets the error NO_VOICE_CHANNEL.
    """
    if _is_settled(guild_id):
        return None
    with transaction.atomic():
        state = _open(guild_id, owner)
        player = state.player
        if player.item is not None or player.paused or player.stopped:
            return None
        item = first_queued(guild_id)
        if item is None:
            return None
        had_channel = player.voice_channel_id is not None
        state.set_channel(best_channel(player, item.requested_by))
        if player.voice_channel_id is None:
            player.save(update_fields=["voice_channel_id"])
            if not state.set_error(NOWHERE) and had_channel:
                state.append(VoiceChanged())
            return None
        position_ms = item.resume_ms
        item.play()
        begin_play(item, position_ms=position_ms)
        player.item = item
        player.position_ms, player.position_at = position_ms, timezone.now()
        player.error_code = player.error_detail = ""
        player.queue_total = max(0, player.queue_total - 1)
        player.save(
            update_fields=[
                "item", "queue_total", "position_ms", "position_at", "voice_channel_id", "volume",
                "error_code", "error_detail",
            ]
        )  # fmt: skip
        state.append(TrackStarted(item=item))
        return item


def find_channel(guild_id: str, *, owner: str) -> None:
    """Find a channel for the current item if it has none, or one that the bot cannot join."""
    if _is_settled(guild_id):
        return
    with transaction.atomic():
        state = _open(guild_id, owner)
        player = state.player
        if player.item is None or player.stopped or not player.looks_for_channel:
            return
        before = player.voice_channel_id
        state.set_channel(best_channel(player, player.item.requested_by))
        moves = player.voice_channel_id != before
        if not moves and (before is not None or player.error_code == CHANNEL_GONE):
            return  # the error about this channel, or about the deleted one, is still right
        player.save(update_fields=["voice_channel_id", "volume"])
        if not state.set_error(NOWHERE if player.voice_channel_id is None else "") and moves:
            state.append(VoiceChanged())


def _is_settled(guild_id: str) -> bool:
    """Whether looking for a channel again would find the same error. Takes no lock, so it can be called often."""
    player = load_player(guild_id)
    if not player.error_code or not player.looks_for_channel:
        return False
    item = player.item or first_queued(guild_id)
    best = best_channel(player, item.requested_by) if item else None
    return best == player.voice_channel_id and (
        best is not None or player.error_code in (NOWHERE, CHANNEL_GONE)
    )


def finish(guild_id: str, *, item_id: UUID, owner: str, jumps: int | None = None) -> None:
    """Note that the item played to its end. Depending on the loop, it starts again or is added again.

    `jumps` is `Player.jumps` when the item was opened. If a command has set the position since then, nothing happens.
    """
    with transaction.atomic():
        state = _open(guild_id, owner)
        player = state.player
        ended = player.item_id == item_id and jumps in (None, player.jumps)
        item = state.end_item(ItemState.PLAYED) if ended else None
        if item is None:
            return  # skipped in the meantime, which has its own event
        state.append(TrackFinished(item=item))
        if state.player.loop == Loop.TRACK:
            state.play(item, position_ms=0)
            state.append(TrackStarted(item=item))
        else:
            repeat(state, item)


def fail(guild_id: str, *, item_id: UUID, code: str, detail: str, owner: str) -> bool:
    """Note that the current item cannot be played. Returns False if it is no longer the current one."""
    with transaction.atomic():
        state = _open(guild_id, owner)
        if state.player.item_id != item_id:
            return False  # skipped in the meantime, which has its own event
        item = state.end_item(ItemState.FAILED, code=code, detail=detail)
        assert item is not None
        state.append(TrackFailed(item=item))
    return True


def observe(
    guild_id: str,
    *,
    owner: str,
    connected_channel_id: str | None,
    sounding: bool,
    position_ms: int | None,
    jumps: int | None = None,
    code: str = "",
    detail: str = "",
) -> None:
    """Note where the bot is connected and whether it sends sound. Appends an event if that changed.

    With `position_ms` None, the stored position is kept. It is also kept if `jumps`, which is `Player.jumps` when the
    item was opened, is out of date. `code` and `detail` are the reason why people in the channel cannot hear the bot.
    They are ignored if the player has another channel by now.
    """
    with transaction.atomic():
        state = _open(guild_id, owner)
        player = state.player
        before = (player.connected_channel_id, player.sounding, player.error_code, player.error_detail)
        player.fold_position()
        player.connected_channel_id, player.sounding = connected_channel_id, sounding
        if position_ms is not None and jumps in (None, player.jumps):
            player.position_ms = position_ms
        if connected_channel_id and player.item_id:
            there = connected_channel_id == player.voice_channel_id
            player.error_code, player.error_detail = (code, detail) if there else ("", "")
        player.save(
            update_fields=[
                "connected_channel_id", "sounding", "position_ms", "position_at", "error_code", "error_detail",
            ]
        )  # fmt: skip
        if before != (player.connected_channel_id, player.sounding, player.error_code, player.error_detail):
            state.append(VoiceChanged())


def checkpoint(guild_id: str, *, owner: str, item_id: UUID, jumps: int, position_ms: int) -> None:
    """Save the item's position, without an event. Does nothing without the lease, or if a command set the position."""
    Player.objects.filter(pk=guild_id, lease_owner=owner, item_id=item_id, jumps=jumps).update(
        position_ms=position_ms, position_at=timezone.now()
    )


def report_error(
    guild_id: str, *, owner: str, code: str, detail: str = "", channel_id: str | None = None
) -> None:
    """Set the player's error: a code of SILENCES, with its sentence or a more specific one. "" clears the error.

    `channel_id` is the channel that the error is about. Nothing happens if the player has another one by now.
    """
    with transaction.atomic():
        state = _open(guild_id, owner)
        if channel_id in (None, state.player.voice_channel_id):
            state.set_error(code, detail)


def forget_error(guild_id: str, *, owner: str) -> None:
    """Clear the error, because there is nothing to play."""
    report_error(guild_id, owner=owner, code="")


def abandoned(guild_ids: Collection[str]) -> list[str]:
    """Return the guilds whose player should play, has no bot, and has no error yet. One query."""
    gone = Q(lease_expires_at=None) | Q(lease_expires_at__lt=timezone.now())
    players = Player.objects.filter(gone, pk__in=guild_ids, item__isnull=False, paused=False, stopped=False)
    return list(players.filter(error_code="").values_list("pk", flat=True))


def note_absence(guild_id: str) -> None:
    """Set the error BOT_AWAY, if the player should play and has no bot. The next owner of the lease clears it."""
    with transaction.atomic():
        state = open_guild(guild_id, origin=BOT)
        if state.player.is_abandoned:
            state.set_error(BOT_AWAY)


def moved(guild_id: str, *, owner: str, channel_id: str | None) -> None:
    """Note that somebody moved the bot to another channel, or out of voice (None). The player stays there."""
    with transaction.atomic():
        state = _open(guild_id, owner)
        player = state.player
        player.fold_position()
        player.connected_channel_id = channel_id
        player.sounding = player.sounding and channel_id is not None
        if channel_id is None:
            state.stop()
        else:
            player.voice_channel_id, player.stopped = channel_id, False
            player.error_code = player.error_detail = ""
        player.save(
            update_fields=[
                "voice_channel_id", "connected_channel_id", "stopped", "paused", "sounding",
                "position_ms", "position_at", "error_code", "error_detail",
            ]
        )  # fmt: skip
        state.append(VoiceLeft() if channel_id is None else VoiceChanged())


def lose_channel(guild_id: str, *, owner: str) -> None:
    """Note that the bot's channel was deleted. The player is not stopped, so it continues in the next channel."""
    with transaction.atomic():
        state = _open(guild_id, owner)
        player = state.player
        player.fold_position()
        player.voice_channel_id = player.connected_channel_id = None
        player.sounding = False
        player.save(
            update_fields=[
                "voice_channel_id", "connected_channel_id", "sounding", "position_ms", "position_at",
            ]
        )  # fmt: skip
        if player.item is None or not state.set_error(CHANNEL_GONE):
            state.append(VoiceChanged())


def settle_empty_channel(guild_id: str, *, owner: str) -> None:
    """Store since when the bot's channel is empty, and leave it after the time that the guild's settings allow.

    The current item and its position are kept, as after `LeaveVoice`.
    """
    with transaction.atomic():
        state = _open(guild_id, owner)
        player = state.player
        match compare_channel(player, state.settings):
            case ChannelChange.JOINED:
                player.alone_since = None
            case ChannelChange.EMPTIED:
                player.alone_since = timezone.now()
            case ChannelChange.LONG_EMPTY:
                player.alone_since = None
                player.save(update_fields=["alone_since"])
                state.stop()
                state.append(VoiceLeft(reason="alone"))
                return
            case ChannelChange.NONE:
                return
        player.save(update_fields=["alone_since"])


def resolve_track(guild_id: str, *, item_id: UUID, info: TrackInfo, owner: str) -> None:
    """Save what the source returned about an item's track, and append an event for each item with this track."""
    with transaction.atomic():
        state = _open(guild_id, owner)
        track = QueueItem.objects.select_related("track").get(pk=item_id).track
        apply_info(track, info)
        announce_resolved(state, track)
    announce_track(track, besides=guild_id)


def fail_queued(guild_id: str, *, item_id: UUID, code: str, detail: str, owner: str) -> bool:
    """Note that a queued item cannot be played. Returns False if it is no longer queued."""
    with transaction.atomic():
        state = _open(guild_id, owner)
        item = (
            QueueItem.objects.select_related("track", "requested_by")
            .filter(pk=item_id, state=ItemState.QUEUED)
            .first()
        )
        if item is None:
            return False
        item.end(ItemState.FAILED, code=code, detail=detail)
        state.count(-1)
        state.append(TrackFailed(item=item))
    return True
