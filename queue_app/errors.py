"""Refusals of the queue."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.errors import Refusal
from realtime.errors import Conflict


class ItemNotFound(Refusal):
    """The guild has no item with this id in the state that the request needs, such as queued."""

    code = "ITEM_NOT_FOUND"
    sentence = _("This track is not in the queue.")
    status = 404

    def __init__(self, sentence: str | Promise = "", *, field: str = "item_id") -> None:
        super().__init__(sentence)
        self.errors = {field: [str(self)]}


class NothingPlaying(Refusal):
    """The request needs a current track, and there is none."""

    code = "NOTHING_PLAYING"
    sentence = _("Nothing is playing.")
    status = 409


class NotAllowed(Refusal):
    """The guild's settings do not allow the caller to do this. The sentence says who may."""

    code = "FORBIDDEN"
    sentence = _("You do not have permission to do this here.")
    status = 403


class QueueCapReached(Refusal):
    """The person has reached the guild's limit of queued tracks (`max_per_person`)."""

    code = "QUEUE_CAP_REACHED"
    sentence = _("You have reached the limit of tracks per person.")
    status = 409


class QueueFull(Refusal):
    """The queue has reached its limit (QUEUE_MAX_ITEMS)."""

    code = "QUEUE_FULL"
    sentence = _("The queue is full.")
    status = 409


class TooManyChanges(Refusal):
    """The person has changed many thousands of tracks in a short time."""

    code = "TOO_MANY_CHANGES"
    sentence = _("You have changed too many tracks in a short time. Try again in a minute.")
    status = 429

    def __init__(self, retry_after: float | None = None) -> None:
        super().__init__()
        self.retry_after = retry_after


class NotYourItem(Refusal):
    """The item to remove was added by another person, and the caller is not a DJ."""

    code = "FORBIDDEN"
    sentence = _("Only the requester or a DJ may remove this track.")
    status = 403


class NothingQueued(Refusal):
    """Nothing is playing or queued, so there is nothing to save."""

    code = "NOTHING_QUEUED"
    sentence = _("The queue is empty.")
    status = 409


class NotSeekable(Refusal):
    """The current track is a live stream, which has no positions."""

    code = "NOT_SEEKABLE"
    sentence = _("This is a live stream. It has no position to seek to.")
    status = 409


class NoPrevious(Refusal):
    """No track was played before the current one, or all of them are in the queue again."""

    code = "NO_PREVIOUS"
    sentence = _("No track was played before this one.")
    status = 409


class NotInVoice(Refusal):
    """The command depends on who is in the bot's voice channel, and the bot is in none."""

    code = "NOT_IN_VOICE"
    sentence = _("The bot is not in a voice channel.")
    status = 409


class NothingToUndo(Refusal):
    """There is no such change, it cannot be undone, it was already undone, or no part of it can still be undone."""

    code = "NOTHING_TO_UNDO"
    sentence = _("There is nothing to undo.")
    status = 409


class NothingToRedo(Refusal):
    """There is no such undone change, or no part of it can still be redone."""

    code = "NOTHING_TO_REDO"
    sentence = _("There is nothing to redo.")
    status = 409


class ChangedSince(Refusal):
    """The value was changed again, so the earlier value is not restored."""

    code = "CHANGED_SINCE"
    sentence = _("This was changed again in the meantime.")
    status = 409


class NotYourChange(Refusal):
    """The change was made by another person, and the caller is not a DJ."""

    code = "FORBIDDEN"
    sentence = _("Only a DJ may undo what other people did.")
    status = 403


class UnknownChannel(Refusal):
    """The guild has no such voice channel, or the caller cannot see it."""

    code = "UNKNOWN_CHANNEL"
    sentence = _("This server has no such voice channel.")
    field = "channel_id"


class ChannelForbidden(Refusal):
    """The caller may not join the voice channel."""

    code = "CHANNEL_FORBIDDEN"
    sentence = _("You cannot send the bot to a voice channel that you may not join yourself.")
    status = 403


class UnknownCommand(Refusal):
    """No command has the name of the request."""

    code = "UNKNOWN_COMMAND"
    sentence = _("Unknown command.")


class IdempotencyConflict(Conflict):
    """The Idempotency-Key was already used for a different request."""

    sentence = _("This Idempotency-Key was already used for another request.")


class LeaseLost(Exception):
    """Another bot process has this guild's lease, so the caller must stop playing there. Not sent to clients."""
