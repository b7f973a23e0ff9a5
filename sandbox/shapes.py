"""Discord's JSON for the objects of the world.

REST bodies follow Discord's OpenAPI document, gateway payloads
https://discord.com/developers/docs/events/gateway-events
"""

from collections.abc import Iterable

from sandbox import permissions, snowflake
from sandbox.credentials import Credentials
from sandbox.model import (
    Channel,
    ChannelType,
    Guild,
    Json,
    Member,
    Message,
    MessageFlag,
    Reaction,
    Role,
    User,
    VoiceState,
)
from sandbox.world import World

VOICE_TYPES = (ChannelType.VOICE, ChannelType.STAGE)
GATEWAY_GUILD_MEMBERS_LIMITED, GATEWAY_MESSAGE_CONTENT_LIMITED = 1 << 15, 1 << 19  # application flags


def user(user: User) -> Json:
    shape: Json = {
        "id": user.id,
        "username": user.username,
        "avatar": None,
        "discriminator": "0000" if user.bot else "0",
        "public_flags": 0,
        "flags": 0,
        "global_name": user.global_name,
        "banner": None,
        "accent_color": None,
        "avatar_decoration_data": None,
        "collectibles": None,
        "primary_guild": None,
    }
    if user.bot:
        shape["bot"] = True
    return shape


def current_user(account: User, *, email: bool = False) -> Json:
    """GET /users/@me. `email` is True if the token's scopes include it."""
    shape = user(account) | {"mfa_enabled": False, "locale": account.locale, "premium_type": 0}
    if account.bot or email:
        shape |= {"verified": True, "email": None if account.bot else f"{account.username}@example.com"}
    return shape


def role(role: Role) -> Json:
    shape: Json = {
        "id": role.id,
        "name": role.name,
        "permissions": str(role.permissions),
        "position": role.position,
        "color": role.color,
        "colors": {"primary_color": role.color, "secondary_color": None, "tertiary_color": None},
        "hoist": role.hoist,
        "managed": role.bot_id is not None,
        "mentionable": role.mentionable,
        "icon": None,
        "unicode_emoji": None,
        "description": None,
        "flags": 0,
    }
    if role.bot_id:
        shape["tags"] = {"bot_id": role.bot_id}
    return shape


def channel(world: World, channel: Channel) -> Json:
    if channel.recipient_id is not None:
        return {
            "id": channel.id,
            "type": channel.type,
            "flags": 0,
            "last_message_id": _last_message_id(world, channel.id),
            "recipients": [user(world.users[channel.recipient_id])],
        }
    shape: Json = {
        "id": channel.id,
        "type": channel.type,
        "flags": 0,
        "guild_id": channel.guild_id,
        "name": channel.name,
        "position": channel.position,
        "parent_id": channel.parent_id,
        "permission_overwrites": [
            {"id": over.id, "type": over.type, "allow": str(over.allow), "deny": str(over.deny)}
            for over in channel.overwrites
        ],
    }
    if channel.type in VOICE_TYPES:
        shape |= {
            "bitrate": channel.bitrate,
            "user_limit": channel.user_limit,
            "rtc_region": channel.rtc_region,
        }
    if channel.type != ChannelType.CATEGORY:
        shape |= {
            "last_message_id": _last_message_id(world, channel.id),
            "rate_limit_per_user": channel.rate_limit_per_user,
            "nsfw": channel.nsfw,
            "topic": channel.topic,
        }
    return shape


def _last_message_id(world: World, channel_id: str) -> str | None:
    seen = (message.id for message in reversed(world.messages.values()) if message.channel_id == channel_id)
    return next(seen, None)


def member(world: World, member: Member) -> Json:
    return member_without_user(member) | {"user": user(world.users[member.user_id])}


def member_without_user(member: Member) -> Json:
    return {
        "avatar": None,
        "banner": None,
        "communication_disabled_until": member.timeout_until,
        "flags": 0,
        "joined_at": member.joined_at,
        "nick": member.nick,
        "pending": False,
        "premium_since": None,
        "roles": list(member.roles),
        "mute": member.mute,
        "deaf": member.deaf,
        "collectibles": None,
    }


def voice_state(world: World, state: VoiceState, *, left: bool = False) -> Json:
    """A voice state, for gateway and REST. With `left` the user has just left: `channel_id` is null."""
    seated = world.members[state.guild_id, state.user_id]
    return {
        "guild_id": state.guild_id,
        "channel_id": None if left else state.channel_id,
        "user_id": state.user_id,
        "session_id": state.session_id,
        "deaf": seated.deaf,
        "mute": seated.mute,
        "self_deaf": state.self_deaf,
        "self_mute": state.self_mute,
        "self_stream": False,
        "self_video": False,
        "suppress": state.suppress,
        "request_to_speak_timestamp": state.requested_at,
        "member": member(world, seated),
    }


