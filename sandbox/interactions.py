"""Interactions: commands, autocomplete and components, from a user's click to the bot's response.

https://discord.com/developers/docs/interactions/receiving-and-responding
"""

import asyncio
import contextlib
import secrets
import time
from dataclasses import dataclass, field

from sandbox import actions, command_permissions, menus, options, permissions, shapes
from sandbox.attachments import Attachments
from sandbox.components import chosen_values, find_component
from sandbox.errors import DiscordError, Refused, invalid_form, unknown
from sandbox.faults import Faults
from sandbox.gateway import Gateway
from sandbox.gateway_session import Session
from sandbox.model import Channel, Event, Json, Member, Message, MessageFlag
from sandbox.snowflake import new_snowflake
from sandbox.world import World

COMMAND, COMPONENT, AUTOCOMPLETE = 2, 3, 4
REPLY, DEFER, DEFER_UPDATE, UPDATE, CHOICES, MODAL = 4, 5, 6, 7, 8, 9
ALLOWED_ANSWERS = {
    COMMAND: (REPLY, DEFER, MODAL),
    COMPONENT: (REPLY, DEFER, DEFER_UPDATE, UPDATE, MODAL),
    AUTOCOMPLETE: (CHOICES,),
}

ANSWER_SECONDS = 3.0
TOKEN_SECONDS = 15 * 60
KEPT = 2_000  # interactions in memory. Older ones have long expired


@dataclass
class Interaction:
    """One interaction. `original_id` is the message that `@original` means, or None before there is one.
    `followed_id` is its newest follow-up message."""

    id: str
    token: str
    type: int
    user_id: str
    channel_id: str
    metadata: Json
    message_id: str | None = None
    original_id: str | None = None
    followed_id: str | None = None
    answer_type: int | None = None
    answer_data: Json = field(default_factory=dict)
    created: float = field(default_factory=time.monotonic)
    answered: asyncio.Event = field(default_factory=asyncio.Event)
    finished: asyncio.Event = field(default_factory=asyncio.Event)
    followed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def age(self) -> float:
        return time.monotonic() - self.created


