"""Write a durable message of a stream to its log, once, with the picture of that moment."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import Sum
from django.db.models.functions import Length
from django.utils.translation import gettext as _

from accounts.models import User
from realtime.domain.append import append_untyped, ensure_store, lock_store, size_of
from realtime.domain.retry import retrying
from realtime.errors import Conflict, StoreFull
from realtime.models import Event, Store
from realtime.origin import Origin
from streams.errors import StreamNotFound, cannot_publish
from streams.models import AlertFrame, Stream
from streams.quota import bytes_left
from streams.rights import rights_of
from streams.signals import alert_written

KEPT_FRAMES = 200  # per stream; older alerts stay, but their pictures are deleted


@dataclass(frozen=True)
class Picture:
    """An image as a device sent it. `content_type` was detected from its first bytes; `taken_at` is Unix time."""

    content_type: str
    data: bytes
    taken_at: float


@dataclass(frozen=True)
class Alert:
    """A durable message that was just written. Its transaction is still open."""

    stream: Stream
    type: str
    args: dict[str, Any]
    event: Event
    sender: User
    picture: Picture | None


@retrying
def write_alert(
    stream_id: str, type_: str, args: dict[str, Any], *, origin: Origin, picture: Picture | None = None
) -> int:
    """Append a durable message and return its seq. A repeated command id returns the seq of the earlier message.

    Raises StreamNotFound, NoPermission, StoreFull, or Conflict when the id was used for something else.
    """
    assert origin.user is not None
    with transaction.atomic():
        # Lock like `delete_stream`. Otherwise an alert could create the log again right after it was deleted.
        stream = Stream.objects.select_for_update(no_key=True).filter(pk=stream_id).first()
        rights = rights_of(origin.user, stream_id)
        if stream is None or rights is None:
            raise StreamNotFound
        if not rights.write:
            raise cannot_publish()
        if picture is not None and picture.taken_at < stream.created_at.timestamp():
            picture = None  # from an earlier stream with the same id
        ensure_store(stream.log)
        store = lock_store(stream.log)
        if origin.command_id:
            earlier = Event.objects.filter(store=store, event_id=origin.command_id).first()
            if earlier is not None:
                if (earlier.actor_id, earlier.name, json.loads(earlier.args)) != (
                    origin.user.pk,
                    type_,
                    args,
                ):
                    raise Conflict
                return earlier.seq
        event = append_untyped(store, type_, args, origin=origin)
        size, left = size_of([event]), bytes_left(stream)
        if size > left:
            raise StoreFull(_("The storage limit of the stream's owner is reached."))
        if picture is not None and size + len(picture.data) > left:
            picture = None  # an alert without a picture is better than none
        if picture is not None:
            AlertFrame.objects.create(event=event, content_type=picture.content_type, data=picture.data)
            size += len(picture.data) - _forget_pictures(store)
        store.size_bytes += size
        store.save(update_fields=["size_bytes"])
        alert = Alert(stream, type_, args, event, origin.user, picture)
        alert_written.send(sender=None, alert=alert)
        return event.seq


def _forget_pictures(store: Store) -> int:
    """Delete the pictures of all but the newest KEPT_FRAMES messages. Returns how many bytes that frees."""
    old = AlertFrame.objects.filter(event__store=store, event__seq__lte=store.head - KEPT_FRAMES)
    size: int = old.aggregate(size=Sum(Length("data")))["size"] or 0
    if size:
        old.delete()
    return size
