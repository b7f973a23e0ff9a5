"""Why nothing is heard, for replies that would otherwise promise music."""

from __future__ import annotations

from django.utils.translation import gettext as _

from botrunner.asker import Asker
from botrunner.database import from_database
from botrunner.reply import Asked
from botrunner.seat import server_mute
from queue_app.models import Player
from queue_app.player_states import NOWHERE, SILENCES
from queue_app.queries import load_player


def why_silent(asked: Asker, player: Player) -> str:
    """Return the sentence with the reason why nothing is heard, or "" if playback works."""
    if player.silence:
        return _(player.silence[1])
    # The reconciler will store the rest in a moment, but the reply is sent now.
    if player.voice_channel_id is None:
        return _(SILENCES[NOWHERE].sentence)
    mute = server_mute(asked.guild) if asked.guild else None
    return mute.detail if mute else ""


async def reply_explaining_silence(asked: Asked, sentence: str) -> None:
    """Send a reply. If nothing is heard, it ends with the reason."""
    player = await from_database(load_player, str(asked.guild_id))
    await asked.reply(f"{sentence} {why_silent(asked, player)}".rstrip())
