"""The sandbox's state, in memory and saved to a JSON file."""

import asyncio
import json
import logging
import os
from collections import UserDict, defaultdict
from collections.abc import Callable
from pathlib import Path

from sandbox import model, snowflake
from sandbox.errors import unknown
from sandbox.links import Links
from sandbox.model import Channel, Event, Guild, Json, Member, Message, Role, User, VoiceState

log = logging.getLogger(__name__)

VERSION = 1
SAVE_DELAY_SECONDS = 0.25  # a burst of changes is written once, and kill -9 loses less than a second
MESSAGES_KEPT = 200  # per channel


class Channels(UserDict[str, Channel]):
    """Channels by id, with an index by guild. A channel's guild never changes."""

    def __init__(self) -> None:
        super().__init__()
        self._by_guild: defaultdict[str | None, dict[str, Channel]] = defaultdict(dict)

    def __setitem__(self, channel_id: str, channel: Channel) -> None:
        super().__setitem__(channel_id, channel)
        self._by_guild[channel.guild_id][channel_id] = channel

    def __delitem__(self, channel_id: str) -> None:
        del self._by_guild[self[channel_id].guild_id][channel_id]
        super().__delitem__(channel_id)

    def of(self, guild_id: str) -> list[Channel]:
        return list(self._by_guild[guild_id].values())


