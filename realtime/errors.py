"""Refusals of the log and its sockets. docs/protocol.md lists codes and close codes."""

from __future__ import annotations

from accounts.errors import Refusal, TokenExpired


class BadMessage(Refusal):
    """A message cannot be read, or makes no sense where it comes."""

    code = "BAD_MESSAGE"
    sentence = "This message is not understood."
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
    sentence = "At most 100 events and 900,000 bytes a message."


class RateLimited(Refusal):
    """Messages come too fast. `retryAfterMs`: when to send this one again."""

    code = "RATE_LIMITED"
    sentence = "Too many messages. This one was not carried out."
    status = 429


class TooManyConnections(Refusal):
    """The person has as many sockets open as one may (SOCKETS_PER_PERSON)."""

    code = "TOO_MANY_CONNECTIONS"
    sentence = "You have as many connections open as one person may. Close some."
    close_code = 4429
    status = 429


class ExpiredWhileOpen(TokenExpired):
    """A push on a connection whose token is in its grace: its client may go on reading, and renew the token."""

    close_code = None


class StoreNotFound(Refusal):
    """There is no such store, or none that the caller may know of."""

    code = "NOT_FOUND"
    sentence = "There is no such store."
    close_code = 4404
    status = 404


class InvalidName(StoreNotFound):
    """A store of this name can never be."""

    sentence = (
        "A store's name has 1 to 100 of the characters A-Z a-z 0-9 _ . ~ - and begins with no sign but _."
    )


class NoMember(StoreNotFound):
    """The person to change or remove is no member of the store."""

    sentence = "This person is no member of the store."


class NoToken(StoreNotFound):
    """The sync token to end does not exist."""

    sentence = "There is no such token."


class StoreExists(Refusal):
    """The name for a new store is taken."""

    code = "STORE_EXISTS"
    sentence = "There is a store of this name already."
    status = 409


class TooManyStores(Refusal):
    """The person owns as many stores as one may."""

    code = "TOO_MANY_STORES"
    sentence = "You own as many stores as one person may."
    close_code = 4403
    status = 409


class StoreFull(Refusal):
    """The stores of one owner hold as many bytes as they may."""

    code = "STORE_FULL"
    sentence = "The owner's stores hold as much as they may."
    status = 409


class Forbidden(Refusal):
    """The caller is known and may not do this."""

    code = "FORBIDDEN"
    sentence = "You may not do this here."
    status = 403


class NoAccess(Forbidden):
    """No right to the instance at all, so there is nothing to keep the connection for."""

    sentence = "This store belongs to others."
    close_code = 4403


class InvalidPush(Refusal):
    """An event of a push is not well formed, or a command's arguments are invalid."""

    code = "INVALID_PUSH"
    sentence = "This push is not well formed."


class UnknownEvent(Refusal):
    """The name of a pushed event is no command's."""

    code = "UNKNOWN_EVENT"
    sentence = "There is no command of this name."


class Conflict(Refusal):
    """The id of an event or command was used before, for something else."""

    code = "CONFLICT"
    sentence = "This id was already used for something else."
    status = 409


class ServerAhead(Refusal):
    """A strict push that does not start at the head: pull, rebase, push again. `head` says where it is."""

    code = "SERVER_AHEAD"
    sentence = "The log went on meanwhile. Pull, then push again."


class CursorTooOld(Refusal):
    """A pull starts at events that were deleted."""

    code = "CURSOR_TOO_OLD"
    sentence = "Events behind this cursor are gone. Take a snapshot."


class EpochMismatch(Refusal):
    """The client's `epoch` is of a log that was replaced."""

    code = "EPOCH_MISMATCH"
    sentence = "The log was replaced. Take a snapshot."
