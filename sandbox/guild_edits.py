"""People's changes to a guild: its name, owner, channels, roles and members, one change per request.

`POST /_sandbox/guilds/{id}` takes `{"change": <name>, …}`:

| change | fields | event |
| --- | --- | --- |
| rename | name | GUILD_UPDATE |
| transfer | user_id | GUILD_UPDATE with the new owner |
| set_afk_channel | channel_id or null | GUILD_UPDATE |
| set_locale | locale | GUILD_UPDATE with the new preferred language |
| add_channel | name, type?, parent_id?, topic?, user_limit?, overwrites? | CHANNEL_CREATE |
| edit_channel | channel_id, name?, topic?, position?, parent_id?, user_limit?, overwrites? | CHANNEL_UPDATE |
| delete_channel | channel_id | CHANNEL_DELETE |
| add_role | name, permissions?, color?, mentionable? | GUILD_ROLE_CREATE |
| edit_role | role_id, name?, permissions?, color?, mentionable? | GUILD_ROLE_UPDATE |
| delete_role | role_id | GUILD_ROLE_DELETE |
| add_member | user_id, roles? | GUILD_MEMBER_ADD |
| edit_member | user_id, roles?, nick? | GUILD_MEMBER_UPDATE |
| remove_member | user_id | GUILD_MEMBER_REMOVE |
| set_command_permissions | command_id (or the application's), permissions | APPLICATION_COMMAND_PERMISSIONS_UPDATE |
"""

from collections.abc import Callable

from sandbox import actions, command_permissions, shapes, snowflake
from sandbox.errors import Refused
from sandbox.languages import read_locale
from sandbox.model import Channel, ChannelType, Event, Guild, Json, Member, Overwrite, Role
from sandbox.world import World

MAKEABLE = (
    ChannelType.TEXT,
    ChannelType.VOICE,
    ChannelType.CATEGORY,
    ChannelType.ANNOUNCEMENT,
    ChannelType.STAGE,
)

MAX_VOICE_USERS, MAX_STAGE_USERS = 99, 10_000


