"""Refusals about alert rules."""

from __future__ import annotations

from accounts.errors import Refusal


class AlertRuleNotFound(Refusal):
    """The guild has no such rule."""

    code = "ALERT_RULE_NOT_FOUND"
    sentence = "There is no such alert rule in this guild."
    status = 404


class TooManyAlertRules(Refusal):
    """The guild has as many rules as one may."""

    code = "TOO_MANY_ALERT_RULES"
    sentence = "This guild has as many alert rules as one may have."
    status = 409