def guild(world: World, guild: Guild, *, counts: bool = False) -> Json:
    """GET /guilds/{id}."""
    shape: Json = {
        "id": guild.id,
        "name": guild.name,
        "icon": None,
        "description": None,
        "home_header": None,
        "splash": None,
        "discovery_splash": None,
        "features": list(guild.features),
        "banner": None,
        "owner_id": guild.owner_id,
        "application_id": None,
        "region": "us-east",
        "afk_channel_id": guild.afk_channel_id,
        "afk_timeout": 300,
        "system_channel_id": guild.system_channel_id,
        "system_channel_flags": 0,
        "widget_enabled": False,
        "widget_channel_id": None,
        "verification_level": 0,
        "roles": [role(each) for each in world.guild_roles(guild.id)],
        "default_message_notifications": 1,
        "mfa_level": 0,
        "explicit_content_filter": 0,
        "max_presences": None,
        "max_members": 25_000_000,
        "max_stage_video_channel_users": 50,
        "max_video_channel_users": 25,
        "vanity_url_code": None,
        "premium_tier": 0,
        "premium_subscription_count": 0,
        "preferred_locale": guild.preferred_locale,
        "rules_channel_id": None,
        "safety_alerts_channel_id": None,
        "public_updates_channel_id": None,
        "premium_progress_bar_enabled": False,
        "premium_progress_bar_enabled_user_updated_at": None,
        "nsfw": False,
        "nsfw_level": 0,
        "emojis": guild.emojis,
        "stickers": guild.stickers,
        "incidents_data": None,
    }
    if counts:
        total = len(world.guild_members(guild.id))
        shape |= {"approximate_member_count": total, "approximate_presence_count": total}
    return shape


def guild_create(world: World, guild_: Guild, *, all_members: bool) -> Json:
    """The data of GUILD_CREATE. Without the presence intent, `members` are only the bot and people in voice."""
    voice_states = world.guild_voice_states(guild_.id)
    visible = {state.user_id for state in voice_states} | {world.bot_id}
    members = [each for each in world.guild_members(guild_.id) if all_members or each.user_id in visible]
    states = [voice_state(world, state) for state in voice_states]
    for state in states:
        del state["guild_id"], state["member"]  # both are in the guild already
    return guild(world, guild_) | {
        "joined_at": world.members[guild_.id, world.bot_id].joined_at,
        "large": False,
        "member_count": len(world.guild_members(guild_.id)),
        "members": [member(world, each) for each in members],
        "channels": [channel(world, each) for each in world.guild_channels(guild_.id)],
        "voice_states": states,
        "threads": [],
        "presences": [],
        "stage_instances": [each.stage for each in world.guild_channels(guild_.id) if each.stage],
        "guild_scheduled_events": [],
        "soundboard_sounds": guild_.sounds,
    }


def my_guild(world: World, guild: Guild, user_id: str, *, counts: bool = False) -> Json:
    """One entry of GET /users/@me/guilds."""
    shape: Json = {
        "id": guild.id,
        "name": guild.name,
        "icon": None,
        "banner": None,
        "owner": guild.owner_id == user_id,
        "permissions": str(permissions.in_guild(world, world.members[guild.id, user_id])),
        "features": list(guild.features),
    }
    if counts:
        total = len(world.guild_members(guild.id))
        shape |= {"approximate_member_count": total, "approximate_presence_count": total}
    return shape


def message(world: World, message: Message) -> Json:
    """A message as in a REST response. See `message_event` for the gateway's extra fields."""
    shape: Json = {
        "id": message.id,
        "channel_id": message.channel_id,
        "type": message.type,
        "content": message.content,
        "author": user(world.users[message.author_id]),
        "timestamp": message.created_at,
        "edited_timestamp": message.edited_at,
        "flags": message.flags,
        "tts": message.tts,
        "pinned": message.pinned_at is not None,
        "mention_everyone": message.mention_everyone,
        "mentions": [user(world.users[user_id]) for user_id in message.mentions],
        "mention_roles": list(message.mention_roles),
        "attachments": [world.links.attachment(each) for each in message.attachments],
        "embeds": []
        if message.flags & MessageFlag.SUPPRESS_EMBEDS
        else [world.links.embed(each) for each in message.embeds],
        "components": message.components,
    }
    if message.reactions:
        shape["reactions"] = [_reaction(world, each) for each in message.reactions]
    if message.via_webhook:
        shape |= {"webhook_id": world.bot_id, "application_id": world.bot_id}
    if message.interaction is not None:
        metadata = dict(message.interaction)
        name = metadata.pop("name", None)
        shape["interaction_metadata"] = metadata
        if name is not None:
            shape["interaction"] = {"id": metadata["id"], "type": 2, "name": name, "user": metadata["user"]}
    if message.nonce is not None:
        shape["nonce"] = message.nonce
    if message.reference is not None:
        shape["message_reference"] = message.reference
        original = world.messages.get(message.reference["message_id"])
        shape["referenced_message"] = _without_reference(world, original) if original else None
    return shape


