"""A few pieces that the program synthesizes itself, so that a new library is not empty.

They need no samples and no licenses, and have the same bytes on every run with the same libraries.
"""

from __future__ import annotations

import base64
import os
import struct
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.container import OutputContainer
from av.stream import Disposition

from library.starter import pieces
from library.starter.artwork import SIZE, Cover, jpeg, paint
from library.starter.instruments import SAMPLE_RATE, forget_notes
from library.starter.mixing import Stereo


@dataclass(frozen=True, slots=True)
class Piece:
    file: str
    title: str
    artist: str
    album: str
    cover: Cover
    compose: Callable[[], Stereo]


# The tone comes first, because checks wait for it. One MP3 and one FLAC need a transcode.
PIECES = (
    Piece(
        "440 Hz Tone.opus", "440 Hz Tone", "Backline", "Test Signals",
        Cover(("#ffe1ad", "#f2a33a", "#3a2a18", "#0f1113"), "sine"), pieces.tone_440,
    ),
    Piece(
        "Lantern Street, Slow Rain.opus", "Lantern Street, Slow Rain", "Paper Ferries", "Harbour Tapes",
        Cover(("#ffd08a", "#f2a33a", "#7a2f12", "#1b0d0a"), "rain"), pieces.slow_rain,
    ),
    Piece(
        "Sawdust Waltz.opus", "Sawdust Waltz", "Paper Ferries", "Harbour Tapes",
        Cover(("#f7e3b5", "#d9a95c", "#8a5a30", "#3a2415"), "rings"), pieces.sawdust_waltz,
    ),
    Piece(
        "Cold Harbour.opus", "Cold Harbour", "Tidal Clock", "Low Water",
        Cover(("#d8efe3", "#9ad0c2", "#35515e", "#101c24"), "waves"), pieces.cold_harbour,
    ),
    Piece(
        "Night Bus to Nowhere in Particular.flac", "Night Bus to Nowhere in Particular",
        "The Late Desk", "Last Stop",
        Cover(("#ffd9c2", "#e6a4b4", "#5b3a6d", "#1c1229"), "windows"), pieces.night_bus,
    ),
    Piece(
        "Moss.opus", "Moss", "Understorey", "Small Green Hours",
        Cover(("#eef0b8", "#c8d48a", "#3c4a2e", "#161d12"), "leaves"), pieces.moss,
    ),
    Piece(
        "Glass Elevator.mp3", "Glass Elevator", "Meridian Lift", "Mezzanine",
        Cover(("#fff0e0", "#f0a58f", "#b3505f", "#2a1524"), "floors"), pieces.glass_elevator,
    ),
)  # fmt: skip


def fill(folder: Path) -> int:
    """Write the pieces that are missing in `folder`, and return how many. Existing files are not changed.

    Each file has a hidden name until it is complete. Takes about 3 s of one core.
    Raises OSError when the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = 0
    for piece in PIECES:
        target = folder / piece.file
        if target.exists():
            continue
        # The process id keeps two programs that fill the same folder from writing into one file.
        partial = folder / f".{piece.file}.{os.getpid()}.part"
        try:
            _encode(piece, partial)
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)
            forget_notes()
        written += 1
    return written


def _encode(piece: Piece, path: Path) -> None:
    picture = jpeg(paint(piece.cover))
    samples = piece.compose()
    kind = Path(piece.file).suffix
    name = {".opus": "ogg", ".mp3": "mp3", ".flac": "flac"}[kind]
    with av.open(str(path), "w", format=name, options={"fflags": "+bitexact"}) as output:
        output.metadata.update(title=piece.title, artist=piece.artist, album=piece.album)
        if kind == ".opus":
            # Discord's voice needs packets of 20 ms, so these are sent unchanged. Complexity 0 takes 40 % of the
            # time of complexity 10, and at this bit rate the difference cannot be heard.
            options = {"frame_duration": "20", "application": "audio", "compression_level": "0"}
            stream = output.add_stream("libopus", rate=SAMPLE_RATE, layout="stereo", options=options)
            stream.bit_rate = 112_000
            stream.metadata["METADATA_BLOCK_PICTURE"] = base64.b64encode(_picture_block(picture)).decode(
                "ascii"
            )
        elif kind == ".mp3":
            options = {"compression_level": "9"}
            stream = output.add_stream("libmp3lame", rate=SAMPLE_RATE, layout="stereo", options=options)
            stream.bit_rate = 160_000
            _attach(output, picture)
        else:
            stream = output.add_stream("flac", rate=SAMPLE_RATE, layout="stereo")
            _attach(output, picture)
        output.mux(stream.encode(_frame(samples, planar=kind != ".flac")))
        output.mux(stream.encode(None))


def _frame(samples: Stereo, *, planar: bool) -> av.AudioFrame:
    if planar:
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples), format="fltp", layout="stereo")
    else:
        packed = np.ascontiguousarray(np.round(samples.T * 32767).astype(np.int16)).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(packed, format="s16", layout="stereo")
    frame.sample_rate = SAMPLE_RATE
    frame.pts = 0
    return frame


def _attach(output: OutputContainer, picture: bytes) -> None:
    """Attach a cover, as MP3's APIC frame or FLAC's PICTURE block. Muxers need it before the first audio packet."""
    stream = output.add_stream("mjpeg")
    stream.width = stream.height = SIZE
    stream.pix_fmt = "yuvj444p"
    stream.time_base = Fraction(1, 90_000)
    stream.disposition = Disposition.attached_pic
    output.start_encoding()
    packet = av.Packet(picture)
    packet.stream = stream
    packet.pts = packet.dts = 0
    packet.time_base = stream.time_base
    output.mux(packet)


def _picture_block(picture: bytes) -> bytes:
    """Return FLAC's picture structure (RFC 9639, section 8.8), which Ogg has in a comment. Type 3 is a front cover."""
    mime = b"image/jpeg"
    return (
        struct.pack(">II", 3, len(mime))
        + mime
        + struct.pack(">IIIIII", 0, SIZE, SIZE, 24, 0, len(picture))
        + picture
    )
