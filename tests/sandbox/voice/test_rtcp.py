"""Receiver reports and pings on the UDP port."""

import struct

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from nacl.bindings import crypto_aead_xchacha20poly1305_ietf_decrypt

from sandbox.voice import udp
from sandbox.voice.server import VoiceServer
from sandbox.voice.udp import AES256_GCM, MODES, SequenceWindow
from tests.waiting import eventually

from .clients import HandClient
from .conftest import only_report


@pytest.fixture(autouse=True)
def reports_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(udp, "REPORT_SECONDS", 0.2)


async def next_report(hand: HandClient) -> tuple[int, bytes]:
    """Return the blocks of the next receiver report, and their number."""
    datagram = await hand.receive_datagram(lambda data: data[1] == 201)
    header, sealed, counter = datagram[:8], datagram[8:-4], datagram[-4:]
    if hand.mode == AES256_GCM:
        body = AESGCM(hand.key).decrypt(counter + bytes(8), sealed, header)
    else:
        body = crypto_aead_xchacha20poly1305_ietf_decrypt(sealed, header, counter + bytes(20), hand.key)
    flags, kind, words = struct.unpack_from(">BBH", header)
    assert (flags >> 6, kind, (words + 1) * 4) == (2, 201, 8 + len(body))
    return flags & 0x1F, body


@pytest.mark.parametrize("mode", MODES)
async def test_a_sender_is_told_of_loss_and_of_its_newest_packet(
    plain_server: VoiceServer, hand: HandClient, tone: list[bytes], mode: str
) -> None:
    await hand.join(mode)
    for index, sequence in enumerate([65534, 65535, 2, 3]):  # two are missing across the wraparound
        hand.sequence = sequence
        hand.send_frame(tone[index])
    await eventually(lambda: only_report(plain_server).frames_received == 4)
    count, body = 0, b""
    while not count or struct.unpack(">6I", body)[2] != 1 << 16 | 3:
        count, body = await next_report(hand)
    ssrc, losses, highest, jitter, last_sr, since_sr = struct.unpack(">6I", body)
    assert (count, ssrc, last_sr, since_sr) == (1, hand.ssrc, 0, 0)
    assert (losses >> 24 > 0, losses & 0xFFFFFF) == (True, 2)
    assert highest == 1 << 16 | 3
    assert jitter > 0  # timestamps 20 ms apart, but sent at once
    _, body = await next_report(hand)
    assert struct.unpack(">6I", body)[1] == 2  # nothing was lost since the last report


async def test_a_client_that_has_sent_nothing_hears_an_empty_report_as_soon_as_it_can_read_one(
    hand: HandClient,
) -> None:
    await hand.join(AES256_GCM, discover=True)
    assert await next_report(hand) == (0, b"")


async def test_a_ping_is_answered_and_a_counter_is_not(hand: HandClient, plain_server: VoiceServer) -> None:
    await hand.join(AES256_GCM)
    hand.send_datagram(struct.pack("<Q", 7))  # discord.js counts like this, and expects no response
    hand.send_datagram(bytes.fromhex("1337CAFE00000009"))
    answer = await hand.receive_datagram(lambda data: len(data) == 8)
    assert answer == bytes.fromhex("1337F00D00000009")


def test_the_newest_sequence_number_counts_the_wraps() -> None:
    window = SequenceWindow()
    assert window.highest is None
    for number in (65000, 65535, 500, 65530, 30000, 60000, 10):
        window.accept(number)
    assert window.highest == (2 << 16) + 10
