"""What counts as received, lost, repeated and bad, and that no datagram to the port does harm."""

import asyncio
import random
import struct
from pathlib import Path

import pytest
import uvloop
from hypothesis import given
from hypothesis import strategies as st

from sandbox.voice.server import VoiceServer
from sandbox.voice.udp import AES256_GCM, MODES, SequenceWindow
from tests.waiting import eventually

from .clients import BOT, GUILD, PLACE, HandClient
from .conftest import only_report


def counts(server: VoiceServer) -> tuple[int, int, int]:
    report = only_report(server)
    return report.frames_received, report.frames_lost, report.frames_bad


@pytest.mark.parametrize("mode", MODES)
async def test_a_tone_arrives_in_each_encryption_mode(
    plain_server: VoiceServer, hand: HandClient, tone: list[bytes], mode: str
) -> None:
    await hand.join(mode)
    for frame in tone[:50]:
        hand.send_frame(frame)
    await eventually(lambda: counts(plain_server) == (50, 0, 0))
    assert only_report(plain_server).mode == mode
    assert only_report(plain_server).tone_hz == pytest.approx(440, abs=1)


async def test_discovery_tells_a_client_its_own_address(hand: HandClient) -> None:
    await hand.join(AES256_GCM)
    assert await hand.discover() == hand.udp.getsockname()


@pytest.mark.parametrize("mode", MODES)
async def test_extensions_sources_and_padding_are_taken_off(
    plain_server: VoiceServer, hand: HandClient, tone: list[bytes], mode: str
) -> None:
    await hand.join(mode)
    sources = struct.pack(">II", 1, 2)
    extension = struct.pack(">HH", 0xBEDE, 2)
    for index, frame in enumerate(tone[:40]):
        if index % 2:
            header = hand.header(flags=0x80 | 0x10 | 2) + sources + extension
            hand.send_frame(frame, header=header, ahead=b"extended")
        else:
            padding = bytes(3) + b"\x04"
            hand.send_frame(frame + padding, header=hand.header(flags=0x80 | 0x20))
    await eventually(lambda: counts(plain_server) == (40, 0, 0))
    assert only_report(plain_server).tone_hz == pytest.approx(440, abs=1)


async def test_gaps_are_lost_across_the_wrap_and_late_packets_fill_them(
    plain_server: VoiceServer, hand: HandClient, tone: list[bytes]
) -> None:
    await hand.join(AES256_GCM)
    for index, sequence in enumerate([65533, 65535, 2]):
        hand.sequence = sequence
        hand.send_frame(tone[index])
    await eventually(lambda: counts(plain_server) == (3, 3, 0))
    hand.sequence = 65534
    hand.send_frame(tone[3])
    await eventually(lambda: counts(plain_server) == (4, 2, 0))


async def test_repeats_are_counted_once(
    plain_server: VoiceServer, hand: HandClient, tone: list[bytes]
) -> None:
    await hand.join(AES256_GCM)
    for frame in tone[:3]:
        datagram = hand.send_frame(frame)
        hand.send_datagram(datagram)
    await eventually(lambda: counts(plain_server)[0] == 3)
    hand.send_frame(tone[3])
    await eventually(lambda: counts(plain_server) == (4, 0, 0))


@pytest.mark.parametrize("mode", MODES)
async def test_what_does_not_authenticate_or_decode_is_bad(
    plain_server: VoiceServer, hand: HandClient, tone: list[bytes], mode: str
) -> None:
    await hand.join(mode)
    spoiled = bytearray(hand.seal(tone[0], hand.header()))
    spoiled[20] ^= 1
    hand.send_datagram(bytes(spoiled))
    await eventually(lambda: counts(plain_server) == (0, 0, 1))
    relabeled = bytearray(hand.seal(tone[0], hand.header()))
    relabeled[3] ^= 1  # the header is authenticated too
    hand.send_datagram(bytes(relabeled))
    await eventually(lambda: counts(plain_server) == (0, 0, 2))
    for undecodable in (b"", b"\xff", b"\x03\x00", b"garbage!!"):
        hand.send_frame(undecodable)
    await eventually(lambda: counts(plain_server) == (0, 0, 6))
    hand.send_frame(tone[0])
    await eventually(lambda: counts(plain_server) == (1, 0, 6))


