"""The section with alert rules on a guild's settings page."""

from __future__ import annotations

import json
from typing import Any

from django import template

from alerts.models import AlertRule
from guilds.models import Guild
from guilds.setting_fields import settings_in

register = template.Library()


@register.inclusion_tag("alerts/rules.html")
def alert_rules(guild_id: str) -> dict[str, Any]:
    """Show a guild's rules, with a dialog whose controls are built from the fields that the model declares."""
    guild, fields = Guild(pk=guild_id), settings_in(AlertRule)
    defaults = {field.name: field.get_default() for field in fields if field.has_default() or field.null}
    return {"defaults": json.dumps(defaults)} | {
        field.name: {"field": field, "options": field.options(guild)} for field in fields
    }
