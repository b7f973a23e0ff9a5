"""Refusals of the log and its sockets. docs/protocol.md lists codes and close codes."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from accounts.errors import Refusal, TokenExpired


class BadMessage(Refusal):
    """The message cannot be decoded, or is not allowed at this point. The connection is closed."""

    code = "BAD_MESSAGE"
    sentence = _("The message is malformed.")
    close_code = 4400


class BadHandshake(Refusal):
    """An HTTP request that is not a handshake, to a WebSocket's path, from somebody who may open the socket."""

    code = "BAD_HANDSHAKE"

    def __init__(self, sentence: str, status: int) -> None:
        super().__init__(sentence)
        self.status = status


class TooLarge(Refusal):
    """A message has too many events or bytes."""

    code = "TOO_LARGE"
    sentence = _("A message may have at most 100 events and 900,000 bytes.")


class RateLimited(Refusal):
    """Messages arrive too fast. `retryAfterMs`: how long to wait before sending this one again."""

    code = "RATE_LIMITED"
    sentence = _("Too many messages. This one was ignored.")
    status = 429


class TooManyConnections(Refusal):
    """The person has reached the limit of open sockets (SOCKETS_PER_PERSON)."""

    code = "TOO_MANY_CONNECTIONS"
    sentence = _("You have reached the limit of open connections. Close some.")
    close_code = 4429
    status = 429


class ExpiredWhileOpen(TokenExpired):
    """A push on a connection whose token is in grace. The client can still read, and renew the token."""

    close_code = None


class StoreNotFound(Refusal):
    """The store does not exist, or the caller may not know that it does."""

    code = "NOT_FOUND"
    sentence = _("Store not found.")
    close_code = 4404
    status = 404


class InvalidName(StoreNotFound):
    """The name cannot be the name of a store."""

    sentence = _(
        "A store name must have 1 to 100 of the characters A-Z a-z 0-9 _ . ~ - and begin with a letter, a digit or _."
    )


class NoMember(StoreNotFound):
    """The person to change or remove is not a member of the store."""

    sentence = _("This person is not a member of the store.")


class NoToken(StoreNotFound):
    """The sync token to revoke does not exist."""

    sentence = _("Token not found.")


class StoreExists(Refusal):
    """The name for a new store is taken."""

    code = "STORE_EXISTS"
    sentence = _("A store with this name already exists.")
    status = 409


class TooManyStores(Refusal):
    """The person has reached the limit of stores."""

    code = "TOO_MANY_STORES"
    sentence = _("You have reached the limit of stores per person.")
    close_code = 4403
    status = 409


class StoreFull(Refusal):
    """The stores of this owner have reached the limit of bytes (STORE_BYTES_PER_OWNER)."""

    code = "STORE_FULL"
    sentence = _("The storage limit of the store's owner is reached.")
    status = 409


class Forbidden(Refusal):
    """The caller does not have the right that the request needs."""

    code = "FORBIDDEN"
    sentence = _("You do not have permission to do this here.")
    status = 403


class NoAccess(Forbidden):
    """The caller, or its token, has no right to the instance or stream. The connection is closed."""

    sentence = _("You do not have access to this store.")
    close_code = 4403


class InvalidPush(Refusal):
    """An event of a push is malformed, or a command's arguments are invalid."""

    code = "INVALID_PUSH"
    sentence = _("The push is malformed.")


class UnknownEvent(Refusal):
    """The name of a pushed event is not the name of a command."""

    code = "UNKNOWN_EVENT"
    sentence = _("Unknown command.")


class Conflict(Refusal):
    """The id of an event, message or command was already used for something else."""

    code = "CONFLICT"
    sentence = _("This id was already used for something else.")
    status = 409


class ServerAhead(Refusal):
    """A strict push does not start at the log's head (`head`). Pull, rebase and push again."""

    code = "SERVER_AHEAD"
    sentence = _("The log has new events. Pull, rebase and push again.")


class CursorTooOld(Refusal):
    """A pull starts at events that were deleted."""

    code = "CURSOR_TOO_OLD"
    sentence = _("The events after this cursor were deleted. Take a snapshot.")


class EpochMismatch(Refusal):
    """The client's `epoch` belongs to a log that was replaced."""

    code = "EPOCH_MISMATCH"
    sentence = _("The log was replaced. Take a snapshot.")
