"""Refusals about streams. On `/ws` they are `error` frames, on REST they carry `status`."""

from __future__ import annotations

from realtime.errors import RealtimeError, StoreNotFound


class StreamNotFound(StoreNotFound):
    """On REST also for streams that are not the caller's: nobody learns which exist."""

    sentence = "There is no such stream."


class NoPermission(RealtimeError):
    """The one answer of `/ws` to a missing right."""

    code = "UNAUTHORIZED"
    status = 403


def cannot_publish() -> NoPermission:
    return NoPermission("No permission to publish to this stream")


def cannot_read() -> NoPermission:
    return NoPermission("No permission to read this stream")


class InvalidMessage(RealtimeError):
    """A message that can be read and not be carried out. Unlike BadMessage it ends nothing."""

    code = "BAD_MESSAGE"


class NotOwner(RealtimeError):
    code = "FORBIDDEN"
    sentence = "Only the stream's owner may do this."
    status = 403


class StreamExists(RealtimeError):
    code = "STREAM_EXISTS"
    sentence = "There is a stream of this id already."
    status = 409


class TooManyStreams(RealtimeError):
    code = "TOO_MANY_STREAMS"
    sentence = "You own as many streams as one person may."
    status = 409


class TooManyTokens(RealtimeError):
    code = "TOO_MANY_TOKENS"
    sentence = "This stream has as many device tokens as one may. End those that are not used."
    status = 409


class MessageTooLarge(RealtimeError):
    code = "TOO_LARGE"
    sentence = "This message is larger than a stream takes."
    close_code = 4413
    status = 413


class NoFrame(RealtimeError):
    code = "NO_FRAME"
    sentence = "There is no picture."
    status = 404
