"""Open an instance for a caller, and say where in its log they stand."""

from __future__ import annotations

from django.utils.translation import gettext as _

from accounts.domain.sessions import Principal
from realtime import kinds
from realtime.errors import InvalidName, NoAccess, StoreNotFound
from realtime.models import Store
from realtime.queries import check_position


def open_instance(principal: Principal, instance: str) -> tuple[str, int]:
    """Return `(epoch, head)` of an instance that the user, and the token, may read.

    Where its kind lets the first caller make one, that happens. Raises NoAccess or StoreNotFound.
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
    """Return `(epoch, head)` for a pull that begins behind `cursor`; rights may have gone since the opening.

    Raises Forbidden, StoreNotFound, EpochMismatch or CursorTooOld.
    """
    kind, key = kinds.find(instance)
    kind.authorize(principal.user, key)
    store = Store.objects.filter(name=instance).first()
    if store is None:
        raise StoreNotFound
    check_position(store, cursor=cursor, epoch=epoch)
    return store.epoch, store.head
