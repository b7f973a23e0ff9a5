"""The kind of the stores `guild:<snowflake>`: members can read the log, and push commands."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection

from django.utils.translation import gettext as _

from accounts.errors import InvalidInput
from accounts.models import User
from guilds.errors import GuildNotFound, InvalidGuildId
from guilds.models import Membership
from guilds.permissions import require_member
from queue_app.commands import execute
from queue_app.domain.playback import abandoned, note_absence
from queue_app.errors import IdempotencyConflict, UnknownCommand
from queue_app.queries import read_snapshot
from realtime.errors import Conflict, Forbidden, InvalidPush, StoreNotFound, UnknownEvent
from realtime.kinds import Kind, Pushed, Reader
from realtime.models import Store
from realtime.origin import Origin


def authorize(user: User, guild_id: str) -> None:
    try:
        require_member(user, guild_id)
    except (InvalidGuildId, GuildNotFound) as error:
        raise StoreNotFound from error


def push(store: Store, guild_id: str, events: list[Pushed], origin: Origin) -> list[int]:
    return [seq for pushed in events for seq in _carry_out(guild_id, pushed, origin)]


def _carry_out(guild_id: str, pushed: Pushed, origin: Origin) -> list[int]:
    args = {} if pushed.args is None and not pushed.args_text else pushed.args
    if not isinstance(args, dict):
        raise InvalidPush(_("`args` must be an object."))
    if pushed.seq is not None:
        raise InvalidPush(_("A command must not have a seq. The server assigns it."))
    origin = dataclasses.replace(origin, command_id=pushed.event_id, client_timestamp=pushed.client_timestamp)
    try:
        return execute(guild_id, pushed.name, args, origin=origin).seqs
    except UnknownCommand as error:
        raise UnknownEvent from error
    except InvalidInput as error:
        raise InvalidPush(str(error)) from error
    except IdempotencyConflict as error:
        raise Conflict from error
    except GuildNotFound as error:  # left the guild while connected
        raise Forbidden from error


def snapshot(user: User, guild_id: str) -> dict[str, object]:
    return read_snapshot(user, guild_id)


def readers(asked: Collection[Reader]) -> set[Reader]:
    guilds, users = {guild_id for guild_id, _ in asked}, {user_id for _, user_id in asked}
    members = Membership.objects.filter(guild_id__in=guilds, user_id__in=users)
    return set(asked) & set(members.values_list("guild_id", "user_id"))


def upkeep(guild_ids: Collection[str]) -> None:
    """Set the error BOT_AWAY of players whose bot is gone, because the bot cannot do it."""
    for guild_id in abandoned(guild_ids):
        note_absence(guild_id)


KIND = Kind(authorize=authorize, push=push, snapshot=snapshot, readers=readers, upkeep=upkeep)
