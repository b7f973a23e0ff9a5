"""Since when somebody has been in each voice channel, as CHANNEL_INFO tells it."""

import time

from sandbox.model import Event
from sandbox.world import World


class VoiceClock:
    """`since` has the Unix time in seconds of each voice channel with somebody in it."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.since: dict[str, int] = {}
        world.listeners.append(self._hear)

    def begin(self) -> None:
        """Count from now for whoever is in voice already."""
        self.since = {state.channel_id: int(time.time()) for state in self.world.voice_states.values()}

    def _hear(self, event: Event) -> None:
        if event.name != "VOICE_STATE_UPDATE" or event.guild_id is None:
            return
        taken = {state.channel_id for state in self.world.guild_voice_states(event.guild_id)}
        for channel in self.world.guild_channels(event.guild_id):
            if channel.id in taken:
                self.since.setdefault(channel.id, int(time.time()))
            else:
                self.since.pop(channel.id, None)
