"""The CUESHEET block of a FLAC file (RFC 9639, section 8.7). It says where tracks begin, but has no titles."""

from __future__ import annotations

from library.sources.cue_sheet import MAX_CUE_TRACKS, CueTrack
from library.sources.length import ReadAt, id3_size

_STREAMINFO, _CUESHEET = 0, 5
_MAX_BLOCKS = 128
_HEAD, _TRACK, _INDEX = 396, 36, 12  # bytes
_LEAD_OUT = (170, 255)
_NOT_AUDIO = 0x80


def read_flac_cues(read_at: ReadAt) -> list[CueTrack]:
    """Return the tracks of the block, none without one. `read_at(offset, count)` returns bytes of the file."""
    at, rate = id3_size(read_at), 0
    if read_at(at, 4) != b"fLaC":
        return []
    at += 4
    for _ in range(_MAX_BLOCKS):
        block = read_at(at, 4)
        if len(block) < 4:
            break
        kind, size = block[0] & 0x7F, int.from_bytes(block[1:])
        if kind == _STREAMINFO:
            rate = int.from_bytes(read_at(at + 14, 3)) >> 4
        elif kind == _CUESHEET and rate:
            return _read(read_at(at + 4, min(size, _HEAD + MAX_CUE_TRACKS * 2 * _TRACK)), rate)
        if block[0] & 0x80:
            break
        at += 4 + size
    return []


def _read(block: bytes, rate: int) -> list[CueTrack]:
    tracks: list[CueTrack] = []
    at, count = _HEAD, block[_HEAD - 1] if len(block) >= _HEAD else 0
    for _ in range(count):
        track = block[at : at + _TRACK]
        if len(track) < _TRACK or track[8] in _LEAD_OUT:
            break
        at += _TRACK
        indexes = [block[at + step * _INDEX : at + (step + 1) * _INDEX] for step in range(track[35])]
        at += _INDEX * track[35]
        # INDEX 01, else the first: both count from the beginning of the track.
        chosen = next((each for each in indexes if each[8:9] == b"\1"), indexes[0] if indexes else b"")
        if track[21] & _NOT_AUDIO:
            continue
        start = int.from_bytes(track[:8]) + int.from_bytes(chosen[:8])
        tracks.append(CueTrack(round(start * 1000 / rate), number=track[8] or None))
    return tracks
