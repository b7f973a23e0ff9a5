"""Old snapshot + events == new snapshot, for every event."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from alerts.domain.rules import add_rule, change_rule, remove_rule
from config.generate.events import events_schema
from guilds.domain.installation import bot_left
from guilds.domain.memberships import store_roles
from guilds.domain.mirror import mirror_guild, note_outage
from guilds.models import VoiceState
from library.domain.playlist_entries import add_tracks
from library.domain.playlists import create_playlist, delete_playlist
from library.sources import TrackInfo
from library.sources.playlists import Line
from queue_app.domain import playback
from queue_app.domain.open_list import open_list
from queue_app.domain.requeue import requeue
from queue_app.domain.votes import recount
from queue_app.models import QueueItem
from realtime.events import event_classes
from realtime.models import Via
from realtime.origin import Origin
from streams.domain.streams import create_stream
from tests.factories import ChannelFactory, TrackFactory, sit
from tests.queue_app.reducer import STEPS
from tests.queue_app.stage import Stage

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

LINK = "https://radio.example/live.mp3"
INFO = TrackInfo(
    uri=LINK,
    title="Live",
    artist="Radio",
    album=None,
    url=LINK,
    duration_ms=None,
    artwork=None,
    artwork_type=None,
    source="http",
    is_live=True,
)

SCHEMA = Draft202012Validator(events_schema(), format_checker=FormatChecker())

Act = Callable[[Stage], Any]


def playing(stage: Stage) -> None:
    """A track plays, and three items are queued. One of them is a link that is queued twice."""
    stage.play()
    stage.add()
    for _ in range(2):
        stage.do("AddTrack", query=LINK)


def bot(name: str, **args: Any) -> Act:
    return lambda stage: getattr(playback, name)(stage.id, owner=stage.owner, **args)


def rule_comes_and_goes(stage: Stage) -> None:
    """An alert rule is added, changed and removed."""
    manager = stage.join(manager=True)
    origin = Origin(user=manager, via=Via.REST)
    create_stream(manager, stream_id="cam-1")
    channel = ChannelFactory.create(guild_id=stage.id)
    rule = add_rule(stage.id, origin=origin, stream_id="cam-1", channel_id=channel.pk)
    change_rule(stage.id, rule.pk, origin=origin, max_per_minute=1)
    remove_rule(stage.id, rule.pk, origin=origin)


def playlist_comes_and_goes(stage: Stage) -> None:
    """A playlist of the guild is created, filled and deleted."""
    origin = Origin(user=stage.member, via=Via.REST)
    playlist = create_playlist("Friday", guild_id=stage.id, origin=origin)
    add_tracks(playlist.pk, [TrackFactory.create().uri], origin=origin)
    delete_playlist(playlist.pk, origin=origin)


def link_is_a_list(stage: Stage) -> None:
    lines = [Line(location=f"https://radio.example/{number}.mp3") for number in range(3)]
    assert open_list(stage.id, owner=stage.owner, item_id=link(stage).pk, lines=lines) == (3, 0)


def link(stage: Stage) -> QueueItem:
    return QueueItem.objects.filter(track__uri=LINK).order_by("rank")[0]


def operator_requeues(stage: Stage, item: QueueItem) -> None:
    requeue(stage.id, item_id=str(item.pk), origin=Origin(user=stage.member, via=Via.ADMIN, operator=True))


def nothing_current(stage: Stage) -> None:
    playing(stage)
    stage.do("Skip")


def stopped(stage: Stage) -> None:
    playing(stage)
    stage.do("LeaveVoice")
    sit(stage.member, stage.channel)


def nowhere_to_play(stage: Stage) -> None:
    assert playback.take_lease(stage.id, owner=stage.owner)
    stage.add()


def paused(stage: Stage) -> None:
    playing(stage)
    stage.do("Pause")


def abandoned(stage: Stage) -> None:
    playing(stage)
    stage.expire()


def seated(stage: Stage) -> None:
    sit(stage.member, stage.channel)


def crowded(stage: Stage) -> None:
    """Five people listen to the member's track. Three of them must vote to skip it."""
    playing(stage)
    stage.crowd = stage.seat(5)


