"""The start time of each voice channel's call, as CHANNEL_INFO reports it."""

import time

from sandbox.model import Event
from sandbox.world import World


class VoiceClock:
    """`since` maps each occupied voice channel's id to the Unix time, in seconds, when it became occupied."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.since: dict[str, int] = {}
        world.listeners.append(self._hear)

    def begin(self) -> None:
        """Set the time for channels that are already occupied to now."""
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
