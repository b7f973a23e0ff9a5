"""The admin's form for a guild's settings, with choices from the mirror."""

from __future__ import annotations

from typing import Any

from django import forms

from guilds.changes_form import ChangesForm
from guilds.domain.settings import (
    ANNOUNCE_TYPES,
    CHECKS,
    VOICE_TYPES,
    check_choices,
    check_settings,
    known_sources,
)
from guilds.models import GuildSettings
from guilds.queries import channels_of


class GuildSettingsForm(ChangesForm[GuildSettings]):
    class Meta:
        model = GuildSettings
        fields = tuple(CHECKS)

    def offer(self) -> None:
        guild = self.instance.guild
        roles = [(role.pk, role.name) for role in guild.roles.all() if role.pk != guild.pk]
        self.choose("dj_role_id", roles, none="none")
        for name, types in (("announce_channel_id", ANNOUNCE_TYPES), ("voice_channel_id", VOICE_TYPES)):
            self.choose(name, [(each.pk, each.name) for each in channels_of(guild.pk, *types)], none="none")
        self.fields["allowed_sources"] = forms.MultipleChoiceField(
            choices=list(known_sources().items()),
            required=False,
            widget=forms.CheckboxSelectMultiple,
            help_text="None ticked: all there are.",
        )

    def check(self, changes: dict[str, Any]) -> dict[str, Any]:
        changes = check_settings(changes)
        check_choices(self.instance.pk, changes)
        return changes
