"""Refusals of the queue."""

from __future__ import annotations

from accounts.errors import Refusal
from realtime.errors import Conflict


class ItemNotFound(Refusal):
    """No item of this id is queued or playing in the guild."""

    code = "ITEM_NOT_FOUND"
    sentence = "There is no such item in this queue."
    status = 404


class NothingPlaying(Refusal):
    """There is no track to skip."""

    code = "NOTHING_PLAYING"
    sentence = "Nothing is playing."
    status = 409


class NotAllowed(Refusal):
    """The guild does not let the caller do this. The sentence says who may."""

    code = "FORBIDDEN"
    sentence = "You may not do this here."
    status = 403


class QueueCapReached(Refusal):
    """The person has as many tracks queued as the guild lets one have (`max_per_person`)."""

    code = "QUEUE_CAP_REACHED"
    sentence = "You have as many tracks in the queue as one person may."
    status = 409


class QueueFull(Refusal):
    """The queue takes no more tracks. The sentence says how many it holds (QUEUE_MAX_ITEMS)."""

    code = "QUEUE_FULL"
    sentence = "The queue is full."
    status = 409


class NotYourItem(Refusal):
    """Somebody else added the item to remove, and the caller is no DJ."""

    code = "FORBIDDEN"
    sentence = "Only the one who added it, or a DJ, may remove this."
    status = 403


class UnknownChannel(Refusal):
    """The voice channel does not exist, or the bot or the caller cannot see it."""

    code = "UNKNOWN_CHANNEL"
    sentence = "There is no such voice channel in this server."
    field = "channel_id"


class ChannelForbidden(Refusal):
    """The caller may not join the voice channel."""

    code = "CHANNEL_FORBIDDEN"
    sentence = "You may not join this voice channel yourself, so you cannot send the bot there."
    status = 403


class UnknownCommand(Refusal):
    """No command has the name of the request."""

    code = "UNKNOWN_COMMAND"
    sentence = "There is no command of this name."


class IdempotencyConflict(Conflict):
    """An Idempotency-Key was used before, for another request."""

    sentence = "This Idempotency-Key was already used for another request."


class LeaseLost(Exception):
    """Another bot process looks after this guild now; the caller must stop playing there. No client hears of it."""
