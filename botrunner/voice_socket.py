"""nextcord's voice gateway and end-to-end encryption, with what nextcord 3.2.0 leaves out."""

from __future__ import annotations

import dave
import nextcord
from nextcord.gateway import DiscordVoiceWebSocket
from nextcord.voice_client import E2EEState

from accounts.discord import DiscordObject

SESSION_DESCRIPTION, RESUMED = 4, 9
PREPARE_TRANSITION, EXECUTE_TRANSITION, PREPARE_EPOCH = 21, 22, 24
SILENT_SECONDS = 15.0  # after three heartbeats without an answer the server counts as gone


class Encryption(E2EEState):
    """A call's end-to-end encryption. A call may begin unencrypted, which nextcord does not expect."""

    async def initialise(self, protocol_version: int) -> None:
        if protocol_version > 0:
            await super().initialise(protocol_version)

    async def prepare_epoch(self, epoch: int, protocol_version: int) -> None:
        await super().prepare_epoch(epoch, protocol_version)
        if self._encryptor is None:
            self._encryptor = dave.Encryptor()
            self._encryptor.assign_ssrc_to_codec(self.voice_client.ssrc, dave.Codec.opus)

    @property
    def alone(self) -> bool:
        """Nobody else is in the call, so there is no group."""
        return len(self._recognised_users) == 1


class Call(nextcord.VoiceClient):
    """A voice client as its sockets see it. `keyed_channel_id`: the channel whose call the newest keys are for."""

    channel: nextcord.VoiceChannel | nextcord.StageChannel
    encryption: Encryption
    keyed_channel_id: int


class VoiceSocket(DiscordVoiceWebSocket):
    """The socket of one connection to a voice server.

    `up`: the session is described or resumed. `plain`: the call is not end-to-end encrypted now, as on stages and
    while the bot is alone in it.
    """

    up = False
    plain = False
    _downgrades: frozenset[int] = frozenset()  # announced transitions to an unencrypted call

    _connection: Call

    @classmethod
    async def dial(cls, client: Call, *, resume: bool = False) -> VoiceSocket:
        """Connect to the client's endpoint, and identify or resume. Raises what aiohttp raises."""
        socket: VoiceSocket = await cls.from_client(client, resume=resume)
        socket._max_heartbeat_timeout = SILENT_SECONDS
        return socket

    async def resume(self) -> None:
        """Resume the session of the client's previous socket."""
        before = self._connection.ws
        assert isinstance(before, VoiceSocket)
        self.secret_key, self.seq_ack, self.plain = before.secret_key, before.seq_ack, before.plain
        self._downgrades = before._downgrades
        await super().resume()

    async def received_message(self, msg: DiscordObject) -> None:
        op, data = msg["op"], msg.get("d") or {}
        if op == SESSION_DESCRIPTION:
            self._connection.keyed_channel_id = self._connection.channel.id
            self.plain = not data.get("dave_protocol_version")
        await super().received_message({**msg, "d": data})
        self.seq_ack = msg.get("seq", self.seq_ack)  # it is beside the data, where nextcord does not look
        if op in (SESSION_DESCRIPTION, RESUMED):
            self.up = True
        if op == PREPARE_EPOCH:
            # nextcord#1294: without an answer, people who join a bot that was alone never hear it.
            await self._connection.encryption.prepare_epoch(data["epoch"], data["protocol_version"])
        elif op == PREPARE_TRANSITION and data["protocol_version"] == 0:
            self._downgrades |= {data["transition_id"]}
        if op in (PREPARE_TRANSITION, EXECUTE_TRANSITION) and data["transition_id"] in self._downgrades:
            self.plain = op == EXECUTE_TRANSITION or data["transition_id"] == 0

    @property
    def may_send(self) -> bool:
        """Whether people in the call can hear what is sent: encrypted for them, or plain if the call is unencrypted."""
        encryption = self._connection.encryption
        return self.up and (self.plain or encryption.alone or encryption.can_encrypt())
