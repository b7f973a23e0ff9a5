"""Refusals of the queue. `status` is what REST answers."""

from __future__ import annotations


class QueueError(Exception):
    code = "INVALID_INPUT"
    sentence = "This cannot be done."
    status = 400
    field = ""  # of bad input: which one

    def __init__(self, sentence: str = "") -> None:
        super().__init__(sentence or self.sentence)


class InvalidArguments(QueueError):
    """`errors` is a list of sentences by field."""

    def __init__(self, errors: dict[str, list[str]]) -> None:
        super().__init__("; ".join(f"{field}: {' '.join(lines)}" for field, lines in errors.items()))
        self.errors = errors


class ItemNotFound(QueueError):
    code = "ITEM_NOT_FOUND"
    sentence = "There is no such item in this queue."
    status = 404


class NothingPlaying(QueueError):
    code = "NOTHING_PLAYING"
    sentence = "Nothing is playing."
    status = 409


class NotAllowed(QueueError):
    """The sentence says who may."""

    code = "FORBIDDEN"
    sentence = "You may not do this here."
    status = 403


class QueueCapReached(QueueError):
    code = "QUEUE_CAP_REACHED"
    sentence = "You have as many tracks in the queue as one person may."
    status = 409


class QueueFull(QueueError):
    """The sentence says how many a queue holds (QUEUE_MAX_ITEMS)."""

    code = "QUEUE_FULL"
    sentence = "The queue is full."
    status = 409


class NotYourItem(QueueError):
    code = "FORBIDDEN"
    sentence = "Only the one who added it, or a DJ, may remove this."
    status = 403


class UnknownChannel(QueueError):
    code = "UNKNOWN_CHANNEL"
    sentence = "There is no such voice channel in this server."
    field = "voice_channel_id"


class ChannelForbidden(QueueError):
    code = "CHANNEL_FORBIDDEN"
    sentence = "You may not join this voice channel yourself, so you cannot send the bot there."
    status = 403


class UnknownCommand(QueueError):
    code = "UNKNOWN_COMMAND"
    sentence = "There is no command of this name."


class LeaseLost(QueueError):
    """Another bot process looks after this guild now; the caller must stop playing there."""

    code = "LEASE_LOST"
    sentence = "Another process plays here."
    status = 409


class IdempotencyConflict(QueueError):
    code = "CONFLICT"
    sentence = "This Idempotency-Key was already used for another request."
    status = 409
