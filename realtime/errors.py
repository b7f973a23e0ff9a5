"""Refusals of the log and its sockets. docs/protocol.md lists codes and close codes."""

from __future__ import annotations


class RealtimeError(Exception):
    """Base. `code` goes into an `error` frame; `close_code`, when set, ends the connection."""

    code = "INTERNAL_ERROR"
    sentence = "Something went wrong on our side."
    close_code: int | None = None

    def __init__(self, sentence: str = "", **data: object) -> None:
        super().__init__(sentence or self.sentence)
        self.data = data


class BadMessage(RealtimeError):
    code = "BAD_MESSAGE"
    sentence = "This message is not understood."
    close_code = 4400


class TooLarge(RealtimeError):
    code = "TOO_LARGE"
    sentence = "At most 100 events and 900,000 bytes a message."


class StoreNotFound(RealtimeError):
    code = "NOT_FOUND"
    sentence = "There is no such store."
    close_code = 4404


class Forbidden(RealtimeError):
    code = "FORBIDDEN"
    sentence = "You may not do this here."


class InvalidPush(RealtimeError):
    code = "INVALID_PUSH"
    sentence = "This push is not well formed."


class UnknownEvent(RealtimeError):
    code = "UNKNOWN_EVENT"
    sentence = "There is no command of this name."


class Conflict(RealtimeError):
    code = "CONFLICT"
    sentence = "This id was already used for something else."


class CursorTooOld(RealtimeError):
    code = "CURSOR_TOO_OLD"
    sentence = "Events behind this cursor are gone. Take a snapshot."


class EpochMismatch(RealtimeError):
    code = "EPOCH_MISMATCH"
    sentence = "The log was replaced. Take a snapshot."
