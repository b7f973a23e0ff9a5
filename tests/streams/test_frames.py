"""Reading and writing the messages of `/ws`, without any I/O."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode
from websockets.streams import StreamReader

from accounts.errors import Refusal
from streams import frames
from tests.streams.device import pack

words = st.text(st.characters(blacklist_categories=["Cs"]), max_size=20)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | words, lambda v: st.lists(v, max_size=3)
)


def on_the_wire(message: bytes) -> Frame:
    """Read one frame as a client does, with another implementation than ours."""
    reader = StreamReader()
    reader.feed_data(message)
    parsing = Frame.parse(reader.read_exact, mask=False, max_size=None)
    with pytest.raises(StopIteration) as done:
        next(parsing)
    frame = done.value.value
    assert isinstance(frame, Frame)
    return frame


@given(
    reported=st.dictionaries(words, values, max_size=5),
    payload=st.binary(max_size=70_000),
    missed=st.integers(0, 9),
)
def test_a_frame_is_read_stamped_and_written_with_its_payload_untouched(
    reported: dict[str, Any], payload: bytes, missed: int
) -> None:
    header = {**reported, "type": "video-frame", "streamId": "cam-1"}
    incoming = frames.decode_binary(pack(header, payload))
    stamped = frames.stamp(incoming.type, "cam-1", incoming.header, timestamp=5)
    wire = frames.binary_message(stamped, 7, missed, incoming.payload)
    frame = on_the_wire(wire)
    assert frame.opcode is Opcode.BINARY
    body = bytes(frame.data)
    length = int.from_bytes(body[:2])
    assert json.loads(body[2 : 2 + length]) == {
        **{key: value for key, value in reported.items() if key not in frames.STAMPED},
        "type": "video-frame",
        "streamId": "cam-1",
        "timestamp": 5,
        "frame": 7,
        "missed": missed,
    }
    assert body[2 + length :] == payload
    assert frames.unframed(wire) == {"type": "websocket.send", "bytes": body}


@given(text=words)
def test_a_text_message_is_written_as_one(text: str) -> None:
    wire = frames.text_message(orjson.dumps({"type": text}))
    frame = on_the_wire(wire)
    assert frame.opcode is Opcode.TEXT
    assert json.loads(bytes(frame.data)) == {"type": text}
    assert frames.unframed(wire) == {"type": "websocket.send", "text": bytes(frame.data).decode()}


@given(data=st.binary(max_size=300))
def test_whatever_comes_is_a_frame_or_refused(data: bytes) -> None:
    with contextlib.suppress(Refusal):
        assert frames.decode_binary(data).type


@given(text=st.text(max_size=300))
def test_whatever_is_said_is_a_message_or_refused(text: str) -> None:
    with contextlib.suppress(Refusal):
        assert isinstance(frames.decode_text(text)["type"], str)


@pytest.mark.parametrize("depth", [300, 1000])
def test_what_is_nested_too_deeply_is_refused(depth: int) -> None:
    message = frames.decode_text('{"type":"x","a":' + "[" * depth + "]" * depth + "}")
    with pytest.raises(Refusal):
        frames.stamp("x", "cam-1", message)
