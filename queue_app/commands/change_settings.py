from __future__ import annotations

from typing import Any

from guilds.domain.settings import change_settings
from guilds.events import SettingsChanged
from guilds.serializers import ChangeSettingsSerializer, SettingsSerializer
from queue_app.arguments import Arguments
from queue_app.domain.command import Command
from queue_app.domain.guild_state import GuildState
from queue_app.domain.policy import Right, check_manages


class ChangeSettingsArguments(ChangeSettingsSerializer, Arguments):
    """Any of the settings."""


class ChangeSettings(Command):
    """Change some of the guild's settings."""

    arguments = ChangeSettingsArguments
    right = Right("managers", check_manages)
    appends = {SettingsChanged: ""}
    result = SettingsSerializer
    undone = "restores the earlier values, unless one of them was changed again"

    @staticmethod
    def run(state: GuildState, **changes: object) -> dict[str, Any]:
        before = {name: getattr(state.settings, name) for name in changes}
        shape = change_settings(state.guild_id, origin=state.origin, **changes)
        differing = {name: value for name, value in before.items() if value != changes[name]}
        if differing:
            expected = {name: changes[name] for name in differing}
            state.undo.steps.append({"do": "RestoreSettings", "to": differing, "expected": expected})
        return shape
