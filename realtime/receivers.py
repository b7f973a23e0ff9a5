"""Export and delete a person's data in the logs, and close sockets when their session ends."""

from __future__ import annotations

from django.dispatch import receiver

from accounts.models import User
from accounts.signals import departing, exporting, session_revoked
from realtime.domain.stores import leave_stores
from realtime.models import Store, StoreMember
from realtime.queries import written_by
from realtime.revocation_poll import Poll, get_poll


@receiver(exporting)
def export_stores(sender: object, user: User, **kwargs: object) -> dict[str, object]:
    return {
        "stores": [
            {"name": store.name, "public": store.public, "created_at": store.created_at.isoformat()}
            for store in Store.objects.filter(owner=user).order_by("name")
        ],
        "store_memberships": [
            {"store": member.store.name, "role": member.role, "since": member.created_at.isoformat()}
            for member in StoreMember.objects.filter(user=user).select_related("store")
        ],
        "store_events": (
            {
                "store": event.store.name,
                "seq": event.seq,
                "name": event.name,
                "args": event.args,  # the JSON text, as it was written
                "created_at": event.created_at.isoformat(),
            }
            for event in written_by(user, "app:")
        ),
    }


@receiver(departing)
def forget_stores(sender: object, user: User, **kwargs: object) -> None:
    leave_stores(user)


@receiver(session_revoked)
def look_now(sender: object, **kwargs: object) -> None:
    """Poll at once, because this process ended a session. From any thread. Other processes have their own poll."""
    get_poll.call(Poll.soon)
