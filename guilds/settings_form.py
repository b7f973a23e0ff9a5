"""The admin's form for a guild's settings, built from the fields that the model declares."""

from __future__ import annotations

from guilds.changes_form import ChangesForm
from guilds.domain.settings import check_choices, check_settings
from guilds.models import GuildSettings
from guilds.setting_fields import settings_in


class GuildSettingsForm(ChangesForm[GuildSettings]):
    class Meta:
        model = GuildSettings
        fields = tuple(field.name for field in settings_in(GuildSettings))

    def check(self, changes: dict[str, object]) -> dict[str, object]:
        changes = check_settings(changes)
        check_choices(self.instance.pk, changes)
        return changes