class Interactions:
    """Starts interactions for people and handles the bot's responses."""

    def __init__(self, world: World, gateway: Gateway, faults: Faults, attachments: Attachments) -> None:
        self.world = world
        self.gateway = gateway
        self.faults = faults
        self.attachments = attachments
        self.by_token: dict[str, Interaction] = {}
        world.listeners.append(self._hear)

    # -- the user's side

    async def invoke(
        self, *, user_id: str, guild_id: str, channel_id: str, command: str, values: Json, patience: float
    ) -> Interaction:
        """Use a slash command and wait for the bot's response (`patience` seconds if it defers).

        Raises:
            Refused: the command line is invalid, the member may not use it, or the bot does not respond in time.
        """
        member, channel = self._place(user_id, guild_id, channel_id)
        invocation = options.understand(self.world, member, command, values, offer=self._offer(user_id))
        self._check_channel(member, channel, invocation)
        interaction = self._start(COMMAND, member, channel, invocation.data, used=invocation)
        return await self._reply(interaction, patience)

    async def invoke_on(
        self, *, user_id: str, guild_id: str, channel_id: str, command: str, target_id: str, patience: float
    ) -> Interaction:
        """Use a command from the menu of a message or a user, as `invoke`."""
        message = self.world.messages.get(target_id)
        # Discord has no commands in the menus of ephemeral messages.
        if message is not None and (message.only_user_id is not None or message.channel_id != channel_id):
            raise Refused(404, "UNKNOWN_MESSAGE", "There is no such message in this channel")
        member, channel = self._place(user_id, guild_id, channel_id)
        if message is not None:
            invocation = menus.on_message(self.world, member, command, message)
        else:
            invocation = menus.on_user(self.world, member, command, target_id)
        self._check_channel(member, channel, invocation)
        interaction = self._start(COMMAND, member, channel, invocation.data, used=invocation)
        return await self._reply(interaction, patience)

    def _check_channel(self, member: Member, channel: Channel, used: options.Invocation) -> None:
        command_permissions.check_channel(self.world, member, self.world.commands[used.data["id"]], channel)

    def _offer(self, user_id: str) -> options.Offer:
        return lambda upload_id: self.attachments.offer(upload_id, user_id=user_id)

    async def complete(
        self, *, user_id: str, guild_id: str, channel_id: str, command: str, values: Json, focused: str
    ) -> list[Json]:
        """Return the bot's suggestions for the option `focused`: `[{name, value}]`, at most 25."""
        member, channel = self._place(user_id, guild_id, channel_id)
        offer = self._offer(user_id)
        invocation = options.understand(self.world, member, command, values, offer=offer, focused=focused)
        self._check_channel(member, channel, invocation)
        interaction = self._start(AUTOCOMPLETE, member, channel, invocation.data)
        await self._wait(interaction.answered, ANSWER_SECONDS)
        choices: list[Json] = interaction.answer_data.get("choices") or []
        return choices

    async def press(
        self, *, user_id: str, message_id: str, custom_id: str, values: list[str], patience: float
    ) -> Interaction:
        """Press a button, or choose from a select menu, on a message that the user can see."""
        message = self.world.messages.get(message_id)
        if message is None or message.only_user_id not in (None, user_id):
            raise Refused(404, "UNKNOWN_MESSAGE", "There is no such message, or this user cannot see it")
        component = find_component(message.components, custom_id)
        if component is None:
            raise Refused(404, "UNKNOWN_COMPONENT", f"The message has no component {custom_id!r}")
        if component.get("disabled"):
            raise Refused(409, "COMPONENT_DISABLED", f"Component {custom_id!r} is disabled")
        guild_id = self.world.channels[message.channel_id].guild_id
        member, channel = self._place(user_id, str(guild_id), message.channel_id)
        data: Json = {"custom_id": custom_id, "component_type": component["type"], "id": component["id"]}
        if component["type"] in (3, 5, 6, 7, 8):
            data["values"] = chosen_values(component, values)
        interaction = self._start(COMPONENT, member, channel, data, message=message)
        return await self._reply(interaction, patience)

    def _place(self, user_id: str, guild_id: str, channel_id: str) -> tuple[Member, Channel]:
        member = self.world.members.get((guild_id, user_id))
        channel = self.world.channels.get(channel_id)
        if member is None or channel is None or channel.guild_id != guild_id:
            raise Refused(
                404, "UNKNOWN_CHANNEL", "There is no such channel in this guild, or this user cannot see it"
            )
        bits = permissions.in_channel(self.world, member, channel)
        if not bits & permissions.VIEW_CHANNEL or not bits & permissions.USE_APPLICATION_COMMANDS:
            raise Refused(403, "FORBIDDEN", "This member may not use commands in this channel")
        if not self.world.bot_installed(guild_id):
            raise Refused(409, "BOT_NOT_INSTALLED", "The bot is not in this guild")
        return member, channel

    def _start(
        self,
        kind: int,
        member: Member,
        channel: Channel,
        data: Json,
        *,
        used: options.Invocation | None = None,
        message: Message | None = None,
    ) -> Interaction:
        sessions = self.gateway.sessions_for(member.guild_id)
        if not sessions:
            raise Refused(504, "NO_ANSWER", "The application did not respond: the bot is not connected")
        user = shapes.user(self.world.users[member.user_id])
        owners = {"0": member.guild_id}
        identifier = new_snowflake()
        metadata: Json = {
            "id": identifier,
            "type": kind,
            "user": user,
            "authorizing_integration_owners": owners,
        }
        if used is not None:
            metadata |= {"name": used.name} | used.metadata
        if message is not None:
            metadata["interacted_message_id"] = message.id
        interaction = Interaction(
            id=identifier,
            token=secrets.token_urlsafe(96),
            type=kind,
            user_id=member.user_id,
            channel_id=channel.id,
            metadata=metadata,
            message_id=message.id if message else None,
        )
        self.by_token[interaction.token] = interaction
        while len(self.by_token) > KEPT:
            del self.by_token[next(iter(self.by_token))]
        payload = self._payload(interaction, member, channel, data, message)
        for session in sessions:
            self._deliver(session, payload, name=str(data.get("name", "")))
        return interaction

    def _deliver(self, session: Session, payload: Json, *, name: str) -> None:
        """Send the interaction to the bot. A fault may delay it or send it twice, as after a resume."""
        fault = self.faults.take("interaction", "POST", f"/{name}")
        if fault is None:
            session.dispatch("INTERACTION_CREATE", payload)
            return
        for _ in range(2 if fault.twice else 1):
            asyncio.get_running_loop().call_later(
                fault.ms / 1000, session.dispatch, "INTERACTION_CREATE", payload
            )

    def _payload(
        self, interaction: Interaction, member: Member, channel: Channel, data: Json, message: Message | None
    ) -> Json:
        world = self.world
        bits = permissions.in_channel(world, member, channel)
        bot_bits = permissions.in_channel(world, world.members[member.guild_id, world.bot_id], channel)
        payload: Json = {
            "id": interaction.id,
            "application_id": world.bot_id,
            "type": interaction.type,
            "data": data,
            "guild_id": member.guild_id,
            "guild": {
                "id": member.guild_id,
                "locale": world.guilds[member.guild_id].preferred_locale,
                "features": world.guilds[member.guild_id].features,
            },
            "channel_id": channel.id,
            "channel": shapes.channel(world, channel) | {"permissions": str(bits)},
            "member": shapes.member(world, member) | {"permissions": str(bits)},
            "token": interaction.token,
            "version": 1,
            "app_permissions": str(bot_bits),
            "locale": world.users[member.user_id].locale,
            "guild_locale": world.guilds[member.guild_id].preferred_locale,
            "entitlements": [],
            "authorizing_integration_owners": interaction.metadata["authorizing_integration_owners"],
            "context": 0,
            "attachment_size_limit": 10_485_760,
        }
        if message is not None:
            payload["message"] = shapes.message(world, message)
        return payload

    async def _reply(self, interaction: Interaction, patience: float) -> Interaction:
        await self._wait(interaction.answered, ANSWER_SECONDS)
        if interaction.answer_type == DEFER:
            await self._wait(interaction.finished, patience)
            if interaction.original_id not in self.world.messages:
                # Bots delete it to respond with an ephemeral follow-up instead.
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(interaction.followed.wait(), min(patience, ANSWER_SECONDS))
        elif interaction.answer_type == DEFER_UPDATE:
            # A deferred update is a complete response, but an edit often follows at once.
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(interaction.finished.wait(), min(patience, ANSWER_SECONDS))
        return interaction

    def _hear(self, event: Event) -> None:
        """Finish the interactions of a message that changes, even if the change does not use the interaction."""
        if event.name == "MESSAGE_UPDATE":
            for interaction in self.by_token.values():
                if interaction.message_id == event.data["id"]:
                    interaction.finished.set()

    async def _wait(self, event: asyncio.Event, seconds: float) -> None:
        try:
            await asyncio.wait_for(event.wait(), seconds)
        except TimeoutError:
            raise Refused(504, "NO_ANSWER", "The application did not respond") from None

    # -- the bot's side

    def respond(self, interaction_id: str, token: str, body: Json, attachments: list[Json]) -> Interaction:
        """POST /interactions/{id}/{token}/callback.

        Raises:
            DiscordError: 404 unknown or too late, 400 already answered or invalid.
        """
        interaction = self.by_token.get(token)
        if interaction is None or interaction.id != interaction_id:
            raise unknown("Interaction")
        if interaction.answer_type is not None:
            raise DiscordError(400, 40060, "Interaction has already been acknowledged.")
        if interaction.age > ANSWER_SECONDS:
            raise unknown("Interaction")
        kind = body.get("type")
        if kind not in ALLOWED_ANSWERS[interaction.type]:
            raise invalid_form({"type": "This interaction cannot be answered with this type."})
        data = body.get("data") or {}
        if kind == REPLY:
            interaction.original_id = self._post(interaction, data, attachments).id
        elif kind == DEFER:
            only = interaction.user_id if _is_ephemeral(data) else None
            channel = self.world.channels[interaction.channel_id]
            interaction.original_id = actions.defer_message(
                self.world, channel, interaction=interaction.metadata, only_user_id=only
            ).id
        elif kind in (DEFER_UPDATE, UPDATE):
            interaction.original_id = interaction.message_id
            if kind == UPDATE:
                actions.edit_message(self.world, self.original(interaction), data, attachments=attachments)
        elif kind == CHOICES:
            _check_choices(data.get("choices") or [])
        interaction.answer_type, interaction.answer_data = kind, data
        interaction.answered.set()
        if kind not in (DEFER, DEFER_UPDATE):
            interaction.finished.set()
        return interaction

    def with_token(self, application_id: str, token: str) -> Interaction:
        """Return the interaction of a webhook URL.

        Raises:
            DiscordError: 404 unknown, 401 older than 15 minutes.
        """
        interaction = self.by_token.get(token)
        if interaction is None or application_id != self.world.bot_id or interaction.answer_type is None:
            raise unknown("Webhook")
        if interaction.age > TOKEN_SECONDS:
            raise DiscordError(401, 50027, "Invalid Webhook Token")
        return interaction

    def original(self, interaction: Interaction) -> Message:
        message = self.world.messages.get(interaction.original_id or "")
        if message is None:
            raise unknown("Message")
        return message

    def message(self, interaction: Interaction, message_id: str) -> Message:
        """Return a message of this interaction: `@original`, or a follow-up by id."""
        if message_id == "@original":
            return self.original(interaction)
        message = self.world.messages.get(message_id)
        if message is None or (
            message.id != interaction.original_id
            and (message.interaction is None or message.interaction["id"] != interaction.id)
        ):
            raise unknown("Message")
        return message

    def edit(self, interaction: Interaction, message: Message, body: Json, attachments: list[Json]) -> None:
        actions.edit_message(self.world, message, body, attachments=attachments)
        interaction.finished.set()

    def follow_up(self, interaction: Interaction, body: Json, attachments: list[Json]) -> Message:
        """Post a follow-up. The first one after a deferred response replaces the placeholder, as on Discord."""
        original = self.world.messages.get(interaction.original_id or "")
        if interaction.answer_type == DEFER and original is not None and original.flags & MessageFlag.LOADING:
            self.edit(interaction, original, body, attachments)
            return original
        message = self._post(interaction, body, attachments, follow_up=True)
        interaction.followed_id = message.id
        interaction.finished.set()
        interaction.followed.set()
        return message

    def _post(
        self, interaction: Interaction, data: Json, attachments: list[Json], *, follow_up: bool = False
    ) -> Message:
        metadata = dict(interaction.metadata)
        if follow_up and interaction.original_id:
            metadata["original_response_message_id"] = interaction.original_id
        return actions.send_message(
            self.world,
            self.world.channels[interaction.channel_id],
            self.world.bot_id,
            {key: value for key, value in data.items() if key != "message_reference"},
            attachments=attachments,
            interaction=metadata,
            only_user_id=interaction.user_id if _is_ephemeral(data) else None,
            via_webhook=True,
        )


def _is_ephemeral(data: Json) -> bool:
    return bool(int(data.get("flags") or 0) & MessageFlag.EPHEMERAL)


def _check_choices(choices: object) -> None:
    if not isinstance(choices, list) or len(choices) > 25:
        raise invalid_form({"data.choices": "Must be 25 or fewer in length."})
    for index, choice in enumerate(choices):
        if not 1 <= len(str(choice.get("name", ""))) <= 100:
            raise invalid_form({f"data.choices.{index}.name": "Must be between 1 and 100 in length."})
        if isinstance(choice.get("value"), str) and not 1 <= len(choice["value"]) <= 100:
            raise invalid_form({f"data.choices.{index}.value": "Must be between 1 and 100 in length."})
