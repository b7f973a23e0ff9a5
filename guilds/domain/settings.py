"""Change a guild's settings: check roles and channels against the mirror, and append one event per change."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from accounts.errors import InvalidInput
from guilds.events import SettingsChanged
from guilds.models import Guild, GuildSettings
from guilds.queries import gone_settings
from guilds.serializers import ChangeSettingsSerializer
from guilds.setting_fields import refusals, settings_in
from guilds.setting_problems import setting_problems
from realtime.domain.append import append, holds, lock_store
from realtime.origin import Origin


def check_settings(args: dict[str, Any]) -> dict[str, Any]:
    """Return the cleaned changes. Raises InvalidInput. Roles and channels are not looked up in the guild."""
    checked = ChangeSettingsSerializer(data=args)
    if not checked.is_valid():
        raise InvalidInput(checked.errors)
    return dict(checked.validated_data)


def check_choices(guild_id: str, changes: dict[str, Any]) -> None:
    """Raise InvalidInput for roles and channels that the guild does not have or that have the wrong type."""
    if errors := refusals(GuildSettings, Guild(pk=guild_id), changes):
        raise InvalidInput(errors)


def change_settings(guild_id: str, *, origin: Origin, **changes: object) -> dict[str, Any]:
    """Set the settings in `changes`, which `check_settings` has cleaned. Other settings stay as they are.

    Appends `SettingsChanged {before, after}` with the values that differ, or no event if none does. The caller must
    have checked that the origin may change settings. Locks the guild's store. Returns the settings' shape. Raises
    InvalidInput.
    """
    store_name = f"guild:{guild_id}"
    with transaction.atomic(savepoint=not holds(store_name)):
        store = lock_store(store_name)
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
    """Return a guild's settings, or unsaved defaults when it has none."""
    return GuildSettings.objects.filter(pk=guild_id).first() or GuildSettings(pk=guild_id)


def settings_shape(settings: GuildSettings) -> dict[str, Any]:
    """Return the settings as REST shows them.

    `gone` names the settings whose role or channel was deleted. `problems` has a sentence for each that cannot work.
    """
    chosen = {field.name: getattr(settings, field.name) for field in settings_in(GuildSettings)}
    (gone,) = gone_settings(settings.pk, [settings])
    return chosen | {"gone": gone, "problems": setting_problems(settings)}