def voted(stage: Stage) -> None:
    crowded(stage)
    for person in stage.crowd[:2]:
        stage.do("Skip", by=person)
    VoiceState.objects.filter(discord_id=stage.crowd[0].discord_id).delete()


def channel_vanished(stage: Stage) -> None:
    nowhere_to_play(stage)
    playback.start_next(stage.id, owner=stage.owner)
    stage.do("JoinVoice", channel_id=stage.channel.pk)
    playback.report_error(stage.id, owner=stage.owner, code="NO_VOICE_CHANNEL")
    stage.channel.delete()


def bot_away(stage: Stage) -> None:
    playing(stage)
    bot_left(stage.id)


def mirrored(stage: Stage, *, name: str = "Lounge") -> None:
    mirror_guild(
        stage.id,
        name=name,
        icon_hash="cafe",
        owner_id="",
        member_count=7,
        bot_role_ids=[],
        channels=[],
        roles=[],
        voices=[],
    )


def empty(stage: Stage) -> None:
    pass


def crowd_one_spot(stage: Stage) -> None:
    for _ in range(22):
        first, *_, last = stage.queue
        stage.do("MoveItem", item_id=last, after=first)


# name of the case, preparation, act, event that must follow
STORIES: list[tuple[str, Act, Act, str]] = [
    ("add to an empty queue", empty, lambda s: s.add(), "TrackAdded"),
    ("add at the end", playing, lambda s: s.add(), "TrackAdded"),
    ("add next", playing, lambda s: s.add(position="next"), "TrackAdded"),
    ("add now", playing, lambda s: s.add(position="now"), "TrackSkipped"),
    ("add what nothing matches", playing, lambda s: s.do("AddTrack", query="no such song"), "TrackFailed"),
    ("add from a voice channel", seated, lambda s: s.add(), "VoiceChanged"),
    ("add to a stopped player", stopped, lambda s: s.add(), "PlayerResumed"),
    ("remove", playing, lambda s: s.do("RemoveItem", item_id=str(link(s).pk)), "TrackRemoved"),
    (
        "move to the end",
        playing,
        lambda s: s.do("MoveItem", item_id=s.queue[0], after=s.queue[-1]),
        "TrackMoved",
    ),
    ("move to the front", playing, lambda s: s.do("MoveItem", item_id=s.queue[-1], after=None), "TrackMoved"),
    ("move into one spot until room is made", playing, lambda s: crowd_one_spot(s), "QueueRenumbered"),
    ("move several", playing, lambda s: s.do("MoveItems", item_ids=s.queue[:2]), "TracksMoved"),
    ("clear", playing, lambda s: s.do("ClearQueue", by=s.dj()), "QueueCleared"),
    ("vote to skip", crowded, lambda s: s.do("Skip", by=s.crowd[0]), "SkipVoted"),
    ("enough votes", crowded, lambda s: [s.do("Skip", by=p) for p in s.crowd[:3]], "TrackSkipped"),
    ("a voter leaves", voted, lambda s: recount(s.id), "SkipVoted"),
    (
        "the item ends while a vote runs",
        voted,
        lambda s: bot("finish", item_id=s.current.pk)(s),
        "TrackFinished",
    ),
    (
        "add several",
        playing,
        lambda s: s.do("AddTracks", uris=[TrackFactory.create().uri for _ in range(120)], position="next"),
        "TracksAdded",
    ),
    ("remove several", playing, lambda s: s.do("RemoveItems", item_ids=s.queue[:2]), "TracksRemoved"),
    ("remove duplicates", playing, lambda s: s.do("RemoveDuplicates", by=s.dj()), "TrackRemoved"),
    ("jump", playing, lambda s: s.do("SkipTo", item_id=s.queue[2]), "TracksSkipped"),
    ("shuffle", playing, lambda s: s.do("ShuffleQueue"), "QueueShuffled"),
    ("undo a shuffle", playing, lambda s: [s.do("ShuffleQueue"), s.do("Undo")], "QueueShuffled"),
    ("seek", playing, lambda s: s.do("Seek", position_ms=10_000), "PlayerSeeked"),
    ("loop", playing, lambda s: s.do("SetLoop", loop="track"), "LoopChanged"),
    ("go back", nothing_current, lambda s: s.do("Previous"), "TrackStarted"),
    ("stop", playing, lambda s: s.do("Stop", by=s.dj()), "QueueCleared"),
    (
        "start again in a loop",
        playing,
        lambda s: [s.do("SetLoop", loop="track"), bot("finish", item_id=s.current.pk)(s)],
        "TrackStarted",
    ),
    (
        "add again in a loop",
        playing,
        lambda s: [s.do("SetLoop", loop="queue"), bot("finish", item_id=s.current.pk)(s)],
        "TrackAdded",
    ),
    ("volume", playing, lambda s: s.do("SetVolume", volume=30), "VolumeChanged"),
    (
        "settings",
        playing,
        lambda s: s.do("ChangeSettings", by=s.join(owner=True), fair_order=True, may_add="dj"),
        "SettingsChanged",
    ),
    ("skip", playing, lambda s: s.do("Skip"), "TrackSkipped"),
    ("pause", playing, lambda s: s.do("Pause"), "PlayerPaused"),
    ("resume", paused, lambda s: s.do("Resume"), "PlayerResumed"),
    ("resume a stopped player", stopped, lambda s: s.do("Resume"), "PlayerResumed"),
    ("join voice", empty, lambda s: s.do("JoinVoice", channel_id=s.channel.pk), "VoiceJoined"),
    ("leave voice", playing, lambda s: s.do("LeaveVoice"), "VoiceLeft"),
    ("start the next", nothing_current, bot("start_next"), "TrackStarted"),
    ("start without a channel", nowhere_to_play, bot("start_next"), "PlayerErrorChanged"),
    ("start when the channel vanished", channel_vanished, bot("start_next"), "VoiceChanged"),
    ("finish", playing, lambda s: bot("finish", item_id=s.current.pk)(s), "TrackFinished"),
    (
        "fail what plays",
        playing,
        lambda s: bot("fail", item_id=s.current.pk, code="UNDECODABLE", detail="No sound.")(s),
        "TrackFailed",
    ),
    (
        "fail what waits",
        playing,
        lambda s: bot("fail_queued", item_id=link(s).pk, code="UNREACHABLE", detail="Gone.")(s),
        "TrackFailed",
    ),
    (
        "resolve what waits twice",
        playing,
        lambda s: bot("resolve_track", item_id=link(s).pk, info=INFO)(s),
        "TrackResolved",
    ),
    (
        "resolve what plays",
        playing,
        lambda s: bot("resolve_track", item_id=s.current.pk, info=INFO)(s),
        "TrackResolved",
    ),
    (
        "put back what was skipped",
        nothing_current,
        lambda s: operator_requeues(s, s.ended()),
        "TrackRequeued",
    ),
    ("put back what plays", playing, lambda s: operator_requeues(s, s.current), "TrackRequeued"),
    (
        "the connection is lost",
        playing,
        bot("observe", connected_channel_id=None, sounding=False, position_ms=None),
        "VoiceChanged",
    ),
    (
        "the bot reports an error",
        playing,
        bot("report_error", code="CANNOT_CONNECT", detail="No."),
        "PlayerErrorChanged",
    ),
    ("the bot was moved", playing, bot("moved", channel_id="777777777777777777"), "VoiceChanged"),
    ("the bot's channel is deleted", playing, bot("lose_channel"), "PlayerErrorChanged"),
    ("the bot was thrown out", playing, bot("moved", channel_id=None), "VoiceLeft"),
    ("the bot gives the guild up", playing, bot("release"), "VoiceChanged"),
    ("another bot takes over", abandoned, lambda s: s.take_over(), "VoiceChanged"),
    ("the bot is removed", playing, lambda s: bot_left(s.id), "BotRemoved"),
    ("the bot comes back", bot_away, lambda s: mirrored(s), "BotInstalled"),
    ("the guild is renamed", playing, lambda s: mirrored(s, name="Den"), "GuildUpdated"),
    ("voice channels vanish", playing, lambda s: mirrored(s), "VoiceChannelsChanged"),
    ("the guild has an outage", playing, lambda s: note_outage(s.id), "GuildUpdated"),
    ("an alert rule is made", playing, rule_comes_and_goes, "AlertRuleAdded"),
    ("an alert rule is changed", playing, rule_comes_and_goes, "AlertRuleChanged"),
    ("an alert rule is removed", playing, rule_comes_and_goes, "AlertRuleRemoved"),
    ("a link is a playlist", playing, lambda s: link_is_a_list(s), "ListOpened"),
    ("the queue is saved", playing, lambda s: s.do("SaveQueue", name="Friday"), "QueueSaved"),
    ("undo saving the queue", playing, lambda s: [s.do("SaveQueue", name="F"), s.do("Undo")], "QueueSaved"),
    ("a playlist is created", playing, playlist_comes_and_goes, "PlaylistCreated"),
    ("a playlist is filled", playing, playlist_comes_and_goes, "PlaylistChanged"),
    ("a playlist is deleted", playing, playlist_comes_and_goes, "PlaylistDeleted"),
    (
        "somebody is given a role",
        crowded,
        lambda s: store_roles(s.id, discord_id=str(s.crowd[0].discord_id), role_ids=["320000000000000001"]),
        "RightsChanged",
    ),
]


