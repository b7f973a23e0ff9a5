"""The queue of a guild and its player."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from guilds.models import Guild
from library.models import Track
from queue_app.player_states import BOT_AWAY, PAUSED, RESUME, SILENCES, STOPPED, PlayerStatus


class ItemState(models.TextChoices):
    QUEUED = "queued", _("Queued")
    PLAYING = "playing", _("Playing")
    PLAYED = "played", _("Played")
    SKIPPED = "skipped", _("Skipped")
    REMOVED = "removed", _("Removed")
    FAILED = "failed", _("Failed")


# The transitions between states, and who causes them. Operators can queue any item again (domain/requeue.py).
MOVES: dict[ItemState, dict[ItemState, str]] = {
    ItemState.QUEUED: {
        ItemState.PLAYING: "the bot, a person who undoes a change of the current track",
        ItemState.REMOVED: "the requester, DJs, people who may clear the queue, a person who undoes adding it",
        ItemState.SKIPPED: "a person who jumps to a later item",
        ItemState.FAILED: "the bot, or AddTrack if nothing matches",
    },
    ItemState.PLAYING: {
        ItemState.QUEUED: "a person who goes back to another track",
        ItemState.PLAYED: "the bot, a person who undoes going back to it",
        ItemState.SKIPPED: "the requester, DJs, enough votes, a person who undoes going back to it",
        ItemState.FAILED: "the bot",
    },
    ItemState.PLAYED: {
        ItemState.PLAYING: "the loop, a person who goes back to it",
        ItemState.QUEUED: "a person who undoes a change of the current track and may not interrupt",
    },
    ItemState.SKIPPED: {
        ItemState.PLAYING: "a person who goes back to it or undoes the skip",
        ItemState.QUEUED: "a person who undoes the jump, or the skip and may not interrupt",
    },
    ItemState.REMOVED: {ItemState.QUEUED: "a person who undoes the removal"},
}


PLAY_OUTCOMES = (ItemState.PLAYED, ItemState.SKIPPED, ItemState.FAILED)


class QueueItem(models.Model):
    """A track that somebody requested. Queued items play in order of `rank`."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    guild = models.ForeignKey(Guild, on_delete=models.CASCADE, related_name="queue_items")
    track = models.ForeignKey(Track, on_delete=models.PROTECT, related_name="items")
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    state = models.CharField(max_length=10, choices=ItemState, default=ItemState.QUEUED)
    rank = models.BigIntegerField(default=0)
    added_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    repeats = models.ForeignKey(
        "self",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="repeated_as",
        help_text=_("The loop added this item again."),
    )
    resume_ms = models.PositiveBigIntegerField(
        default=0, db_default=0, help_text=_("Position at which it starts when it plays next.")
    )
    listed = models.BooleanField(
        default=False,
        db_default=False,
        help_text=_(
            "The item comes from a playlist that was added as a link. If the item is a playlist too, it is not read."
        ),
    )
    error_code = models.CharField(max_length=40, blank=True)
    error_detail = models.CharField(max_length=300, blank=True)
    dismissed = models.BooleanField(
        default=False,
        help_text=_("The failed item was retried or removed, and is no longer shown with the queue."),
    )

    class Meta:
        ordering: ClassVar[list[str]] = ["rank", "added_at"]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["guild", "state", "rank"], name="item_guild_state_rank"),
            models.Index(
                fields=["guild", "requested_by", "rank"],
                condition=Q(state=ItemState.QUEUED),
                name="item_queued_of_person",
            ),
            models.Index(
                fields=["guild", "ended_at"],
                condition=Q(state=ItemState.FAILED, dismissed=False),
                name="item_failed",
            ),
            models.Index(
                fields=["guild", "-ended_at"],
                condition=Q(state__in=(ItemState.PLAYED, ItemState.SKIPPED)),
                name="item_ended",
            ),
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=Q(state__in=ItemState.values), name="item_state"),
            models.UniqueConstraint(
                fields=["guild"], condition=Q(state=ItemState.PLAYING), name="item_one_playing_per_guild"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.track} ({self.state})"

    def end(self, state: ItemState, *, code: str = "", detail: str = "") -> None:
        """End the item in that state. A failed item also has a code and a sentence.

        Raises ValueError if MOVES does not have the transition.
        """
        self._move(state)
        self.ended_at = timezone.now()
        self.error_code, self.error_detail = code, detail[:300]
        self.save(update_fields=["state", "ended_at", "error_code", "error_detail"])

    def play(self) -> None:
        """Make this the current item. Raises ValueError if MOVES does not have the transition."""
        self._move(ItemState.PLAYING)
        self.started_at, self.ended_at, self.resume_ms = timezone.now(), None, 0
        self.save(update_fields=["state", "started_at", "ended_at", "resume_ms"])

    def wait(self, *, rank: int, resume_ms: int) -> None:
        """Queue the item again, to start at that position. Raises ValueError if MOVES does not have the transition."""
        self._move(ItemState.QUEUED)
        self.rank, self.resume_ms, self.started_at, self.ended_at = rank, resume_ms, None, None
        self.save(update_fields=["state", "rank", "resume_ms", "started_at", "ended_at"])

    def _move(self, state: ItemState) -> None:
        if state not in MOVES.get(ItemState(self.state), {}):
            raise ValueError(f"an item cannot go from {self.state} to {state}")
        self.state = state


