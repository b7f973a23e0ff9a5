"""Send the bot into a voice channel, or out of voice."""

from __future__ import annotations

from guilds.channel_permissions import may_connect, may_view
from guilds.queries import voice_channels_of
from queue_app.domain.guild_state import opened
from queue_app.domain.policy import check_control
from queue_app.errors import ChannelForbidden, UnknownChannel
from queue_app.models import Player
from realtime.origin import Origin


def join_voice(guild_id: str, *, channel_id: str, origin: Origin) -> Player:
    """Choose the channel to play in. Raises NotAllowed, UnknownChannel or ChannelForbidden."""
    with opened(guild_id, origin=origin) as state:
        check_control(state)
        channel = voice_channels_of(guild_id).filter(pk=channel_id).first()
        member = state.membership
        if channel is None or (member is not None and not may_view(member, channel)):
            raise UnknownChannel
        if member is not None and not may_connect(member, channel):
            raise ChannelForbidden
        player = state.player
        if player.voice_channel_id != channel_id or player.stopped or player.error_code:
            player.fold_position()
            state.set_channel(channel_id)
            player.stopped = False
            player.error_code = player.error_detail = ""
            player.save(
                update_fields=[
                    "voice_channel_id", "volume", "stopped", "position_ms", "position_at",
                    "error_code", "error_detail",
                ]
            )  # fmt: skip
            state.append("VoiceJoined", player=True)
        return player


def leave_voice(guild_id: str, *, origin: Origin) -> Player:
    """Leave voice and stop there; what played is kept with its position. Raises NotAllowed."""
    with opened(guild_id, origin=origin) as state:
        check_control(state)
        player = state.player
        if not player.stopped:
            state.stop()
            state.append("VoiceLeft", player=True)
        return player
