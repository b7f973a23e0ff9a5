"""The JavaScript reducer against the real command core: old snapshot + events == fresh snapshot."""

import json
import re
import subprocess
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

import pytest

from accounts.models import User
from alerts.domain.rules import add_rule, change_rule, remove_rule
from guilds.domain.installation import bot_left
from guilds.domain.memberships import store_roles
from guilds.domain.mirror import mirror_guild, note_outage
from guilds.models import Guild
from library.domain.playlist_entries import add_tracks
from library.domain.playlists import create_playlist, delete_playlist
from library.sources import TrackInfo
from library.sources.playlists import Line
from queue_app.commands import execute
from queue_app.domain import playback
from queue_app.domain.open_list import open_list
from queue_app.domain.requeue import requeue
from queue_app.errors import NoPrevious, NothingPlaying, NothingToRedo, NothingToUndo
from queue_app.models import Player
from queue_app.queries import queued_items, read_snapshot
from queue_app.shapes import item_shape
from realtime.models import Via
from realtime.origin import BOT, Origin
from realtime.queries import read_events
from streams.domain.streams import create_stream
from tests.clients.scene import BOT_PROCESS, be_the_bot
from tests.clients.test_js_client import HERE, find_node
from tests.factories import (
    ChannelFactory,
    GuildFactory,
    ItemFactory,
    MembershipFactory,
    RoleFactory,
    TrackFactory,
    UserFactory,
    sit,
)

PROTOCOL = HERE.parents[1] / "docs" / "protocol.md"


class Story:
    """One guild, its events, and a snapshot after each action."""

    def __init__(self) -> None:
        self.user: User = UserFactory.create()
        self.guild: Guild = GuildFactory.create()
        MembershipFactory.create(user=self.user, guild=self.guild, manager=True)
        self.stage, self.back_room = ChannelFactory.create_batch(2, guild=self.guild, voice=True)
        self.id = self.guild.pk
        self.steps: list[dict[str, Any]] = []
        self.keep("the beginning")

    def keep(self, act: str) -> None:
        snapshot = read_snapshot(self.user, self.id)
        after = self.steps[-1]["snapshot"]["seq"] if self.steps else snapshot["seq"]
        encoded = read_events(f"guild:{self.id}", after=after, limit=100)
        events = [json.loads(event) for _, event in encoded]
        self.steps.append({"act": act, "events": events, "snapshot": snapshot})

    def ask(self, name: str, /, *, by: User | None = None, **args: Any) -> dict[str, Any]:
        origin = Origin(user=by or self.user, via=Via.REST)
        result: dict[str, Any] = execute(self.id, name, args, origin=origin).result
        self.keep(name)
        return result

    def bot(self, act: str, **args: Any) -> Any:
        result = getattr(playback, act)(self.id, owner=BOT_PROCESS, **args)
        self.keep(act)
        return result

    @property
    def current(self) -> object:
        return Player.objects.get(pk=self.id).item_id


