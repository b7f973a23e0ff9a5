"""The rights in docs/guild-settings.md: who may do what, limits on adding, and the player."""

from __future__ import annotations

import functools
import uuid
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone, translation

from accounts.errors import InvalidInput, Refusal
from accounts.models import User
from guilds.models import Membership, VoiceState
from library.models import Track
from queue_app.commands import execute
from queue_app.domain import playback
from queue_app.errors import NotAllowed, QueueCapReached, UnknownChannel
from queue_app.models import ItemState, Player
from queue_app.queries import read_snapshot
from realtime.domain.push import push
from realtime.kinds import Pushed
from realtime.models import Via
from realtime.origin import Origin
from tests.factories import ChannelFactory, TrackFactory, UserFactory, sit
from tests.queue_app.stage import Stage

pytestmark = pytest.mark.django_db
LINK = "https://radio.example/live.mp3"


@pytest.fixture
def people(stage: Stage) -> dict[str, User]:
    """One person of each role."""
    return {"member": stage.member, "dj": stage.dj(), "manager": stage.join(manager=True)}


def outcome(act: Callable[[], Any]) -> str:
    try:
        act()
    except NotAllowed:
        return "refused"
    return "done"


# --- Who: everyone, DJs, managers ---


@pytest.mark.parametrize(
    ("who", "expected"),
    [
        ("everyone", {"member": "done", "dj": "done", "manager": "done"}),
        ("dj", {"member": "refused", "dj": "done", "manager": "done"}),
        ("managers", {"member": "refused", "dj": "refused", "manager": "done"}),
    ],
)
def test_each_act_is_for_whom_the_guild_says(
    who: str, expected: dict[str, str], stage: Stage, people: dict[str, User]
) -> None:
    stage.decide(may_add=who, may_move=who, may_clear=who, may_skip=who)
    manager = people["manager"]
    track = TrackFactory.create()
    stage.play_as(manager)
    for rank, user in people.items():
        first, second = (str(stage.add(by=manager).pk) for _ in range(2))
        sit(manager, stage.channel)  # there is a listener
        do = functools.partial(stage.do, by=user)
        acts: dict[str, Callable[[], Any]] = {
            "add": functools.partial(do, "AddTrack", query=track.uri),
            "next": functools.partial(do, "AddTrack", query=track.uri, position="next"),
            "move": functools.partial(do, "MoveItem", item_id=second, after=None),
            "clear": functools.partial(do, "ClearQueue"),
        }
        if who != "everyone":
            acts["skip"] = functools.partial(do, "Skip")
        for name, act in acts.items():
            assert outcome(act) == expected[rank], (rank, name)
        if expected[rank] == "done" and who != "everyone":
            stage.play_as(manager)  # it was skipped
        assert first not in stage.queue or expected[rank] == "refused"


def test_the_refusal_says_who_may(stage: Stage) -> None:
    stage.decide(may_add="dj", may_clear="managers")
    with pytest.raises(NotAllowed, match=r"^Only DJs and managers of this server may add tracks"):
        stage.add()
    with pytest.raises(NotAllowed, match=r"^Only managers of this server may clear the queue"):
        stage.do("ClearQueue")
    assert stage.names == []


def test_every_surface_is_refused_alike(stage: Stage, api: Callable[[User], Client]) -> None:
    item, other = stage.add(), stage.add()
    stage.decide(may_add="dj", may_move="dj")
    sentence = "Only DJs and managers of this server may change the order of the queue."
    client, json = api(stage.member), "application/json"
    path = f"/api/guilds/{stage.id}/queue"
    answer = client.patch(f"{path}/{item.pk}", {"after": str(other.pk)}, content_type=json)
    assert (answer.status_code, answer.json()) == (403, {"code": "FORBIDDEN", "detail": sentence})
    assert client.post(f"{path}/clear", {}, content_type=json).status_code == 403
    assert client.post(path, {"query": LINK}, content_type=json).status_code == 403
    pushed = Pushed(uuid.uuid4().hex, "MoveItem", {"item_id": str(item.pk), "after": None}, None)
    with pytest.raises(Refusal, match=sentence) as refused:
        push(f"guild:{stage.id}", [pushed], origin=Origin(user=stage.member, via=Via.SYNC))
    assert refused.value.code == "FORBIDDEN"


