"""The kind `app:<name>`: a log of events that its clients write themselves."""

from __future__ import annotations

from collections.abc import Collection

from django.conf import settings
from django.db.models import Sum
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from realtime.domain.append import append_all, size_of
from realtime.domain.stores import check_name, claim_store, may_read, may_write
from realtime.errors import Conflict, Forbidden, InvalidPush, NoAccess, ServerAhead, StoreFull, StoreNotFound
from realtime.frames import MAX_SEQ
from realtime.kinds import Kind, Pushed, Reader
from realtime.models import Event, Store, StoreMember
from realtime.origin import Origin


def authorize(user: User, name: str) -> None:
    store = Store.objects.filter(name=f"app:{name}").first()
    if store is None:
        check_name(name)
        raise StoreNotFound
    if not may_read(user, store):
        raise NoAccess


def push(store: Store, name: str, events: list[Pushed], origin: Origin) -> list[int]:
    """Append the new events of a batch, and return the seq of every event in it, new or known.

    The server assigns the seqs of a plain push. The client assigns those of a strict push: the first new event must
    follow the head, and each later one the event before it. Raises Forbidden, Conflict, ServerAhead, InvalidPush
    or StoreFull.
    """
    if origin.user is None or not may_write(origin.user, store):
        raise Forbidden(_("You may read this store but not write to it."))
    ids = [pushed.event_id for pushed in events]
    known = {event.event_id: event for event in Event.objects.filter(store=store, event_id__in=ids)}
    head, now, new = store.head, timezone.now(), list[Event]()
    for pushed in events:
        earlier = known.get(pushed.event_id)
        if earlier is not None:
            if (earlier.actor_id, earlier.name, earlier.args) != (
                origin.user.pk,
                pushed.name,
                pushed.args_text,
            ):
                raise Conflict
            continue
        if pushed.seq is not None and pushed.parent_seq != head:
            if new:
                raise InvalidPush(_("In a strict push each event must follow the one before it."))
            raise ServerAhead(head=store.head)
        seq = head + 1 if pushed.seq is None else pushed.seq
        if seq > MAX_SEQ:
            raise InvalidPush(_("The log has reached its highest seq."))
        event = Event(
            store=store,
            seq=seq,
            parent_seq=head,
            event_id=pushed.event_id,
            command_id=pushed.event_id,
            name=pushed.name,
            args=pushed.args_text,
            actor=origin.user,
            via=origin.via,
            auth=origin.auth,
            connection_id=origin.connection_id,
            client_id=pushed.client_id or origin.client_id,
            session_id=pushed.session_id or origin.session_id,
            client_timestamp=pushed.client_timestamp,
            created_at=now,
        )
        known[pushed.event_id] = event
        new.append(event)
        head = seq
    if new:
        _check_room(store, size_of(new))
        append_all(store, new)
    return [known[event_id].seq for event_id in ids]


def _check_room(store: Store, wanted: int) -> None:
    """Raises StoreFull. Simultaneous pushes to two stores of one owner may together exceed the limit."""
    if not settings.STORE_BYTES_PER_OWNER:
        return
    stores = (
        Store.objects.filter(owner=store.owner_id) if store.owner_id else Store.objects.filter(pk=store.pk)
    )
    used = stores.aggregate(used=Sum("size_bytes"))["used"]
    if used + wanted > settings.STORE_BYTES_PER_OWNER:
        raise StoreFull


def readers(asked: Collection[Reader]) -> set[Reader]:
    names, users = {f"app:{key}" for key, _ in asked}, {user_id for _, user_id in asked}
    stores = {
        name: (owner, public)
        for name, owner, public in Store.objects.filter(name__in=names).values_list(
            "name", "owner_id", "public"
        )
    }
    members = set(
        StoreMember.objects.filter(store__name__in=names, user_id__in=users).values_list(
            "store__name", "user_id"
        )
    )

    def may(name: str, user_id: int) -> bool:
        owner, public = stores.get(name, (None, False))
        return public or owner == user_id or (name, user_id) in members

    return {(key, user_id) for key, user_id in asked if may(f"app:{key}", user_id)}


KIND = Kind(
    authorize=authorize,
    push=push,
    snapshot=None,
    readers=readers,
    create=claim_store,
    gaps=True,
    grace=True,
)
