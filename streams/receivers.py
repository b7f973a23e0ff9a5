"""Export and delete a person's data in streams."""

from __future__ import annotations

from django.dispatch import receiver

from accounts.models import User
from accounts.signals import departing, exporting
from realtime.queries import written_by
from streams.domain.streams import delete_stream
from streams.models import Stream, StreamGrant
from streams.shapes import grant_shape


@receiver(exporting)
def export_streams(sender: object, user: User, **kwargs: object) -> dict[str, object]:
    return {
        "streams": [
            {
                "id": stream.pk,
                "name": stream.name,
                "public": stream.public,
                "created_at": stream.created_at.isoformat(),
                "members": [grant_shape(grant) for grant in stream.grants.select_related("user")],
            }
            for stream in Stream.objects.filter(owner=user)
        ],
        "stream_memberships": [
            {"stream": grant.stream_id, "access": "write" if grant.write else "read"}
            for grant in StreamGrant.objects.filter(user=user)
        ],
        "stream_messages": (
            {
                "stream": event.store.name.removeprefix("stream:"),
                "seq": event.seq,
                "type": event.name,
                "args": event.args,  # the JSON text
                "created_at": event.created_at.isoformat(),
            }
            for event in written_by(user, "stream:")
        ),
    }


@receiver(departing)
def forget_streams(sender: object, user: User, **kwargs: object) -> None:
    """Delete the person's own streams with their logs. Their messages in other logs stay, without an author."""
    for stream in Stream.objects.filter(owner=user):
        delete_stream(stream)
