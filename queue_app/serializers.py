"""The shapes of docs/protocol.md, for the OpenAPI document."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from accounts.serializers import PersonSerializer
from guilds.serializers import GuildSerializer, VoiceChannelSerializer
from library.playlist_serializers import PlaylistSummarySerializer
from library.serializers import TrackSerializer
from queue_app.left_out import Adding, Restoring
from queue_app.models import ItemState, Loop
from queue_app.player_states import PlayerStatus

Shape = serializers.Serializer[dict[str, object]]


class ProblemSerializer(Shape):
    code = serializers.CharField()
    detail = serializers.CharField()


class QueueItemSerializer(Shape):
    id = serializers.CharField()
    track = TrackSerializer()
    requested_by = PersonSerializer(allow_null=True)
    state = serializers.ChoiceField(choices=ItemState.choices)
    rank = serializers.IntegerField(help_text=_("Sort key of queued items."))
    added_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)
    error = ProblemSerializer(allow_null=True)


class PlayerSerializer(Shape):
    status = serializers.ChoiceField(choices=PlayerStatus.choices)
    item = QueueItemSerializer(allow_null=True)
    position_ms = serializers.IntegerField()
    position_at = serializers.DateTimeField()
    volume = serializers.IntegerField()
    loop = serializers.ChoiceField(choices=Loop.choices)
    voice_channel_id = serializers.CharField(allow_null=True)
    error = ProblemSerializer(allow_null=True)


class QueueSerializer(Shape):
    items = QueueItemSerializer(many=True)
    queue_total = serializers.IntegerField(help_text=_("Number of queued items on all pages."))
    next = serializers.CharField(
        allow_null=True, help_text=_("Pass as `after` to get the next page. Null on the last page.")
    )
    epoch = serializers.CharField()
    seq = serializers.IntegerField()


class SkipVoteSerializer(Shape):
    votes = serializers.IntegerField()
    needed = serializers.IntegerField()


class RightsSerializer(Shape):
    """What the caller's roles allow."""

    add = serializers.BooleanField()
    skip = serializers.ChoiceField(
        choices=["now", "vote"],
        allow_null=True,
        help_text=_("For other people's tracks. Your own are always allowed."),
    )
    seek = serializers.BooleanField(
        help_text=_(
            "Seek, jump and go back while other people's tracks play. During your own it is always allowed."
        )
    )
    move = serializers.BooleanField()
    clear = serializers.BooleanField()
    remove = serializers.BooleanField(help_text=_("For other people's tracks. Your own are always allowed."))
    control = serializers.ChoiceField(
        choices=["always", "there"], help_text=_("`there`: while you are in the bot's channel, or nobody is.")
    )
    undo = serializers.ChoiceField(
        choices=["own", "any"], help_text=_("Whether you may undo only your own changes, or any.")
    )
    settings = serializers.BooleanField()


class SnapshotSerializer(Shape):
    epoch = serializers.CharField()
    seq = serializers.IntegerField()
    guild = GuildSerializer()
    voice_channels = VoiceChannelSerializer(many=True)
    queue = QueueItemSerializer(many=True, help_text=_("The first 200 items."))
    queue_total = serializers.IntegerField()
    next = serializers.CharField(
        allow_null=True,
        help_text=_("Pass as `after` to get the next page of the queue. Null if all items are here."),
    )
    failed = QueueItemSerializer(
        many=True, help_text=_("Items that failed in the last ten minutes and were not retried or removed.")
    )
    player = PlayerSerializer()
    skip_vote = SkipVoteSerializer(allow_null=True)
    can = RightsSerializer()


class SeqSerializer(Shape):
    seq = serializers.IntegerField(
        help_text=_(
            "Sequence number of the last event of this command. The head of the log if nothing changed."
        )
    )


class SkipSerializer(SeqSerializer):
    vote = SkipVoteSerializer(required=False, help_text=_("Absent if the track was skipped."))


class SkippedSerializer(QueueItemSerializer):
    vote = SkipVoteSerializer(allow_null=True, help_text=_("Null if the track was skipped."))


class MovedSerializer(Shape):
    moved = serializers.IntegerField(help_text=_("0 if they are already there."))


class RemovedSerializer(Shape):
    removed = serializers.IntegerField()


class ShuffledSerializer(Shape):
    shuffled = serializers.IntegerField(help_text=_("Number of tracks in the queue."))


class LeftOutUriSerializer(Shape):
    uri = serializers.CharField()
    reason = serializers.ChoiceField(choices=list(Adding))


class AddedSerializer(Shape):
    added = serializers.IntegerField()
    item_ids = serializers.ListField(child=serializers.CharField())
    left_out = LeftOutUriSerializer(many=True)


class QueueSavedSerializer(Shape):
    playlist = PlaylistSummarySerializer()
    saved = serializers.IntegerField(help_text=_("Number of tracks."))


class LeftOutItemSerializer(Shape):
    item_id = serializers.CharField(help_text=_("Of a setting, its name."))
    reason = serializers.ChoiceField(
        choices=list(Restoring),
        help_text=_("WOULD_INTERRUPT means that the item is at the front of the queue instead."),
    )


class UndoneSerializer(Shape):
    change = serializers.IntegerField(help_text=_("First seq of the change."))
    undone = serializers.IntegerField(help_text=_("Number of tracks and values that were restored."))
    left_out = LeftOutItemSerializer(many=True)


class RedoneSerializer(Shape):
    change = serializers.IntegerField(help_text=_("First seq of the change."))
    redone = serializers.IntegerField(help_text=_("Number of tracks and values that were changed again."))
    left_out = LeftOutItemSerializer(many=True)


class UndoneAtSerializer(UndoneSerializer, SeqSerializer):
    """The response of `POST …/queue/undo`."""


class RedoneAtSerializer(RedoneSerializer, SeqSerializer):
    """The response of `POST …/queue/redo`."""


class ClearedSerializer(RemovedSerializer):
    dismissed = serializers.IntegerField(
        required=False, help_text=_("Number of dismissed failed tracks. Absent if there were none.")
    )
