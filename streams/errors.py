"""Refusals about streams."""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.errors import Refusal
from realtime.errors import StoreNotFound


class StreamNotFound(StoreNotFound):
    """On REST also for streams that are not the caller's: nobody learns which exist."""

    sentence = gettext_lazy("Stream not found.")


class NoPermission(Refusal):
    """The one answer of `/ws` to a missing right."""

    code = "UNAUTHORIZED"
    status = 403


def cannot_publish() -> NoPermission:
    return NoPermission(_("No permission to publish to this stream"))


def cannot_read() -> NoPermission:
    return NoPermission(_("No permission to read this stream"))


class InvalidMessage(Refusal):
    """A message that can be read and not be carried out. Unlike BadMessage it ends nothing."""

    code = "BAD_MESSAGE"


class NotOwner(Refusal):
    """Others than the owner try to change a stream."""

    code = "FORBIDDEN"
    sentence = gettext_lazy("Only the stream's owner may do this.")
    status = 403


class StreamExists(Refusal):
    """The id for a new stream is taken."""

    code = "STREAM_EXISTS"
    sentence = gettext_lazy("A stream with this id already exists.")
    status = 409


class TooManyStreams(Refusal):
    """The person owns as many streams as one may."""

    code = "TOO_MANY_STREAMS"
    sentence = gettext_lazy("You have reached the limit of streams per person.")
    status = 409


class TooManyTokens(Refusal):
    """The stream has as many device tokens as one may."""

    code = "TOO_MANY_TOKENS"
    sentence = gettext_lazy("This stream has reached the limit of device tokens. Revoke unused ones.")
    status = 409


class MessageTooLarge(Refusal):
    """A message or frame has more bytes than a stream takes."""

    code = "TOO_LARGE"
    sentence = gettext_lazy("The message is too large for this stream.")
    close_code = 4413
    status = 413


class NoFrame(Refusal):
    """Nothing was shown on the stream lately, or the alert has no picture."""

    code = "NO_FRAME"
    sentence = gettext_lazy("There is no recent picture.")
    status = 404
