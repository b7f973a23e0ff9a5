"""The sandbox as one object that can be created, started and stopped."""

import asyncio
import ipaddress
from collections import deque
from collections.abc import Sequence
from pathlib import Path

from aiohttp import web

from sandbox import access, page, seed
from sandbox.attachments import Attachments
from sandbox.bot_voice import BotVoice
from sandbox.control import Control
from sandbox.credentials import VOICE_FOLDER, load_or_create
from sandbox.faults import Faults
from sandbox.gateway import Gateway
from sandbox.inject import Injector
from sandbox.interactions import Interactions
from sandbox.oauth import OAuth
from sandbox.ratelimit import RateLimiter
from sandbox.rest import (
    attachments,
    channels,
    commands,
    expressions,
    guild_channels,
    guilds,
    members,
    pins,
    reactions,
    replies,
    roles,
    stage_instances,
    users,
)
from sandbox.rest.api import PREFIX, Observer, Parts, mount
from sandbox.tokens import Tokens
from sandbox.voice.server import VoiceServer
from sandbox.world import World

DEFAULT_REDIRECT_URI = "http://127.0.0.1:1337/api/auth/discord/callback"
# Routes with a fixed name come before routes with an id in its place: pins before messages.
REST = (
    users,
    guilds,
    members,
    roles,
    guild_channels,
    stage_instances,
    pins,
    channels,
    reactions,
    expressions,
    commands,
    replies,
    attachments,
)
VOICE_GOODBYE_SECONDS = 0.4
MAX_BODY_BYTES = 30 * 1024 * 1024


class Sandbox:
    """A Discord on loopback.

    `url`, `api_url`, `authorize_url` and `gateway_url` are valid after `start()`: with `port` 0 the system
    picks the port. `observers` are called with `(method, path, status, body)` for every REST response, so that
    tests can check it. `unserved` has the newest requests under /api/ without a route.
    `redirect_uris` are those registered for the application. The default is Backline's.

    Raises: ValueError if the host is not loopback.
    """

    def __init__(
        self,
        *,
        data_dir: Path,
        port: int = 1339,
        host: str = "127.0.0.1",
        redirect_uris: Sequence[str] = (),
        dave_version: int = 1,
    ) -> None:
        if host != "localhost" and not ipaddress.ip_address(host).is_loopback:
            raise ValueError(f"the sandbox listens on loopback only, not on {host}")
        self.host = host
        self.port = port
        self.redirect_uris = list(redirect_uris) or [DEFAULT_REDIRECT_URI]
        self.credentials = load_or_create(data_dir)
        self.voice = VoiceServer(data_dir=data_dir / VOICE_FOLDER, dave_version=dave_version)
        self.ca_file = self.voice.ca_file
        self.world = World(data_dir / "world.json", bot_id=self.credentials.client_id)
        self.tokens = Tokens(self.world)
        self.world.links.secret = (
            self.credentials.client_secret.encode()
        )  # so that a restart keeps links valid
        self.attachments = Attachments(data_dir / "attachments", self.world)
        self.faults = Faults()
        self.ratelimiter = RateLimiter()
        self.gateway = Gateway(self.world, self.credentials)
        self.bot_voice = BotVoice(self.world, self.gateway, self.voice)
        self.interactions = Interactions(self.world, self.gateway, self.faults, self.attachments)
        self.injector = Injector(
            world=self.world,
            faults=self.faults,
            ratelimiter=self.ratelimiter,
            gateway=self.gateway,
            bot_voice=self.bot_voice,
        )
        self.control = Control(
            world=self.world,
            attachments=self.attachments,
            gateway=self.gateway,
            voice=self.voice,
            interactions=self.interactions,
            faults=self.faults,
            injector=self.injector,
        )
        self.observers: list[Observer] = []
        self.unserved: deque[str] = deque(maxlen=100)
        self._runner: web.AppRunner | None = None
        self._voice_stopping: asyncio.Future[None] | None = None

    # -- addresses

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    @property
    def api_url(self) -> str:
        return f"{self.url}{PREFIX}"

    @property
    def authorize_url(self) -> str:
        return f"{self.url}/oauth2/authorize"

    @property
    def gateway_url(self) -> str:
        return f"ws://{self.host}:{self.port}/gateway"

    def own_origins(self) -> frozenset[str]:
        names = (self.host, "127.0.0.1", "localhost", "[::1]")
        return frozenset(f"http://{name}:{self.port}" for name in names)

    # -- life

    async def start(self) -> None:
        """Load the world and listen. Raises OSError when the port is in use."""
        if not self.world.load():
            seed.plant(self.world)
        self.gateway.clock.begin()
        await self.voice.start()
        runner = web.AppRunner(self._application(), access_log=None, shutdown_timeout=0.2)
        self._runner = runner
        try:
            await runner.setup()
            await web.TCPSite(runner, self.host, self.port).start()
        except BaseException:
            await self.stop()
            raise
        self.port = runner.addresses[0][1]
        self.gateway.url = self.gateway_url
        self.world.links.base_url = self.url

    async def stop(self) -> None:
        """Close every socket, save the world and free the port, in under a second. Safe to call twice."""
        self.control.stop()
        await self.gateway.stop()
        await self.bot_voice.stop()
        # The voice server waits for each client's close frame, and nextcord sends none: let it finish later.
        self._voice_stopping = asyncio.ensure_future(self.voice.stop())
        await asyncio.wait([self._voice_stopping], timeout=VOICE_GOODBYE_SECONDS)
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
        if self.world.users:
            self.world.save()

    def _application(self) -> web.Application:
        guard = access.guard(self.own_origins, self.unserved)
        application = web.Application(client_max_size=MAX_BODY_BYTES, middlewares=[guard])
        parts = self._rest_parts()
        for module in REST:
            application.add_routes(mount(parts, module.ROUTES))
        oauth = OAuth(
            world=self.world,
            tokens=self.tokens,
            faults=self.faults,
            credentials=self.credentials,
            redirect_uris=self.redirect_uris,
        )
        gateway = [web.get(path, self.gateway.handle) for path in ("/gateway", "/gateway/")]
        for routes in (
            gateway,
            oauth.routes(),
            self.control.routes(),
            self.attachments.routes(),
            page.routes(),
        ):
            application.add_routes(routes)
        return application

    def _rest_parts(self) -> Parts:
        return Parts(
            credentials=self.credentials,
            redirect_uris=self.redirect_uris,
            world=self.world,
            tokens=self.tokens,
            attachments=self.attachments,
            faults=self.faults,
            ratelimiter=self.ratelimiter,
            gateway=self.gateway,
            bot_voice=self.bot_voice,
            interactions=self.interactions,
            observers=self.observers,
        )
