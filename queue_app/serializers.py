"""The shapes of docs/protocol.md for REST's schema and its input."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from guilds.serializers import GuildSerializer
from queue_app.domain.add import POSITIONS
from queue_app.models import ItemState, Loop, PlayerStatus

Shape = serializers.Serializer[dict[str, Any]]


class TrackSerializer(Shape):
    uri = serializers.CharField()
    title = serializers.CharField(allow_null=True)
    artist = serializers.CharField(allow_null=True)
    url = serializers.CharField(allow_null=True)
    duration_ms = serializers.IntegerField(allow_null=True)
    artwork_url = serializers.CharField(allow_null=True)
    source = serializers.CharField()  # type: ignore[assignment]  # the metaclass takes it out of the class, where `source` is the base's
    is_live = serializers.BooleanField()


class RequesterSerializer(Shape):
    id = serializers.CharField()
    username = serializers.CharField()
    avatar_url = serializers.CharField(allow_null=True)


class ErrorSerializer(Shape):
    code = serializers.CharField()
    detail = serializers.CharField()


class ItemSerializer(Shape):
    id = serializers.CharField()
    track = TrackSerializer()
    requested_by = RequesterSerializer(allow_null=True)
    state = serializers.ChoiceField(choices=ItemState.choices)
    added_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)
    error = ErrorSerializer(allow_null=True)


class PlayerSerializer(Shape):
    status = serializers.ChoiceField(choices=PlayerStatus.choices)
    item = ItemSerializer(allow_null=True)
    position_ms = serializers.IntegerField()
    position_at = serializers.DateTimeField()
    volume = serializers.IntegerField()
    loop = serializers.ChoiceField(choices=Loop.choices)
    voice_channel_id = serializers.CharField(allow_null=True)
    error = ErrorSerializer(allow_null=True)


class QueueSerializer(Shape):
    items = ItemSerializer(many=True)
    next = serializers.CharField(allow_null=True, help_text="Pass as `after` for the next page.")
    epoch = serializers.CharField()
    seq = serializers.IntegerField()


class SnapshotSerializer(Shape):
    epoch = serializers.CharField()
    seq = serializers.IntegerField()
    guild = GuildSerializer()
    queue = ItemSerializer(many=True)
    player = PlayerSerializer()


class SeqSerializer(Shape):
    seq = serializers.IntegerField(help_text="Of the last event that this appended.")


class AddSerializer(Shape):
    """For the schema; the command core checks."""

    query = serializers.CharField()
    position = serializers.ChoiceField(choices=POSITIONS, default="end")


class PlayerPatchSerializer(Shape):
    paused = serializers.BooleanField(required=False)
    voice_channel_id = serializers.RegexField(r"^[0-9]{1,20}$", required=False, allow_null=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if unknown := set(self.initial_data) - set(self.fields):
            raise serializers.ValidationError(dict.fromkeys(unknown, "This cannot be changed here."))
        if not attrs:
            raise serializers.ValidationError("Say what to change: paused, voice_channel_id.")
        return attrs
