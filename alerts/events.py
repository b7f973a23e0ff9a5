"""Events about a guild's alert rules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar
from uuid import UUID

from django.utils.translation import gettext_lazy

from alerts.models import AlertRule
from alerts.serializers import AlertRuleSerializer, LoggedAlertRuleSerializer
from alerts.shapes import rule_shape
from realtime.events import PartOf, Shape, TypedEvent


class AlertEvent(TypedEvent):
    """Base of all alert events."""

    log = "guild"
    shapes: ClassVar = {AlertRule: Shape(rule_shape, LoggedAlertRuleSerializer)}


class RuleEvent(AlertEvent):
    """Base of events that contain a whole rule."""

    reducer = "nothing ([alerts.md](alerts.md))"
    rule: AlertRule

    @classmethod
    def placeholders(cls, args: Mapping[str, Any]) -> dict[str, object]:
        return {"stream": args["rule"]["stream_id"]}


class AlertRuleAdded(RuleEvent):
    """A manager added a rule."""

    sentence = gettext_lazy("%(who)s added an alert rule for %(stream)s.")


class AlertRuleRemoved(RuleEvent):
    """A manager removed a rule."""

    sentence = gettext_lazy("%(who)s deleted an alert rule for %(stream)s.")


class AlertRuleChanged(AlertEvent):
    """A manager changed a rule. `before` and `after` contain only the fields that differ."""

    sentence = gettext_lazy("%(who)s edited an alert rule.")
    reducer = "nothing ([alerts.md](alerts.md))"
    rule_id: UUID
    before: Annotated[dict[str, object], PartOf(AlertRuleSerializer)]
    after: Annotated[dict[str, object], PartOf(AlertRuleSerializer)]
