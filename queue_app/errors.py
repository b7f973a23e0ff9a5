"""Refusals of the queue."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from accounts.errors import Refusal
from realtime.errors import Conflict


class ItemNotFound(Refusal):
    """No item of this id is queued or playing in the guild."""

    code = "ITEM_NOT_FOUND"
    sentence = _("This track is not in the queue.")
    status = 404


class NothingPlaying(Refusal):
    """There is no track to skip."""

    code = "NOTHING_PLAYING"
    sentence = _("Nothing is playing.")
    status = 409


class NotAllowed(Refusal):
    """The guild does not let the caller do this. The sentence says who may."""

    code = "FORBIDDEN"
    sentence = _("You do not have permission to do this here.")
    status = 403


class QueueCapReached(Refusal):
    """The person has as many tracks queued as the guild lets one have (`max_per_person`)."""

    code = "QUEUE_CAP_REACHED"
    sentence = _("You have reached the limit of tracks per person.")
    status = 409


class QueueFull(Refusal):
    """The queue takes no more tracks. The sentence says how many it holds (QUEUE_MAX_ITEMS)."""

    code = "QUEUE_FULL"
    sentence = _("The queue is full.")
    status = 409


class NotYourItem(Refusal):
    """Somebody else added the item to remove, and the caller is no DJ."""

    code = "FORBIDDEN"
    sentence = _("Only the requester or a DJ may remove this track.")
    status = 403


class NotSeekable(Refusal):
    """The current track is a stream without an end."""

    code = "NOT_SEEKABLE"
    sentence = _("This is a live stream. It has no position to seek to.")
    status = 409


class NoPrevious(Refusal):
    """Nothing was played before the current track, or all of it is in the queue again."""

    code = "NO_PREVIOUS"
    sentence = _("No track was played before this one.")
    status = 409


class NotInVoice(Refusal):
    """The command asks who is in the bot's voice channel, and the bot has none."""

    code = "NOT_IN_VOICE"
    sentence = _("The bot is not in a voice channel.")
    status = 409


class NothingToUndo(Refusal):
    """There is no such change, it cannot be undone or was undone already, or nothing of it can be undone now."""

    code = "NOTHING_TO_UNDO"
    sentence = _("There is nothing to undo.")
    status = 409


class NothingToRedo(Refusal):
    """There is no such undone change, or nothing of it can be redone now."""

    code = "NOTHING_TO_REDO"
    sentence = _("There is nothing to redo.")
    status = 409


class ChangedSince(Refusal):
    """Somebody has changed the value again, so the one before it is not restored."""

    code = "CHANGED_SINCE"
    sentence = _("This was changed again in the meantime.")
    status = 409


class NotYourChange(Refusal):
    """Somebody else made the change, and the caller is no DJ."""

    code = "FORBIDDEN"
    sentence = _("Only a DJ may undo what other people did.")
    status = 403


class UnknownChannel(Refusal):
    """The voice channel does not exist, or the bot or the caller cannot see it."""

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
    """An Idempotency-Key was used before, for another request."""

    sentence = _("This Idempotency-Key was already used for another request.")


class LeaseLost(Exception):
    """Another bot process looks after this guild now; the caller must stop playing there. No client hears of it."""
