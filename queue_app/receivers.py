"""Receivers of signals: data exports, deleted accounts, and tracks whose details were read."""

from __future__ import annotations

from django.dispatch import receiver

from accounts.models import User
from accounts.signals import departing, exporting, housekeeping
from library.models import Track
from library.signals import track_read, track_withdrawn
from queue_app.domain.announce import announce_track, remove_track
from queue_app.domain.forget import forget_person
from queue_app.domain.retention import forget_history
from queue_app.history import plays_of
from queue_app.models import Change, QueueItem
from queue_app.shapes import iso, item_shape


@receiver(exporting)
def export_items(sender: object, user: User, **kwargs: object) -> dict[str, object]:
    items = QueueItem.objects.filter(requested_by=user).select_related("track", "requested_by")
    changes = Change.objects.filter(actor=user).order_by("guild_id", "epoch", "seq").defer("inverse")
    return {
        "queue_items": [
            item_shape(item) | {"guild_id": item.guild_id} for item in items.order_by("added_at")
        ],
        "plays": plays_of(user),
        "changes": [
            {
                "guild_id": change.guild_id,
                "seq": change.seq,
                "tracks": change.count,
                "at": iso(change.created_at),
                "undone": change.undone_seq is not None,
            }
            for change in changes
        ],
    }


@receiver(housekeeping)
def delete_old_history(sender: object, **kwargs: object) -> dict[str, int]:
    return forget_history()


@receiver(departing)
def forget_items(sender: object, user: User, **kwargs: object) -> None:
    forget_person(user)


@receiver(track_read)
def announce_what_was_read(sender: object, track: Track, **kwargs: object) -> None:
    announce_track(track)


@receiver(track_withdrawn)
def remove_what_was_withdrawn(sender: object, track: Track, **kwargs: object) -> None:
    remove_track(track)
