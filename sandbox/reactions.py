"""Reactions to messages: one per emoji, with the users who added it.

https://docs.discord.com/developers/resources/message#reaction-object
"""

import re

from sandbox import shapes
from sandbox.actions import emit_in_channel
from sandbox.errors import DiscordError
from sandbox.model import Json, Message, Reaction
from sandbox.world import World

MOST_EMOJIS = 20


def parse(world: World, message: Message, text: str) -> Reaction:
    """Parse an emoji and return a reaction without users. `text` is a Unicode emoji, or `name:id` of a known one.

    Raises: DiscordError 400 (10014).
    """
    name, colon, emoji_id = text.removeprefix("<a:").removeprefix("<:").removesuffix(">").rpartition(":")
    if not colon:
        # Digits, # and * become emoji only when the keycap sign follows.
        if not text or re.fullmatch(r"[\w\s#*@.,:;!?<>()-]*", text, re.ASCII) or len(text) > 32:
            raise DiscordError(400, 10014, "Unknown Emoji")
        return Reaction(text)
    known = {each["id"]: each["name"] for each in world.emojis}
    for guild in world.guilds_of(world.bot_id):
        known |= {each["id"]: each["name"] for each in guild.emojis}
    known |= {each.emoji_id: each.name for each in message.reactions if each.emoji_id}
    if emoji_id not in known:
        raise DiscordError(400, 10014, "Unknown Emoji")
    return Reaction(known[emoji_id] or name, emoji_id)


def find(message: Message, wanted: Reaction) -> Reaction | None:
    """Return the message's reaction with that emoji. A variation selector makes no difference."""
    return next((each for each in message.reactions if _key(each) == _key(wanted)), None)


def _key(reaction: Reaction) -> str:
    return reaction.emoji_id or reaction.name.removesuffix("\N{VARIATION SELECTOR-16}")


def add(world: World, message: Message, wanted: Reaction, user_id: str) -> None:
    """Add a user's reaction. Does nothing if there is one. Raises: DiscordError 400 (30010) for a 21st emoji."""
    reaction = find(message, wanted)
    if reaction is None:
        if len(message.reactions) >= MOST_EMOJIS:
            raise DiscordError(400, 30010, f"Maximum number of reactions reached ({MOST_EMOJIS})")
        reaction = wanted
        message.reactions.append(reaction)
    if user_id in reaction.user_ids:
        return
    reaction.user_ids.append(user_id)
    world.changed()
    data = _event(message, reaction) | {"user_id": user_id, "burst": False, "type": 0}
    data["message_author_id"] = message.author_id
    guild_id = world.channels[message.channel_id].guild_id
    if guild_id is not None and (member := world.members.get((guild_id, user_id))):
        data["member"] = shapes.member(world, member)
    emit_in_channel(world, "MESSAGE_REACTION_ADD", data)


def remove(world: World, message: Message, wanted: Reaction, user_id: str) -> None:
    """Remove one user's reaction. Does nothing if there is none."""
    reaction = find(message, wanted)
    if reaction is None or user_id not in reaction.user_ids:
        return
    reaction.user_ids.remove(user_id)
    if not reaction.user_ids:
        message.reactions.remove(reaction)
    world.changed()
    data = _event(message, reaction) | {"user_id": user_id, "burst": False, "type": 0}
    emit_in_channel(world, "MESSAGE_REACTION_REMOVE", data)


def remove_emoji(world: World, message: Message, wanted: Reaction) -> None:
    if reaction := find(message, wanted):
        message.reactions.remove(reaction)
        world.changed()
        emit_in_channel(world, "MESSAGE_REACTION_REMOVE_EMOJI", _event(message, reaction))


def clear(world: World, message: Message) -> None:
    message.reactions.clear()
    world.changed()
    data: Json = {"channel_id": message.channel_id, "message_id": message.id}
    emit_in_channel(world, "MESSAGE_REACTION_REMOVE_ALL", data)


def _event(message: Message, reaction: Reaction) -> Json:
    emoji = shapes.emoji(reaction)
    return {"channel_id": message.channel_id, "message_id": message.id, "emoji": emoji}