class GuildEdits:
    """Changes to one guild. Each raises Refused when a field is invalid, before anything has changed."""

    def __init__(self, world: World, guild: Guild) -> None:
        self.world = world
        self.guild = guild

    def apply(self, body: Json) -> Json:
        """Make the change and return the changed object in Discord's format."""
        changes: dict[str, Callable[[Json], Json]] = {
            "rename": self._rename,
            "transfer": self._transfer,
            "set_afk_channel": self._set_afk_channel,
            "set_locale": self._set_locale,
            "add_channel": self._add_channel,
            "edit_channel": self._edit_channel,
            "delete_channel": self._delete_channel,
            "add_role": self._add_role,
            "edit_role": self._edit_role,
            "delete_role": self._delete_role,
            "add_member": self._add_member,
            "edit_member": self._edit_member,
            "remove_member": self._remove_member,
            "set_command_permissions": self._set_command_permissions,
        }
        change = changes.get(str(body.get("change")))
        if change is None:
            raise Refused(400, "INVALID", f"change must be one of {', '.join(changes)}")
        answer = change(body)
        self.world.changed()
        return answer

    def _emit(self, name: str, data: Json) -> None:
        self.world.emit(Event(name, data, self.guild.id))

    def _rename(self, body: Json) -> Json:
        self.guild.name = _field(body, "name", str)
        self._emit("GUILD_UPDATE", shapes.guild(self.world, self.guild))
        return shapes.guild(self.world, self.guild)

    def _transfer(self, body: Json) -> Json:
        self.guild.owner_id = self._member(body).user_id
        self._emit("GUILD_UPDATE", shapes.guild(self.world, self.guild))
        return shapes.guild(self.world, self.guild)

    def _set_command_permissions(self, body: Json) -> Json:
        """Replace the server's rules for a command, or for all commands of the bot."""
        command_id = _field(body, "command_id", str)
        if command_id not in (*self.world.commands, self.world.bot_id):
            raise Refused(404, "UNKNOWN_COMMAND", "The bot has not registered a command with this id")
        self.guild.command_permissions[command_id] = command_permissions.read(body.get("permissions"))
        shape = command_permissions.shape(self.world, self.guild, command_id)
        self._emit("APPLICATION_COMMAND_PERMISSIONS_UPDATE", shape)
        return shape

    def _set_afk_channel(self, body: Json) -> Json:
        self.guild.afk_channel_id = self._channel(body).id if body.get("channel_id") else None
        self._emit("GUILD_UPDATE", shapes.guild(self.world, self.guild))
        return shapes.guild(self.world, self.guild)

    def _set_locale(self, body: Json) -> Json:
        self.guild.preferred_locale = read_locale(body)
        self._emit("GUILD_UPDATE", shapes.guild(self.world, self.guild))
        return shapes.guild(self.world, self.guild)

    # -- channels

    def _add_channel(self, body: Json) -> Json:
        kind = _field(body, "type", int, default=int(ChannelType.TEXT))
        if kind not in MAKEABLE:
            raise Refused(400, "INVALID", "type must be 0, 2, 4, 5 or 13")
        channel = Channel(
            snowflake.new_snowflake(),
            kind,
            _field(body, "name", str),
            self.guild.id,
            len(self.world.guild_channels(self.guild.id)),
            self._parent(body),
            body.get("topic"),
            overwrites=_overwrites(body, []),
            user_limit=_user_limit(body, kind, 0),
        )
        self.world.channels[channel.id] = channel
        self._emit("CHANNEL_CREATE", shapes.channel(self.world, channel))
        return shapes.channel(self.world, channel)

    def _edit_channel(self, body: Json) -> Json:
        channel = self._channel(body)
        name = _field(body, "name", str, default=channel.name)
        position = _field(body, "position", int, default=channel.position)
        parent_id = self._parent(body) if "parent_id" in body else channel.parent_id
        user_limit = _user_limit(body, channel.type, channel.user_limit)
        channel.overwrites, channel.user_limit = _overwrites(body, channel.overwrites), user_limit
        channel.name, channel.position, channel.parent_id = name, position, parent_id
        channel.topic = body.get("topic", channel.topic)
        self._emit("CHANNEL_UPDATE", shapes.channel(self.world, channel))
        return shapes.channel(self.world, channel)

    def _delete_channel(self, body: Json) -> Json:
        """Delete a channel. People in a deleted voice channel leave voice. `BotVoice` disconnects the bot."""
        channel = self._channel(body)
        for state in self.world.guild_voice_states(self.guild.id):
            if state.channel_id == channel.id:
                actions.leave_voice(self.world, self.guild.id, state.user_id)
        shape = shapes.channel(self.world, channel)
        del self.world.channels[channel.id]
        kept = {key: each for key, each in self.world.messages.items() if each.channel_id != channel.id}
        self.world.messages = kept
        for child in self.world.guild_channels(self.guild.id):
            if child.parent_id == channel.id:
                child.parent_id = None
        self._emit("CHANNEL_DELETE", shape)
        return shape

    def _channel(self, body: Json) -> Channel:
        channel = self.world.channels.get(str(body.get("channel_id")))
        if channel is None or channel.guild_id != self.guild.id:
            raise Refused(404, "UNKNOWN_CHANNEL", "The guild has no such channel")
        return channel

    def _parent(self, body: Json) -> str | None:
        parent_id = body.get("parent_id")
        if parent_id is None:
            return None
        parent = self.world.channels.get(str(parent_id))
        if parent is None or parent.guild_id != self.guild.id or parent.type != ChannelType.CATEGORY:
            raise Refused(400, "INVALID", "parent_id must be a category of the guild")
        return parent.id

    # -- roles

    def _add_role(self, body: Json) -> Json:
        role = Role(
            snowflake.new_snowflake(),
            self.guild.id,
            _field(body, "name", str),
            _permissions(body, 0),
            len(self.world.guild_roles(self.guild.id)),
            _field(body, "color", int, default=0),
            mentionable=_field(body, "mentionable", bool, default=False),
        )
        self.world.roles[role.id] = role
        self._emit("GUILD_ROLE_CREATE", {"guild_id": self.guild.id, "role": shapes.role(role)})
        return shapes.role(role)

    def _edit_role(self, body: Json) -> Json:
        role = self._role(body)
        name = _field(body, "name", str, default=role.name)
        bits, color = _permissions(body, role.permissions), _field(body, "color", int, default=role.color)
        role.mentionable = _field(body, "mentionable", bool, default=role.mentionable)
        role.name, role.permissions, role.color = name, bits, color
        self._emit("GUILD_ROLE_UPDATE", {"guild_id": self.guild.id, "role": shapes.role(role)})
        return shapes.role(role)

    def _delete_role(self, body: Json) -> Json:
        role = self._role(body)
        if role.id == self.guild.id or role.bot_id:
            raise Refused(400, "INVALID", "This role cannot be deleted")
        del self.world.roles[role.id]
        for member in self.world.guild_members(self.guild.id):
            if role.id in member.roles:
                member.roles.remove(role.id)
                self._emit_member("GUILD_MEMBER_UPDATE", member)
        self._emit("GUILD_ROLE_DELETE", {"guild_id": self.guild.id, "role_id": role.id})
        return shapes.role(role)

    def _role(self, body: Json) -> Role:
        role = self.world.roles.get(str(body.get("role_id")))
        if role is None or role.guild_id != self.guild.id:
            raise Refused(404, "UNKNOWN_ROLE", "The guild has no such role")
        return role

    # -- members

    def _add_member(self, body: Json) -> Json:
        user_id = str(body.get("user_id"))
        user = self.world.users.get(user_id)
        if user is None or user.bot:
            raise Refused(404, "UNKNOWN_USER", "There is no such person")
        if (self.guild.id, user_id) in self.world.members:
            raise Refused(409, "ALREADY_MEMBER", "This person is a member already")
        member = Member(self.guild.id, user_id, snowflake.now(), self._roles(body, []))
        self.world.members[self.guild.id, user_id] = member
        self._emit_member("GUILD_MEMBER_ADD", member)
        welcomed_in = self.guild.system_channel_id
        if welcomed_in is not None and welcomed_in in self.world.channels:
            actions.announce(self.world, welcomed_in, user_id, actions.JOIN_NOTICE)
        return shapes.member(self.world, member)

    def _edit_member(self, body: Json) -> Json:
        member = self._member(body)
        roles = self._roles(body, member.roles)
        member.roles, member.nick = roles, body.get("nick", member.nick)
        self._emit_member("GUILD_MEMBER_UPDATE", member)
        return shapes.member(self.world, member)

    def _remove_member(self, body: Json) -> Json:
        member = self._member(body)
        if member.user_id in (self.guild.owner_id, self.world.bot_id):
            raise Refused(
                400, "INVALID", "The owner cannot be removed. To remove the bot, use the fault guild_delete"
            )
        shape = shapes.member(self.world, member)
        actions.leave_voice(self.world, self.guild.id, member.user_id)
        del self.world.members[self.guild.id, member.user_id]
        self._emit("GUILD_MEMBER_REMOVE", {"guild_id": self.guild.id, "user": shape["user"]})
        return shape

    def _emit_member(self, name: str, member: Member) -> None:
        self._emit(name, shapes.member(self.world, member) | {"guild_id": self.guild.id})

    def _member(self, body: Json) -> Member:
        member = self.world.members.get((self.guild.id, str(body.get("user_id"))))
        if member is None:
            raise Refused(404, "UNKNOWN_MEMBER", "The guild has no such member")
        return member

    def _roles(self, body: Json, default: list[str]) -> list[str]:
        wanted = body.get("roles", default)
        known = {role.id for role in self.world.guild_roles(self.guild.id)} - {self.guild.id}
        if not isinstance(wanted, list) or not {str(each) for each in wanted} <= known:
            raise Refused(400, "INVALID", "roles must be a list of the guild's role ids")
        return [str(each) for each in wanted]


