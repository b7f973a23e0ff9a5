"""Who is on which stream when people come and go at the same time."""

from __future__ import annotations

from typing import Any, cast

import pytest
from asgiref.sync import sync_to_async

from streams.domain.streams import create_stream
from streams.live import LiveStream, Registration
from streams.models import Stream
from streams.register import Granted, read_request
from streams.rights import OWNER
from streams.switchboard import get_switchboard
from tests.streams.device import make_person


class Socket:
    """A peer that receives nothing."""

    def __init__(self, user_id: int, connection_id: str) -> None:
        self.user_id = user_id
        self.connection_id = connection_id
        self.queued: list[bytes] = []

    def queue(self, message: bytes) -> None:
        self.queued.append(message)

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"{name} was not expected")


def registration(live: LiveStream, user_id: int, connection_id: str) -> Registration:
    request = read_request({"streamId": live.id, "consumes": ["note"]})
    granted = Granted(Stream(pk=live.id), OWNER, epoch="", head=0)
    return Registration(live, Socket(user_id, connection_id), request, granted)


@pytest.mark.django_db(transaction=True)
async def test_whose_stream_was_dropped_and_opened_anew_meanwhile_is_on_the_new_one() -> None:
    person = await sync_to_async(make_person)()
    stream = await sync_to_async(create_stream)(person.user, stream_id="cam-1")
    board = get_switchboard()
    opened = await board.open(stream)
    assert board.question() is None  # nobody entered, so it is dropped
    reopened = await board.open(stream)
    assert reopened is not opened
    second = registration(reopened, person.user.pk, "second")
    board.enter(second)
    first = registration(opened, person.user.pk, "first")
    board.enter(first)

    assert set(board.question() or []) == {first, second}
    first.stream.deliver("note", b'{"type":"note"')
    assert [len(cast(Socket, each.peer).queued) for each in (first, second)] == [1, 1]
    for each in (first, second):
        board.leave(each)
    assert board.streams == {}
