"""Open a guild's queue and player for a change: the frame of every domain function."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from accounts.models import User
from guilds.channel_permissions import may_connect
from guilds.domain.settings import load_settings
from guilds.errors import GuildNotFound
from guilds.models import Channel, GuildSettings, Membership
from guilds.permissions import is_dj, require_member
from guilds.queries import voice_channel_of
from queue_app.models import ItemState, Player, QueueItem, SkipVote
from queue_app.shapes import item_shape, player_shape
from realtime.domain.append import append, lock_store
from realtime.models import Store
from realtime.origin import Origin


@dataclass
class GuildState:
    """A guild whose store row is locked. `membership` is null for the bot and operators."""

    guild_id: str
    store: Store
    player: Player
    origin: Origin
    membership: Membership | None

    @cached_property
    def settings(self) -> GuildSettings:
        return load_settings(self.guild_id)

    @cached_property
    def is_dj(self) -> bool:
        return self.membership is None or is_dj(self.membership)

    def append(
        self,
        name: str,
        *,
        item: QueueItem | None = None,
        player: bool = False,
        by: Origin | None = None,
        **args: Any,
    ) -> int:
        """Append an event with the shapes of `item` and, if asked for, the player. Returns its seq.

        `by` says who did it where that is not the one who asked.
        """
        if item is not None:
            args["item"] = item_shape(item)
        if player:
            args["player"] = player_shape(self.player)
        return append(self.store, name, args, origin=by or self.origin).seq

    def end_item(self, state: ItemState, *, code: str = "", detail: str = "") -> QueueItem | None:
        """Take the current item off the player in that state. Returns it, null when there was none."""
        item = self.player.item
        if item is None:
            return None
        self.player.fold_position()
        item.end(state, code=code, detail=detail)
        self.player.item = None
        self.player.position_ms = 0
        self.player.sounding = False
        self.player.skip_votes = self.player.skip_votes_needed = 0
        self.player.save(
            update_fields=[
                "item", "position_ms", "position_at", "sounding", "skip_votes", "skip_votes_needed",
            ]
        )  # fmt: skip
        SkipVote.objects.filter(item=item).delete()
        return item

    def settle_channel(self, requester: User | None) -> str | None:
        """Decide where to play and keep it: the requester's voice channel, else the player's, else the
        setting's, if the asker may join that one. While something plays the bot stays where it is."""
        if self.player.item is None or self.player.voice_channel_id is None:
            offers = [
                voice_channel_of(self.guild_id, requester),
                self.player.voice_channel_id,
                self.settings.voice_channel_id,
            ]
            channels = Channel.objects.filter(guild_id=self.guild_id, pk__in=[o for o in offers if o])
            there = {
                channel.pk for channel in channels if channel.pk in offers[:2] or self._may_connect(channel)
            }
            self.set_channel(next((o for o in offers if o in there), None))
            self.player.save(update_fields=["voice_channel_id", "volume"])
        return self.player.voice_channel_id

    def _may_connect(self, channel: Channel) -> bool:
        return self.membership is None or may_connect(self.membership, channel)

    def set_channel(self, channel_id: str | None) -> None:
        """Say where to play, unsaved. Who comes into voice from outside starts at the guild's volume."""
        if self.player.voice_channel_id is None and channel_id is not None:
            self.player.volume = self.settings.default_volume
        self.player.voice_channel_id = channel_id


def open_guild(guild_id: str, *, origin: Origin) -> GuildState:
    """Lock the guild's store, check that the asker is a member, load the player.

    Call it inside `transaction.atomic()`. Raises InvalidGuildId or GuildNotFound.
    """
    user = origin.user
    membership = None if user is None or origin.operator else _membership_of(user, guild_id, origin)
    store = lock_store(f"guild:{guild_id}")
    player, _ = Player.objects.select_related("item__track", "item__requested_by").get_or_create(pk=guild_id)
    return GuildState(guild_id, store, player, origin, membership)


def _membership_of(user: User, guild_id: str, origin: Origin) -> Membership:
    try:
        return require_member(user, guild_id)
    except GuildNotFound:
        if not origin.vouched:
            raise
        return Membership(user=user, guild_id=guild_id)
