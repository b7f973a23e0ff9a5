"""What happens elsewhere and matters to queues, and what they keep about a person."""

from __future__ import annotations

from django.dispatch import receiver

from accounts.models import User
from accounts.signals import departing, exporting
from library.models import Track
from library.signals import track_read
from queue_app.domain.announce import announce_track
from queue_app.domain.forget import forget_person
from queue_app.models import QueueItem
from queue_app.shapes import item_shape


@receiver(exporting)
def export_items(sender: object, user: User, **kwargs: object) -> dict[str, object]:
    items = QueueItem.objects.filter(requested_by=user).select_related("track", "requested_by")
    return {
        "queue_items": [item_shape(item) | {"guild_id": item.guild_id} for item in items.order_by("added_at")]
    }


@receiver(departing)
def forget_items(sender: object, user: User, **kwargs: object) -> None:
    forget_person(user)


@receiver(track_read)
def announce_what_was_read(sender: object, track: Track, **kwargs: object) -> None:
    announce_track(track)
