"""What the logs keep about a person: for their export, and to let go of."""

from __future__ import annotations

from django.dispatch import receiver

from accounts.models import User
from accounts.signals import departing, exporting
from realtime.domain.stores import leave_stores
from realtime.models import Store, StoreMember
from realtime.queries import written_by


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
