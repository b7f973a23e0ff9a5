"""Reading Opus packets without decoding them (RFC 6716, section 3)."""

from __future__ import annotations

SAMPLE_RATE = 48_000
FRAME_MS = 20
# A packet that decodes to silence (Discord's documentation, "Voice data interpolation").
SILENCE = b"\xf8\xff\xfe"
FRAME_SAMPLES = SAMPLE_RATE * FRAME_MS // 1000

# Samples at 48 kHz of one frame, by the configuration number in the first five bits (RFC 6716, table 2).
_SILK = (480, 960, 1920, 2880)
_HYBRID = (480, 960)
_CELT = (120, 240, 480, 960)


def packet_samples(packet: bytes) -> int:
    """Return the duration of a packet in samples at 48 kHz, 0 if it is malformed."""
    if not packet:
        return 0
    config, count_code = packet[0] >> 3, packet[0] & 3
    if config < 12:
        frame = _SILK[config % 4]
    elif config < 16:
        frame = _HYBRID[config % 2]
    else:
        frame = _CELT[config % 4]
    if count_code == 0:
        return frame
    if count_code < 3:
        return 2 * frame
    if len(packet) < 2:
        return 0
    return frame * (packet[1] & 0x3F)


def pre_skip(extradata: bytes | None) -> int:
    """Return how many samples at 48 kHz to skip at the beginning, by `OpusHead` (RFC 7845, section 5.1)."""
    if extradata is None or len(extradata) < 19 or not extradata.startswith(b"OpusHead"):
        return 0
    return int.from_bytes(extradata[10:12], "little")


def plays_as_is(extradata: bytes | None, channels: int) -> bool:
    """Return whether packets with this `OpusHead` (RFC 7845, section 5.1) play correctly without their container.

    More than two channels need the mapping table, and the decoder must apply a non-zero output gain. Both need a
    transcode.
    """
    if channels > 2:
        return False
    if extradata is None or len(extradata) < 19 or not extradata.startswith(b"OpusHead"):
        return True
    gain, mapping_family = extradata[16:18], extradata[18]
    return gain == b"\0\0" and mapping_family == 0
