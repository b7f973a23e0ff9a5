"""Alert rules as REST and events show them."""

from __future__ import annotations

from typing import Any

from alerts.models import AlertRule


def rule_shape(rule: AlertRule) -> dict[str, Any]:
    """Return the rule without what changes by itself."""
    return {"id": str(rule.pk)} | rule_fields(rule)


def rule_fields(rule: AlertRule) -> dict[str, Any]:
    """Return what was chosen."""
    hours = rule.quiet_hours
    return {
        "stream_id": rule.stream_id,
        "channel_id": rule.channel_id,
        "mention_role_id": rule.mention_role_id,
        "min_level": rule.min_level,
        "quiet_hours": {
            "from": f"{hours.start:%H:%M}",
            "until": f"{hours.until:%H:%M}",
            "timezone": hours.timezone,
        }
        if hours
        else None,
        "max_per_minute": rule.max_per_minute,
        "enabled": rule.enabled,
    }