def live_through_everything() -> Story:
    """Run a story that contains every event of docs/protocol.md."""
    story = Story()
    stage, back_room = story.stage, story.back_room
    tracks = TrackFactory.create_batch(6)
    be_the_bot(story.id)
    story.keep("the bot arrives")

    first = story.ask("AddTrack", query=tracks[0].uri)
    story.bot("start_next")  # no channel to play in: PlayerErrorChanged
    story.ask("JoinVoice", channel_id=stage.pk)
    for track in tracks[1:4]:
        story.ask("AddTrack", query=track.uri)
    soon = story.ask("AddTrack", query=tracks[4].uri, position="next")
    story.ask("AddTrack", query="nothing has this name")
    link = story.ask("AddTrack", query="https://radio.example.net/stream.mp3")
    for turn in range(22):  # into one spot, until the ranks there are rebalanced
        story.ask("MoveItem", item_id=(soon, link)[turn % 2]["id"], after=first["id"])
    story.bot("start_next")
    story.bot("observe", connected_channel_id=stage.pk, sounding=True, position_ms=0)
    story.ask("Pause")
    story.ask("Resume")
    info = TrackInfo("", "Morning show", None, None, None, None, None, None, "http", True)
    story.bot("resolve_track", item_id=link["id"], info=info)
    story.ask("AddTrack", query=tracks[5].uri, position="now")
    story.bot("start_next")
    story.bot("finish", item_id=story.current)
    story.bot("start_next")
    story.bot("fail", item_id=story.current, code="UNREADABLE", detail="The file ends in the middle.")
    story.bot("fail_queued", item_id=link["id"], code="HTTP_404", detail="The station answered 404.")
    story.ask("RetryItem", item_id=link["id"])
    story.bot("start_next")
    last = story.ask("AddTrack", query=tracks[1].uri)
    story.ask("MoveItems", item_ids=[last["id"]], after=None)
    story.ask("SetVolume", volume=40)
    story.ask("ChangeSettings", vote_share=60, fair_order=True)
    listeners = MembershipFactory.create_batch(2, guild=story.guild)
    for listener in listeners:
        sit(listener.user, stage)
    story.ask("Skip", by=listeners[0].user)
    story.ask("Skip")
    do_and_undo_in_numbers(story)
    requeue(story.id, item_id=first["id"], origin=BOT)
    story.keep("requeue")
    story.ask("RemoveItem", item_id=first["id"])
    story.bot("moved", channel_id=back_room.pk)
    story.ask("LeaveVoice")
    story.bot("fail_queued", item_id=story.ask("AddTrack", query=tracks[2].uri)["id"], code="X", detail="No.")
    story.ask("ClearQueue")
    note_outage(story.id)
    story.keep("an outage")
    bot_left(story.id)
    story.keep("the bot is removed")
    mirror_guild(
        story.id,
        name="Renamed",
        icon_hash="",
        owner_id="",
        member_count=3,
        bot_role_ids=[],
        channels=[],
        roles=[],
        voices=[],
    )
    story.keep("the bot comes back")
    manager = Origin(user=story.user, via=Via.REST)
    create_stream(story.user, stream_id="cam-1")
    channel = ChannelFactory.create(guild=story.guild)
    rule = add_rule(story.id, origin=manager, stream_id="cam-1", channel_id=channel.pk)
    change_rule(story.id, rule.pk, origin=manager, max_per_minute=1)
    remove_rule(story.id, rule.pk, origin=manager)
    story.keep("an alert rule comes and goes")
    role = RoleFactory.create(guild=story.guild)
    store_roles(story.id, discord_id=str(listeners[0].user.discord_id), role_ids=[role.pk])
    story.keep("somebody is given a role")
    story.ask("AddTrack", query=tracks[3].uri)
    story.ask("SaveQueue", name="Friday", shared=True)
    playlist = create_playlist("Monday", guild_id=story.id, origin=manager)
    add_tracks(playlist.pk, [tracks[0].uri], origin=manager)
    delete_playlist(playlist.pk, origin=manager)
    story.keep("a playlist comes and goes")
    lines = [Line(location=f"https://radio.example/{number}.mp3") for number in range(3)]
    be_the_bot(story.id)
    item_id = UUID(story.ask("AddTrack", query="https://radio.example/all.m3u")["id"])
    assert open_list(story.id, owner=BOT_PROCESS, item_id=item_id, lines=lines) == (3, 0)
    story.keep("a link is a playlist")
    assert soon["id"] != first["id"]
    return story


def do_and_undo_in_numbers(story: Story) -> None:
    """Change several tracks at once, and go to and fro in the player. Everything is undone once."""

    def turn() -> None:
        story.ask("Undo")
        story.ask("Redo")

    def play() -> None:
        story.bot("start_next")
        story.bot("observe", connected_channel_id=story.stage.pk, sounding=True, position_ms=9_000)

    uris = [track.uri for track in TrackFactory.create_batch(6)]
    added: list[str] = story.ask("AddTracks", uris=uris)["item_ids"]
    turn()
    play()
    acts: list[tuple[str, dict[str, Any]]] = [
        ("ShuffleQueue", {}),
        ("RemoveItems", {"item_ids": added[:2]}),
        ("RemoveDuplicates", {}),
        ("SetLoop", {"loop": "queue"}),
        ("SetVolume", {"volume": 60}),
        ("Seek", {"delta_ms": 5_000}),
        ("Replay", {}),
    ]
    for name, args in acts:
        story.ask(name, **args)
        turn()
    # Over several tracks, however they were shuffled.
    story.ask("SkipTo", item_id=str(queued_items(story.id, limit=100)[-1].pk))
    turn()
    play()
    story.ask("Pause")
    story.ask("Seek", position_ms=7_000)
    story.ask("Previous")
    turn()
    story.ask("Previous")
    turn()
    story.ask("ClearQueue", whose="mine")
    story.ask("Undo")
    story.ask("Skip")
    turn()
    story.ask("Stop")
    story.ask("Undo")


