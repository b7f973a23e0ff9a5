"""Add, change and remove a guild's alert rules. Checks them against the mirror, and appends one event per change."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.errors import InvalidInput
from accounts.shapes import user_shape
from alerts.domain.settle import drop_waiting
from alerts.errors import AlertRuleNotFound, TooManyAlertRules
from alerts.events import AlertRuleAdded, AlertRuleChanged, AlertRuleRemoved
from alerts.models import AlertPost, AlertRule, PostState
from alerts.serializers import AlertRuleSerializer
from alerts.shapes import rule_fields, rule_shape
from guilds.models import Guild, Membership
from guilds.permissions import can_manage, require_manager
from guilds.queries import gone_settings
from guilds.setting_fields import refusals
from realtime.domain.append import append, lock_store
from realtime.domain.retry import retrying
from realtime.models import Store
from realtime.origin import Origin
from streams.models import Stream
from streams.rights import read_rights

MAX_RULES = 50  # per guild
MINUTE = timedelta(minutes=1)  # the longest that a digest waits, except in quiet hours


# --- Checks ---


def check_rule(args: dict[str, Any], *, whole: bool) -> dict[str, Any]:
    """Return the cleaned fields. `whole`: for a new rule, which needs all required fields.

    Raises InvalidInput. Channels and roles are not looked up in the guild.
    """
    checked = AlertRuleSerializer(data=args, partial=not whole)
    if not checked.is_valid():
        raise InvalidInput(checked.errors)
    return dict(checked.validated_data)


def check_choices(guild_id: str, changes: dict[str, Any]) -> None:
    """Raise InvalidInput for a channel or role that the guild does not have or that cannot be chosen."""
    if errors := refusals(AlertRule, Guild(pk=guild_id), changes):
        raise InvalidInput(errors)


def _vouch(rule: AlertRule, stream_id: str, origin: Origin) -> None:
    """Set the rule's stream. The person who asks becomes its author if they may read the stream.

    A guild gets no alerts of a stream that none of its managers may read. Any manager may send the rule's current
    stream again. That changes the author only if the manager may read the stream. Raises InvalidInput.
    """
    user = origin.user
    rights = read_rights([(stream_id, user.pk)]).get((stream_id, user.pk)) if user else None
    if rights is not None and rights.read and not origin.operator:
        rule.author = user
    elif stream_id != rule.stream_id:
        raise InvalidInput({"stream_id": [_("There is no such stream, or it is not shared with you.")]})
    rule.stream_id = stream_id


# --- Changes ---


def _open(guild_id: str, origin: Origin) -> Store:
    """Return the guild's store, locked. Raises InvalidGuildId, GuildNotFound or GuildForbidden."""
    if origin.user is not None and not origin.operator:
        require_manager(origin.user, guild_id)
    return lock_store(f"guild:{guild_id}")


def _lock_rule(guild_id: str, rule_id: uuid.UUID) -> AlertRule:
    rule = AlertRule.objects.select_for_update().filter(guild_id=guild_id, pk=rule_id).first()
    if rule is None:
        raise AlertRuleNotFound
    return rule


def _set(rule: AlertRule, changes: dict[str, Any], origin: Origin) -> None:
    for name, value in changes.items():
        if name == "stream_id":
            _vouch(rule, value, origin)
        else:
            setattr(rule, name, value)


@retrying
@transaction.atomic
def add_rule(guild_id: str, *, origin: Origin, **fields: object) -> AlertRule:
    """Create a rule from the result of `check_rule`. Appends `AlertRuleAdded {rule}`.

    Raises InvalidGuildId, GuildNotFound, GuildForbidden, InvalidInput or TooManyAlertRules.
    """
    store = _open(guild_id, origin)
    check_choices(guild_id, fields)
    if AlertRule.objects.filter(guild_id=guild_id).count() >= MAX_RULES:
        raise TooManyAlertRules
    rule = AlertRule(guild_id=guild_id)
    _set(rule, fields, origin)
    rule.save(force_insert=True)
    append(store, AlertRuleAdded(rule=rule), origin=origin)
    return rule


