"""Steps that restore values: volume, loop, settings."""

from __future__ import annotations

from typing import Any

from guilds.domain.settings import change_settings
from guilds.models import GuildSettings
from queue_app.domain.guild_state import GuildState
from queue_app.domain.policy import check_control, check_manages
from queue_app.domain.restore.step import Outcome, Restore
from queue_app.errors import ChangedSince
from queue_app.events import LoopChanged, VolumeChanged
from queue_app.left_out import Restoring


class RestoreVolume(Restore):
    """Restore the earlier volume. `chosen`: somebody had set it."""

    @staticmethod
    def take(state: GuildState, outcome: Outcome, *, to: int, expected: int, chosen: bool = True) -> None:
        check_control(state)
        player = state.player
        if player.volume != expected:
            raise ChangedSince
        outcome.inverse.append(
            {"do": "RestoreVolume", "to": expected, "expected": to, "chosen": player.volume_chosen}
        )
        player.volume, player.volume_chosen = to, chosen
        player.save(update_fields=["volume", "volume_chosen"])
        state.append(VolumeChanged())
        outcome.done += 1


class RestoreLoop(Restore):
    """Restore the earlier loop."""

    @staticmethod
    def take(state: GuildState, outcome: Outcome, *, to: str, expected: str) -> None:
        check_control(state)
        player = state.player
        if player.loop != expected:
            raise ChangedSince
        player.loop = to
        player.save(update_fields=["loop"])
        state.append(LoopChanged())
        outcome.inverse.append({"do": "RestoreLoop", "to": expected, "expected": to})
        outcome.done += 1


class RestoreSettings(Restore):
    """Restore the earlier settings. Those that were changed again are left out, by their names."""

    @staticmethod
    def take(state: GuildState, outcome: Outcome, *, to: dict[str, Any], expected: dict[str, Any]) -> None:
        check_manages(state)
        current = GuildSettings.objects.filter(pk=state.guild_id).first() or GuildSettings(pk=state.guild_id)
        same = {name: value for name, value in expected.items() if getattr(current, name) == value}
        if not same:
            raise ChangedSince
        for name in expected.keys() - same.keys():
            outcome.leave_out(name, Restoring.CHANGED_SINCE)
        before = {name: to[name] for name in same}
        change_settings(state.guild_id, origin=state.origin, **before)
        outcome.inverse.append({"do": "RestoreSettings", "to": same, "expected": before})
        outcome.done += len(same)