class Play(models.Model):
    """One playback of a track. Each start of an item from its beginning makes a new one.

    `heard_ms` is the time that was played before the last jump, and the whole time once the play has ended. `from_ms`
    is the position at which the part since the last jump began. The current play has no `ended_at`. An interrupted play
    has the outcome "skipped" until its item continues.
    """

    guild = models.ForeignKey(Guild, on_delete=models.CASCADE, related_name="plays")
    item = models.ForeignKey(QueueItem, on_delete=models.CASCADE, related_name="plays")
    track = models.ForeignKey(Track, on_delete=models.PROTECT, related_name="plays")
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    started_at = models.DateTimeField(default=timezone.now)
    day = models.DateField(help_text=_("UTC date on which it started."))
    ended_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(
        max_length=10,
        choices=[(state.value, state.label) for state in PLAY_OUTCOMES],
        blank=True,
        help_text=_("How it ended. Empty until then."),
    )
    skipped_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    by_vote = models.BooleanField(default=False, db_default=False, help_text=_("A vote skipped it."))
    from_ms = models.PositiveBigIntegerField(default=0)
    heard_ms = models.PositiveBigIntegerField(default=0)

    class Meta:
        ordering: ClassVar[list[str]] = ["-started_at", "-id"]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["guild", "-started_at", "-id"], name="play_guild_started"),
            models.Index(
                fields=["guild", "day", "track", "requested_by", "heard_ms"],  # all that statistics read
                name="play_statistics",
            ),
            models.Index(fields=["guild", "outcome", "-started_at", "-id"], name="play_guild_outcome"),
            models.Index(fields=["guild", "track"], name="play_guild_track"),
            models.Index(fields=["guild", "requested_by", "-started_at"], name="play_guild_person"),
            models.Index(fields=["item"], condition=Q(ended_at=None), name="play_open"),
        ]

    def __str__(self) -> str:
        return f"{self.track} at {self.started_at}"


class Change(models.Model):
    """A command that can be undone, with the first and last seq of its events. Updating this row appends no event.

    `inverse` is a JSON list of the steps that undo it, or redo it if it is undone (domain/restore.py). It contains ids
    of items but not of people. A skip by vote has no `actor`. The `requester` of the skipped track may undo it.
    """

    guild = models.ForeignKey(Guild, on_delete=models.CASCADE, related_name="changes")
    epoch = models.CharField(max_length=32, help_text=_("Epoch of the log that the seqs belong to."))
    seq = models.BigIntegerField(help_text=_("Seq of its first event."))
    last_seq = models.BigIntegerField()
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    requester = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    count = models.PositiveIntegerField(default=1, help_text=_("Number of tracks that it is about."))
    inverse = models.TextField()
    undone_seq = models.BigIntegerField(
        null=True, blank=True, help_text=_("Seq of the first event that undid it. Null unless it is undone.")
    )
    undone_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    undone_at = models.DateTimeField(null=True, blank=True)
    undone_count = models.PositiveIntegerField(
        default=0, db_default=0, help_text=_("Number of tracks and values that the undo restored.")
    )
    left_out = models.TextField(
        blank=True,
        default="",
        db_default="",
        help_text=_("JSON: how many tracks the undo left out, by reason."),
    )
    created_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["guild_id", "seq"]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["guild", "actor", "-seq"], name="change_guild_actor"),
            models.Index(fields=["guild", "-undone_seq"], name="change_guild_undone"),
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["guild", "epoch", "seq"], name="change_guild_seq"),
        ]

    def __str__(self) -> str:
        return f"change {self.seq} of {self.guild_id}"


class SkipVote(models.Model):
    """A person's vote to skip the current item. Deleted when the item ends."""

    item = models.ForeignKey(QueueItem, on_delete=models.CASCADE, related_name="skip_votes")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["item", "user"], name="skipvote_item_user"),
        ]

    def __str__(self) -> str:
        return f"{self.user}: skip {self.item}"


class Loop(models.TextChoices):
    OFF = "off", _("Off")
    TRACK = "track", _("Track")
    QUEUE = "queue", _("Queue")


