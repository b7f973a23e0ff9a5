"""When Discord moves, mutes or locks out the bot, or changes its voice server, it plays on or says why not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from guilds.models import Channel
from queue_app.models import Player
from realtime.db import in_thread
from realtime.models import Event, Store
from sandbox import permissions
from sandbox.seed import BOT_ROLE, LOUNGE
from sandbox.server import Sandbox
from tests.botrunner.conftest import owner_of
from tests.botrunner.stage import Stage
from tests.botrunner.voice_watch import deny, edit, grant, moderate, watched
from tests.waiting import eventually

SECONDS_OF_A_MOVE = 2_000  # ms by which the position may advance before a move is heard, on a busy machine


async def reply(stage: Stage, code: str) -> Player:
    """Wait until the player reports this."""

    async def so() -> Player | None:
        player = await stage.player()
        return player if player.error_code == code else None

    found: Player = await eventually(so, what=f"{code} was never said: {(await stage.player()).error_code}")
    return found


async def continues(stage: Stage, since: Player, **where: Any) -> Player:
    """Wait until the tone is heard at the right position and no error is reported."""
    await stage.hear(440, after=10, **where)
    player = await stage.status("playing")
    assert player.error_code == ""
    assert player.item == since.item
    return player


async def test_a_bot_that_is_moved_plays_there_and_never_leaves(playing: Stage) -> None:
    """In both orders of Discord's events, and whether or how the old connection is closed."""
    await playing.sit("dj", "Back room")
    before = await playing.player()
    notice: list[dict[str, Any]] = [
        {"code": 4014},
        {"code": 4022, "server_first": True},
        {"code": None, "server_first": True},
        {"code": None},
        {"code": 4014, "seconds": 0.5},
        {"code": None, "server_first": True, "seconds": 0.5},
    ]
    with watched(playing) as seats:
        for number, order in enumerate(notice):
            name = ("Back room", "Stage left")[number % 2]
            await playing.fault("move_bot", guild_id=LOUNGE, channel_id=playing.channel(name), **order)
            report = await playing.hear(440, channel=name, after=10)
            assert report.frames_bad == 0, order
            assert (await playing.status("playing")).voice_channel_id == playing.channel(name)
        assert seats.channels == [
            playing.channel(("Back room", "Stage left")[n % 2]) for n in range(len(notice))
        ]
        assert seats.asked == []
    after = await playing.player()
    assert after.connected_channel_id == playing.channel("Stage left")
    assert after.item == before.item


