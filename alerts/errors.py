"""Refusals about alert rules. `status` is what REST answers."""

from __future__ import annotations

from guilds.errors import GuildsError, InvalidSettings


class InvalidAlertRule(InvalidSettings):
    """`errors` by field of the rule."""


class AlertRuleNotFound(GuildsError):
    code = "ALERT_RULE_NOT_FOUND"
    sentence = "There is no such alert rule in this guild."
    status = 404


class TooManyAlertRules(GuildsError):
    code = "TOO_MANY_ALERT_RULES"
    sentence = "This guild has as many alert rules as one may have."
    status = 409