class Player(models.Model):
    """The player of a guild: its desired state, and the state that was last observed.

    The first half of the fields is the desired state, which commands write. The second half is the observed state,
    which the bot that has the lease writes. `status` is computed from both and not stored.
    """

    guild = models.OneToOneField(Guild, on_delete=models.CASCADE, related_name="player", primary_key=True)
    voice_channel_id = models.CharField(max_length=20, null=True, blank=True)
    paused = models.BooleanField(default=False)
    stopped = models.BooleanField(
        default=False, help_text=_("The bot was told to leave the voice channel. The current item is kept.")
    )
    volume = models.PositiveSmallIntegerField(default=100, help_text=_("Percent."))
    volume_chosen = models.BooleanField(
        default=False,
        db_default=False,
        help_text=_("Someone set the volume. Until then it follows the settings."),
    )
    loop = models.CharField(max_length=5, choices=Loop, default=Loop.OFF)
    jumps = models.PositiveIntegerField(
        default=0, db_default=0, help_text=_("Number of times that a command set the position.")
    )
    item = models.OneToOneField(
        QueueItem, on_delete=models.SET_NULL, null=True, blank=True, related_name="player"
    )
    queue_total = models.PositiveIntegerField(
        default=0, editable=False, help_text=_("Number of queued items, counted under the store's lock.")
    )
    skip_votes = models.PositiveSmallIntegerField(
        default=0, help_text=_("Votes to skip the current item at the last count.")
    )
    skip_votes_needed = models.PositiveSmallIntegerField(default=0)

    connected_channel_id = models.CharField(max_length=20, null=True, blank=True)
    sounding = models.BooleanField(default=False, help_text=_("Audio frames of the item are being sent."))
    position_ms = models.PositiveBigIntegerField(default=0)
    position_at = models.DateTimeField(default=timezone.now)
    error_code = models.CharField(max_length=40, blank=True)
    error_detail = models.CharField(max_length=300, blank=True)
    alone_since = models.DateTimeField(
        null=True, blank=True, help_text=_("When the last person left the bot's channel.")
    )
    lease_owner = models.CharField(max_length=100, blank=True)
    lease_expires_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=~Q(paused=True, stopped=True), name="player_paused_or_stopped"),
        ]

    def __str__(self) -> str:
        return f"player of {self.guild_id}: {self.status}"

    @property
    def leased(self) -> bool:
        """Whether a bot has the lease of this player."""
        return self.lease_expires_at is not None and self.lease_expires_at > timezone.now()

    @property
    def silence(self) -> tuple[str, str] | None:
        """Why nothing is heard: a code of SILENCES, and a sentence that says what to do. None if nothing is wrong."""
        code, sentence = self._silence_code, ""
        if code and code == self.error_code:
            sentence = self.error_detail
        return (code, sentence or SILENCES[code].sentence) if code else None

    @property
    def _silence_code(self) -> str:
        if self.stopped:
            return STOPPED
        if self.paused:
            return PAUSED
        if not self.error_code and self.item_id is not None and not self.leased:
            return BOT_AWAY
        return self.error_code

    @property
    def status(self) -> PlayerStatus:
        if code := self._silence_code:
            return SILENCES[code].status
        if self.item_id is None:
            return PlayerStatus.IDLE
        if self.sounding and self.connected_channel_id:
            return PlayerStatus.PLAYING
        return PlayerStatus.CONNECTING

    @property
    def looks_for_channel(self) -> bool:
        """Whether the player has no channel, or has an error that another channel could solve."""
        if self.voice_channel_id is None:
            return True
        return bool(self.error_code) and not SILENCES[self.error_code].stays_put

    @property
    def resume_helps(self) -> bool:
        """Whether Resume is one of the ways to end the player's error."""
        return bool(self.error_code) and RESUME in SILENCES[self.error_code].ways

    @property
    def is_abandoned(self) -> bool:
        """Whether the player should play but no bot has its lease, and the error does not show that yet."""
        return self._silence_code == BOT_AWAY and self.error_code != BOT_AWAY

    @property
    def current_position_ms(self) -> int:
        """The position as of now: the stored one, and the time since then if audio frames are being sent."""
        if self.status is not PlayerStatus.PLAYING:
            return self.position_ms
        elapsed = timezone.now() - self.position_at
        return self.position_ms + max(0, int(elapsed.total_seconds() * 1000))

    @property
    def shown_position_ms(self) -> int:
        """The position to show, which is never after the track's end. The item's track should be loaded."""
        length_ms = self.item.track.duration_ms if self.item is not None else None
        return self.current_position_ms if length_ms is None else min(self.current_position_ms, length_ms)

    def fold_position(self) -> None:
        """Set the stored position to the current one, unsaved. Call it before you change whether the player plays."""
        self.position_ms = self.current_position_ms
        self.position_at = timezone.now()
