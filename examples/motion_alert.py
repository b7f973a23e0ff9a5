# /// script
# requires-python = ">=3.12"
# dependencies = ["av>=16", "backline-client", "numpy>=2.2"]
# [tool.uv.sources]
# backline-client = { path = "../clients/python" }
# ///
"""Watch a stream's frames and send an alert when something begins to move.

    SESSION_TOKEN=… uv run examples/motion_alert.py --stream cam-1

The token must allow writing to the stream. A device's token is best (`POST /api/streams/cam-1/tokens`). The alert is a
durable message: it is stored in the stream's log, shown on its page, and passed to the alert rules of guilds.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import sys
from dataclasses import dataclass

import av
import numpy as np
from numpy.typing import NDArray

from backline_client import BacklineError, Frame, StreamClient

WIDTH, HEIGHT = 80, 60  # small enough that the sensor's noise averages out
MAX_PIXELS = 4096 * 4096  # an image of a few kilobytes can decode to gigabytes

DECODERS = {b"\xff\xd8\xff": "mjpeg", b"\x89PNG": "png", b"RIFF": "webp"}

type Picture = NDArray[np.float32]


@dataclass
class MotionDetector:
    """Detects the beginning of motion from the share of the image that has changed since the previous one.

    It uses two thresholds (hysteresis). Motion begins when at least `start` of the image changed in `frames` images
    in a row. It ends when less than `stop` changed for `calm_seconds`. So a movement that flickers is one alert.
    """

    start: float = 0.01
    stop: float = 0.004
    frames: int = 2
    calm_seconds: float = 3.0
    contrast: float = 16.0
    """A pixel counts as changed when its brightness (0 to 255) differs by more than this."""
    moving: bool = False
    changed: float = 0.0
    """The share of the last image that has changed, 0 to 1."""

    def __post_init__(self) -> None:
        self._before: Picture | None = None
        self._in_a_row = 0
        self._calm_since: float | None = None

    def look(self, picture: Picture, now: float) -> bool:
        """Return whether motion begins with this image. `now` is the time of a monotonic clock, in seconds."""
        before, self._before = self._before, picture
        if before is None:
            return False
        # Subtract the mean of each, so that a change of light or exposure does not count as motion.
        difference = np.abs((picture - picture.mean()) - (before - before.mean()))
        self.changed = float(np.mean(difference > self.contrast))
        if self.moving:
            self._look_for_calm(now)
            return False
        self._in_a_row = self._in_a_row + 1 if self.changed >= self.start else 0
        self.moving = self._in_a_row >= self.frames
        return self.moving

    def _look_for_calm(self, now: float) -> None:
        if self.changed >= self.stop:
            self._calm_since = None
        elif self._calm_since is None:
            self._calm_since = now
        elif now - self._calm_since >= self.calm_seconds:
            self.moving, self._calm_since, self._in_a_row = False, None, 0


def read_picture(payload: bytes) -> Picture:
    """Decode a JPEG, PNG or WebP to grayscale, `(HEIGHT, WIDTH)`. Raises ValueError for anything else."""
    kind = next((name for start, name in DECODERS.items() if payload.startswith(start)), None)
    if kind is None:
        raise ValueError("not a JPEG, PNG or WebP image")
    # Without a container format: if FFmpeg guessed one, it would accept a playlist and open the files in it.
    decoder = av.CodecContext.create(kind, "r")
    assert isinstance(decoder, av.VideoCodecContext)
    decoder.options = {"max_pixels": str(MAX_PIXELS)}
    try:
        decoded = decoder.decode(av.Packet(payload)) or decoder.decode(None)
    except av.FFmpegError as error:
        raise ValueError(f"the image cannot be decoded: {error.strerror}") from error
    if not decoded:
        raise ValueError("the image cannot be decoded")
    small = decoded[0].reformat(width=WIDTH, height=HEIGHT, format="gray", interpolation="AREA")
    return np.asarray(small.to_ndarray(), np.float32)


async def watch(client: StreamClient, arguments: argparse.Namespace) -> None:
    """Watch the stream until the client is closed. Raises BacklineError when the server refuses."""
    stream = await client.register(arguments.stream, produces=["alert"], consumes=[arguments.type])
    print(f"Watching {arguments.stream}.", flush=True)
    detector = MotionDetector(start=arguments.sensitivity, stop=arguments.sensitivity * 0.4)
    async for item in stream:
        if not isinstance(item, Frame):
            continue
        try:
            picture = await asyncio.to_thread(read_picture, item.payload)
        except ValueError as error:
            print(f"Frame {item.number}: {error}", file=sys.stderr)
            continue
        if detector.look(picture, asyncio.get_running_loop().time()):
            said = {"level": arguments.level, "text": arguments.text, "changed": round(detector.changed, 3)}
            sent = await stream.send("alert", said)
            print(f"Alert {sent.seq}: {detector.changed:.1%} of the picture changed.", flush=True)


async def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--stream", required=True, metavar="ID")
    parser.add_argument("--url", default=os.environ.get("BACKLINE_URL", "http://127.0.0.1:1337"))
    parser.add_argument("--token", default=os.environ.get("SESSION_TOKEN", ""), help="default: SESSION_TOKEN")
    parser.add_argument("--type", default="video-frame", help="type of the frames (default: %(default)s)")
    parser.add_argument("--level", default="high", help="level of the alerts (default: %(default)s)")
    parser.add_argument("--text", default="Motion detected", help="text of the alerts (default: %(default)s)")
    parser.add_argument(
        "--sensitivity",
        type=float,
        default=0.01,
        metavar="SHARE",
        help="the share of the picture that has to change, 0 to 1 (default: %(default)s)",
    )
    arguments = parser.parse_args()
    logging.basicConfig(format="%(message)s")  # the client logs the state of its connection
    try:
        async with StreamClient(arguments.url, arguments.token) as client:
            await watch(client, arguments)
    except BacklineError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    try:
        sys.exit(asyncio.run(main()))
    except KeyboardInterrupt:
        sys.exit(130)
