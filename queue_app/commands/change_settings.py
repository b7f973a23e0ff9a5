from __future__ import annotations

from typing import Any

from rest_framework import serializers

from guilds.domain.settings import check_settings, write_settings
from guilds.settings_views import SettingsSerializer
from queue_app.arguments import Arguments
from queue_app.domain.command import Command
from queue_app.domain.guild_state import GuildState
from queue_app.domain.policy import Right, check_manages


class ChangeSettingsArguments(SettingsSerializer, Arguments):
    """Any of the settings."""

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        fields = super().get_fields()
        del fields["gone"]
        for field in fields.values():
            field.required = False
        return fields


class ChangeSettings(Command):
    """Change settings of the guild; those that are not named stay as they are."""

    arguments = ChangeSettingsArguments
    right = Right("those who manage the guild", check_manages)
    appends = {"SettingsChanged": ""}
    result = SettingsSerializer

    @classmethod
    def check(cls, args: dict[str, Any]) -> dict[str, Any]:
        return check_settings(args)

    @staticmethod
    def run(state: GuildState, **changes: Any) -> dict[str, Any]:
        return write_settings(state.store, state.guild_id, changes, origin=state.origin)
