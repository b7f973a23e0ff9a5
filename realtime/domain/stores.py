"""`app:` stores: who owns them, who may read and write them.

| who | reads | writes | manages |
| --- | --- | --- | --- |
| owner | yes | yes | yes |
| writer | yes | yes | |
| reader | yes | | |
| every user, where the store is public | yes | | |
"""

from __future__ import annotations

import re
import uuid

from django.conf import settings
from django.db import transaction

from accounts.domain.sessions import begin_sync_session, live_sync_sessions, revoke_sessions
from accounts.models import AuthSession, User
from realtime.errors import InvalidName, NoMember, NoToken, StoreExists, StoreNotFound, TooManyStores
from realtime.models import Store, StoreMember, StoreRole

NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.~-]{0,99}")
MAX_OWNED = 200  # without it, a client that invents a name each time would fill the table


def check_name(name: str) -> None:
    """Raises InvalidName. `name` has no `app:` prefix."""
    if not NAME.fullmatch(name):
        raise InvalidName


def may_read(user: User, store: Store) -> bool:
    return store.public or store.owner_id == user.pk or store.members.filter(user=user).exists()


def may_write(user: User, store: Store) -> bool:
    return store.owner_id == user.pk or store.members.filter(user=user, role=StoreRole.WRITER).exists()


def claim_store(user: User, name: str) -> None:
    """Create the store of that name for its first caller. Raises StoreNotFound if STORES_AUTOCREATE is off.

    Harmless when the store exists: `authorize` then checks the caller's rights.
    """
    if not settings.STORES_AUTOCREATE:
        raise StoreNotFound
    try:
        create_store(user, name)
    except StoreExists:  # somebody else's `init` came at the same moment
        return


@transaction.atomic
def create_store(user: User, name: str, *, public: bool = False) -> Store:
    """Raises InvalidName, TooManyStores or StoreExists."""
    check_name(name)
    if Store.objects.filter(owner=user).count() >= MAX_OWNED:
        raise TooManyStores
    store, made = Store.objects.get_or_create(name=f"app:{name}", defaults={"owner": user, "public": public})
    if not made:
        raise StoreExists
    return store


def set_public(store: Store, public: bool) -> None:
    """The poll of realtime.connections closes the sockets of those who may no longer read."""
    store.public = public
    store.save(update_fields=["public"])


@transaction.atomic
def delete_store(store: Store) -> None:
    """Delete a store with its log, and revoke its sync tokens."""
    revoke_sessions(AuthSession.objects.filter(store=store.name))
    store.delete()


# --- Members ---


def set_member(store: Store, user: User, role: StoreRole) -> StoreMember:
    """Add a member or change a member's role. The owner needs no role and keeps all rights."""
    member, _ = StoreMember.objects.update_or_create(store=store, user=user, defaults={"role": role})
    return member


@transaction.atomic
def remove_member(store: Store, user_id: int) -> None:
    """Remove a member, and revoke their sync tokens unless the store is public. Raises NoMember."""
    removed, _ = StoreMember.objects.filter(store=store, user_id=user_id).delete()
    if not removed:
        raise NoMember
    if not store.public:
        revoke_sessions(AuthSession.objects.filter(store=store.name, user_id=user_id))


@transaction.atomic
def leave_stores(user: User) -> None:
    """Pass a departing person's stores on to the writer who joined first. Delete stores without a writer."""
    for store in Store.objects.select_for_update().filter(owner=user):
        heir = store.members.filter(role=StoreRole.WRITER).exclude(user=user).first()
        if heir is None:
            delete_store(store)
            continue
        store.owner_id = heir.user_id
        store.save(update_fields=["owner"])
        heir.delete()


# --- Sync tokens ---


def issue_token(store: Store, user: User, *, device: str, address: str | None) -> AuthSession:
    """Return the session of a new sync token that is valid for this store only."""
    return begin_sync_session(user, store=store.name, device=device, address=address)[1]


def live_tokens(store: Store, user: User) -> list[AuthSession]:
    """Return the sessions of the user's valid sync tokens for the store, newest first."""
    return list(live_sync_sessions(store.name).filter(user=user))


def revoke_token(store: Store, user: User, sid: uuid.UUID) -> None:
    """Revoke a sync token and close its sockets. The owner may revoke everybody's. Raises NoToken."""
    sessions = AuthSession.objects.filter(pk=sid, store=store.name)
    if store.owner_id != user.pk:
        sessions = sessions.filter(user=user)
    if not revoke_sessions(sessions):
        raise NoToken
