"""Read a file's tags, duration and picture, and whether its packets can be sent to Discord unchanged."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from library.sources.chain import AudioChain
from library.sources.errors import SourceError
from library.sources.opus import FRAME_SAMPLES, packet_samples, plays_as_is
from library.sources.pictures import picture_type
from library.sources.tags import CUE_SHEET, ID3_FORMATS, read_names
from library.sources.types import NO_DETAILS, Details, Media

# A file without a length is read completely up to this size, which takes at most half a second.
MAX_COUNTED_BYTES = 128_000_000
_LOOKED_AT_BEFORE_END_MS, _LOOKED_AT_BEHIND_END_MS = 500, 300
# A file with mixed packets shows within seconds, and playback checks every packet anyway.
_PACKETS_LOOKED_AT = 250


@dataclass(frozen=True, slots=True)
class Probe:
    """`passthrough`: stereo or mono Opus whose packets are all 20 ms long, as Discord's voice requires. `cue_sheet`:
    the text of the tag CUESHEET."""

    title: str | None
    artist: str | None
    album: str | None
    duration_ms: int | None
    artwork: bytes | None
    artwork_type: str | None
    passthrough: bool
    details: Details = NO_DETAILS
    cue_sheet: str = ""


def probe(media: Media, *, tag_encoding: str = "") -> Probe:
    """Read tags, duration and picture of a path or file-like, which stays open. Raises SourceError.

    `tag_encoding` is preferred for tags that are not UTF-8 and whose encoding is in doubt.
    """
    with AudioChain(media) as chain:
        tags = chain.first.tags()
        names = read_names(tags, is_id3=chain.first.input.format.name in ID3_FORMATS, prefer=tag_encoding)
        pictures = [] if chain.is_live else chain.first.pictures()
        artwork, artwork_type = next(
            ((picture, kind) for picture in pictures if (kind := picture_type(picture))), (None, None)
        )
        passthrough = _has_20_ms_packets(chain)
        duration_ms = chain.duration_ms
        count = isinstance(media, Path) and (duration_ms is None or _goes_on(chain, duration_ms))
    if count and isinstance(media, Path):
        duration_ms = _counted_ms(media)
    return Probe(
        title=names.title,
        artist=names.artist,
        album=names.album,
        duration_ms=duration_ms,
        artwork=artwork,
        artwork_type=artwork_type,
        passthrough=passthrough,
        details=names.details,
        cue_sheet=tags.get(CUE_SHEET, ""),
    )


def _goes_on(chain: AudioChain, duration_ms: int) -> bool:
    """Return whether there is sound after the end that the file's header gives, as in joined files."""
    if not chain.seek(max(0, duration_ms - _LOOKED_AT_BEFORE_END_MS)):
        return False
    try:
        return any(packet.end_ms > duration_ms + _LOOKED_AT_BEHIND_END_MS for packet in chain.packets())
    except SourceError:
        return False


def _counted_ms(path: Path) -> int | None:
    """Find the length by reading every packet, which takes 20 ms for a minute and a half of MP3. Returns None for a
    file that would take long. Raises SourceError for a file without packets."""
    if path.stat().st_size > MAX_COUNTED_BYTES:
        return None
    with AudioChain(path) as chain:
        any_packet = False
        try:
            for _ in chain.packets():
                any_packet = True
        except SourceError as error:
            if error.code != "UNDECODABLE":
                raise
        if not any_packet:
            raise SourceError("UNDECODABLE", "There is no sound in this file.", permanent=True)
        return round(chain.reached_ms) or None


def _has_20_ms_packets(chain: AudioChain) -> bool:
    codec = chain.first.stream.codec_context
    if codec.name not in {"opus", "libopus"} or not plays_as_is(codec.extradata, codec.channels):
        return False
    packets = [bytes(each.packet) for each in islice(chain.packets(), _PACKETS_LOOKED_AT)]
    return bool(packets) and all(packet_samples(packet) == FRAME_SAMPLES for packet in packets)
