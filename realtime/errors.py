"""Refusals of the log and its sockets. docs/protocol.md lists codes and close codes."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from accounts.errors import Refusal, TokenExpired


class BadMessage(Refusal):
    """A message cannot be read, or makes no sense where it comes."""

    code = "BAD_MESSAGE"
    sentence = _("The message is malformed.")
    close_code = 4400


class BadHandshake(Refusal):
    """An HTTP request where a socket is, from somebody who may open it."""

    code = "BAD_HANDSHAKE"

    def __init__(self, sentence: str, status: int) -> None:
        super().__init__(sentence)
        self.status = status


class TooLarge(Refusal):
    """A message has more events or bytes than one may."""

    code = "TOO_LARGE"
    sentence = _("A message may have at most 100 events and 900,000 bytes.")


class RateLimited(Refusal):
    """Messages come too fast. `retryAfterMs`: when to send this one again."""

    code = "RATE_LIMITED"
    sentence = _("Too many messages. This one was ignored.")
    status = 429


class TooManyConnections(Refusal):
    """The person has as many sockets open as one may (SOCKETS_PER_PERSON)."""

    code = "TOO_MANY_CONNECTIONS"
    sentence = _("You have reached the limit of open connections. Close some.")
    close_code = 4429
    status = 429


class ExpiredWhileOpen(TokenExpired):
    """A push on a connection whose token is in its grace: its client may go on reading, and renew the token."""

    close_code = None


class StoreNotFound(Refusal):
    """There is no such store, or none that the caller may know of."""

    code = "NOT_FOUND"
    sentence = _("Store not found.")
    close_code = 4404
    status = 404


class InvalidName(StoreNotFound):
    """A store of this name can never be."""

    sentence = _(
        "A store name must have 1 to 100 of the characters A-Z a-z 0-9 _ . ~ - and begin with a letter, a digit or _."
    )


class NoMember(StoreNotFound):
    """The person to change or remove is no member of the store."""

    sentence = _("This person is not a member of the store.")


class NoToken(StoreNotFound):
    """The sync token to end does not exist."""

    sentence = _("Token not found.")


class StoreExists(Refusal):
    """The name for a new store is taken."""

    code = "STORE_EXISTS"
    sentence = _("A store with this name already exists.")
    status = 409


class TooManyStores(Refusal):
    """The person owns as many stores as one may."""

    code = "TOO_MANY_STORES"
    sentence = _("You have reached the limit of stores per person.")
    close_code = 4403
    status = 409


class StoreFull(Refusal):
    """The stores of one owner hold as many bytes as they may."""

    code = "STORE_FULL"
    sentence = _("The storage limit of the store's owner is reached.")
    status = 409


class Forbidden(Refusal):
    """The caller is known and may not do this."""

    code = "FORBIDDEN"
    sentence = _("You do not have permission to do this here.")
    status = 403


class NoAccess(Forbidden):
    """No right to the instance at all, so there is nothing to keep the connection for."""

    sentence = _("You do not have access to this store.")
    close_code = 4403


class InvalidPush(Refusal):
    """An event of a push is not well formed, or a command's arguments are invalid."""

    code = "INVALID_PUSH"
    sentence = _("The push is malformed.")


class UnknownEvent(Refusal):
    """The name of a pushed event is no command's."""

    code = "UNKNOWN_EVENT"
    sentence = _("Unknown command.")


class Conflict(Refusal):
    """The id of an event or command was used before, for something else."""

    code = "CONFLICT"
    sentence = _("This id was already used for something else.")
    status = 409


class ServerAhead(Refusal):
    """A strict push that does not start at the head: pull, rebase, push again. `head` says where it is."""

    code = "SERVER_AHEAD"
    sentence = _("The log has new events. Pull, rebase and push again.")


class CursorTooOld(Refusal):
    """A pull starts at events that were deleted."""

    code = "CURSOR_TOO_OLD"
    sentence = _("The events after this cursor were deleted. Take a snapshot.")


class EpochMismatch(Refusal):
    """The client's `epoch` is of a log that was replaced."""

    code = "EPOCH_MISMATCH"
    sentence = _("The log was replaced. Take a snapshot.")
