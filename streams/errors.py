"""Refusals about streams."""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.errors import Refusal
from realtime.errors import StoreNotFound


class StreamNotFound(StoreNotFound):
    """The stream does not exist. REST also answers this for streams that the caller may not know of."""

    sentence = gettext_lazy("Stream not found.")


class NoPermission(Refusal):
    """The caller lacks a right on the stream. `/ws` uses this one code for all missing rights."""

    code = "UNAUTHORIZED"
    status = 403


def cannot_publish() -> NoPermission:
    return NoPermission(_("No permission to publish to this stream"))


def cannot_read() -> NoPermission:
    return NoPermission(_("No permission to read this stream"))


class InvalidMessage(Refusal):
    """A message is well-formed but cannot be handled. Unlike BadMessage, it does not close the connection."""

    code = "BAD_MESSAGE"


class NotOwner(Refusal):
    """Somebody other than the owner tries to change a stream."""

    code = "FORBIDDEN"
    sentence = gettext_lazy("Only the stream's owner may do this.")
    status = 403


class StreamExists(Refusal):
    """The id for a new stream is taken."""

    code = "STREAM_EXISTS"
    sentence = gettext_lazy("A stream with this id already exists.")
    status = 409


class TooManyStreams(Refusal):
    """The person has reached the limit of streams."""

    code = "TOO_MANY_STREAMS"
    sentence = gettext_lazy("You have reached the limit of streams per person.")
    status = 409


class TooManyTokens(Refusal):
    """The stream has reached the limit of device tokens."""

    code = "TOO_MANY_TOKENS"
    sentence = gettext_lazy("This stream has reached the limit of device tokens. Revoke unused ones.")
    status = 409


class MessageTooLarge(Refusal):
    """A message or frame has too many bytes for a stream."""

    code = "TOO_LARGE"
    sentence = gettext_lazy("The message is too large for this stream.")
    close_code = 4413
    status = 413


class NoFrame(Refusal):
    """The stream has no recent picture, or the alert has no picture."""

    code = "NO_FRAME"
    sentence = gettext_lazy("There is no recent picture.")
    status = 404