class World:
    """The state. Callers read attributes. After a change they call `changed()` and `emit()`.

    Not thread-safe: everything runs on one event loop.
    """

    def __init__(self, path: Path, *, bot_id: str) -> None:
        self.path = path
        self.bot_id = bot_id
        self.users: dict[str, User] = {}
        self.guilds: dict[str, Guild] = {}
        self.roles: dict[str, Role] = {}
        self.channels = Channels()
        self.members: dict[tuple[str, str], Member] = {}
        self.voice_states: dict[tuple[str, str], VoiceState] = {}
        self.messages: dict[str, Message] = {}
        self.commands: dict[str, Json] = {}  # Discord's ApplicationCommand objects by id
        self.grants: list[Json] = []  # OAuth2 tokens, hashed. See tokens.py
        self.links = Links()
        self.emojis: list[Json] = []  # the application's own, in Discord's format
        self.unavailable: set[str] = set()  # guilds in an outage; not saved
        self.members_intent = True  # the developer portal's switch "Server Members Intent"; not saved
        self.content_intent = (
            True  # and "Message Content Intent". There is none for presences: they are always refused
        )
        self.listeners: list[Callable[[Event], None]] = []
        self._save_handle: asyncio.TimerHandle | None = None

    # -- reading

    @property
    def bot(self) -> User:
        return self.users[self.bot_id]

    def humans(self) -> list[User]:
        return [user for user in self.users.values() if not user.bot]

    def find_human(self, name: str) -> User | None:
        """Return a person by username (owner, dj, member, outsider) or id."""
        return next((user for user in self.humans() if name in (user.username, user.id)), None)

    def user(self, user_id: str) -> User:
        if found := self.users.get(user_id):
            return found
        raise unknown("User")

    def guild_roles(self, guild_id: str) -> list[Role]:
        roles = [role for role in self.roles.values() if role.guild_id == guild_id]
        return sorted(roles, key=lambda role: (role.position, int(role.id)))

    def guild_channels(self, guild_id: str) -> list[Channel]:
        return sorted(self.channels.of(guild_id), key=lambda channel: (channel.position, int(channel.id)))

    def guild_members(self, guild_id: str) -> list[Member]:
        members = [member for member in self.members.values() if member.guild_id == guild_id]
        return sorted(members, key=lambda member: int(member.user_id))

    def guild_voice_states(self, guild_id: str) -> list[VoiceState]:
        return [state for state in self.voice_states.values() if state.guild_id == guild_id]

    def guilds_of(self, user_id: str) -> list[Guild]:
        return [self.guilds[member.guild_id] for member in self.members.values() if member.user_id == user_id]

    def bot_installed(self, guild_id: str) -> bool:
        return (guild_id, self.bot_id) in self.members

    def channel_messages(self, channel_id: str) -> list[Message]:
        """Return the channel's messages, oldest first, including ephemeral ones."""
        return [message for message in self.messages.values() if message.channel_id == channel_id]

    # -- changing

    def emit(self, event: Event) -> None:
        """Pass an event to the listeners (gateway, page). Listeners must not block and must not raise."""
        for listener in tuple(self.listeners):
            listener(event)

    def keep(self, message: Message) -> list[Message]:
        """Add a message. Returns the channel's oldest messages, deleted to keep at most `MESSAGES_KEPT`."""
        self.messages[message.id] = message
        surplus = self.channel_messages(message.channel_id)[:-MESSAGES_KEPT]
        for old in surplus:
            del self.messages[old.id]
        self.changed()
        return surplus

    def changed(self) -> None:
        """Schedule a save. Outside an event loop (as when seeding) the file is written at once."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self.save()
            return
        if self._save_handle is None:
            self._save_handle = loop.call_later(SAVE_DELAY_SECONDS, self.save)

    # -- the file

    def save(self) -> None:
        """Replace the file atomically. No fsync: that guards against power loss only, not against kill -9."""
        if self._save_handle is not None:
            self._save_handle.cancel()
            self._save_handle = None
        draft = self.path.with_suffix(".draft")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            # `json.dumps`, because `json.dump` uses the slower encoder in pure Python.
            file.write(json.dumps(self._content(), ensure_ascii=False, default=vars))
        draft.replace(self.path)

    def load(self) -> bool:
        """Load the state from the file. Returns False if there is no usable file. An unreadable file is renamed."""
        try:
            content = json.loads(self.path.read_text())
            if content["version"] != VERSION:
                raise ValueError(f"version {content['version']}, expected {VERSION}")
            self._restore(content)
        except FileNotFoundError:
            return False
        except (ValueError, KeyError, TypeError) as error:
            aside = self.path.with_suffix(".unreadable")
            self.path.replace(aside)
            log.warning("Could not read the sandbox's state, moved it to %s: %r", aside, error)
            return False
        return True

    def _content(self) -> Json:
        """Return what is saved. `save` serializes the dataclasses."""
        # The bot's own voice state belongs to a gateway session, which does not outlive this process.
        voice_states = (state for state in self.voice_states.values() if state.user_id != self.bot_id)
        return {
            "version": VERSION,
            "users": list(self.users.values()),
            "guilds": list(self.guilds.values()),
            "roles": list(self.roles.values()),
            "channels": list(self.channels.values()),
            "members": list(self.members.values()),
            "voice_states": list(voice_states),
            "messages": list(self.messages.values()),
            "commands": list(self.commands.values()),
            "grants": self.grants,
            "emojis": self.emojis,
        }

    def _restore(self, content: Json) -> None:
        users = {row["id"]: User(**row) for row in content["users"]}
        guilds = {row["id"]: Guild(**row) for row in content["guilds"]}
        roles = {row["id"]: Role(**row) for row in content["roles"]}
        channels = Channels()
        for row in content["channels"]:
            channels[row["id"]] = _channel(row)
        members = [Member(**row) for row in content["members"]]
        voice_states = [VoiceState(**row) for row in content["voice_states"]]
        messages = {row["id"]: _message(row) for row in content["messages"]}
        commands = {row["id"]: row for row in content["commands"]}
        self.users, self.guilds, self.roles, self.channels = users, guilds, roles, channels
        self.members = {(member.guild_id, member.user_id): member for member in members}
        self.voice_states = {(state.guild_id, state.user_id): state for state in voice_states}
        self.messages, self.commands, self.grants = messages, commands, content["grants"]
        self.emojis = content.get("emojis", [])
        for message in self.messages.values():
            if message.flags & model.MessageFlag.LOADING:  # its interaction token ended with the process
                message.flags &= ~model.MessageFlag.LOADING
                message.content = message.content or "The application did not respond"
                message.edited_at = message.edited_at or snowflake.now()


def _channel(row: Json) -> Channel:
    overwrites = [model.Overwrite(**overwrite) for overwrite in row["overwrites"]]
    return Channel(**{**row, "overwrites": overwrites})


def _message(row: Json) -> Message:
    reactions = [model.Reaction(**reaction) for reaction in row.get("reactions", [])]
    return Message(**{**row, "reactions": reactions})
