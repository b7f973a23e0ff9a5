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

from django.conf import settings
from django.db import transaction

from accounts.models import User
from realtime.errors import InvalidName, StoreExists, StoreNotFound, TooManyStores
from realtime.models import Store, StoreMember, StoreRole

NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.~-]{0,99}")
MAX_OWNED = 200  # a client that makes up a name each time would otherwise fill the table


def check_name(name: str) -> None:
    """Raises InvalidName. `name` comes without `app:`."""
    if not NAME.fullmatch(name):
        raise InvalidName


def may_read(user: User, store: Store) -> bool:
    return store.public or store.owner_id == user.pk or store.members.filter(user=user).exists()


def may_write(user: User, store: Store) -> bool:
    return store.owner_id == user.pk or store.members.filter(user=user, role=StoreRole.WRITER).exists()


def claim_store(user: User, name: str) -> None:
    """Make the store of that name for its first caller. Raises StoreNotFound where stores are not made that way.

    Harmless when it exists: whose it is shows in `authorize`.
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
    """Sockets of those who may no longer read are closed by the poll of realtime.connections."""
    store.public = public
    store.save(update_fields=["public"])


def set_member(store: Store, user: User, role: StoreRole) -> StoreMember:
    """Add a member or change the role of one. The owner needs no role and keeps all rights."""
    member, _ = StoreMember.objects.update_or_create(store=store, user=user, defaults={"role": role})
    return member
