"""Output of one `/ws` socket, on a server that encodes the frames itself."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from streams.frames import text_message
from streams.live import Frame, LiveStream, Registration
from streams.models import Stream
from streams.register import Granted, read_request
from streams.registrations import Registrations
from streams.rights import OWNER
from streams.writer import Writer

TYPES = ("left", "right")


class Screen:
    """A socket that accepts one message at a time, with a newer frame for each frame that it accepts."""

    connection_id, user_id = "screen", 1

    def __init__(self) -> None:
        registrations = Registrations()
        self.writer = Writer({}, self.take, registrations, self.close, name="test")
        self.queue, self.pump = self.writer.queue, self.writer.pump
        self.stream = LiveStream(Stream(pk="cam-1"))
        self.texts: list[str] = []
        self.frames = 0
        request = read_request({"streamId": "cam-1", "consumes": list(TYPES)})
        granted = Granted(Stream(pk="cam-1"), OWNER, epoch="", head=0)
        registrations["cam-1"] = self.registration = Registration(self.stream, self, request, granted)

    async def take(self, message: Mapping[str, Any]) -> None:
        await asyncio.sleep(0)
        if "text" in message:
            self.texts.append(message["text"])
        else:
            self.frames += 1
            self.show()

    def show(self) -> None:
        for type_ in TYPES:
            frame = Frame(b'{"type":"%b"' % type_.encode(), self.frames, memoryview(b"payload"), owner_id=1)
            self.registration.offer(type_, frame)

    def close(self) -> None:
        self.writer.close()

    def durable_changed(self, registration: Registration) -> None:
        raise AssertionError

    def lost(self, error: Exception) -> None:
        raise AssertionError


async def test_who_never_catches_up_with_the_frames_has_taken_its_messages() -> None:
    screen = Screen()
    screen.show()
    for text in ("first", "second"):
        screen.writer.queue(text_message(text.encode()))
        assert screen.writer.busy
        async with asyncio.timeout(5):
            await screen.writer.until_written()
        assert screen.texts[-1] == text
    assert screen.frames
    screen.close()


async def test_who_waits_for_a_socket_that_goes_waits_no_longer() -> None:
    screen = Screen()
    screen.writer.queue(text_message(b"never"))
    waiting = asyncio.create_task(screen.writer.until_written())
    await asyncio.sleep(0)
    screen.close()
    async with asyncio.timeout(5):
        await waiting
    assert not screen.texts