async def test_the_position_waits_while_there_is_no_connection(
    playing: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until Discord has a voice server again, wherever the bot was moved meanwhile."""
    monkeypatch.setattr("botrunner.voice.REASON_SECONDS", 20)  # it hears in time, however slow the machine
    await playing.sit("dj", "Back room")
    back = playing.channel("Back room")
    with watched(playing) as seats:
        order = {"guild_id": LOUNGE, "code": 4014, "seconds": 1.5}
        before = await playing.player()
        await playing.fault("move_bot", channel_id=back, **order)
        there = await continues(playing, before, channel="Back room")
        assert there.current_position_ms - before.current_position_ms < SECONDS_OF_A_MOVE
        assert seats.channels == [back]
        assert seats.asked == []


@pytest.mark.parametrize("order", [{"seconds": 1.0}, {"null_first": True, "seconds": 1.0}, {"code": None}])
async def test_another_voice_server_is_no_reason_to_leave(
    playing: Stage, order: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Discord then closes the connection of a bot that is alone with 4022, which looks like a kick."""
    monkeypatch.setattr("botrunner.voice.REASON_SECONDS", 20)  # it hears in time, however slow the machine
    for person in ("member", "owner"):
        await playing.sit(person, None)
    before = await playing.player()
    heard = playing.report()
    assert heard is not None
    with watched(playing) as seats:
        await playing.fault("voice_server", guild_id=LOUNGE, **order)
        await eventually(
            lambda: (now := playing.report()) is not None and now.frames_received < heard.frames_received
        )
        await playing.sit("owner", "Stage left")
        report = await playing.hear(440, after=10)
        assert (report.frames_bad, report.dave) == (0, 1)
        assert seats.channels == []
        assert seats.asked == []
    player = await playing.status("playing")
    assert player.item == before.item


async def test_a_close_without_news_is_followed_by_asking_again_without_leaving(playing: Stage) -> None:
    before = playing.report()
    assert before is not None
    with watched(playing) as seats:
        await playing.fault("voice_close", guild_id=LOUNGE, code=4022)
        await eventually(
            lambda: (now := playing.report()) is not None and now.frames_received < before.frames_received
        )
        await playing.hear(440, after=10)
        assert seats.asked == [playing.channel("Stage left")]
        assert None not in seats.channels


async def test_a_server_that_crashed_is_gone_on_with_in_the_same_session(playing: Stage) -> None:
    sessions = playing.sandbox.voice._gateway.sessions
    session = sessions[LOUNGE]
    with watched(playing) as seats:
        await playing.fault("voice_close", guild_id=LOUNGE, code=4015)
        heard = session.frames_received
        await playing.hear(440, after=heard + 50)
        assert sessions[LOUNGE] is session
        assert seats.asked == []


@pytest.mark.parametrize("state_first", [True, False])
async def test_a_lone_bot_that_is_kicked_stays_out_until_somebody_calls(
    playing: Stage, state_first: bool
) -> None:
    for person in ("member", "owner"):
        await playing.sit(person, None)
    with watched(playing) as seats:
        await playing.fault("kick_bot", guild_id=LOUNGE, state_first=state_first)
        player = await playing.status("stopped")
        await playing.silence(2_500)  # longer than it waits for the event that explains a close
        assert seats.channels == [None]
        assert seats.asked == []
        assert player.item is not None
        await playing.sit("owner", "Back room")
        await playing.slash("owner", "resume")
        await continues(playing, player, channel="Back room")


async def test_a_muted_bot_says_so_and_goes_on_where_it_was(playing: Stage) -> None:
    await moderate(playing, deaf=True)  # not an error, because the bot needs to hear nobody
    heard = playing.report()
    assert heard is not None
    await playing.hear(440, after=heard.frames_received + 25)
    assert (await playing.player()).error_code == ""

    await moderate(playing, mute=True)
    muted = await reply(playing, "SERVER_MUTED")
    assert (muted.status, muted.sounding) == ("error", False)
    assert "“Stage left”" in muted.error_detail
    await playing.silence(1_500)
    report = playing.report()
    assert report is not None
    assert (report.silenced, report.tone_hz) == (True, None)
    embed = (await playing.slash("owner", "nowplaying"))["embeds"][0]
    assert muted.error_detail in str(embed)
    held = (await playing.player()).current_position_ms
    await moderate(playing, mute=False)
    after = await continues(playing, muted)
    assert 0 <= after.current_position_ms - held < SECONDS_OF_A_MOVE


async def test_muted_with_nothing_to_play_it_says_so_as_soon_as_there_is(stage: Stage) -> None:
    await stage.start_bot()
    await stage.sit("owner", "Stage left")
    await stage.do(await owner_of(stage), "JoinVoice", channel_id=stage.channel("Stage left"))
    await eventually(stage.report, what="the bot in voice")
    await moderate(stage, mute=True)
    await stage.slash("owner", "play", query="Long A")
    await reply(stage, "SERVER_MUTED")
    await moderate(stage, mute=False)
    await stage.hear(440)


async def test_where_speaking_is_forbidden_it_says_so_until_it_is_allowed(playing: Stage) -> None:
    """Discord checks permissions only at a join, so the bot joins again once it may speak."""
    await playing.sit("dj", "Back room")
    await deny(playing, "Back room", permissions.CONNECT)
    await playing.fault("move_bot", guild_id=LOUNGE, channel_id=playing.channel("Back room"))
    dragged = await reply(playing, "NOT_ALLOWED_TO_SPEAK")
    assert (dragged.status, dragged.voice_channel_id) == ("error", playing.channel("Back room"))
    assert "Connect" in dragged.error_detail
    assert "“Back room”" in dragged.error_detail

    await playing.fault("move_bot", guild_id=LOUNGE, channel_id=playing.channel("Stage left"))
    await continues(playing, dragged, channel="Stage left")
    await deny(playing, "Back room", permissions.SPEAK)
    held = await playing.player()
    await playing.do(await owner_of(playing), "JoinVoice", channel_id=playing.channel("Back room"))
    silent = await reply(playing, "NOT_ALLOWED_TO_SPEAK")
    assert "Speak" in silent.error_detail
    await playing.silence()
    await deny(playing, "Back room", 0)
    after = await continues(playing, silent, channel="Back room")
    assert after.current_position_ms - held.current_position_ms < 2 * SECONDS_OF_A_MOVE


async def test_a_channel_that_some_may_not_see_is_not_named(playing: Stage) -> None:
    """Every member can read the player's message, and it is stored in the log."""
    hidden = {"id": LOUNGE, "type": 0, "allow": "0", "deny": str(permissions.VIEW_CHANNEL)}
    let_in = {"id": BOT_ROLE, "type": 0, "allow": str(permissions.VIEW_CHANNEL), "deny": "0"}
    back = playing.channel("Back room")
    await edit(playing, "edit_channel", channel_id=back, overwrites=[hidden, let_in])
    await playing.slash("owner", "join", channel="Back room")
    await playing.hear(440, channel="Back room")
    await moderate(playing, mute=True)
    detail = (await reply(playing, "SERVER_MUTED")).error_detail
    assert detail == "The bot is server-muted in its voice channel. Unmute it, and playback continues."


async def errors_since(stage: Stage, seq: int) -> set[str]:
    """Return the codes of the errors that the player has reported."""

    def read() -> set[str]:
        events = Event.objects.filter(store__name=f"guild:{LOUNGE}", seq__gt=seq)
        players = [json.loads(args).get("player") for args in events.values_list("args", flat=True)]
        return {player["error"]["code"] for player in players if player and player["error"]}

    found: set[str] = await in_thread(read)()
    return found


async def head(stage: Stage) -> int:
    store: Store = await in_thread(Store.objects.get)(name=f"guild:{LOUNGE}")
    return store.head


async def test_a_bot_on_its_way_says_nothing_of_the_channel_it_leaves(playing: Stage) -> None:
    await deny(playing, "Back room", permissions.SPEAK)
    await playing.slash("owner", "join", channel="Back room")
    silent = await reply(playing, "NOT_ALLOWED_TO_SPEAK")
    seq, left = await head(playing), playing.channel("Stage left")
    answer = await playing.slash("owner", "join", channel="Stage left")
    assert answer["content"] == f"Joined <#{left}>."
    await continues(playing, silent, channel="Stage left")
    assert await errors_since(playing, seq) == set()


async def test_a_stage_that_refuses_who_has_just_come_is_asked_again(playing: Stage) -> None:
    stage_id = (await edit(playing, "add_channel", name="Open stage", type=13))["id"]
    await grant(playing, permissions.MUTE_MEMBERS)
    await eventually(in_thread(Channel.objects.filter(pk=stage_id).exists))
    seq, before = await head(playing), await playing.player()
    await playing.fault("http_status", path="/voice-states/@me", status=404, code=10065)
    await playing.slash("owner", "join", channel="Open stage")
    assert (await continues(playing, before, channel="Open stage")).voice_channel_id == stage_id
    assert await errors_since(playing, seq) == set()


async def test_on_a_stage_it_raises_its_hand_or_speaks(playing: Stage) -> None:
    stage_id = (await edit(playing, "add_channel", name="Open stage", type=13))["id"]
    await playing.sit("dj", "Open stage")
    await playing.fault("move_bot", guild_id=LOUNGE, channel_id=stage_id)
    waiting = await reply(playing, "NOT_ALLOWED_TO_SPEAK")
    assert "raised its hand" in waiting.error_detail

    def state() -> Any:
        return playing.sandbox.world.voice_states[LOUNGE, playing.sandbox.world.bot_id]

    await eventually(lambda: state().requested_at is not None)
    await moderate(playing, suppress=False)  # a moderator invites it
    await continues(playing, waiting, channel="Open stage")
    report = playing.report()
    assert report is not None
    assert (report.dave, report.frames_bad) == (0, 0)

    await playing.fault("move_bot", guild_id=LOUNGE, channel_id=playing.channel("Stage left"))
    await playing.hear(440, channel="Stage left", after=10)
    await grant(playing, permissions.MUTE_MEMBERS)
    await playing.fault("move_bot", guild_id=LOUNGE, channel_id=stage_id)
    await continues(playing, waiting, channel="Open stage")
    assert not state().suppress

    await moderate(playing, suppress=True)  # a moderator decided, so it does not ask again
    sent = await reply(playing, "NOT_ALLOWED_TO_SPEAK")
    assert "Invite it to speak" in sent.error_detail


async def test_a_closed_or_full_channel_is_named_at_once_and_tried_when_it_opens(playing: Stage) -> None:
    user = await owner_of(playing)
    back = playing.channel("Back room")
    for person in ("owner", "member"):  # otherwise the bot could play in their channel
        await playing.sit(person, None)
    held = await playing.player()
    with watched(playing) as seats:
        for bit, name in ((permissions.VIEW_CHANNEL, "View Channel"), (permissions.CONNECT, "Connect")):
            await deny(playing, "Back room", bit)
            if seats.asked == []:
                await playing.do(user, "JoinVoice", channel_id=back)

            async def named(name: str = name) -> bool:
                return name in (await playing.player()).error_detail

            player = await reply(playing, "CANNOT_CONNECT")
            await eventually(named, what=f"{name} named")
            assert player.status == "error"
            assert "“Back room”" in player.error_detail
        await edit(playing, "edit_channel", channel_id=back, user_limit=1)
        await playing.sit("dj", "Back room")
        await deny(playing, "Back room", 0)
        assert "user limit 1" in (await reply(playing, "CHANNEL_FULL")).error_detail
        assert back not in seats.asked  # Discord would not answer a request for it
        await edit(playing, "edit_channel", channel_id=back, user_limit=2)
        player = await continues(playing, held, channel="Back room")
        assert [each for each in seats.asked if each] == [back]
        assert player.current_position_ms - held.current_position_ms < 2 * SECONDS_OF_A_MOVE

        for person in ("member", "dj"):
            await playing.sit(person, "Stage left")
        await edit(playing, "edit_channel", channel_id=playing.channel("Stage left"), user_limit=2)
        await playing.do(user, "JoinVoice", channel_id=playing.channel("Stage left"))
        await reply(playing, "CHANNEL_FULL")
        await playing.sit("member", None)  # frees a place
        await continues(playing, held, channel="Stage left")


async def test_the_afk_channel_is_not_joined_but_no_reason_to_fall_silent(playing: Stage) -> None:
    for person in ("owner", "member"):
        await playing.sit(person, None)
    back = playing.channel("Back room")
    await edit(playing, "set_afk_channel", channel_id=back)
    user = await owner_of(playing)
    await playing.do(user, "JoinVoice", channel_id=back)
    held = await reply(playing, "CANNOT_CONNECT")
    assert "AFK" in held.error_detail
    await playing.do(user, "JoinVoice", channel_id=playing.channel("Stage left"))
    await continues(playing, held, channel="Stage left")
    await playing.fault("move_bot", guild_id=LOUNGE, channel_id=back)
    await continues(playing, held, channel="Back room")


async def test_alone_at_first_it_is_heard_by_who_comes(stage: Stage) -> None:
    """The call of a bot that is alone is unencrypted, and becomes encrypted when somebody joins."""
    await stage.start_bot()
    user = await owner_of(stage)
    await stage.do(user, "JoinVoice", channel_id=stage.channel("Back room"))
    await stage.do(user, "AddTrack", query="Long A")
    report = await stage.hear(440, after=10)
    assert report.dave == 0
    await stage.sit("dj", "Back room")
    await eventually(lambda: (now := stage.report()) is not None and now.dave == 1)
    heard = stage.report()
    assert heard is not None
    report = await stage.hear(440, after=heard.frames_received + 100)
    assert report.frames_bad == 0


async def test_an_outage_of_discord_costs_nothing_of_the_track(playing: Stage, tmp_path: Path) -> None:
    """Gateway, REST and voice fail, and return without the old sessions and servers."""
    await playing.hear(440, after=50)
    old = playing.sandbox
    await old.stop()

    async def silent() -> Player | None:
        player = await playing.player()
        return player if player.status != "playing" else None

    held: Player = await eventually(silent)
    new = Sandbox(data_dir=tmp_path / "discord", port=old.port)
    new.gateway.IDENTIFY_SECONDS = 0.0
    await new.start()
    playing.sandbox = new
    try:
        after = await continues(playing, held, seconds=30.0)
        assert 0 <= after.current_position_ms - held.position_ms < SECONDS_OF_A_MOVE
    finally:
        for bot in playing.bots:
            await bot.stop()
        await new.stop()
