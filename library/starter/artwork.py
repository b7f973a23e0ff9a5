"""Cover pictures: abstract shapes over warm gradients, with different colors for each track."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
import numpy as np
from av.video.codeccontext import VideoCodecContext
from av.video.reformatter import ColorRange
from numpy.typing import NDArray

SIZE = 512
type Plane = NDArray[np.floating[Any]]
type Shape = tuple[Plane, float, int]

_LAMBDA = 118  # FFmpeg's FF_QP2LAMBDA: quality 1 (best) to 31 times this


@dataclass(frozen=True, slots=True)
class Cover:
    """Four `#rrggbb` colors from light to dark, and the shape drawn in them."""

    colors: tuple[str, str, str, str]
    motif: str


def _rgb(color: str) -> NDArray[np.float32]:
    return np.array([int(color[at : at + 2], 16) for at in (1, 3, 5)], dtype=np.float32)


def _grid() -> tuple[Plane, Plane]:
    axis = (np.arange(SIZE, dtype=np.float32) + 0.5) / SIZE
    return axis[None, :], axis[:, None]


def _edge(distance: Plane) -> Plane:
    """Return 1 inside (negative distance) and 0 outside, with a smooth edge of one and a half pixels."""
    inside: Plane = np.clip(0.5 - distance * np.float32(SIZE / 1.5), 0, 1)
    return inside


def _disc(center_x: float, center_y: float, radius: float) -> Plane:
    x, y = _grid()
    distance: Plane = np.hypot(x - np.float32(center_x), y - np.float32(center_y))
    return _edge(distance - np.float32(radius))


def _shapes(motif: str) -> list[Shape]:
    """Return masks, each with its opacity and the index of its color, to draw over each other in order."""
    x, y = _grid()
    if motif == "sine":
        wave = np.abs(y - 0.5 - 0.17 * np.sin(x * np.float32(6 * np.pi)))
        return [(_edge(wave - 0.05), 0.25, 0), (_edge(wave - 0.014), 1.0, 0)]
    if motif == "rain":
        slant = (x * 9 + y * 1.5) % 1
        drops = _edge((np.abs(slant - 0.5) - 0.035) / 9) * (
            (y * 3.3 + np.floor(x * 9 + y * 1.5) * 0.37) % 1 < 0.45
        )
        return [(_disc(0.66, 0.34, 0.3), 0.18, 0), (_disc(0.66, 0.34, 0.2), 0.95, 0), (drops, 0.45, 1)]
    if motif == "rings":
        radius = np.hypot(x - 0.5, y - 0.52)
        grooves = _edge((np.abs((radius * 17) % 1 - 0.5) - 0.13) / 17) * (radius < 0.42) * (radius > 0.12)
        return [(_disc(0.5, 0.52, 0.43), 0.35, 3), (grooves, 0.4, 0), (_disc(0.5, 0.52, 0.1), 0.95, 0)]
    if motif == "waves":
        layers: list[Shape] = [(_disc(0.3, 0.3, 0.12), 0.9, 0)]
        for depth in range(5):
            crest = 0.48 + 0.11 * depth + 0.03 * np.sin(x * (9 - depth) + depth * 1.9)
            layers.append((_edge(crest - y), 0.35, 3 if depth % 2 else 2))
        return layers
    if motif == "windows":
        column, row = (x * 7) % 1, (y * 9) % 1
        pane = _edge((np.maximum(np.abs(column - 0.5) - 0.3, np.abs(row - 0.5) - 0.28)) / 8)
        lit = (np.floor(x * 7) * 5 + np.floor(y * 9) * 3) % 7 < 3
        return [(pane, 0.28, 3), (pane * lit * (y > 0.22), 0.9, 0), (_disc(0.8, 0.12, 0.06), 0.9, 0)]
    if motif == "leaves":
        layers = []
        for index in range(9):
            angle = index * 2.4
            reach = 0.07 + 0.04 * index
            layers.append(
                (
                    _disc(0.5 + reach * np.cos(angle), 0.5 + reach * np.sin(angle), 0.07 + 0.008 * index),
                    0.5,
                    index % 2,
                )
            )
        return layers
    slabs: list[Shape] = []  # "floors": stairs with one lit step
    for step in range(7):
        across, down = np.abs(x - 0.2 - 0.1 * step) - 0.13, np.abs(y - 0.84 + 0.115 * step) - 0.035
        slabs.append((_edge(np.maximum(across, down)), 0.9 if step == 5 else 0.45, 0))
    return slabs


def paint(cover: Cover) -> NDArray[np.uint8]:
    """Return an RGB picture, shape (SIZE, SIZE, 3)."""
    colors = [_rgb(color) for color in cover.colors]
    x, y = _grid()
    depth = np.clip(np.hypot((x - 0.2) / 1.2, (y - 0.08) / 0.95), 0, 1)
    stops = np.array([0.0, 0.33, 0.72, 1.0], dtype=np.float32)
    steps = np.linspace(0, 1, 2048)
    ramp = np.stack([np.interp(steps, stops, [color[k] for color in colors]) for k in range(3)], axis=-1)
    picture = ramp.astype(np.float32)[(depth * 2047).astype(np.intp)]
    for mask, opacity, index in _shapes(cover.motif):
        weight = (mask * np.float32(opacity)).astype(np.float32)[..., None]
        picture += (colors[index] - picture) * weight
    # Noise of one gray level prevents banding in long gradients.
    picture += np.random.default_rng(1).random((SIZE, SIZE, 1), dtype=np.float32) * 2 - 1
    painted: NDArray[np.uint8] = np.clip(picture, 0, 255).astype(np.uint8)
    return painted


def jpeg(picture: NDArray[np.uint8]) -> bytes:
    """Encode an RGB picture with FFmpeg's MJPEG encoder, whose single frames are JPEG files."""
    context = VideoCodecContext.create("mjpeg", "w")
    context.height, context.width = picture.shape[:2]
    context.pix_fmt = "yuvj444p"
    context.color_range = ColorRange.JPEG
    context.time_base = Fraction(1, 25)
    context.qscale = True
    context.global_quality = 4 * _LAMBDA
    context.options = {"fflags": "+bitexact", "flags": "+bitexact"}
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24").reformat(
        format="yuvj444p"
    )
    frame.pts = 0
    return b"".join(bytes(packet) for packet in [*context.encode(frame), *context.encode(None)])
