"""Alert rules as REST and events show them."""

from __future__ import annotations

from typing import Any

from alerts.models import AlertRule
from guilds.setting_fields import settings_in


def rule_shape(rule: AlertRule) -> dict[str, Any]:
    """Return the rule's id and settings."""
    return {"id": str(rule.pk)} | rule_fields(rule)


def rule_fields(rule: AlertRule) -> dict[str, Any]:
    """Return the rule's settings by name."""
    return {field.name: getattr(rule, field.name) for field in settings_in(AlertRule)}
