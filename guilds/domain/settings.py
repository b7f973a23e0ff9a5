"""Change a guild's settings: checked against the mirror, one event with before and after, whoever asks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import transaction

from accounts.errors import InvalidInput
from guilds.events import SettingsChanged
from guilds.models import MAX_VOLUME, Channel, ChannelType, GuildSettings, Role, Who
from guilds.permissions import require_manager
from realtime.domain.append import append, lock_store
from realtime.models import Store
from realtime.origin import Origin

ANNOUNCE_TYPES = (ChannelType.TEXT, ChannelType.ANNOUNCEMENT)
VOICE_TYPES = (ChannelType.VOICE, ChannelType.STAGE)

_sources: dict[str, str] = {}


def register_source(name: str, label: str) -> None:
    """Make a source of tracks one that guilds may allow or not; `label` is for people."""
    _sources[name] = label


def known_sources() -> dict[str, str]:
    """Return label by name of every source."""
    return dict(_sources)


def check_settings(args: dict[str, Any]) -> dict[str, Any]:
    """Return clean changes, of any of the settings. Raises InvalidInput; nothing of the guild is looked at."""
    clean: dict[str, Any] = {}
    errors: dict[str, list[str]] = {}
    for name, value in args.items():
        try:
            clean[name] = CHECKS[name](value)
        except KeyError:
            errors[name] = ["There is no such setting."]
        except ValueError as error:
            errors[name] = [str(error)]
    if not args:
        errors["non_field_errors"] = [f"Say what to change: {', '.join(CHECKS)}."]
    if errors:
        raise InvalidInput(errors)
    return clean


def check_choices(guild_id: str, changes: dict[str, Any]) -> None:
    """Raises InvalidInput for roles and channels that the guild does not have, or not of that kind."""
    errors: dict[str, list[str]] = {}
    if (role := changes.get("dj_role_id")) is not None:
        if role == guild_id:
            errors["dj_role_id"] = ["Everybody has this role. Choose another, or leave it open."]
        elif not Role.objects.filter(guild_id=guild_id, pk=role).exists():
            errors["dj_role_id"] = ["There is no such role in this guild."]
    channels = Channel.objects.filter(guild_id=guild_id)
    for name, types, kind in (
        ("announce_channel_id", ANNOUNCE_TYPES, "text"),
        ("voice_channel_id", VOICE_TYPES, "voice"),
    ):
        chosen = changes.get(name)
        if chosen is not None and not channels.filter(pk=chosen, type__in=types).exists():
            errors[name] = [f"This is not a {kind} channel of this guild."]
    if errors:
        raise InvalidInput(errors)


def change_settings(guild_id: str, *, origin: Origin, **changes: Any) -> dict[str, Any]:
    """Set what `changes` names, cleaned by `check_settings`; other settings stay as they are by now.

    Appends `SettingsChanged {before, after}` with what differs, nothing when nothing does. Returns the settings'
    shape. Raises InvalidGuildId, GuildNotFound, GuildForbidden or InvalidInput.
    """
    with transaction.atomic():
        if origin.user is not None and not origin.operator:
            require_manager(origin.user, guild_id)
        return write_settings(lock_store(f"guild:{guild_id}"), guild_id, changes, origin=origin)


def write_settings(store: Store, guild_id: str, changes: dict[str, Any], *, origin: Origin) -> dict[str, Any]:
    """`change_settings` of somebody who may, on a locked store. Raises InvalidInput."""
    check_choices(guild_id, changes)
    settings, _ = GuildSettings.objects.get_or_create(pk=guild_id)
    before = {name: getattr(settings, name) for name in changes}
    after = {name: value for name, value in changes.items() if value != before[name]}
    if after:
        for name, value in after.items():
            setattr(settings, name, value)
        settings.save(update_fields=list(after))
        differing = {name: before[name] for name in after}
        append(store, SettingsChanged(before=differing, after=after), origin=origin)
    return settings_shape(settings)


def load_settings(guild_id: str) -> GuildSettings:
    """Return a guild's settings, the defaults (unsaved) when it has none."""
    return GuildSettings.objects.filter(pk=guild_id).first() or GuildSettings(pk=guild_id)


def settings_shape(settings: GuildSettings) -> dict[str, Any]:
    """Return the settings as REST shows them; `gone` names those whose role or channel was deleted since."""
    chosen = {name: getattr(settings, name) for name in CHECKS}
    return chosen | {"gone": _gone(settings)}


def _gone(settings: GuildSettings) -> list[str]:
    names = ("dj_role_id", "announce_channel_id", "voice_channel_id")
    chosen = {name: value for name in names if (value := getattr(settings, name))}
    if not chosen:
        return []
    here = {"guild_id": settings.pk, "pk__in": chosen.values()}
    known = set(Role.objects.filter(**here).values_list("pk", flat=True))
    known |= set(Channel.objects.filter(**here).values_list("pk", flat=True))
    return [name for name, value in chosen.items() if value not in known]


# --- What each setting may be ---


def _snowflake(value: Any) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or not value.isascii() or not value.isdecimal() or len(value) > 20:
        raise ValueError("The id of one, or null.")
    return value


def _number(low: int, high: int, *, optional: bool = False) -> Callable[[Any], int | None]:
    def check(value: Any) -> int | None:
        if value is None and optional:
            return None
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise ValueError(f"A whole number from {low} to {high}{', or null' if optional else ''}.")
        return value

    return check


def _who(value: Any) -> str:
    if not isinstance(value, str) or value not in Who.values:
        raise ValueError(f"One of {', '.join(Who.values)}.")
    return value


def _yes_or_no(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("True or false.")
    return value


def _allowed_sources(value: Any) -> list[str] | None:
    if value is None:
        return None
    if not isinstance(value, list) or not value or not all(name in _sources for name in map(str, value)):
        raise ValueError(f"A list with at least one of {', '.join(_sources)}; null for all.")
    return sorted(set(value))


CHECKS: dict[str, Callable[[Any], Any]] = {
    "dj_role_id": _snowflake,
    "announce_channel_id": _snowflake,
    "voice_channel_id": _snowflake,
    "default_volume": _number(0, MAX_VOLUME),
    "may_add": _who,
    "may_skip": _who,
    "may_move": _who,
    "may_clear": _who,
    "vote_share": _number(0, 100),
    "max_per_person": _number(1, 1000, optional=True),
    "fair_order": _yes_or_no,
    "stay_in_channel": _yes_or_no,
    "leave_after_minutes": _number(1, 1440),
    "allowed_sources": _allowed_sources,
}
