"""Refusals of the log and its sockets. docs/protocol.md lists codes and close codes."""

from __future__ import annotations


class RealtimeError(Exception):
    """Base. `code` goes into an `error` frame; `close_code`, when set, ends the connection.

    REST answers with `status`.
    """

    code = "INTERNAL_ERROR"
    sentence = "Something went wrong on our side."
    close_code: int | None = None
    status = 400

    def __init__(self, sentence: str = "", **data: object) -> None:
        super().__init__(sentence or self.sentence)
        self.data = data


class BadMessage(RealtimeError):
    code = "BAD_MESSAGE"
    sentence = "This message is not understood."
    close_code = 4400


class BadHandshake(RealtimeError):
    """An HTTP request where a socket is, from somebody who may open it."""

    code = "BAD_HANDSHAKE"


class TooLarge(RealtimeError):
    code = "TOO_LARGE"
    sentence = "At most 100 events and 900,000 bytes a message."


class RateLimited(RealtimeError):
    """`retryAfterMs`: when to say it again."""

    code = "RATE_LIMITED"
    sentence = "Too many messages. This one was not carried out."
    status = 429


class TooManyConnections(RealtimeError):
    code = "TOO_MANY_CONNECTIONS"
    sentence = "You have as many connections open as one person may. Close some."
    close_code = 4429
    status = 429


class StoreNotFound(RealtimeError):
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
    sentence = "This person is no member of the store."


class NoToken(StoreNotFound):
    sentence = "There is no such token."


class StoreExists(RealtimeError):
    code = "STORE_EXISTS"
    sentence = "There is a store of this name already."
    status = 409


class TooManyStores(RealtimeError):
    code = "TOO_MANY_STORES"
    sentence = "You own as many stores as one person may."
    close_code = 4403
    status = 409


class StoreFull(RealtimeError):
    code = "STORE_FULL"
    sentence = "The owner's stores hold as much as they may."
    status = 409


class Forbidden(RealtimeError):
    code = "FORBIDDEN"
    sentence = "You may not do this here."
    status = 403


class NoAccess(Forbidden):
    """No right to the instance at all, so there is nothing to keep the connection for."""

    sentence = "This store belongs to others."
    close_code = 4403


class InvalidPush(RealtimeError):
    code = "INVALID_PUSH"
    sentence = "This push is not well formed."


class UnknownEvent(RealtimeError):
    code = "UNKNOWN_EVENT"
    sentence = "There is no command of this name."


class Conflict(RealtimeError):
    code = "CONFLICT"
    sentence = "This id was already used for something else."
    status = 409


class ServerAhead(RealtimeError):
    """A strict push that does not start at the head: pull, rebase, push again. `head` says where it is."""

    code = "SERVER_AHEAD"
    sentence = "The log went on meanwhile. Pull, then push again."


class CursorTooOld(RealtimeError):
    code = "CURSOR_TOO_OLD"
    sentence = "Events behind this cursor are gone. Take a snapshot."


class EpochMismatch(RealtimeError):
    code = "EPOCH_MISMATCH"
    sentence = "The log was replaced. Take a snapshot."
