"""Events about a guild's alert rules."""

from __future__ import annotations

from typing import Annotated, ClassVar
from uuid import UUID

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


class AlertRuleAdded(RuleEvent):
    """A manager added a rule."""


class AlertRuleRemoved(RuleEvent):
    """A manager removed a rule."""


class AlertRuleChanged(AlertEvent):
    """A manager changed a rule. `before` and `after` contain only the fields that differ."""

    reducer = "nothing ([alerts.md](alerts.md))"
    rule_id: UUID
    before: Annotated[dict[str, object], PartOf(AlertRuleSerializer)]
    after: Annotated[dict[str, object], PartOf(AlertRuleSerializer)]