def events_of_the_protocol() -> set[str]:
    table = PROTOCOL.read_text().partition("## Events")[2].partition("\n## ")[0]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    return {name for row in rows for name in re.findall(r"`(\w+)`", row)}


@pytest.mark.django_db
def test_javascript_replays_every_event_of_the_protocol() -> None:
    node = find_node()
    story = live_through_everything()

    happened = {event["name"] for step in story.steps for event in step["events"]}
    assert happened == events_of_the_protocol()
    script = Path(__file__).with_name("replay.mjs")
    run = subprocess.run(
        [node, str(script)], input=json.dumps(story.steps), capture_output=True, text=True, timeout=30
    )
    assert run.returncode == 0, run.stderr


def ask_anything(story: Story, random: Random, ids: list[str]) -> str:
    """Run one random command for the queue. Returns its name."""
    acts = ["AddTrack", "AddTracks", "RemoveItem", "RemoveItems", "MoveItem", "MoveItems", "into one spot"]
    act = random.choice(
        [*acts, "into one spot", "ShuffleQueue", "SkipTo", "Skip", "Previous", "Undo", "Undo", "Redo"]
    )
    name, args = act, dict[str, Any]()
    match act:
        case "AddTrack":
            args = {"query": TrackFactory.create().uri, "position": random.choice(["end", "next"])}
        case "AddTracks":
            args = {"uris": [track.uri for track in TrackFactory.create_batch(6)], "position": "next"}
        case "RemoveItem":
            args = {"item_id": random.choice(ids)}
        case "RemoveItems":
            args = {"item_ids": random.sample(ids, 5)}
        case "SkipTo":
            args = {"item_id": ids[random.randrange(8)]}
        case "MoveItem":
            item, after = random.sample(ids, 2)
            args = {"item_id": item, "after": after}
        case "MoveItems":
            *moved, after = random.sample(ids, 5)
            args = {"item_ids": moved} | random.choice([{}, {"after": None}, {"after": after}])
        case "into one spot":
            name, args = "MoveItem", {"item_id": random.choice(ids[21:]), "after": ids[20]}
    try:
        execute(story.id, name, args, origin=Origin(user=story.user, via=Via.REST))
    except (NoPrevious, NothingPlaying, NothingToUndo, NothingToRedo):
        return f"{act} (refused)"
    return act


@pytest.mark.django_db
@pytest.mark.parametrize("seed", [11, 14])
def test_javascript_keeps_the_front_of_a_queue_whatever_happens_to_it(seed: int) -> None:
    """It has the first 25 of 60 items, whose ranks are so close that they must be rebalanced, and reads on by pages."""
    random, story = Random(seed), Story()
    ItemFactory.create_batch(60, guild=story.guild, requested_by=story.user)
    be_the_bot(story.id)
    snapshot = read_snapshot(story.user, story.id)
    queue = snapshot["queue"]
    start = {"queue": queue[:25], "queue_total": len(queue), "next": str(queue[24]["rank"])}
    seq, steps = snapshot["seq"], []
    origin = Origin(user=story.user, via=Via.REST)
    for turn in range(24):  # until the ranks in one spot are rebalanced, as a part of the first step
        args = {"item_id": queue[(24, 59)[turn % 2]]["id"], "after": queue[20]["id"]}
        execute(story.id, "MoveItem", args, origin=origin)
    for _ in range(150):
        act = ask_anything(story, random, [item["id"] for item in queue])
        queue = [item_shape(item) for item in queued_items(story.id, limit=1_000)]
        events = [json.loads(event) for _, event in read_events(f"guild:{story.id}", after=seq, limit=100)]
        steps.append({"act": act, "events": events, "queue": queue})
        seq = events[-1]["seqNum"] if events else seq
    happened = {event["name"] for step in steps for event in step["events"]}
    assert happened >= {
        "QueueRenumbered", "QueueShuffled", "TracksAdded", "TracksMoved", "TracksRemoved", "TracksSkipped",
    }  # fmt: skip
    assert any("undoes" in event["metadata"] for step in steps for event in step["events"])
    run = subprocess.run(
        [find_node(), str(Path(__file__).with_name("part.mjs"))],
        input=json.dumps({"state": start, "steps": steps}),
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert run.returncode == 0, run.stderr
    parts, pages = map(int, run.stdout.split())
    assert parts > 100  # most of the time it had only a part of the queue
    assert pages > 3