@pytest.mark.parametrize(
    ("before", "act", "event"), [story[1:] for story in STORIES], ids=[s[0] for s in STORIES]
)
def test_an_old_snapshot_and_its_events_make_the_new_one(
    before: Act, act: Act, event: str, stage: Stage
) -> None:
    before(stage)
    old = stage.snapshot()
    act(stage)
    assert event in stage.names[old["seq"] :]
    for each in stage.events():
        SCHEMA.validate(each)
    fresh = stage.assert_replays(old)
    assert fresh["seq"] > old["seq"]


def test_the_stories_hold_every_event_there_is() -> None:
    assert {event.__name__ for event in event_classes("guild")} == {story[3] for story in STORIES}


def test_the_reducer_knows_every_event_there_is() -> None:
    assert STEPS.keys() == set(event_classes("guild"))


def test_a_checkpoint_is_no_event(stage: Stage) -> None:
    playing(stage)
    old = stage.snapshot()
    playback.checkpoint(stage.id, owner=stage.owner, item_id=stage.current.pk, jumps=0, position_ms=12_345)
    assert stage.assert_replays(old)["seq"] == old["seq"]
    assert stage.player.position_ms == 12_345


def test_a_track_that_several_guilds_wait_for_is_resolved_in_all(stage: Stage) -> None:
    other = Stage()
    playing(stage)
    for _ in range(2):
        other.do("AddTrack", query=LINK)
    before = stage.snapshot(), other.snapshot()
    playback.resolve_track(stage.id, owner=stage.owner, item_id=link(stage).pk, info=INFO)
    stage.assert_replays(before[0])
    assert [item["track"]["title"] for item in other.assert_replays(before[1])["queue"]] == ["Live", "Live"]


def test_the_whole_log_replays_from_the_beginning(stage: Stage) -> None:
    start = stage.snapshot()
    playing(stage)
    stage.hear(position_ms=5_000)
    stage.fail()
    stage.add(position="next")
    stage.add(position="now")
    playback.start_next(stage.id, owner=stage.owner)
    playback.finish(stage.id, owner=stage.owner, item_id=stage.current.pk)
    operator_requeues(stage, stage.ended())
    stage.do("LeaveVoice")
    stage.assert_replays(start)