def test_over_the_bot_api_a_stranger_has_the_rights_of_anybody(stage: Stage) -> None:
    def add(user: User) -> Any:
        origin = Origin(user=user, via=Via.BOT, vouched=True)
        return execute(stage.id, "AddTrack", {"query": TrackFactory.create().uri}, origin=origin).result

    stranger, manager = UserFactory.create(), stage.join(manager=True)
    assert add(stranger)["requested_by"]["id"] == str(stranger.pk)
    stage.decide(may_add="managers")
    with pytest.raises(NotAllowed):
        add(stranger)
    assert add(manager)["state"] == "queued"


def test_the_snapshot_says_what_its_reader_may(stage: Stage, people: dict[str, User]) -> None:
    def can(rank: str) -> Any:
        return read_snapshot(people[rank], stage.id)["can"]

    assert can("member") == {
        "add": True, "skip": "vote", "seek": False, "move": True, "clear": False, "remove": False,
        "control": "there", "undo": "own", "settings": False,
    }  # fmt: skip
    assert can("dj") == {
        "add": True, "skip": "now", "seek": True, "move": True, "clear": True, "remove": True,
        "control": "always", "undo": "any", "settings": False,
    }  # fmt: skip
    stage.decide(may_add="managers", may_skip="managers", may_clear="managers", fair_order=True)
    assert [can(rank)["skip"] for rank in people] == [None, None, "now"]
    assert [can(rank)["move"] for rank in people] == [False, True, True]
    assert [can(rank)["settings"] for rank in people] == [False, False, True]


# --- Adding ---


def test_nobody_has_more_queued_than_the_guild_allows_but_djs(stage: Stage) -> None:
    stage.decide(max_per_person=2)
    stage.play()
    first = stage.add()
    stage.add()
    with pytest.raises(QueueCapReached, match=r"two|2 tracks"):
        stage.add()
    stage.add(by=stage.join())
    dj = stage.dj()
    for _ in range(4):
        stage.add(by=dj)
    stage.do("RemoveItem", item_id=str(first.pk))
    assert stage.add().state == ItemState.QUEUED


def test_links_beyond_the_cap_are_not_stored(stage: Stage) -> None:
    stage.decide(max_per_person=2)
    links = [f"https://radio.example.net/{number}.mp3" for number in range(4)]
    answer = stage.do("AddTracks", uris=links)
    assert [each["uri"] for each in answer["left_out"]] == links[2:]
    assert list(Track.objects.filter(uri__in=links).order_by("id").values_list("uri", flat=True)) == links[:2]


@pytest.mark.django_db(transaction=True)
@pytest.mark.both_databases
def test_the_cap_holds_against_many_adds_at_once(in_threads: Callable[..., list[Any]]) -> None:
    stage = Stage()
    stage.decide(max_per_person=3)
    uri = TrackFactory.create().uri

    def add(n: int) -> bool:
        try:
            stage.do("AddTrack", query=uri)
        except QueueCapReached:
            return False
        return True

    assert Counter(in_threads(6, add)) == {True: 3, False: 3}
    assert len(stage.queue) == 3


def test_only_allowed_sources_are_added(stage: Stage) -> None:
    stage.decide(allowed_sources=["library"])
    with pytest.raises(NotAllowed, match="The music library"):
        stage.do("AddTrack", query=LINK)
    with translation.override("de"), pytest.raises(NotAllowed, match="Die Musikbibliothek"):
        stage.do("AddTrack", query=LINK)
    assert stage.add().state == ItemState.QUEUED
    assert stage.do("AddTrack", query="nothing matches this")["error"]["code"] == "NO_MATCH"
    stage.decide(allowed_sources=["http"])
    with pytest.raises(NotAllowed, match="Links"):
        stage.add()
    assert stage.do("AddTrack", query=LINK)["state"] == "queued"


def test_playing_now_is_for_those_who_may_skip_at_once(stage: Stage) -> None:
    stage.play()
    listener, other = stage.seat(2)
    with pytest.raises(NotAllowed, match="needs a vote"):
        stage.add(by=listener, position="now")
    assert stage.player.item is not None
    stage.add(position="now")  # one's own
    assert stage.player.item is None
    assert stage.add(by=other, position="now").state == ItemState.QUEUED  # nothing plays


# --- The player ---


CONTROLS: list[tuple[str, dict[str, Any]]] = [
    ("Pause", {}), ("Resume", {}), ("SetVolume", {"volume": 30}), ("LeaveVoice", {}), ("JoinVoice", {}),
]  # fmt: skip


def control(stage: Stage, who: User) -> list[str]:
    outcomes = []
    for name, args in CONTROLS:
        args = {"channel_id": stage.channel.pk} if name == "JoinVoice" else args
        outcomes.append(outcome(functools.partial(stage.do, name, by=who, **args)))
    return outcomes


