"""The checks and the shape of alert rules, built from the fields that the model declares."""

from __future__ import annotations

from typing import Any, ClassVar, Unpack

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework import serializers

from accounts.serializers import PersonSerializer
from accounts.strict_fields import FieldOptions, always
from alerts.models import AlertRule
from alerts.quiet import QuietHours, timezone_names
from alerts.setting_fields import QuietHoursField, StreamField
from guilds.serializers import ModelSettingsSerializer
from guilds.setting_fields import settings_in

QUIET_HOURS = gettext_lazy(
    "Must be null or {from, until, timezone}: two times such as 22:00, and a time zone such as Europe/Berlin."
)


class StreamId(serializers.CharField):
    def __init__(self, **options: Unpack[FieldOptions[str]]) -> None:
        super().__init__(error_messages=always(_("Must be the id of a stream.")), **options)

    def to_internal_value(self, data: object) -> str:
        # This also refuses NUL, which PostgreSQL does not accept, and lone surrogates, which cannot be encoded.
        if not isinstance(data, str) or not data.isprintable():
            self.fail("invalid")
        return data


class QuietHoursSerializer(serializers.Serializer[dict[str, object]]):
    until = serializers.CharField(
        help_text=gettext_lazy(
            "Time of day, such as 06:00. If it is before `from`, the hours end on the next day."
        )
    )
    timezone = serializers.CharField(help_text=gettext_lazy("IANA name, such as Europe/Berlin."))

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """Add `from`, which cannot be the name of a class attribute."""
        return {
            "from": serializers.CharField(help_text=_("Time of day, such as 22:00."))
        } | super().get_fields()

    def to_internal_value(self, data: object) -> dict[str, str]:
        """Return the hours with times such as 22:00. Errors are reported for the whole field."""
        try:
            if not isinstance(data, dict) or data.keys() != {"from", "until", "timezone"}:
                raise ValueError
            hours = QuietHours.of(data)
            if any(each.tzinfo or each.second or each.microsecond for each in (hours.start, hours.until)):
                raise ValueError
        except (TypeError, ValueError):
            raise serializers.ValidationError([QUIET_HOURS]) from None
        if hours.start == hours.until:
            raise serializers.ValidationError(
                [
                    _(
                        "The quiet hours must not begin and end at the same time. To be quiet all day, turn the rule "
                        "off."
                    )
                ]
            )
        if hours.timezone not in timezone_names():
            raise serializers.ValidationError(
                [
                    _("Unknown time zone %(name)s. A valid one is Europe/Berlin.")
                    % {"name": f"{str(hours.timezone)[:64]!r}"}
                ]
            )
        return {"from": f"{hours.start:%H:%M}", "until": f"{hours.until:%H:%M}", "timezone": hours.timezone}


class AlertProblemSerializer(serializers.Serializer[dict[str, object]]):
    code = serializers.CharField()
    detail = serializers.CharField()
    at = serializers.DateTimeField(allow_null=True)


# A rule as events show it. (Derived serializers would inherit a docstring, so this is a comment.)
class LoggedAlertRuleSerializer(ModelSettingsSerializer[AlertRule]):
    unknown = gettext_lazy("Unknown field.")
    serializer_field_mapping: ClassVar = {
        **ModelSettingsSerializer.serializer_field_mapping,
        StreamField: StreamId,
        QuietHoursField: QuietHoursSerializer,
    }
    id = serializers.CharField(read_only=True)

    class Meta:
        model = AlertRule
        fields: ClassVar[list[str]] = ["id", *(field.name for field in settings_in(AlertRule))]


class AlertRuleSerializer(LoggedAlertRuleSerializer):
    stream_name = serializers.CharField(read_only=True, allow_null=True)
    author = PersonSerializer(
        read_only=True,
        allow_null=True,
        help_text=gettext_lazy("The rule works while this person may read the stream."),
    )
    created_at = serializers.DateTimeField(read_only=True)
    problem = AlertProblemSerializer(
        read_only=True, allow_null=True, help_text=gettext_lazy("Why posts fail or are incomplete.")
    )
    gone = serializers.ListField(
        child=serializers.CharField(),
        read_only=True,
        help_text=gettext_lazy("Fields whose channel or role was deleted."),
    )

    class Meta:
        model = AlertRule
        fields: ClassVar[list[str]] = [
            *LoggedAlertRuleSerializer.Meta.fields, "stream_name", "author", "created_at", "problem", "gone",
        ]  # fmt: skip

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs:
            raise serializers.ValidationError(_("Name at least one field to change."))
        return attrs
