"""Unmodified nextcord 3.2 plays to the voice server, in both of DAVE's roles."""

import asyncio

import numpy as np
import pytest

from sandbox.voice.server import VoiceServer
from sandbox.voice.udp import XCHACHA20_POLY1305
from tests.waiting import eventually

from .clients import ALICE, BERT, CARLA, PLACE, NextcordBot, Packets
from .conftest import StartServer, hear_more, only_report
from .tone import count_hz, decode_ogg, is_gapless


@pytest.mark.parametrize("bot_commits", [True, False], ids=["bot commits", "bot is welcomed"])
async def test_a_tone_arrives_encrypted_whole_and_in_tune(
    start_server: StartServer, tone: list[bytes], bot_commits: bool
) -> None:
    server = await start_server(bot_commits=bot_commits)
    await server.set_people(**PLACE, user_ids=[ALICE])
    async with NextcordBot(server) as bot:
        await eventually(bot.e2ee.can_encrypt)
        bot.voice.play(Packets(tone[:100]))
        await eventually(lambda: only_report(server).speaking)
        await eventually(lambda: only_report(server).frames_received == 100)
        report = only_report(server)
        assert (report.frames_plain, report.frames_lost, report.frames_bad) == (0, 0, 0)
        assert (report.dave, report.mode) == (1, XCHACHA20_POLY1305)
        assert report.tone_hz == pytest.approx(440, abs=1)
        assert report.silence_ms < 500


@pytest.mark.parametrize("bot_commits", [True, False], ids=["bot commits", "listeners commit"])
async def test_people_come_and_go_while_it_plays(
    start_server: StartServer, tone: list[bytes], bot_commits: bool
) -> None:
    server = await start_server(bot_commits=bot_commits)
    async with NextcordBot(server) as bot:
        bot.heed_prepare_epoch()
        assert only_report(server).dave == 0  # the call of a bot that is alone
        bot.voice.play(Packets(tone[:250]))
        await eventually(lambda: only_report(server).frames_plain > 10)
        for people in ([ALICE], [ALICE, BERT], [BERT], [ALICE], [ALICE, BERT, CARLA], [CARLA]):
            before = bot.epoch()
            await server.set_people(**PLACE, user_ids=people)
            await eventually(lambda: bot.epoch() != before and bot.e2ee.can_encrypt())  # noqa: B023  # awaited within the same iteration
            await hear_more(server, 15)
        await eventually(lambda: only_report(server).frames_received == 250, within=10)
        report = only_report(server)
        assert (report.frames_lost, report.frames_bad) == (0, 0)
        assert report.frames_plain < 100
        assert report.tone_hz == pytest.approx(440, abs=1)


async def test_left_alone_the_bot_sends_plain_until_somebody_returns(
    server: VoiceServer, tone: list[bytes]
) -> None:
    await server.set_people(**PLACE, user_ids=[ALICE])
    async with NextcordBot(server) as bot:
        bot.heed_prepare_epoch()
        await eventually(bot.e2ee.can_encrypt)
        bot.voice.play(Packets(tone[:150]))
        await hear_more(server, 10)
        assert only_report(server).frames_plain == 0
        await server.set_people(**PLACE, user_ids=[])
        await eventually(lambda: only_report(server).frames_plain > 10)
        assert (only_report(server).dave, bot.e2ee.can_encrypt()) == (0, False)
        await server.set_people(**PLACE, user_ids=[BERT])
        await eventually(bot.e2ee.can_encrypt)
        assert only_report(server).dave == 1
        await hear_more(server, 10)
        plain = only_report(server).frames_plain
        await eventually(lambda: only_report(server).frames_received == 150)
        report = only_report(server)
        assert (report.frames_lost, report.frames_bad, report.frames_plain) == (0, 0, plain)


async def test_nextcord_deaf_to_prepare_epoch_is_not_heard_by_who_returns(
    server: VoiceServer, tone: list[bytes]
) -> None:
    """nextcord 3.2.0 ignores op 24 (nextcord#1294): it sends plain frames to clients that do not play them."""
    await server.set_people(**PLACE, user_ids=[ALICE])
    async with NextcordBot(server) as bot:
        await eventually(bot.e2ee.can_encrypt)
        bot.voice.play(Packets(tone))
        await hear_more(server, 10)
        await server.set_people(**PLACE, user_ids=[])
        await hear_more(server, 10)
        await server.set_people(**PLACE, user_ids=[BERT])
        await eventually(lambda: only_report(server).frames_bad > 10)
        before = only_report(server).frames_received
        await eventually(lambda: only_report(server).frames_bad > 30)
        assert only_report(server).frames_received == before


async def test_alone_the_bot_is_heard_without_e2ee(server: VoiceServer, tone: list[bytes]) -> None:
    async with NextcordBot(server) as bot:
        bot.voice.play(Packets(tone[:50]))
        await eventually(lambda: only_report(server).frames_received == 50)
        report = only_report(server)
        assert (report.frames_plain, report.frames_lost, report.frames_bad) == (50, 0, 0)
        assert report.dave == 0


