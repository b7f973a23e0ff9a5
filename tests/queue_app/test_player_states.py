"""Every state of the player can be ended: each way in the table of SILENCES, and single stories."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from guilds.models import VoiceState
from queue_app.commands import COMMANDS
from queue_app.domain import playback
from queue_app.domain.playback import abandoned, note_absence
from queue_app.models import MOVES, ItemState, Player
from queue_app.player_states import SILENCES, Surface, Way
from tests.factories import TrackFactory, sit
from tests.queue_app.voice_stage import VoiceStage, close, open_to_all


@pytest.fixture
def stage(db: None) -> VoiceStage:
    return VoiceStage()


# --- The table ---


def add_from_nowhere(stage: VoiceStage) -> None:
    stage.add()
    stage.tick()


def add_and_hear(stage: VoiceStage) -> None:
    sit(stage.member, stage.channel)
    stage.add()
    stage.tick()
    stage.assert_heard()


def from_a_closed_channel(stage: VoiceStage) -> None:
    close(stage.channel)
    sit(stage.member, stage.channel)
    stage.add()
    stage.tick()


def from_a_full_channel(stage: VoiceStage) -> None:
    stage.channel.user_limit = 1
    stage.channel.save()
    sit(stage.member, stage.channel)
    stage.add()
    stage.tick()


def pause(stage: VoiceStage) -> None:
    add_and_hear(stage)
    stage.do("Pause")


def kick(stage: VoiceStage) -> None:
    add_and_hear(stage)
    playback.moved(stage.id, owner=stage.owner, channel_id=None)


def vanish(stage: VoiceStage) -> None:
    add_and_hear(stage)
    Player.objects.update(lease_expires_at=timezone.now() - timedelta(seconds=1))


def delete_the_channel(stage: VoiceStage) -> None:
    add_and_hear(stage)
    stage.channel.delete()
    playback.lose_channel(stage.id, owner=stage.owner)
    stage.tick()


def reported(code: str) -> Callable[[VoiceStage], None]:
    def arrange(stage: VoiceStage) -> None:
        add_and_hear(stage)
        stage.see(None, sounding=False)
        stage.report(code)

    return arrange


# How to get into each state. States that Discord reports to the bot are set here, and are caused in tests/botrunner.
INTO: dict[str, Callable[[VoiceStage], None]] = {
    "NO_VOICE_CHANNEL": add_from_nowhere,
    "PAUSED": pause,
    "STOPPED": kick,
    "UNKNOWN_CHANNEL": delete_the_channel,
    "CANNOT_CONNECT": from_a_closed_channel,
    "CHANNEL_FULL": from_a_full_channel,
    "NOT_ALLOWED_TO_SPEAK": reported("NOT_ALLOWED_TO_SPEAK"),
    "SERVER_MUTED": reported("SERVER_MUTED"),
    "VOICE_FAILED": reported("VOICE_FAILED"),
    "VOICE_REFUSED": reported("VOICE_REFUSED"),
    "BOT_AWAY": vanish,
}


def take(way: Way, stage: VoiceStage) -> None:
    """Take a way of the table, as a person who may."""
    match way.what:
        case "Resume playback":
            stage.do("Resume")
        case "Add a track":
            stage.add()
        case "Choose a voice channel":
            stage.do("JoinVoice", by=stage.manager, channel_id=stage.back_room.pk)
        case "Set the default voice channel":
            stage.do("ChangeSettings", by=stage.manager, voice_channel_id=stage.back_room.pk)
        case "Join a voice channel":
            sit(stage.member, stage.back_room)
        case "Grant the permission" | "Make room in the channel":
            open_to_all(stage.channel)
        case "Unmute the bot" | "Invite the bot to speak" | "Wait":
            pass
        case _:
            raise AssertionError(f"nobody knows how to: {way.what}")


WAYS = [(code, way) for code, silence in SILENCES.items() for way in silence.ways]


@pytest.mark.parametrize(("code", "way"), WAYS, ids=[f"{code}: {way.what}" for code, way in WAYS])
def test_each_way_out_of_each_state_makes_it_play(code: str, way: Way, stage: VoiceStage) -> None:
    INTO[code](stage)
    player = stage.snapshot()["player"]
    assert player["error"]["code"] == code
    assert player["status"] == SILENCES[code].status
    take(way, stage)
    stage.tick()
    stage.assert_heard()


def test_every_state_has_a_sentence_and_a_way_out() -> None:
    assert set(INTO) == set(SILENCES)
    for code, silence in SILENCES.items():
        assert silence.ways, code
        assert silence.sentence.endswith("."), code


@pytest.mark.parametrize("way", {way.command: way for _, way in WAYS if way.command}.values())
def test_each_command_of_the_table_is_offered_on_its_surfaces(way: Way, stage: VoiceStage) -> None:
    assert way.surfaces >= {Surface.API, Surface.WEB}
    assert (
        way.command in COMMANDS
    )  # `/sync` accepts the same commands. Slash commands are tested in tests/botrunner/test_commands.py
    routes: dict[str, tuple[str, str, dict[str, Any]]] = {
        "Resume": ("patch", "player", {"paused": False}),
        "AddTrack": ("post", "queue", {"query": TrackFactory.create().uri}),
        "JoinVoice": ("patch", "player", {"voice_channel_id": stage.channel.pk}),
        "ChangeSettings": ("patch", "settings", {"voice_channel_id": stage.channel.pk}),
    }
    method, route, body = routes[way.command]
    client = Client()
    client.force_login(stage.manager)
    answer = getattr(client, method)(f"/api/guilds/{stage.id}/{route}", body, "application/json")
    assert answer.status_code != 404


def test_the_bot_reports_only_what_stands_in_the_table(stage: VoiceStage) -> None:
    add_and_hear(stage)
    with pytest.raises(ValueError, match="NO_SUCH_STATE"):
        stage.report("NO_SUCH_STATE")


def test_an_item_takes_only_the_ways_of_the_table(stage: VoiceStage) -> None:
    item = stage.add()
    for wanted in set(ItemState) - set(MOVES[ItemState.QUEUED]):
        with pytest.raises(ValueError, match="cannot go from queued"):
            item.end(wanted)
    item.end(ItemState.REMOVED)
    with pytest.raises(ValueError, match="cannot go from removed"):
        item.end(ItemState.PLAYED)


# --- Single stories ---


def test_a_track_added_after_the_paused_queue_ran_empty_plays(stage: VoiceStage) -> None:
    add_and_hear(stage)
    stage.do("Pause")
    stage.do("Skip")
    player = stage.snapshot()["player"]
    assert (player["status"], player["item"], player["error"]["code"]) == ("paused", None, "PAUSED")
    before = stage.snapshot()
    stage.add()
    assert "PlayerResumed" in stage.names
    stage.assert_replays(before)
    stage.tick()
    stage.assert_heard()


def test_a_paused_player_with_tracks_waiting_stays_paused_until_somebody_resumes(stage: VoiceStage) -> None:
    add_and_hear(stage)
    stage.add()
    stage.do("Pause")
    stage.do("Skip")
    stage.add()
    stage.tick()
    assert (stage.snapshot()["player"]["status"], stage.error) == ("paused", "PAUSED")
    stage.do("Resume")
    stage.tick()
    stage.assert_heard()


def test_what_nothing_matches_does_not_resume(stage: VoiceStage) -> None:
    add_and_hear(stage)
    stage.do("Pause")
    stage.do("Skip")
    stage.do("AddTrack", query="nothing matches this")
    assert stage.player.paused


def test_leaving_while_paused_ends_the_pause_so_that_calling_it_back_plays(stage: VoiceStage) -> None:
    pause(stage)
    stage.do("LeaveVoice")
    stage.do("Pause")  # there is no sound to pause
    assert stage.error == "STOPPED"
    stage.do("JoinVoice", channel_id=stage.channel.pk)
    stage.tick()
    stage.assert_heard()


def test_resuming_from_nowhere_what_was_sent_out_of_voice_says_what_to_do(stage: VoiceStage) -> None:
    add_and_hear(stage)
    VoiceState.objects.all().delete()
    stage.do("LeaveVoice")
    stage.tick()
    stage.do("Resume")
    stage.tick()
    assert stage.error == "NO_VOICE_CHANNEL"
    names = stage.names
    stage.tick()
    assert stage.names == names
    sit(stage.member, stage.back_room)
    stage.tick()
    stage.assert_heard()


def test_the_channel_of_anybody_who_waits_is_taken_where_nobody_else_named_one(stage: VoiceStage) -> None:
    stage.add()
    late = stage.join()
    stage.add(by=late)
    stage.tick()
    assert stage.error == "NO_VOICE_CHANNEL"
    sit(late, stage.back_room)
    stage.tick()
    stage.assert_heard()
    assert stage.current.requested_by == stage.member


def test_a_closed_channel_is_passed_over_for_one_that_the_bot_may_enter(stage: VoiceStage) -> None:
    from_a_closed_channel(stage)
    assert stage.error == "CANNOT_CONNECT"
    assert "Connect" in stage.snapshot()["player"]["error"]["detail"]
    sit(stage.member, stage.back_room)
    stage.tick()
    stage.assert_heard()
    assert stage.player.voice_channel_id == stage.back_room.pk


def test_of_a_closed_and_an_open_channel_the_open_one_is_taken_at_once(stage: VoiceStage) -> None:
    stage.decide(voice_channel_id=stage.back_room.pk)
    from_a_closed_channel(stage)
    stage.assert_heard()
    assert stage.player.voice_channel_id == stage.back_room.pk


def test_looking_for_a_channel_again_and_again_says_nothing_twice(stage: VoiceStage) -> None:
    from_a_closed_channel(stage)
    names = stage.names
    for _ in range(3):
        stage.tick()
    assert stage.names == names


def test_where_nobody_names_a_channel_the_guild_is_not_opened_again(
    stage: VoiceStage, django_assert_max_num_queries: Any
) -> None:
    for _ in range(3):
        stage.add()
    playback.take_lease(stage.id, owner=stage.owner)
    assert playback.start_next(stage.id, owner=stage.owner) is None
    with django_assert_max_num_queries(7) as found:
        assert playback.start_next(stage.id, owner=stage.owner) is None
    assert not any("UPDATE" in query["sql"] or "SAVEPOINT" in query["sql"] for query in found)


def test_with_an_empty_queue_and_nothing_current_nothing_is_wrong(stage: VoiceStage) -> None:
    assert stage.error == ""
    assert stage.snapshot()["player"]["status"] == "idle"


# --- An offline bot ---


def test_a_bot_that_vanished_is_told_of_once_and_taken_back_by_the_next(stage: VoiceStage) -> None:
    vanish(stage)
    before = stage.snapshot()
    assert (before["player"]["status"], before["player"]["error"]["code"]) == ("connecting", "BOT_AWAY")
    assert abandoned([stage.id]) == [stage.id]
    for _ in range(2):
        note_absence(stage.id)
    assert stage.names.count("PlayerErrorChanged") == 1
    assert abandoned([stage.id]) == []
    stage.take_over()
    assert stage.error == ""
    stage.assert_replays(before)


@pytest.mark.parametrize("command", ["Pause", "LeaveVoice"])
def test_a_bot_that_has_nothing_to_do_is_not_missed(command: str, stage: VoiceStage) -> None:
    add_and_hear(stage)
    stage.do(command)
    Player.objects.update(lease_expires_at=timezone.now() - timedelta(seconds=1))
    assert abandoned([stage.id]) == []


def test_who_gives_the_guild_up_says_that_it_goes(stage: VoiceStage) -> None:
    add_and_hear(stage)
    playback.release(stage.id, owner=stage.owner)
    notice = stage.events()[-1]
    assert (notice["name"], notice["args"]["player"]["error"]["code"]) == ("VoiceChanged", "BOT_AWAY")


@pytest.mark.parametrize("guilds", [1, 3])
def test_missing_bots_are_found_in_one_query(guilds: int, db: None, django_assert_num_queries: Any) -> None:
    stages = [VoiceStage() for _ in range(guilds)]
    for each in stages:
        vanish(each)
    with django_assert_num_queries(1):
        assert set(abandoned([each.id for each in stages])) == {each.id for each in stages}
