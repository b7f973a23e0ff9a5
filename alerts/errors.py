"""Refusals about alert rules."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from accounts.errors import Refusal


class AlertRuleNotFound(Refusal):
    """The guild has no such rule."""

    code = "ALERT_RULE_NOT_FOUND"
    sentence = _("This server has no such alert rule.")
    status = 404


class TooManyAlertRules(Refusal):
    """The guild has the maximum number of rules."""

    code = "TOO_MANY_ALERT_RULES"
    sentence = _("This server has the maximum number of alert rules. Delete one first.")
    status = 409