async def test_once_established_a_plain_frame_is_bad_but_silence_is_not(
    server: VoiceServer, tone: list[bytes]
) -> None:
    await server.set_people(**PLACE, user_ids=[ALICE])
    async with NextcordBot(server) as bot:
        await eventually(bot.e2ee.can_encrypt)
        bot.voice.send_audio_packet(tone[0], encode=False)
        await eventually(lambda: only_report(server).frames_received == 1)
        bot.voice.e2ee_state = None  # from now on nextcord sends like a library without DAVE
        bot.voice.send_audio_packet(tone[1], encode=False)
        await eventually(lambda: only_report(server).frames_bad == 1)
        bot.voice.send_audio_packet(b"\xf8\xff\xfe", encode=False)
        await eventually(lambda: only_report(server).frames_received == 2)
        assert (only_report(server).frames_bad, only_report(server).frames_plain) == (1, 0)


@pytest.mark.parametrize("bot_commits", [True, False], ids=["bot commits", "bot is welcomed"])
async def test_a_rejected_commit_makes_a_new_group(
    start_server: StartServer, tone: list[bytes], bot_commits: bool
) -> None:
    server = await start_server(bot_commits=bot_commits)
    await server.set_people(**PLACE, user_ids=[ALICE, BERT])
    async with NextcordBot(server) as bot:
        await eventually(bot.e2ee.can_encrypt)
        bot.voice.play(Packets(tone[:150]))
        await eventually(lambda: only_report(server).frames_received > 20)
        # nextcord does this when it cannot process a commit.
        await bot.voice.ws.send_dave_mls_invalid_commit_welcome(1)
        await bot.e2ee.initialise(1)
        assert not bot.e2ee.can_encrypt()
        await eventually(bot.e2ee.can_encrypt)
        await eventually(lambda: only_report(server).frames_received == 150)
        assert (only_report(server).frames_lost, only_report(server).frames_bad) == (0, 0)


async def test_without_dave_it_plays_as_well(plain_server: VoiceServer, tone: list[bytes]) -> None:
    await plain_server.set_people(**PLACE, user_ids=[ALICE])
    async with NextcordBot(plain_server) as bot:
        bot.voice.play(Packets(tone[:60]))
        await eventually(lambda: only_report(plain_server).frames_received == 60)
        report = only_report(plain_server)
        assert (report.dave, report.frames_plain, report.frames_bad, report.frames_lost) == (0, 60, 0, 0)
        assert report.tone_hz == pytest.approx(440, abs=1)


async def test_a_close_makes_it_rejoin_and_a_leave_is_forgotten(
    server: VoiceServer, tone: list[bytes]
) -> None:
    await server.set_people(**PLACE, user_ids=[ALICE])
    async with NextcordBot(server) as bot:
        await server.close(guild_id=PLACE["guild_id"], code=4006)
        await eventually(lambda: bot.gateway.joins == 2 and bot.voice.is_connected(), within=15)
        await eventually(lambda: only_report(server).mode is not None)
    await eventually(lambda: server.sessions() == [])


async def test_the_recording_is_the_tone_again(server: VoiceServer, tone: list[bytes]) -> None:
    await server.set_people(**PLACE, user_ids=[ALICE])
    async with NextcordBot(server) as bot:
        await eventually(bot.e2ee.can_encrypt)
        bot.voice.play(Packets(tone[:75]))
        await eventually(lambda: only_report(server).frames_received == 75)
        recording = server.recording(PLACE["guild_id"])
    assert recording is not None
    signal, stamps = decode_ogg(recording)
    assert len(stamps) == 75
    assert is_gapless(stamps)
    assert count_hz(signal[9600:]) == pytest.approx(440, abs=1)
    assert server.recording("900000000000000099") is None


async def test_the_live_stream_plays_what_arrives_and_silence_otherwise(
    server: VoiceServer, tone: list[bytes]
) -> None:
    async with NextcordBot(server) as bot:
        stream = server.live(PLACE["guild_id"])
        received = [await anext(stream)]
        assert received[0].startswith(b"OggS")

        async def follow() -> None:
            async for piece in stream:
                received.append(piece)

        following = asyncio.create_task(follow())
        await eventually(lambda: len(received) >= 8)  # nothing plays yet, but the stream does not stall
        bot.voice.play(Packets(tone[:75]))
        await eventually(lambda: only_report(server).frames_received == 75)
        before = len(received)
        await eventually(lambda: len(received) > before + 4)
    await server.stop()
    await asyncio.wait_for(following, 2)  # the stream ends with the server
    signal, stamps = decode_ogg(b"".join(received))
    assert is_gapless(stamps)
    loud = np.flatnonzero(abs(signal) > 0.05)
    assert len(loud) / 48000 > 1.0
    stretch = max(np.split(loud, np.flatnonzero(np.diff(loud) > 480) + 1), key=len)
    assert count_hz(signal[stretch[0] + 480 : stretch[-1] - 480]) == pytest.approx(440, abs=1)
