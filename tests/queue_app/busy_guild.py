"""A guild with four people who change its queue, and what its readers must see."""

from __future__ import annotations

from accounts.errors import Refusal
from guilds.models import Membership, VoiceState
from queue_app.domain import playback
from queue_app.domain.requeue import requeue
from queue_app.domain.votes import recount
from queue_app.models import ItemState, Play, QueueItem
from queue_app.queries import failed_items, load_player, queued_items
from queue_app.shapes import item_shape, player_shape, skip_vote_shape
from realtime.models import Store, Via
from realtime.origin import Origin
from tests.factories import ChannelFactory, TrackFactory, sit
from tests.queue_app.random_commands import World
from tests.queue_app.reducer import Snapshot
from tests.queue_app.stage import Stage

QUEUED, PLAYING = ItemState.QUEUED, ItemState.PLAYING


class BusyGuild:
    """A guild with four people who change its queue: a manager, a DJ, a listener, and a person who is not in voice."""

    def __init__(self) -> None:
        self.stage = Stage()
        self.manager = self.stage.member
        Membership.objects.filter(user=self.manager).update(owner=True)
        self.dj = self.stage.dj()
        (self.listener, other) = self.stage.seat(2)
        self.elsewhere = self.stage.join()
        self.writers = [self.manager, self.dj, self.listener, self.elsewhere]
        self.people = [*self.writers, other]
        self.channels = [self.stage.channel, ChannelFactory.create(guild=self.stage.guild, voice=True)]
        self.tracks = [TrackFactory.create() for _ in range(5)]

    def world(self) -> World:
        return World(
            uris=[track.uri for track in self.tracks],
            channels=[channel.pk for channel in self.channels],
            people=[str(person.pk) for person in self.writers],
        )

    def act_as_bot(self, what: str, number: int) -> None:
        """Do what a bot process would do in the player's current state."""
        stage, player = self.stage, self.stage.player
        if what == "start":
            playback.start_next(stage.id, owner=stage.owner)
        elif what == "hear":
            heard = player.item_id is not None and not (player.paused or player.stopped)
            playback.observe(
                stage.id,
                owner=stage.owner,
                connected_channel_id=player.voice_channel_id,
                sounding=heard and player.voice_channel_id is not None,
                position_ms=number * 1_000 if heard else None,
                jumps=player.jumps - number % 2,
            )
        elif what == "finish" and player.item_id:
            playback.finish(stage.id, owner=stage.owner, item_id=player.item_id, jumps=player.jumps)
        elif what == "fail" and player.item_id:
            playback.fail(stage.id, owner=stage.owner, item_id=player.item_id, code="GONE", detail="Gone.")
        elif what == "fail queued":
            waiting = QueueItem.objects.filter(guild=stage.guild, state=ItemState.QUEUED)
            if item := waiting.order_by("rank")[number % 5 : number % 5 + 1].first():
                playback.fail_queued(
                    stage.id, owner=stage.owner, item_id=item.pk, code="GONE", detail="Gone."
                )
        elif what == "take over":
            stage.expire()
            stage.owner = stage.take_over()
        elif what == "move":
            channel = [None, *self.channels][number % 3]
            playback.moved(stage.id, owner=stage.owner, channel_id=channel.pk if channel else None)
        elif what == "requeue":
            items = QueueItem.objects.filter(guild=stage.guild).exclude(state=ItemState.QUEUED)
            if item := items.order_by("-added_at", "pk")[number % 5 : number % 5 + 1].first():
                operator = Origin(user=self.manager, via=Via.ADMIN, operator=True)
                requeue(stage.id, item_id=str(item.pk), origin=operator)

    def sit_or_leave(self, number: int) -> None:
        person = self.people[number % 5]
        if number % 2:
            sit(person, self.channels[number % 3 // 2])
        else:
            VoiceState.objects.filter(discord_id=person.discord_id).delete()
        recount(self.stage.id)


BOT_ACTS = ("start", "start", "hear", "hear", "finish", "fail", "fail queued", "take over", "move", "requeue")


def look(guild_id: str) -> Snapshot:
    """Read the queue and the player from the tables, and check the invariants of these rows."""
    player = load_player(guild_id)
    waiting = queued_items(guild_id, limit=1_000)
    rows = QueueItem.objects.filter(guild_id=guild_id).values_list("pk", "state", "ended_at")
    states = {pk: state for pk, state, _ in rows}
    assert [pk for pk, state in states.items() if state == PLAYING] == [pk for pk in [player.item_id] if pk]
    assert all((ended is None) == (state in (QUEUED, PLAYING)) for _, state, ended in rows)
    assert len({item.rank for item in waiting}) == len(waiting) == player.queue_total
    sounding = Play.objects.filter(guild=guild_id, ended_at=None).values_list("item", flat=True)
    assert list(sounding) == [pk for pk in [player.item_id] if pk]
    return {
        "seq": Store.objects.values_list("head", flat=True).get(name=f"guild:{guild_id}"),
        "queue": [item_shape(item) for item in waiting],
        "queue_total": player.queue_total,
        "next": None,
        "failed": [item_shape(item) for item in failed_items(guild_id)],
        "player": player_shape(player),
        "skip_vote": skip_vote_shape(player),
        "states": states,
    }


def seen(state: Snapshot) -> Snapshot:
    """The state that a reader of the whole queue must have, which is everything except the running position."""
    player = {name: value for name, value in state["player"].items() if not name.startswith("position")}
    return {
        "player": player,
        **{name: state[name] for name in ("queue", "queue_total", "failed", "skip_vote")},
    }


def assert_has_reason(refusal: Refusal) -> None:
    assert refusal.code
    assert str(refusal)
