"""The shapes of docs/protocol.md, for REST's schema."""

from __future__ import annotations

from rest_framework import serializers

from accounts.serializers import PersonSerializer
from guilds.serializers import GuildSerializer, VoiceChannelSerializer
from library.serializers import TrackSerializer
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
    rank = serializers.IntegerField(help_text="Orders the items that wait.")
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
    queue_total = serializers.IntegerField(help_text="How many wait, those of other pages included.")
    next = serializers.CharField(allow_null=True, help_text="Pass as `after` for the next page.")
    epoch = serializers.CharField()
    seq = serializers.IntegerField()


class SkipVoteSerializer(Shape):
    votes = serializers.IntegerField()
    needed = serializers.IntegerField()


class RightsSerializer(Shape):
    """What the caller may do by their roles."""

    add = serializers.BooleanField()
    skip = serializers.ChoiceField(
        choices=["now", "vote"], allow_null=True, help_text="Other people's tracks; one's own always."
    )
    move = serializers.BooleanField()
    clear = serializers.BooleanField()
    remove = serializers.BooleanField(help_text="Other people's tracks; one's own always.")
    control = serializers.ChoiceField(
        choices=["always", "there"], help_text="`there`: while in the bot's channel, or nobody is."
    )
    settings = serializers.BooleanField()


class SnapshotSerializer(Shape):
    epoch = serializers.CharField()
    seq = serializers.IntegerField()
    guild = GuildSerializer()
    voice_channels = VoiceChannelSerializer(many=True)
    queue = QueueItemSerializer(many=True, help_text="The first 200.")
    queue_total = serializers.IntegerField()
    next = serializers.CharField(
        allow_null=True, help_text="Where the queue goes on: `after` of its next page; null: it is all here."
    )
    failed = QueueItemSerializer(many=True, help_text="Of the last ten minutes, neither retried nor removed.")
    player = PlayerSerializer()
    skip_vote = SkipVoteSerializer(allow_null=True)
    can = RightsSerializer()


class SeqSerializer(Shape):
    seq = serializers.IntegerField(help_text="Of the last event that this appended; else the log's head.")


class SkipSerializer(SeqSerializer):
    vote = SkipVoteSerializer(required=False, help_text="Absent when the track was skipped.")


class SkippedSerializer(QueueItemSerializer):
    vote = SkipVoteSerializer(allow_null=True, help_text="null when the track was skipped.")


class ClearedSerializer(Shape):
    removed = serializers.IntegerField()
    dismissed = serializers.IntegerField(required=False, help_text="Failed tracks, where there were some.")
