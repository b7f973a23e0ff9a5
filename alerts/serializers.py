"""For the schema; `domain/rules.py` checks. Channels and roles are snowflakes."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from alerts.models import MAX_PER_MINUTE, Level


class QuietHoursSerializer(serializers.Serializer[dict[str, object]]):
    until = serializers.CharField(help_text="As `from`; over midnight where it comes before it.")
    timezone = serializers.CharField(help_text="IANA name, as Europe/Berlin.")

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """`from` cannot be an attribute's name."""
        return {"from": serializers.CharField(help_text="Time of day, as 22:00.")} | super().get_fields()


class AlertProblemSerializer(serializers.Serializer[dict[str, object]]):
    code = serializers.CharField()
    detail = serializers.CharField()
    at = serializers.DateTimeField(allow_null=True)


class AuthorSerializer(serializers.Serializer[dict[str, object]]):
    id = serializers.CharField()
    username = serializers.CharField()
    display_name = serializers.CharField()
    avatar_url = serializers.CharField(allow_null=True)


# A rule as events tell of it. (A docstring would be taken for that of what derives from it.)
class LoggedAlertRuleSerializer(serializers.Serializer[dict[str, object]]):
    id = serializers.CharField(read_only=True)
    stream_id = serializers.CharField()
    channel_id = serializers.CharField(help_text="A text or announcement channel.")
    mention_role_id = serializers.CharField(allow_null=True, required=False)
    min_level = serializers.ChoiceField(choices=Level.choices, required=False)
    quiet_hours = QuietHoursSerializer(allow_null=True, required=False)
    max_per_minute = serializers.IntegerField(
        min_value=1, max_value=MAX_PER_MINUTE, required=False, help_text="More of them come as a digest."
    )
    enabled = serializers.BooleanField(required=False)


class AlertRuleSerializer(LoggedAlertRuleSerializer):
    stream_name = serializers.CharField(read_only=True, allow_null=True)
    author = AuthorSerializer(
        read_only=True, allow_null=True, help_text="Works while they may read the stream."
    )
    created_at = serializers.DateTimeField(read_only=True)
    problem = AlertProblemSerializer(
        read_only=True, allow_null=True, help_text="Why nothing is posted, or not the whole."
    )
    gone = serializers.ListField(
        child=serializers.CharField(),
        read_only=True,
        help_text="Fields whose channel or role was deleted since.",
    )
