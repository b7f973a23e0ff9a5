"""Refusals about streams."""

from __future__ import annotations

from accounts.errors import Refusal
from realtime.errors import StoreNotFound


class StreamNotFound(StoreNotFound):
    """On REST also for streams that are not the caller's: nobody learns which exist."""

    sentence = "There is no such stream."


class NoPermission(Refusal):
    """The one answer of `/ws` to a missing right."""

    code = "UNAUTHORIZED"
    status = 403


def cannot_publish() -> NoPermission:
    return NoPermission("No permission to publish to this stream")


def cannot_read() -> NoPermission:
    return NoPermission("No permission to read this stream")


class InvalidMessage(Refusal):
    """A message that can be read and not be carried out. Unlike BadMessage it ends nothing."""

    code = "BAD_MESSAGE"


class NotOwner(Refusal):
    """Others than the owner try to change a stream."""

    code = "FORBIDDEN"
    sentence = "Only the stream's owner may do this."
    status = 403


class StreamExists(Refusal):
    """The id for a new stream is taken."""

    code = "STREAM_EXISTS"
    sentence = "There is a stream of this id already."
    status = 409


class TooManyStreams(Refusal):
    """The person owns as many streams as one may."""

    code = "TOO_MANY_STREAMS"
    sentence = "You own as many streams as one person may."
    status = 409


class TooManyTokens(Refusal):
    """The stream has as many device tokens as one may."""

    code = "TOO_MANY_TOKENS"
    sentence = "This stream has as many device tokens as one may. End those that are not used."
    status = 409


class MessageTooLarge(Refusal):
    """A message or frame has more bytes than a stream takes."""

    code = "TOO_LARGE"
    sentence = "This message is larger than a stream takes."
    close_code = 4413
    status = 413


class NoFrame(Refusal):
    """Nothing was shown on the stream lately, or the alert has no picture."""

    code = "NO_FRAME"
    sentence = "There is no picture."
    status = 404
