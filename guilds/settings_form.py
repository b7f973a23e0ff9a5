"""The admin's form for a guild's settings: choices from the mirror, and only what was changed is written."""

from __future__ import annotations

from typing import Any

from django import forms

from guilds.domain.settings import (
    ANNOUNCE_TYPES,
    CHECKS,
    VOICE_TYPES,
    check_choices,
    check_settings,
    known_sources,
)
from guilds.errors import InvalidSettings
from guilds.models import GuildSettings
from guilds.queries import channels_of

NONE = [("", "none")]


class GuildSettingsForm(forms.ModelForm[GuildSettings]):
    """`changes`, once valid: what differs from what the form showed. What others changed meanwhile stays."""

    class Meta:
        model = GuildSettings
        fields = tuple(CHECKS)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        guild = self.instance.guild
        roles = [(role.pk, role.name) for role in guild.roles.all() if role.pk != guild.pk]
        self._choose("dj_role_id", roles)
        for name, types in (("announce_channel_id", ANNOUNCE_TYPES), ("voice_channel_id", VOICE_TYPES)):
            self._choose(name, [(each.pk, each.name) for each in channels_of(guild.pk, *types)])
        self.fields["allowed_sources"] = forms.MultipleChoiceField(
            choices=list(known_sources().items()),
            required=False,
            widget=forms.CheckboxSelectMultiple,
            help_text="None ticked: all there are.",
        )
        for field in self.fields.values():
            field.show_hidden_initial = True

    def _choose(self, name: str, choices: list[tuple[str, str]]) -> None:
        chosen = getattr(self.instance, name)
        if chosen and chosen not in dict(choices):
            choices = [*choices, (chosen, f"gone ({chosen})")]
        self.fields[name] = forms.ChoiceField(
            choices=NONE + choices, required=False, label=self.fields[name].label
        )

    def clean(self) -> dict[str, Any]:
        cleaned = {name: None if value in ("", []) else value for name, value in self.cleaned_data.items()}
        self.changes = {name: cleaned[name] for name in self.changed_data if name in cleaned}
        try:
            if self.changes:
                self.changes = check_settings(self.changes)
                check_choices(self.instance.pk, self.changes)
        except InvalidSettings as error:
            for name, sentences in error.errors.items():
                self.add_error(name, sentences)
        return cleaned
