"""Open an instance for a caller, and find positions in its log."""

from __future__ import annotations

from django.utils.translation import gettext as _

from accounts.domain.sessions import Principal
from realtime import kinds
from realtime.errors import InvalidName, NoAccess, StoreNotFound
from realtime.models import Store
from realtime.queries import check_position


def open_instance(principal: Principal, instance: str) -> tuple[str, int]:
    """Return `(epoch, head)` of an instance that both the user and the token may read.

    Creates the instance if its kind lets the first caller do so. Raises NoAccess or StoreNotFound.
    """
    if principal.store not in (None, instance):
        raise NoAccess(_("The token is for another store."))
    kind, key = kinds.find(instance)
    try:
        kind.authorize(principal.user, key)
    except InvalidName:
        raise
    except StoreNotFound:
        if kind.create is None:
            raise
        kind.create(principal.user, key)
        kind.authorize(principal.user, key)
    store = Store.objects.filter(name=instance).first()
    return (store.epoch, store.head) if store else ("", 0)


def find_position(principal: Principal, instance: str, *, cursor: int, epoch: str | None) -> tuple[str, int]:
    """Return `(epoch, head)` for a pull that begins after `cursor`. Checks the rights again.

    Raises Forbidden, StoreNotFound, EpochMismatch or CursorTooOld.
    """
    kind, key = kinds.find(instance)
    kind.authorize(principal.user, key)
    store = Store.objects.filter(name=instance).first()
    if store is None:
        raise StoreNotFound
    check_position(store, cursor=cursor, epoch=epoch)
    return store.epoch, store.head
