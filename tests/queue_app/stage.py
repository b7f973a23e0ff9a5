"""A guild with people, channels and a bot's lease. No bot process runs."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.utils import timezone

from accounts.models import User
from database.owners import lease_owner
from guilds.models import Channel, Guild, GuildSettings, Membership
from library.models import Track
from queue_app.commands import execute
from queue_app.domain import playback
from queue_app.domain.rank import STEP, queued
from queue_app.models import Player, QueueItem
from queue_app.queries import read_snapshot
from realtime.models import Store, Via
from realtime.origin import Origin
from realtime.queries import read_events
from tests.factories import ChannelFactory, GuildFactory, MembershipFactory, RoleFactory, TrackFactory, sit
from tests.queue_app.reducer import comparable, reduce


class Stage:
    def __init__(self) -> None:
        self.guild: Guild = GuildFactory.create()
        self.id: str = self.guild.pk
        self.member: User = self.join()
        self.channel: Channel = ChannelFactory.create(guild=self.guild, voice=True)
        self.owner = lease_owner()
        self.crowd: list[User] = []  # other listeners

    def join(self, **rights: Any) -> User:
        """Return a new member of the guild."""
        return MembershipFactory.create(guild=self.guild, **rights).user

    def dj(self) -> User:
        user = self.join()
        role = self.guild.roles.first() or RoleFactory.create(guild=self.guild, name="DJ")
        GuildSettings.objects.filter(guild=self.guild).update(dj_role_id=role.pk)
        Membership.objects.filter(user=user).update(role_ids=[role.pk])
        return user

    def seat(self, count: int) -> list[User]:
        """Return `count` new members, who are in the voice channel."""
        people = [self.join() for _ in range(count)]
        for person in people:
            sit(person, self.channel)
        return people

    def decide(self, **settings: Any) -> None:
        """Set settings of the guild, without an event."""
        GuildSettings.objects.filter(guild=self.guild).update(**settings)

    def do(self, name: str, /, *, by: User | None = None, key: str = "", **args: Any) -> Any:
        """Run a command. Returns its result."""
        return self.answer(name, by=by, key=key, **args).result

    def answer(self, name: str, /, *, by: User | None = None, key: str = "", **args: Any) -> Any:
        return execute(
            self.id, name, args, origin=Origin(user=by or self.member, via=Via.REST, command_id=key)
        )

    def add(self, *, by: User | None = None, track: Track | None = None, **args: Any) -> QueueItem:
        """Add a track. Returns its item."""
        uri = (track or TrackFactory.create()).uri
        return QueueItem.objects.get(pk=uuid.UUID(self.do("AddTrack", by=by, query=uri, **args)["id"]))

    def fail(self, *, by: User | None = None) -> QueueItem:
        """Add a track that cannot be played. Returns its item."""
        item = self.add(by=by)
        assert playback.take_lease(self.id, owner=self.owner)
        playback.fail_queued(
            self.id, owner=self.owner, item_id=item.pk, code="UNREACHABLE", detail="It is gone."
        )
        item.refresh_from_db()
        return item

    def fill(self, count: int, *, people: Sequence[User | None] | None = None, step: int = STEP) -> list[str]:
        """Write items to the end of the queue, without events. Returns their ids."""
        track = TrackFactory.create()
        last = queued(self.id).order_by("rank").last()
        begin = last.rank + step if last else 0
        asked = people or [self.member]
        items = [
            QueueItem(
                guild=self.guild, track=track, requested_by=asked[at % len(asked)], rank=begin + at * step
            )
            for at in range(count)
        ]
        QueueItem.objects.bulk_create(items)
        player, _ = Player.objects.get_or_create(pk=self.id)
        Player.objects.filter(pk=self.id).update(queue_total=player.queue_total + count)
        return [str(item.pk) for item in items]

    def prepare(self, name: str) -> dict[str, Any]:
        """Make a command possible. Returns valid arguments for it."""
        if name == "AddTrack":
            return {"query": TrackFactory.create().uri}
        if name == "RemoveItem":
            return {"item_id": str(self.add().pk)}
        if name == "RetryItem":
            return {"item_id": str(self.fail().pk)}
        if name == "JoinVoice":
            return {"channel_id": self.channel.pk}
        if name == "MoveItem":
            return {"after": str(self.add().pk), "item_id": str(self.add(position="next").pk)}
        if name == "MoveItems":
            return {"item_ids": [str(self.add().pk) for _ in range(2)], "after": str(self.add().pk)}
        if name == "ChangeSettings":
            Membership.objects.filter(user=self.member).update(owner=True)
            return {"vote_share": 70}
        if name == "AddTracks":
            return {"uris": [TrackFactory.create().uri for _ in range(3)]}
        if name == "SaveQueue":
            self.add()
            return {"name": "Friday"}
        if name == "RemoveItems":
            return {"item_ids": [str(self.add().pk) for _ in range(2)]}
        if name in ("Undo", "Redo"):
            self.add()
            if name == "Redo":
                self.do("Undo")
            return {}
        if name == "Previous":
            self.play()
            self.do("Skip")
            return {}
        self.play()
        if name == "SetVolume":
            return {"volume": 40}
        if name == "SetLoop":
            return {"loop": "queue"}
        if name == "Seek":
            return {"position_ms": 61_000}
        if name in ("ClearQueue", "Stop", "RemoveDuplicates", "RemoveAbsent"):
            Membership.objects.filter(user=self.member).update(owner=True)
            self.add()
        if name == "RemoveDuplicates":
            track = TrackFactory.create()
            for _ in range(2):
                self.add(track=track)
        if name == "ShuffleQueue":
            self.add()
            self.add()
        if name == "SkipTo":
            self.add()
            return {"item_id": str(self.add().pk)}
        if name == "Resume":
            self.do("Pause")
        return {}

    def play(self) -> QueueItem:
        """Play a track. Returns its item."""
        assert playback.take_lease(self.id, owner=self.owner)
        self.do("JoinVoice", channel_id=self.channel.pk)
        item = self.add()
        started = playback.start_next(self.id, owner=self.owner)
        assert started is not None
        assert started.pk == item.pk
        self.hear()
        return started

    def play_as(self, user: User) -> QueueItem:
        """Play a track that this person added, before all queued items."""
        assert playback.take_lease(self.id, owner=self.owner)
        self.do("JoinVoice", by=user, channel_id=self.channel.pk)
        self.add(by=user, position="next")
        started = playback.start_next(self.id, owner=self.owner)
        assert started is not None
        self.hear()
        return started

    def hear(self, position_ms: int | None = None) -> None:
        playback.observe(
            self.id,
            owner=self.owner,
            connected_channel_id=self.player.voice_channel_id,
            sounding=True,
            position_ms=position_ms,
        )
        # A lease of 8 seconds may expire on a slow machine, which would be an event of its own.
        Player.objects.filter(pk=self.id).update(lease_expires_at=timezone.now() + timedelta(hours=1))

    @property
    def player(self) -> Player:
        return Player.objects.get(pk=self.id)

    @property
    def current(self) -> QueueItem:
        """The current item. There must be one."""
        return QueueItem.objects.get(player=self.player)

    @property
    def queue(self) -> list[str]:
        return [item["id"] for item in self.snapshot()["queue"]]

    def whole_queue(self) -> list[str]:
        """Return the ids of all queued items. A snapshot has only the first ones."""
        return [str(pk) for pk in queued(self.id).order_by("rank").values_list("pk", flat=True)]

    def snapshot(self) -> dict[str, Any]:
        return read_snapshot(self.member, self.id)

    def events(self, *, after: int = 0) -> list[dict[str, Any]]:
        encoded = read_events(f"guild:{self.id}", after=after, limit=10_000)
        return [json.loads(event) for _, event in encoded]

    @property
    def head(self) -> int:
        """The seq of the newest event, or 0."""
        return Store.objects.filter(name=f"guild:{self.id}").values_list("head", flat=True).first() or 0

    @property
    def names(self) -> list[str]:
        return [event["name"] for event in self.events()]

    def ended(self) -> QueueItem:
        """Return the item that ended last."""
        return QueueItem.objects.filter(guild=self.guild).exclude(ended_at=None).latest("ended_at")

    def expire(self) -> None:
        """Let the lease expire, as if its owner hung."""
        Player.objects.filter(pk=self.id).update(lease_expires_at=timezone.now() - timedelta(seconds=1))

    def take_over(self) -> str:
        """Let another bot process take the lease. Returns the new owner."""
        other = lease_owner()
        assert playback.take_lease(self.id, owner=other)
        return other

    def assert_replays(self, before: dict[str, Any]) -> dict[str, Any]:
        """Check that an old snapshot and the events since then result in a new snapshot. Returns the new one."""
        fresh = self.snapshot()
        assert comparable(self.replay(before)) == comparable(fresh)
        return fresh

    def replay(self, state: dict[str, Any]) -> dict[str, Any]:
        """Return what an old snapshot becomes with the events since then."""
        for event in self.events(after=state["seq"]):
            state = reduce(state, event)
        return state
