"""examples/motion_alert.py receives images over `/ws` and sends alerts."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from types import ModuleType

import av
import numpy as np
import pytest

from backline_client import Message, StreamClient
from tests.clients.python_site import take
from tests.server import Server

PROGRAM = Path(__file__).parents[2] / "examples" / "motion_alert.py"
WIDTH, HEIGHT = 320, 240


def picture(*, at: int, seed: int = 0, light: float = 0.0) -> bytes:
    """Return a JPEG of a noisy gray wall with a bright box, `at` pixels from the left."""
    noise = np.random.default_rng(seed).normal(110 + light, 6, (HEIGHT, WIDTH, 3))
    noise[80:140, at : at + 40] = 220 + light
    image = av.VideoFrame.from_ndarray(np.clip(noise, 0, 255).astype(np.uint8), format="rgb24")
    encoder = av.CodecContext.create("mjpeg", "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt, encoder.time_base = (
        WIDTH,
        HEIGHT,
        "yuvj420p",
        Fraction(1, 25),
    )
    packets = [*encoder.encode(image.reformat(format="yuvj420p")), *encoder.encode(None)]
    return b"".join(bytes(packet) for packet in packets)


@pytest.fixture(scope="module")
def example() -> ModuleType:
    spec = importlib.util.spec_from_file_location("motion_alert", PROGRAM)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["motion_alert"] = module  # the dataclass decorator looks up its module there
    spec.loader.exec_module(module)
    return module


def alarms(example: ModuleType, places: list[int], *, light: list[float] | None = None) -> list[int]:
    """Return the numbers of the images with which motion begins, at ten images per second."""
    detector = example.MotionDetector()
    shots = [picture(at=at, seed=n, light=light[n] if light else 0) for n, at in enumerate(places)]
    return [n for n, shot in enumerate(shots) if detector.look(example.read_picture(shot), n / 10)]


def test_one_movement_is_one_alert_and_the_next_needs_calm_before(example: ModuleType) -> None:
    walk, still = list(range(0, 120, 12)), [120] * 35
    assert alarms(example, [0] * 5 + walk + still) == [7]  # the second image with enough change
    assert len(alarms(example, [0, *walk, *[120] * 5, *reversed(walk)])) == 1
    assert len(alarms(example, [0, *walk, *still, *reversed(walk)])) == 2


def test_noise_a_single_jump_and_a_light_are_no_motion(example: ModuleType) -> None:
    assert alarms(example, [60] * 30) == []
    assert alarms(example, [60] * 10 + [160] * 10) == []
    assert alarms(example, [60] * 20, light=[0.0, 8, 16, 24, 16, 8] * 3 + [0, 0]) == []


def test_what_is_no_picture_is_refused(example: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = picture(at=0)
    assert example.read_picture(whole).shape == (example.HEIGHT, example.WIDTH)
    for payload in (b"", b"#EXTM3U\n", whole[:20], b"\x89PNG" + bytes(50)):
        with pytest.raises(ValueError):
            example.read_picture(payload)
    monkeypatch.setattr(example, "MAX_PIXELS", WIDTH * HEIGHT // 2)
    with pytest.raises(ValueError):
        example.read_picture(whole)


@pytest.mark.django_db(transaction=True)
async def test_the_program_watches_a_stream_and_raises_one_alert(server: Server, token: str) -> None:
    async with StreamClient(server.url, token) as client:
        camera = await take(client.register("cam-1", produces=["video-frame"], consumes=["alert"]))
        program = await asyncio.create_subprocess_exec(
            sys.executable,
            PROGRAM,
            "--stream=cam-1",
            f"--url={server.url}",
            env={**os.environ, "SESSION_TOKEN": token},
            stdout=subprocess.PIPE,
        )
        try:
            assert program.stdout is not None
            assert await take(program.stdout.readline()) == b"Watching cam-1.\n"
            shots = [picture(at=at, seed=at) for at in range(0, 240, 12)]

            async def film() -> None:
                for number in range(1000):
                    await camera.send_frame("video-frame", shots[number % len(shots)])
                    await asyncio.sleep(1 / 15)

            filming = asyncio.ensure_future(film())
            alert = await take(anext(camera))
            assert isinstance(alert, Message)
            assert (alert.type, alert.data["level"], alert.seq) == ("alert", "high", 1)
            assert alert.data["changed"] >= 0.01
            assert (await take(program.stdout.readline())).startswith(b"Alert 1: ")
            filming.cancel()
        finally:
            program.terminate()
            await program.wait()
