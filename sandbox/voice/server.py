"""The voice server's interface for the rest of the sandbox."""

from collections.abc import AsyncGenerator, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from .dave import PROTOCOL_VERSION
from .gateway import VoiceGateway
from .session import Credentials, VoiceSession
from .tls import Certificates
from .udp import MODES, MediaSocket

GOING_AWAY = 1001
DISCONNECTED = 4014
LOOPBACK = ("127.0.0.1", "localhost")


@dataclass(frozen=True, slots=True)
class VoiceReport:
    """The audio received from the bot in one guild since its session began.

    frames_received: unique frames that were authenticated, decrypted and decoded. frames_plain: those of them
    without end-to-end encryption (E2EE). frames_lost: gaps in the sequence numbers. frames_bad: frames that could
    not be authenticated, decrypted or decoded, or that had no E2EE although DAVE was established.
    frames_silenced: valid frames that were not played because the bot was `silenced` (muted by a moderator or
    suppressed). silence_ms grows while nothing arrives. tone_hz: the loudest frequency of the last second, None
    if there was only silence or nothing. dave: the call's current protocol version.
    """

    guild_id: str
    channel_id: str
    user_id: str
    mode: str | None
    dave: int
    frames_received: int
    frames_plain: int
    frames_lost: int
    frames_bad: int
    frames_silenced: int
    silenced: bool
    silence_ms: int
    tone_hz: float | None
    speaking: bool


class VoiceServer:
    """Discord's voice gateway and media server on loopback, with one bot session per guild.

    `endpoint` (valid after start) is sent in VOICE_SERVER_UPDATE. Clients verify it with `ca_file`, which exists
    from the beginning. With `bot_commits` False a listener's MLS commit wins over the bot's, so that the bot has
    DAVE's other role and joins groups by a welcome. A bot that does not respond to prepare_epoch (24) stays
    outside the group and is not heard. Unmodified nextcord 3.2.0 does not respond (nextcord#1294).

    Raises: ValueError if the address is not loopback, or for an unknown mode or DAVE version.
    """

    def __init__(
        self,
        *,
        data_dir: Path,
        dave_version: int = PROTOCOL_VERSION,
        host: str = "127.0.0.1",
        port: int = 0,
        modes: Sequence[str] = MODES,
        bot_commits: bool = True,
    ) -> None:
        if host not in LOOPBACK:
            raise ValueError("the voice server listens on loopback only")
        if dave_version not in (0, PROTOCOL_VERSION):
            raise ValueError(f"unknown DAVE protocol version {dave_version}")
        if not modes or not set(modes) <= set(MODES):
            raise ValueError(f"encryption modes are {', '.join(MODES)}")
        self._certificates = Certificates(data_dir)
        self.ca_file = self._certificates.ca_file
        self.endpoint = ""
        self._port = port
        self._gateway = VoiceGateway(modes=modes, dave_version=dave_version, bot_commits=bot_commits)
        self._media = MediaSocket(self._gateway.session_by_ssrc)
        self._gateway.on_described = self._media.report_to
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Listen. Raises: OSError when the port is in use."""
        application = web.Application()
        application.router.add_get("/", self._gateway.handle)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
        self._runner = runner
        try:
            await self._media.start("127.0.0.1")
            await runner.setup()
            context = self._certificates.server_context()
            await web.TCPSite(runner, "127.0.0.1", self._port, ssl_context=context).start()
        except BaseException:
            await self.stop()
            raise
        self._gateway.media_address = ("127.0.0.1", self._media.port)
        self.endpoint = f"127.0.0.1:{runner.addresses[0][1]}"

    async def stop(self) -> None:
        """Close every socket with 1001, end live streams, free the ports. Safe to call twice."""
        for listener in self._gateway.listeners.values():
            listener.close()
        await self._gateway.close_sockets(GOING_AWAY)
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
        self._media.stop()

    def expect(
        self,
        *,
        guild_id: str,
        channel_id: str,
        user_id: str,
        session_id: str,
        token: str,
        stage: bool = False,
    ) -> None:
        """Accept this token from this user, until the next call for the guild. Call it with VOICE_SERVER_UPDATE.

        A `stage` has no end-to-end encryption, and accepts clients without DAVE.
        """
        credentials = Credentials(guild_id, channel_id, user_id, session_id, token, stage)
        self._gateway.expected[guild_id] = credentials

    def silence(self, *, guild_id: str, silenced: bool) -> None:
        """Set whether the bot is muted or suppressed in the guild. What it sends is then not played."""
        (self._gateway.silenced.add if silenced else self._gateway.silenced.discard)(guild_id)
        if session := self._gateway.sessions.get(guild_id):
            session.silenced = silenced
            if silenced:
                session.listener.hush()

    def mute_old(self, *, guild_id: str) -> None:
        """End the session without closing its socket, because the call moved to another server."""
        if session := self._gateway.sessions.get(guild_id):
            self._gateway.end_session(session)

    async def set_people(self, *, guild_id: str, channel_id: str, user_ids: Collection[str]) -> None:
        """Set the people in a channel, who listen there. Call it before `expect` and on each change."""
        self._gateway.people[guild_id, channel_id] = frozenset(user_ids)
        session = self._gateway.sessions.get(guild_id)
        if session is not None and session.credentials.channel_id == channel_id:
            await session.set_people(user_ids)

    async def close(self, *, guild_id: str, code: int) -> None:
        """Close the bot's socket with this code. After 4015 it may resume, otherwise it must identify again."""
        session = self._gateway.sessions.get(guild_id)
        if session is not None:
            await self._gateway.close_session(session, code)

    async def forget(self, *, guild_id: str) -> None:
        """Delete the session and the recording, because the bot left voice. Live streams continue with silence."""
        await self.close(guild_id=guild_id, code=DISCONNECTED)
        self._gateway.sessions.pop(guild_id, None)
        self._gateway.expected.pop(guild_id, None)
        if listener := self._gateway.listeners.get(guild_id):
            listener.clear()

    def sessions(self) -> list[VoiceReport]:
        """Return one report per guild, for its current or last session, until `forget`."""
        return [_report(session) for session in self._gateway.sessions.values()]

    def recording(self, guild_id: str) -> bytes | None:
        """Return an Ogg/Opus file of the last 60 s of received audio, or None."""
        listener = self._gateway.listeners.get(guild_id)
        return listener.recording() if listener else None

    def live(self, guild_id: str) -> AsyncGenerator[bytes]:
        """Return an endless Ogg/Opus stream of the audio from now on, with silence in gaps. It ends at `stop`."""
        return self._gateway.listener(guild_id).live()


def _report(session: VoiceSession) -> VoiceReport:
    return VoiceReport(
        guild_id=session.credentials.guild_id,
        channel_id=session.credentials.channel_id,
        user_id=session.credentials.user_id,
        mode=session.mode,
        dave=session.dave_version,
        frames_received=session.frames_received,
        frames_plain=session.frames_plain,
        frames_lost=session.frames_lost,
        frames_bad=session.frames_bad,
        frames_silenced=session.frames_silenced,
        silenced=session.silenced,
        silence_ms=session.listener.silence_ms,
        tone_hz=session.listener.tone_hz,
        speaking=session.speaking and session.connected,
    )