@retrying
@transaction.atomic
def change_rule(guild_id: str, rule_id: uuid.UUID, *, origin: Origin, **changes: object) -> AlertRule:
    """Set the fields in `changes`, which `check_rule` has cleaned. Appends `AlertRuleChanged {rule_id, before, after}`.

    Posts that were held after a refusal by Discord are retried at once, even if nothing changes. Turning a rule off
    drops its pending posts. Raises the errors of `add_rule`, and AlertRuleNotFound.
    """
    store = _open(guild_id, origin)
    rule = _lock_rule(guild_id, rule_id)
    check_choices(guild_id, changes)
    before = rule_fields(rule)
    _set(rule, changes, origin)
    after = {name: value for name, value in rule_fields(rule).items() if value != before[name]}
    waiting = AlertPost.objects.filter(rule=rule, state=PostState.PENDING, handed_at=None)
    if rule.held_until is not None:
        waiting.filter(due_at__lte=rule.held_until).update(due_at=timezone.now())
        rule.held_until = None
    rule.problem_code, rule.problem_detail, rule.problem_at = "", "", None
    rule.save()
    if "quiet_hours" in after:
        # The new hours decide. If it is quiet now too, `claim_due` delays the post until they end.
        waiting.filter(due_at__gt=timezone.now() + MINUTE).update(due_at=timezone.now())
    if not rule.enabled or "stream_id" in after:
        drop_waiting(rule)
    if after:
        differing = {name: before[name] for name in after}
        append(store, AlertRuleChanged(rule_id=rule.pk, before=differing, after=after), origin=origin)
    return rule


@retrying
@transaction.atomic
def remove_rule(guild_id: str, rule_id: uuid.UUID, *, origin: Origin) -> None:
    """Delete a rule and its posts. Appends `AlertRuleRemoved {rule}`. Raises the errors of `change_rule`."""
    store = _open(guild_id, origin)
    rule = _lock_rule(guild_id, rule_id)
    append(store, AlertRuleRemoved(rule=rule), origin=origin)
    rule.delete()


# --- Reading ---


def rules_of(guild_id: str) -> list[AlertRule]:
    return list(AlertRule.objects.filter(guild_id=guild_id).select_related("author"))


def rule_shapes(rules: Iterable[AlertRule], guild: Guild) -> list[dict[str, Any]]:
    """Return one guild's rules as REST shows them. The number of queries does not depend on the number of rules."""
    rules = list(rules)
    valid = vouched(rules)
    names = dict(Stream.objects.filter(pk__in={rule.stream_id for rule in rules}).values_list("pk", "name"))
    gone = gone_settings(guild.pk, rules)
    return [
        rule_shape(rule)
        | {
            "stream_name": names.get(rule.stream_id) if rule.pk in valid else None,
            "author": user_shape(rule.author) if rule.author else None,
            "created_at": rule.created_at.isoformat(),
            "problem": _problem(rule, vouched=rule.pk in valid, installed=guild.bot_installed),
            "gone": names_gone,
        }
        for rule, names_gone in zip(rules, gone, strict=True)
    ]


def vouched(rules: Iterable[AlertRule]) -> set[uuid.UUID]:
    """Return the ids of the rules whose author manages the guild and may read the stream. At most four queries."""
    wanted = [(rule, author_id) for rule in rules if (author_id := rule.author_id) is not None]
    rights = read_rights((rule.stream_id, author_id) for rule, author_id in wanted)
    managing = {
        (member.guild_id, member.user_id)
        for member in Membership.objects.filter(
            guild_id__in={rule.guild_id for rule, _ in wanted}, user_id__in={author for _, author in wanted}
        )
        if can_manage(member)
    }
    return {
        rule.pk
        for rule, author_id in wanted
        if (rule.guild_id, author_id) in managing
        and (found := rights.get((rule.stream_id, author_id))) is not None
        and found.read
    }


def _problem(rule: AlertRule, *, vouched: bool, installed: bool) -> dict[str, Any] | None:
    """Return why posts fail or are incomplete, as `{code, detail, at}`, or None if there is no known problem."""
    if not installed:
        return {"code": "BOT_NOT_INSTALLED", "detail": _("The bot is not in this server."), "at": None}
    if not vouched:
        detail = _(
            "The stream was deleted, or the author of the rule may no longer watch it or no longer "
            "manages this server. A manager who may watch the stream can save the rule again."
        )
        return {"code": "STREAM_NOT_SHARED", "detail": detail, "at": None}
    if rule.problem_code:
        at = rule.problem_at.isoformat() if rule.problem_at else None
        return {"code": rule.problem_code, "detail": rule.problem_detail, "at": at}
    return None
