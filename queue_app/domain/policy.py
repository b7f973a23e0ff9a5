"""Who may change the queue and the player. docs/guild-settings.md has a table of these rights.

The bot and operators (`state.membership` is None) may do everything.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.conf import settings as program
from django.utils.formats import number_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from guilds.choices import Who
from guilds.errors import GuildForbidden
from guilds.models import GuildSettings, VoiceState
from guilds.permissions import can_manage
from guilds.setting_fields import known_sources
from queue_app.domain.guild_state import GuildState
from queue_app.errors import NotAllowed, QueueCapReached, QueueFull
from queue_app.models import ItemState, Player, QueueItem, SkipVote
from queue_app.rights import is_among, who_moves

# The sentence of the refusal, by the value of the guild's setting.
type Refusals = dict[str, Promise]

ADDING: Refusals = {
    Who.DJ: gettext_lazy("Only DJs and managers of this server may add tracks."),
    Who.MANAGERS: gettext_lazy("Only managers of this server may add tracks."),
}
MOVING: Refusals = {
    Who.DJ: gettext_lazy("Only DJs and managers of this server may change the order of the queue."),
    Who.MANAGERS: gettext_lazy("Only managers of this server may change the order of the queue."),
}
CLEARING: Refusals = {
    Who.DJ: gettext_lazy("Only DJs and managers of this server may clear the queue."),
    Who.MANAGERS: gettext_lazy("Only managers of this server may clear the queue."),
}
SKIPPING: Refusals = {
    Who.DJ: gettext_lazy("Only DJs and managers of this server may skip other people's tracks."),
    Who.MANAGERS: gettext_lazy("Only managers of this server may skip other people's tracks."),
}

TAKES_A_VOTE = gettext_lazy(
    "Only the requester of the current track and DJs may do this. Skipping it takes a vote."
)


def _require(state: GuildState, who: str, refusals: Refusals) -> None:
    if not is_among(state.membership, who):
        raise NotAllowed(refusals[who])


@dataclass(frozen=True)
class Right:
    """Who may do something. `words` describes these people in the docs. `check` raises a refusal, such as NotAllowed.

    Without a `check`, the command itself decides, because it depends on the arguments.
    """

    words: str
    check: Callable[[GuildState], object] = lambda state: None


# --- The queue ---


def check_add(state: GuildState) -> None:
    """Raises NotAllowed, QueueFull and QueueCapReached. The limit per person does not apply to DJs."""
    settings = state.settings
    _require(state, settings.may_add, ADDING)
    if state.player.queue_total >= program.QUEUE_MAX_ITEMS:
        raise QueueFull(
            _("The queue is full (limit %(limit)s tracks).")
            % {"limit": number_format(program.QUEUE_MAX_ITEMS, force_grouping=True)}
        )
    left = cap_left(state)
    if left is not None and left <= 0:
        cap = settings.max_per_person or 0
        sentence = ngettext(
            "You have reached the limit of %(count)s track per person in the queue.",
            "You have reached the limit of %(count)s tracks per person in the queue.",
            cap,
        )
        raise QueueCapReached(sentence % {"count": cap})


def cap_left(state: GuildState) -> int | None:
    """Return how many more tracks the caller may queue, or None if they have no limit."""
    cap = state.settings.max_per_person
    if cap is None or state.is_dj:
        return None
    mine = QueueItem.objects.filter(
        guild_id=state.guild_id, state=ItemState.QUEUED, requested_by=state.origin.user
    )
    return cap - mine.count()


def check_may_add(state: GuildState) -> None:
    """Raises NotAllowed. Ignores the limits of tracks."""
    _require(state, state.settings.may_add, ADDING)


def check_source(state: GuildState, source: str) -> None:
    """Raises NotAllowed if the guild does not allow tracks of this source. Ignores stand-ins for failed searches."""
    if may_use_source(state, source):
        return
    sources = known_sources()
    raise NotAllowed(
        _("This server only allows tracks from: %(sources)s.")
        % {"sources": ", ".join(sources[name] for name in state.settings.allowed_sources or ())}
    )


def may_use_source(state: GuildState, source: str) -> bool:
    """Return whether the guild allows the caller to add tracks of this source."""
    allowed = state.settings.allowed_sources
    return state.membership is None or allowed is None or source not in known_sources() or source in allowed


def check_move(state: GuildState) -> None:
    _require(state, who_moves(state.settings), MOVING)


def check_clear(state: GuildState) -> None:
    _require(state, state.settings.may_clear, CLEARING)


# --- The player ---


def _people_there(player: Player) -> list[VoiceState]:
    """Return the voice states of the people in the bot's channel, without bots."""
    channel_id = player.connected_channel_id or player.voice_channel_id
    return list(VoiceState.objects.filter(channel_id=channel_id, bot=False)) if channel_id else []


def check_control(state: GuildState) -> None:
    """Raises NotAllowed, except for DJs, people in the bot's channel, and everybody while that is empty."""
    if state.is_dj:
        return
    there = {each.discord_id for each in _people_there(state.player)}
    if there and (state.origin.user is None or state.origin.user.discord_id not in there):
        raise NotAllowed(_("Only people in the bot's voice channel and DJs may do this."))


def check_jump(state: GuildState) -> None:
    """Raises NotAllowed, except for people who may control the player and skip the current item without a vote."""
    check_control(state)
    if state.player.item is None:
        return
    try:
        allowed = may_skip_at_once(state)
    except NotAllowed:
        allowed = False
    if not allowed:
        raise NotAllowed(TAKES_A_VOTE)


def check_manages(state: GuildState) -> None:
    if state.membership is not None and not can_manage(state.membership):
        raise GuildForbidden


CONTROL = Right("people in the bot's channel and DJs", check_control)
JUMP = Right(
    "people in the bot's channel and DJs, if they may skip the current track without a vote", check_jump
)


def may_skip_at_once(state: GuildState) -> bool:
    """Whether the caller can skip the current item without a vote. Raises NotAllowed if they may not vote either."""
    item, user = state.player.item, state.origin.user
    mine = item is not None and user is not None and item.requested_by_id == user.pk
    return mine or may_skip_others(state)


def may_skip_others(state: GuildState) -> bool:
    """Whether the caller can skip other people's items without a vote. Raises NotAllowed as `may_skip_at_once`."""
    user, who = state.origin.user, state.settings.may_skip
    if state.membership is None:
        return True
    if who != Who.EVERYONE:
        _require(state, who, SKIPPING)
        return True
    if state.is_dj:
        return True
    listening = listeners(state.player)
    if not listening:
        return True
    if user is None or user.discord_id not in listening:
        raise NotAllowed(_("Only listeners in the bot's voice channel may vote to skip."))
    return False


def listeners(player: Player) -> set[str]:
    """Return the Discord ids of the people in the bot's channel who are not deafened."""
    return {each.discord_id for each in _people_there(player) if not each.deafened}


def tally(player: Player, settings: GuildSettings) -> tuple[int, int]:
    """Return `(votes, needed)` to skip the current item, as of now. Only listeners' votes count."""
    listening = listeners(player)
    votes = SkipVote.objects.filter(item=player.item_id, user__discord_id__in=listening).count()
    return votes, votes_needed(len(listening), settings.vote_share)


def votes_needed(listening: int, share: int) -> int:
    """Return how many of the listeners must vote to skip, at least one. `share` is a percentage."""
    return max(1, -(-listening * share // 100))
