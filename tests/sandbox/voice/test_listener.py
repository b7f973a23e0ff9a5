"""The listener: pitch, silence, the recording, and its Ogg container."""

import pytest

from sandbox.voice.listener import Listener
from sandbox.voice.ogg import SILENCE, OggOpus, _crc, packet_samples, pad
from tests.waiting import eventually

from .tone import count_hz, decode_ogg, is_gapless, opus_tone


@pytest.mark.parametrize("hz", [110.0, 440.0, 441.3, 1000.0, 5000.0])
def test_pitch_is_right_within_a_hertz(hz: float) -> None:
    listener = Listener()
    for packet in opus_tone(hz, seconds=0.5):
        assert listener.hear(packet)
    assert listener.tone_hz == pytest.approx(hz, abs=0.5)


async def test_pitch_ends_and_silence_grows_when_nothing_arrives() -> None:
    listener = Listener()
    for packet in opus_tone(440, seconds=0.2):
        listener.hear(packet)
    assert listener.silence_ms < 500
    await eventually(lambda: listener.tone_hz is None)
    assert 900 <= listener.silence_ms < 3000


def test_silent_packets_have_no_pitch() -> None:
    listener = Listener()
    for _ in range(25):
        assert listener.hear(SILENCE)
    assert listener.tone_hz is None
    assert listener.recording() is not None


def test_what_does_not_decode_is_not_kept() -> None:
    listener = Listener()
    for packet in (b"", b"\xff", b"\xff\x00", b"\x03\x00", b"\x03\x3f", b"garbage!!", bytes(65000)):
        assert not listener.hear(packet)
    assert listener.recording() is None


def test_the_recording_keeps_the_last_sixty_seconds() -> None:
    listener = Listener()
    low, high = opus_tone(300, seconds=3), opus_tone(600, seconds=60)
    for packet in low + high:
        listener.hear(packet)
    recording = listener.recording()
    assert recording is not None
    signal, stamps = decode_ogg(recording)
    assert len(stamps) == 3000
    assert is_gapless(stamps)
    assert count_hz(signal[4800:52800]) == pytest.approx(600, abs=1)
    listener.clear()
    assert listener.recording() is None


@pytest.mark.parametrize(
    ("first_bytes", "samples"),
    [
        (b"\xf8", 960),
        (b"\xfc", 960),
        (b"\xe0", 120),
        (b"\x08", 960),
        (b"\x18", 2880),
        (b"\xf9", 1920),
        (b"\xfb\x03", 2880),
        (b"\x60", 480),
        (b"\x80\x00", 120),
    ],
)
def test_packet_length_is_read_off_its_first_bytes(first_bytes: bytes, samples: int) -> None:
    assert packet_samples(first_bytes + bytes(10)) == samples


def test_padding_changes_the_size_and_nothing_else() -> None:
    packets = opus_tone(440, seconds=0.5)
    padded = OggOpus(serial=1)
    plain = OggOpus(serial=1)
    stream = padded.headers(padding=64_000) + padded.write([pad(packet, 1300) for packet in packets])
    signal, stamps = decode_ogg(stream)
    assert is_gapless(stamps)
    assert (signal == decode_ogg(plain.headers() + plain.write(packets))[0]).all()
    for size in (*range(5, 600), 1300):
        assert len(pad(SILENCE, size)) == size
        assert packet_samples(pad(SILENCE, size)) == 960
    assert pad(b"\xf9two frames", 500) == b"\xf9two frames"


def test_page_checksums_follow_the_ogg_definition() -> None:
    page = OggOpus(serial=5).write([SILENCE, bytes(700)])
    register = 0
    for byte in page[:22] + bytes(4) + page[26:]:  # RFC 3533: the checksum field itself counts as zero
        register ^= byte << 24
        for _ in range(8):
            register = (register << 1 ^ (0x04C11DB7 if register >> 31 else 0)) & 0xFFFFFFFF
    assert int.from_bytes(page[22:26], "little") == register
    assert _crc(b"") == 0


def test_many_and_large_packets_spread_over_pages() -> None:
    packets = [bytes([0xFC]) + bytes(size) for size in (0, 253, 254, 255, 1200)] * 60
    ogg = OggOpus(serial=1)
    stream = ogg.headers() + ogg.write(packets, last=True)
    assert stream.count(b"OggS") > 3
    assert len(decode_ogg(stream)[1]) == len(packets)