def test_the_player_is_for_those_who_are_there_and_for_djs(stage: Stage) -> None:
    stage.play()
    outside, dj = stage.join(), stage.dj()
    assert control(stage, outside) == ["done"] * 5  # while nobody is there
    (there,) = stage.seat(1)
    VoiceState.objects.filter(discord_id=there.discord_id).update(deafened=True)  # is still in the channel
    stage.hear()
    for name, args in CONTROLS:
        args = args if name != "JoinVoice" else {"channel_id": stage.channel.pk}
        with pytest.raises(NotAllowed, match="Only people in the bot's voice channel and DJs"):
            stage.do(name, by=outside, **args)
    assert control(stage, there) == ["done"] * 5
    stage.hear()
    assert control(stage, dj) == ["done"] * 5


@pytest.mark.parametrize("volume", [-1, 201, 1.5, "50", None, True, []])
def test_what_is_no_volume_is_told(volume: Any, stage: Stage) -> None:
    with pytest.raises(InvalidInput):
        stage.do("SetVolume", volume=volume)


def test_the_volume_over_rest(stage: Stage, api: Callable[[User], Client]) -> None:
    client, url = api(stage.member), f"/api/guilds/{stage.id}/player"
    assert client.patch(url, {"volume": 0}, content_type="application/json").json()["volume"] == 0
    assert client.patch(url, {"volume": 201}, content_type="application/json").status_code == 400
    assert stage.names == ["VolumeChanged"]


def test_the_guilds_volume_counts_until_somebody_sets_one_which_is_kept(stage: Stage) -> None:
    stage.decide(default_volume=60)
    stage.play()
    assert stage.player.volume == 60
    stage.decide(default_volume=70)
    stage.do("LeaveVoice")
    stage.do("JoinVoice", channel_id=stage.channel.pk)
    assert stage.player.volume == 70
    stage.do("SetVolume", volume=90)
    other = ChannelFactory.create(guild=stage.guild, voice=True)
    stage.do("JoinVoice", channel_id=other.pk)
    assert stage.player.volume == 90  # it was in voice
    stage.do("LeaveVoice")
    stage.do("JoinVoice", channel_id=other.pk)
    assert stage.player.volume == 90


def test_a_volume_that_was_so_already_is_kept_too(stage: Stage) -> None:
    stage.do("SetVolume", volume=100)
    stage.decide(default_volume=60)
    stage.play()
    assert stage.player.volume == 100


def test_the_default_channel_is_used_when_nothing_else_says(stage: Stage) -> None:
    default = ChannelFactory.create(guild=stage.guild, voice=True)
    stage.decide(voice_channel_id=default.pk)
    stage.add()
    assert stage.player.voice_channel_id == default.pk
    with pytest.raises(UnknownChannel):
        stage.do("JoinVoice", channel_id="1")


def test_the_bot_leaves_an_empty_channel_after_as_long_as_the_guild_says(stage: Stage) -> None:
    item = stage.play()
    stage.hear(position_ms=20_000)

    def mind(minutes_ago: float | None = None) -> Player:
        if minutes_ago is not None:
            moment = timezone.now() - timedelta(minutes=minutes_ago)
            Player.objects.filter(pk=stage.id).update(alone_since=moment)
        playback.settle_empty_channel(stage.id, owner=stage.owner)
        return stage.player

    assert mind().alone_since is not None
    sit(stage.member, stage.channel)
    assert mind().alone_since is None
    VoiceState.objects.all().delete()
    stage.decide(leave_after_minutes=5)
    assert not mind(4.9).stopped
    stage.decide(stay_in_channel=True)
    assert not mind(600).stopped
    stage.decide(stay_in_channel=False)
    before = stage.snapshot()
    left = mind(5.1)
    assert (left.stopped, left.voice_channel_id, left.alone_since, left.item) == (True, None, None, item)
    assert left.position_ms >= 20_000
    event = stage.events()[-1]
    assert (event["name"], event["args"]["reason"]) == ("VoiceLeft", "alone")
    stage.assert_replays(before)


def test_roles_are_looked_up_anew_for_each_command(stage: Stage) -> None:
    dj = stage.dj()
    stage.decide(may_add="dj")
    stage.add(by=dj)
    Membership.objects.filter(user=dj).update(role_ids=[])
    with pytest.raises(NotAllowed):
        stage.add(by=dj)
