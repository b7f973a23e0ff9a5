"""A track as in docs/protocol.md, for the OpenAPI document."""

from __future__ import annotations

from rest_framework import serializers


class TrackSerializer(serializers.Serializer[dict[str, object]]):
    uri = serializers.CharField()
    title = serializers.CharField(allow_null=True)
    artist = serializers.CharField(allow_null=True)
    album = serializers.CharField(allow_null=True)
    url = serializers.CharField(allow_null=True)
    duration_ms = serializers.IntegerField(allow_null=True)
    artwork_url = serializers.CharField(allow_null=True)
    source = serializers.CharField()  # type: ignore[assignment]  # the metaclass takes it out of the class, where `source` is the base's
    is_live = serializers.BooleanField()