async def test_garbage_does_no_harm(plain_server: VoiceServer, hand: HandClient, tone: list[bytes]) -> None:
    await hand.join(AES256_GCM)
    chance = random.Random(7)
    ssrc = struct.pack(">I", hand.ssrc)
    for _ in range(150):
        noise = chance.randbytes(chance.choice([0, 1, 7, 11, 12, 13, 31, 74, 200, 1400]))
        hand.send_datagram(noise)
        if len(noise) >= 12:
            hand.send_datagram(bytes([0x80 | noise[0] & 0x3F, 0x78]) + noise[2:8] + ssrc + noise[12:])
    hand.send_datagram(struct.pack(">HHI66x", 1, 70, 0))  # discovery for an unknown SSRC
    hand.send_datagram(struct.pack(">BBHI", 0x80, 200, 1, hand.ssrc) + bytes(20))  # an RTCP report
    hand.send_frame(tone[0])
    await eventually(lambda: counts(plain_server)[0] == 1)
    assert await hand.discover() == hand.udp.getsockname()


async def test_guilds_do_not_mix(plain_server: VoiceServer, hand: HandClient, tone: list[bytes]) -> None:
    other = "900000000000000099"
    plain_server.expect(guild_id=other, channel_id="1", user_id=BOT, session_id="other", token="other")
    await hand.join(AES256_GCM)
    async with HandClient(plain_server) as second:
        await second.connect()
        await second.identify({"server_id": other, "session_id": "other", "token": "other"})
        await second.receive(op=2)
        hand.send_frame(tone[0])
        await eventually(
            lambda: (
                {report.guild_id: report.frames_received for report in plain_server.sessions()}
                == {GUILD: 1, other: 0}
            )
        )


def test_it_runs_on_uvloop(certificates: Path, tone: list[bytes]) -> None:
    async def play() -> tuple[int, int, int]:
        server = VoiceServer(data_dir=certificates, dave_version=0)
        await server.start()
        try:
            server.expect(**PLACE, user_id=BOT, session_id="session", token="token")
            async with HandClient(server) as client:
                await client.join(AES256_GCM)
                for frame in tone[:20]:
                    client.send_frame(frame)
                await eventually(lambda: counts(server)[0] == 20)
                return counts(server)
        finally:
            await server.stop()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(play()) == (20, 0, 0)


@given(
    start=st.integers(0, 0xFFFF),
    arrives=st.lists(st.booleans(), min_size=1, max_size=300),
    seed=st.integers(0, 100),
)
def test_any_loss_reordering_and_repetition_is_counted_right(
    start: int, arrives: list[bool], seed: int
) -> None:
    numbers = [index for index, arrived in enumerate(arrives) if arrived or index == 0]
    late = random.Random(seed)
    order = numbers[:1] + sorted(numbers[1:], key=lambda number: number + late.uniform(0, 20))
    window = SequenceWindow()
    for number in order:
        assert window.accept((start + number) & 0xFFFF)
        assert not window.accept((start + number) & 0xFFFF)
    assert window.lost == max(numbers) + 1 - len(numbers)


async def test_what_a_muted_or_suppressed_bot_sends_is_not_heard(
    plain_server: VoiceServer, hand: HandClient, tone: list[bytes]
) -> None:
    await hand.join(AES256_GCM)
    for frame in tone[:20]:
        hand.send_frame(frame)
    await eventually(lambda: counts(plain_server) == (20, 0, 0))
    assert only_report(plain_server).tone_hz is not None
    plain_server.silence(guild_id=GUILD, silenced=True)
    for frame in tone[20:50]:
        hand.send_frame(frame)
    await eventually(lambda: only_report(plain_server).frames_silenced == 30)
    report = only_report(plain_server)
    assert (report.frames_received, report.tone_hz, report.silenced) == (20, None, True)
    assert counts(plain_server) == (20, 0, 0)
    plain_server.silence(guild_id=GUILD, silenced=False)
    for frame in tone[50:60]:
        hand.send_frame(frame)
    await eventually(lambda: counts(plain_server) == (30, 0, 0))
    assert only_report(plain_server).tone_hz == pytest.approx(440, abs=1)