def emoji(reaction: Reaction) -> Json:
    return {"id": reaction.emoji_id, "name": reaction.name}


def _reaction(world: World, reaction: Reaction) -> Json:
    """A reaction as the bot sees it. There are no super reactions (burst): they need Nitro."""
    count = len(reaction.user_ids)
    return {
        "emoji": emoji(reaction),
        "count": count,
        "count_details": {"burst": 0, "normal": count},
        "burst_colors": [],
        "me": world.bot_id in reaction.user_ids,
        "me_burst": False,
    }


def _without_reference(world: World, original: Message) -> Json:
    shape = message(world, original)
    shape.pop("referenced_message", None)
    return shape


def message_event(world: World, kept: Message) -> Json:
    """MESSAGE_CREATE and MESSAGE_UPDATE."""
    shape = message(world, kept)
    guild_id = world.channels[kept.channel_id].guild_id
    if guild_id is not None:
        shape["guild_id"] = guild_id
        author = world.members.get((guild_id, kept.author_id))
        if author is not None and not kept.via_webhook:
            shape["member"] = member_without_user(author)
    return shape


def without_content(world: World, shape: Json) -> Json:
    """Return a guild's message as an application without the message content intent gets it, also over REST.

    It gets the whole message only if it sent it, or if the message mentions it (Discord: Gateway, Message Content
    Intent).
    """
    named = [shape["author"], *shape["mentions"]]
    if not any(each["id"] == world.bot_id for each in named):
        shape = shape | {"content": "", "embeds": [], "attachments": [], "components": []}
    if original := shape.get("referenced_message"):
        shape = shape | {"referenced_message": without_content(world, original)}
    return shape


def message_read(world: World, kept: Message) -> Json:
    """A message as the bot reads it from a channel."""
    shape = message(world, kept)
    if world.content_intent or world.channels[kept.channel_id].guild_id is None:
        return shape
    return without_content(world, shape)


def application_flags(world: World) -> int:
    """Return the flags of the privileged intents that are switched on."""
    members = GATEWAY_GUILD_MEMBERS_LIMITED if world.members_intent else 0
    return members | (GATEWAY_MESSAGE_CONTENT_LIMITED if world.content_intent else 0)


def application(
    world: World, credentials: Credentials, *, redirect_uris: Iterable[str] | None = None
) -> Json:
    """The application. With `redirect_uris`, the private fields are included, for the bot itself."""
    guild_count = len(world.guilds_of(world.bot_id))
    shape: Json = {
        "id": credentials.client_id,
        "name": "Backline",
        "icon": None,
        "description": "A control room for this community's music.",
        "type": None,
        "bot": user(world.bot),
        "bot_public": True,
        "bot_require_code_grant": False,
        "verify_key": credentials.application_public_key,
        "flags": application_flags(world),
        "flags_new": str(application_flags(world)),
    }
    if redirect_uris is None:
        return shape
    return shape | {
        "redirect_uris": list(redirect_uris),
        "interactions_endpoint_url": None,
        "role_connections_verification_url": None,
        "owner": user(next(each for each in world.users.values() if not each.bot)),
        "approximate_guild_count": guild_count,
        "approximate_user_install_count": 0,
        "approximate_user_authorization_count": len({grant["user_id"] for grant in world.grants}),
        "event_webhooks_url": None,
        "event_webhooks_status": 1,
        "event_webhooks_types": [],
        "explicit_content_filter": 0,
        "team": None,
        "eligible_oauth2_scopes": ["applications.commands", "bot", "email", "guilds", "identify"],
        "max_participants": None,
        "tags": [],
    }


def new_message_id() -> tuple[str, str]:
    """Return a new id and the creation time in it."""
    identifier = snowflake.new_snowflake()
    return identifier, snowflake.isoformat(snowflake.created_at(identifier))
