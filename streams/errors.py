"""Refusals about streams."""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.errors import Refusal
from realtime.errors import StoreNotFound


class StreamNotFound(StoreNotFound):
    """The stream does not exist, or, over REST, the caller may not read it."""

    sentence = gettext_lazy("Stream not found.")


class NoPermission(Refusal):
    """The caller does not have the right on the stream. `/ws` uses this code for all missing rights."""

    code = "UNAUTHORIZED"
    status = 403


class RightLost(NoPermission):
    """A right that a registration on `/ws` needs was lost after `register`. The connection is closed."""

    close_code = 4403


def cannot_publish(kind: type[NoPermission] = NoPermission) -> NoPermission:
    return kind(_("No permission to publish to this stream"))


def cannot_read(kind: type[NoPermission] = NoPermission) -> NoPermission:
    return kind(_("No permission to read this stream"))


class InvalidMessage(Refusal):
    """The message is well-formed but invalid. The connection stays open."""

    code = "BAD_MESSAGE"


class NotOwner(Refusal):
    """The caller is not the owner of the stream, and only the owner may change it."""

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
