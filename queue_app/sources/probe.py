"""What a file says about itself: tags, duration, picture, and whether Discord can take its packets as is."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from itertools import islice

from queue_app.sources.container import AudioContainer
from queue_app.sources.opus import FRAME_SAMPLES, packet_samples, plays_as_is
from queue_app.sources.types import Media

MAX_TAG_LENGTH = 300
MAX_PICTURE_BYTES = 10_000_000
# A mixed file shows itself within seconds; whoever plays it looks at every packet anyway.
_PACKETS_LOOKED_AT = 250
# Unicode general categories: control, format, surrogate, private, unassigned, line and paragraph separators.
_UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
# Formats that are part of what is seen: Persian and Indic words are spelled with these two, families and flags
# drawn with the second and with the tags (Unicode Technical Standard 51).
_JOINERS = "\u200c\u200d"
_TAGS = frozenset(map(chr, range(0xE0020, 0xE0080)))
# Formats inside a word, where a blank would break it: soft hyphen, word joiner, byte order mark.
_DROPPED = "\u00ad\u2060\ufeff"
_PICTURE_TYPES = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF8", "image/gif"),
)


@dataclass(frozen=True, slots=True)
class Probe:
    """`passthrough`: stereo or mono Opus whose packets are all 20 ms long, as Discord's voice wants them."""

    title: str | None
    artist: str | None
    album: str | None
    duration_ms: int | None
    artwork: bytes | None
    artwork_type: str | None
    passthrough: bool


def probe(media: Media) -> Probe:
    """Read tags, duration and picture of a path or file-like, which stays open. Raises SourceError."""
    with AudioContainer(media) as container:
        tags = container.tags()
        artwork = None if container.is_live else container.picture()
        artwork_type = picture_type(artwork)
        return Probe(
            title=clean(tags.get("title")),
            artist=clean(tags.get("artist") or tags.get("album_artist")),
            album=clean(tags.get("album")),
            duration_ms=container.duration_ms,
            artwork=artwork if artwork_type else None,
            artwork_type=artwork_type,
            passthrough=_has_20_ms_packets(container),
        )


def clean(text: str | None) -> str | None:
    """One line without control, bidirectional and other invisible characters; None when nothing is left.

    What joins letters or emoji stays. Tags come from strangers and end up in pages, logs and Discord messages.
    """
    if text is None:
        return None
    kept = "".join(map(_seen, text))
    return " ".join(kept.split())[:MAX_TAG_LENGTH].strip(" " + _JOINERS) or None


def _seen(char: str) -> str:
    if char in _DROPPED:
        return ""
    if char in _JOINERS or char in _TAGS or unicodedata.category(char) not in _UNSEEN:
        return char
    return " "


def picture_type(picture: bytes | None) -> str | None:
    """Media type by the first bytes, never by what the file claims; None for anything else or too large."""
    if picture is None or len(picture) > MAX_PICTURE_BYTES:
        return None
    if picture.startswith(b"RIFF") and picture[8:12] == b"WEBP":
        return "image/webp"
    return next((name for magic, name in _PICTURE_TYPES if picture.startswith(magic)), None)


def _has_20_ms_packets(container: AudioContainer) -> bool:
    codec = container.stream.codec_context
    if codec.name not in {"opus", "libopus"} or not plays_as_is(codec.extradata, codec.channels):
        return False
    packets = [bytes(packet) for packet in islice(container.packets(), _PACKETS_LOOKED_AT)]
    return bool(packets) and all(packet_samples(packet) == FRAME_SAMPLES for packet in packets)