def _field[T](body: Json, name: str, kind: type[T], *, default: T | None = None) -> T:
    value = body.get(name, default)
    if (
        not isinstance(value, kind)
        or (kind is str and not value)
        or (kind is int and isinstance(value, bool))
    ):
        raise Refused(400, "INVALID", f"{name} must be of type {kind.__name__}")
    return value


def _user_limit(body: Json, kind: int, default: int) -> int:
    limit = _field(body, "user_limit", int, default=default)
    if not 0 <= limit <= (MAX_STAGE_USERS if kind == ChannelType.STAGE else MAX_VOICE_USERS):
        raise Refused(400, "INVALID", f"user_limit must be 0 (no limit) to {MAX_VOICE_USERS}")
    return limit


def _permissions(body: Json, default: int) -> int:
    """Return permission bits that were given as a number, or as a string as on Discord."""
    text = str(body.get("permissions", default))
    if not text.isdigit():
        raise Refused(400, "INVALID", "permissions must be a number")
    return int(text)


def _overwrites(body: Json, default: list[Overwrite]) -> list[Overwrite]:
    """Read `[{id, type, allow, deny}]`. The bits are numbers, or strings as on Discord."""
    if "overwrites" not in body:
        return default
    try:
        return [
            Overwrite(str(each["id"]), int(each["type"]), int(each["allow"]), int(each["deny"]))
            for each in body["overwrites"]
        ]
    except (TypeError, KeyError, ValueError):
        raise Refused(400, "INVALID", "overwrites must be a list of {id, type, allow, deny}") from None
