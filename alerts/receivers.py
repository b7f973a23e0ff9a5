"""Receivers of other apps' signals: post alerts, give up posts when the bot leaves, export a person's rules."""

from __future__ import annotations

from django.dispatch import receiver

from accounts.models import User
from accounts.signals import exporting
from alerts.domain.outbox import note_alert
from alerts.domain.settle import give_up_guild
from alerts.models import AlertRule
from alerts.shapes import rule_fields
from guilds.signals import bot_removed
from streams.domain.alerts import Alert
from streams.signals import alert_written


@receiver(alert_written)
def post_alert(sender: object, alert: Alert, **kwargs: object) -> None:
    note_alert(alert)


@receiver(bot_removed)
def give_up_posts(sender: object, guild_id: str, **kwargs: object) -> None:
    give_up_guild(guild_id)


@receiver(exporting)
def export_rules(sender: object, user: User, **kwargs: object) -> dict[str, object]:
    return {
        "alert_rules": [
            {"guild_id": rule.guild_id, "created_at": rule.created_at.isoformat()} | rule_fields(rule)
            for rule in AlertRule.objects.filter(author=user)
        ]
    }
