"""A stage with a bot that does what Discord allows."""

from __future__ import annotations

from botrunner.desired_state import read_desired_state
from guilds.channel_permissions import CONNECT, SPEAK, VIEW_CHANNEL, may_bot_enter
from guilds.models import Channel
from queue_app.domain import playback
from tests.factories import ChannelFactory, RoleFactory
from tests.queue_app.stage import Stage


def close(channel: Channel) -> None:
    """Remove the bot's right to connect. People whose roles are unknown may join any channel."""
    channel.overwrites = [{"id": channel.guild_id, "type": 0, "allow": "0", "deny": str(CONNECT)}]
    channel.save()


def open_to_all(channel: Channel) -> None:
    channel.overwrites, channel.user_limit = [], 0
    channel.save()


class VoiceStage(Stage):
    """A stage whose guild is mirrored, so that permissions apply, with a bot that does what Discord allows."""

    def __init__(self) -> None:
        super().__init__()
        RoleFactory.create(id=self.id, guild=self.guild, permissions=VIEW_CHANNEL | CONNECT | SPEAK)
        self.back_room: Channel = ChannelFactory.create(guild=self.guild, voice=True)
        self.manager = self.join(owner=True)

    def tick(self) -> None:
        """Do what the bot's reconciler would do, until nothing is left to do."""
        playback.take_lease(self.id, owner=self.owner)
        for _ in range(3):
            if decision := read_desired_state(self.id).decision:
                decision(self.id, owner=self.owner)
            self.connect()

    def connect(self) -> None:
        player = self.player
        wanted = None if player.stopped else player.voice_channel_id
        channel = Channel.objects.filter(pk=wanted).first()
        if channel is None:
            self.see(None, sounding=False)
        elif obstacle := may_bot_enter(self.guild, channel):
            self.see(None, sounding=False)
            if player.item_id:
                self.report(obstacle.code, obstacle.detail)
        else:
            self.see(channel.pk, sounding=player.item_id is not None and not player.paused)

    def see(self, channel_id: str | None, *, sounding: bool) -> None:
        playback.observe(
            self.id, owner=self.owner, connected_channel_id=channel_id, sounding=sounding, position_ms=None
        )

    def report(self, code: str, detail: str = "") -> None:
        playback.report_error(self.id, owner=self.owner, code=code, detail=detail)

    @property
    def error(self) -> str:
        shown = self.snapshot()["player"]["error"]
        return shown["code"] if shown else ""

    def assert_heard(self) -> None:
        player = self.snapshot()["player"]
        assert (player["status"], player["error"]) == ("playing", None)
