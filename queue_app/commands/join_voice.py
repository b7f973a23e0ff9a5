from __future__ import annotations

from django.utils.translation import gettext_lazy

from guilds.channel_permissions import may_connect, may_view
from guilds.queries import voice_channels_of
from queue_app.arguments import Arguments, ChannelId
from queue_app.domain.command import Command
from queue_app.domain.guild_state import GuildState
from queue_app.domain.policy import CONTROL
from queue_app.errors import ChannelForbidden, UnknownChannel
from queue_app.events import VoiceJoined
from queue_app.models import Player
from queue_app.serializers import PlayerSerializer


class JoinVoiceArguments(Arguments):
    channel_id = ChannelId(help_text=gettext_lazy("a voice or stage channel"))


class JoinVoice(Command):
    """Move the bot to a voice channel."""

    arguments = JoinVoiceArguments
    right = CONTROL
    appends = {VoiceJoined: ""}
    result = PlayerSerializer

    @staticmethod
    def run(state: GuildState, *, channel_id: str) -> Player:
        """Raises UnknownChannel and ChannelForbidden."""
        channel = voice_channels_of(state.guild_id).filter(pk=channel_id).first()
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
            state.append(VoiceJoined())
        return player
