"""The control API under /_sandbox: tests and the page read the state and act as people in it."""

import asyncio
import json
import secrets
from collections.abc import Awaitable
from dataclasses import asdict, dataclass

from aiohttp import web

from sandbox import actions, command_permissions, options, seats, shapes
from sandbox.attachments import Attachments
from sandbox.control_bodies import (
    answering,
    read_body,
    read_options,
    read_patience,
    read_text,
    refused,
)
from sandbox.control_messages import ControlMessages, can_see, find_user
from sandbox.errors import Refused
from sandbox.faults import Faults
from sandbox.gateway import Gateway
from sandbox.guild_edits import GuildEdits
from sandbox.inject import BadFault, Injector
from sandbox.interactions import MODAL, Interaction, Interactions
from sandbox.languages import LOCALES, localized, read_locale
from sandbox.model import Event, Json, Message, User, VoiceState
from sandbox.shapes import VOICE_TYPES
from sandbox.voice.server import VoiceServer
from sandbox.world import World

FEED_BACKLOG = 500  # events. A page that lags further behind is disconnected, reconnects and reloads


@dataclass(kw_only=True)
class Control:
    world: World
    attachments: Attachments
    gateway: Gateway
    voice: VoiceServer
    interactions: Interactions
    faults: Faults
    injector: Injector

    def __post_init__(self) -> None:
        self.messages = ControlMessages(self.world, self.attachments)
        self._feeds: set[asyncio.Queue[Event | None]] = set()
        self._streams: set[asyncio.Task[None]] = set()
        self.world.listeners.append(self._hear)

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/_sandbox/state", answering(self.state)),
            web.post("/_sandbox/voice-state", answering(self.voice_state)),
            *self.messages.routes(),
            web.post("/_sandbox/interactions", answering(self.interaction)),
            web.post("/_sandbox/autocomplete", answering(self.autocomplete)),
            web.post("/_sandbox/components", answering(self.component)),
            web.post("/_sandbox/faults", answering(self.fault)),
            web.delete("/_sandbox/faults", answering(self.clear_faults)),
            web.get("/_sandbox/voice/{guild_id}", answering(self.voice_report)),
            web.get("/_sandbox/voice/{guild_id}/audio.ogg", answering(self.audio)),
            web.get("/_sandbox/voice/{guild_id}/live.ogg", self.live),
            web.get("/_sandbox/feed", self.feed),
            web.post("/_sandbox/guilds/{guild_id}", answering(self.edit_guild)),
            web.post("/_sandbox/language", answering(self.language)),
        ]

    # -- reading

    async def state(self, request: web.Request) -> Json:
        """Return the whole state. With `?user=`, it has only what that user can see and use."""
        viewer = find_user(self.world, request.query) if "user" in request.query else None
        world = self.world
        guilds = [
            guild
            for guild in world.guilds.values()
            if viewer is None or (guild.id, viewer.id) in world.members
        ]
        guild_ids = {guild.id for guild in guilds}
        channels = [each for each in world.channels.values() if can_see(self.world, viewer, each.id)]
        return {
            "locale": viewer.locale if viewer else None,
            "locales": sorted(LOCALES),
            "users": [shapes.user(user) for user in world.users.values()],
            "guilds": [
                shapes.guild(world, guild)
                | {
                    "bot_installed": world.bot_installed(guild.id),
                    "members": [shapes.member(world, member) for member in world.guild_members(guild.id)],
                    "integration": command_permissions.integration(world, guild, viewer),
                }
                for guild in guilds
            ],
            "channels": [shapes.channel(world, channel) | {"status": channel.status} for channel in channels],
            "messages": [
                shapes.message(world, message)
                for message in world.messages.values()
                if can_see(self.world, viewer, message.channel_id)
                and (viewer is None or message.only_user_id in (None, viewer.id))
            ],
            "commands": self._commands(viewer),
            "voice_states": [
                shapes.voice_state(world, state)
                for state in world.voice_states.values()
                if state.guild_id in guild_ids
            ],
            "voice": [asdict(report) for report in self.voice.sessions() if report.guild_id in guild_ids],
            "gateway": [each.describe() for each in self.gateway.sessions.values()],
        }

    def _commands(self, viewer: User | None) -> list[Json]:
        if viewer is None:
            return list(self.world.commands.values())
        found: dict[str, Json] = {}
        for member in self.world.members.values():
            if member.user_id == viewer.id and self.world.bot_installed(member.guild_id):
                found |= {command["id"]: command for command in options.commands_for(self.world, member)}
        return [localized(command, viewer.locale) for command in found.values()]

    # -- acting

    async def voice_state(self, request: web.Request) -> Json:
        """A user joins, moves or (`channel_id` null) leaves. A moderator mutes, deafens or suppresses them.

        `{user, channel_id?, self_mute?, self_deaf?, mute?, deaf?, suppress?}`. `channel_id` is for people only: the
        bot joins voice channels itself, through the gateway.
        """
        body = await read_body(request)
        flags: Json = {name: body[name] for name in ("mute", "deaf", "suppress") if name in body}
        if not all(isinstance(value, bool) for value in flags.values()):
            raise Refused(400, "INVALID", "mute, deaf and suppress must be true or false")
        if "channel_id" not in body and flags:
            return self._moderate(body, flags)
        answer = self._seat(body)
        return self._moderate(body, flags) if flags else answer

    def _moderate(self, body: Json, flags: Json) -> Json:
        user = self.world.bot if body.get("user") in (self.world.bot.username, self.world.bot_id) else None
        user = user or find_user(self.world, body)
        places = [each for each in self.world.voice_states.values() if each.user_id == user.id]
        state = next((each for each in places if body.get("guild_id") in (None, each.guild_id)), None)
        if state is None:
            raise Refused(409, "NOT_IN_VOICE", "This user is not in a voice channel")
        seats.moderate(self.world, state, **flags)
        return shapes.voice_state(self.world, state)

    def _seat(self, body: Json) -> Json:
        user, channel_id = find_user(self.world, body), body.get("channel_id")
        current = next((each for each in self.world.voice_states.values() if each.user_id == user.id), None)
        if channel_id is None:
            if current is not None:
                actions.leave_voice(self.world, current.guild_id, user.id)
            return {"user_id": user.id, "channel_id": None}
        channel = self.world.channels.get(str(channel_id))
        if channel is None or channel.guild_id is None or not can_see(self.world, user, channel.id):
            raise Refused(404, "UNKNOWN_CHANNEL", "There is no such channel, or this user cannot see it")
        if channel.type not in VOICE_TYPES:
            raise Refused(400, "NOT_A_VOICE_CHANNEL", "channel_id is not a voice channel")
        here = current is not None and current.channel_id == channel.id
        refusal = seats.refusal(self.world, self.world.members[channel.guild_id, user.id], channel)
        if refusal is not None and not here:
            raise Refused(403, refusal, "This user may not join that channel, or it is full")
        if current is not None and current.guild_id != channel.guild_id:
            actions.leave_voice(self.world, current.guild_id, user.id)
        mute, deaf = bool(body.get("self_mute")), bool(body.get("self_deaf"))
        session_id = current.session_id if current and here else secrets.token_hex(16)
        state = VoiceState(channel.guild_id, channel.id, user.id, session_id, mute, deaf)
        seats.take(self.world, state)
        return shapes.voice_state(self.world, state)

    async def interaction(self, request: web.Request) -> Json:
        """A user uses a command. With `target_id`, it is one in the menu of that message or user."""
        body = await read_body(request)
        line, patience = self._command_line(body), read_patience(body)
        if "target_id" in body:
            del line["values"]
            target_id = read_text(body, "target_id")
            interaction = await self.interactions.invoke_on(**line, target_id=target_id, patience=patience)
        else:
            interaction = await self.interactions.invoke(**line, patience=patience)
        return self._reply(interaction)

    async def autocomplete(self, request: web.Request) -> Json:
        """`{…, command, options, autocomplete: option name}` returns `{choices: [{name, value}]}`."""
        body = await read_body(request)
        choices = await self.interactions.complete(
            **self._command_line(body), focused=read_text(body, "autocomplete")
        )
        return {"choices": choices}

    async def component(self, request: web.Request) -> Json:
        body = await read_body(request)
        values = body.get("values", [])
        if not isinstance(values, list):
            raise Refused(400, "INVALID", "values must be a list")
        interaction = await self.interactions.press(
            user_id=find_user(self.world, body).id,
            message_id=read_text(body, "message_id"),
            custom_id=read_text(body, "custom_id"),
            values=[str(value) for value in values],
            patience=read_patience(body),
        )
        return self._reply(interaction)

    def _reply(self, interaction: Interaction) -> Json:
        """Return the bot's message, or `{modal}`, or `{deleted: true}` if it deleted its message and sent no other."""
        if interaction.answer_type == MODAL:
            return {"modal": interaction.answer_data}
        messages = self.world.messages
        message: Message | None = messages.get(interaction.original_id or "")
        message = message or messages.get(interaction.followed_id or "")
        return {"deleted": True} if message is None else shapes.message(self.world, message)

    async def fault(self, request: web.Request) -> Json:
        try:
            return await self.injector.inject(await read_body(request))
        except BadFault as error:
            raise Refused(400, "INVALID_FAULT", str(error)) from None

    async def clear_faults(self, request: web.Request) -> Json:
        self.faults.standing.clear()
        return {"standing": 0}

    async def edit_guild(self, request: web.Request) -> Json:
        """Change a guild's settings. See `GuildEdits`."""
        return GuildEdits(self.world, self.world.guilds[self._guild_id(request)]).apply(
            await read_body(request)
        )

    async def language(self, request: web.Request) -> Json:
        """A person chooses the language of their client: `{user, locale}`."""
        body = await read_body(request)
        user = find_user(self.world, body)
        user.locale = read_locale(body)
        self.world.changed()
        return {"locale": user.locale}

    # -- listening

    async def voice_report(self, request: web.Request) -> Json:
        """Return `{voice: report | null}` for one guild. It is cheap enough to poll every second."""
        guild_id = self._guild_id(request)
        found = (asdict(each) for each in self.voice.sessions() if each.guild_id == guild_id)
        return {"voice": next(found, None)}

    async def audio(self, request: web.Request) -> web.Response:
        recording = self.voice.recording(self._guild_id(request))
        if recording is None:
            raise Refused(404, "NOTHING_HEARD", "The bot has not played anything in this guild")
        return web.Response(body=recording, content_type="audio/ogg", headers={"Cache-Control": "no-store"})

    async def live(self, request: web.Request) -> web.StreamResponse:
        """Stream what the bot plays from now on, until the client disconnects or the sandbox stops."""
        try:
            guild_id = self._guild_id(request)
        except Refused as refusal:
            return refused(refusal)
        headers = {"Content-Type": "audio/ogg", "Cache-Control": "no-store"}
        response = web.StreamResponse(headers=headers)
        await response.prepare(request)

        async def pump() -> None:
            async for piece in self.voice.live(guild_id):
                await response.write(piece)

        await self._run_stream(pump())
        return response

    async def feed(self, request: web.Request) -> web.StreamResponse:
        """Server-sent events: the gateway's events that the user in `?user=` can see."""
        try:
            viewer = find_user(self.world, request.query)
        except Refused as refusal:
            return refused(refusal)
        response = web.StreamResponse(
            headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"}
        )
        await response.prepare(request)
        queue: asyncio.Queue[Event | None] = asyncio.Queue(FEED_BACKLOG)

        async def pump() -> None:
            await response.write(b"retry: 1000\n\n")
            while (event := await queue.get()) is not None:
                if self._may_hear(viewer, event):
                    line = json.dumps({"t": event.name, "d": event.data})
                    await response.write(f"data: {line}\n\n".encode())

        self._feeds.add(queue)
        try:
            await self._run_stream(pump())
        finally:
            self._feeds.discard(queue)
        return response

    async def _run_stream(self, work: Awaitable[None]) -> None:
        """Run one endless response so that `stop()` can end it. A client that disconnects is no error."""
        task = asyncio.ensure_future(work)
        self._streams.add(task)
        try:
            await task
        except (ConnectionError, asyncio.CancelledError):
            task.cancel()
        finally:
            self._streams.discard(task)

    def _hear(self, event: Event) -> None:
        for queue in tuple(self._feeds):
            if queue.full():
                self._feeds.discard(queue)
                queue.get_nowait()
                queue.put_nowait(None)
            else:
                queue.put_nowait(event)

    def _may_hear(self, viewer: User, event: Event) -> bool:
        if event.only_user_id not in (None, viewer.id):
            return False
        channel_id = event.data.get("channel_id")
        if event.name.startswith("MESSAGE_") and isinstance(channel_id, str):
            return can_see(self.world, viewer, channel_id)
        return event.guild_id is None or (event.guild_id, viewer.id) in self.world.members

    def stop(self) -> None:
        for task in tuple(self._streams):
            task.cancel()

    # -- input

    def _command_line(self, body: Json) -> Json:
        return {
            "user_id": find_user(self.world, body).id,
            "guild_id": read_text(body, "guild_id"),
            "channel_id": read_text(body, "channel_id"),
            "command": read_text(body, "command"),
            "values": read_options(body),
        }

    def _guild_id(self, request: web.Request) -> str:
        guild_id = request.match_info["guild_id"]
        if guild_id not in self.world.guilds:
            raise Refused(404, "UNKNOWN_GUILD", "There is no such guild")
        return guild_id
