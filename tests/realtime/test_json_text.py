"""Args are returned byte for byte, whatever JSON a client sends."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime import frames, json_text
from realtime.models import Event, Via
from realtime.queries import encode_event

STRANGE = [
    "1.0", "1e3", "-0", "1E+400", "123456789012345678901234567890", "9" * 5000, '"\\u0000"', '"\\ud800"',
    '"\\ud83d\\ude00"', '"\\/"', '{"b":1,"a":2}', '{"a":1,"a":2}', "null", " [ 1 ,\t2\r\n] ", "{}", '""', "true",
    '"}],\\"args\\":1"', '{"args":{"events":[{}]}}', "\"\u2028\U0001f600\"", "[" * 900 + "]" * 900,
]  # fmt: skip

spaces = st.text(" \t\r\n", max_size=2)
escapes = st.sampled_from(["\\u0000", "\\ud800", "\\uDFFF", "\\n", "\\/", '\\"', "\\\\", "\\u00e9"])
plain = st.text(
    st.characters(exclude_characters='"\\', exclude_categories=["Cs"], min_codepoint=32), max_size=5
)
strings = st.lists(escapes | plain, max_size=4).map(lambda parts: f'"{"".join(parts)}"')
numbers = st.from_regex(r"\A-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?\Z")
values = st.recursive(
    strings | numbers | st.sampled_from(["true", "false", "null"]),
    lambda inner: (
        st.builds("[{}]".format, st.lists(inner, max_size=4).map(",".join))
        | st.builds(
            "{{{}}}".format,
            st.lists(st.builds("{}{}:{}{}".format, strings, spaces, spaces, inner), max_size=4).map(",".join),
        )
    ),
    max_leaves=12,
)


def event_text(args: str | None, *, number: int = 0) -> str:
    tail = "" if args is None else f', "args" :{args}'
    return f'{{"eventId":"event-{number:04}" ,"name":"Noted"{tail}}}'


def read(text: str) -> list[str]:
    """Return the args that the server stores for a push."""
    return [event.args_text for event in frames.pushed_events(frames.decode(text, None), text)]


def wire(args: str) -> str:
    """Return the text of the args in an outgoing event, as another JSON scanner finds it."""
    event = Event(seq=1, parent_seq=0, event_id="event-01", name="Noted", args=args, via=Via.SYNC)
    encoded = encode_event(event, None).decode()
    begin, end = json_text.members(encoded)["args"]
    return encoded[begin:end]


@pytest.mark.parametrize("args", STRANGE, ids=lambda args: args[:20])
def test_strange_args_are_kept_as_written(args: str) -> None:
    assert read(f'{{"type":"push","events":[{event_text(args)}]}}') == [args.strip(" \t\r\n")]
    assert wire(args.strip(" \t\r\n")) == args.strip(" \t\r\n")


@given(st.lists(st.none() | values, min_size=1, max_size=5), spaces)
def test_any_args_are_kept_as_written(args: list[str | None], space: str) -> None:
    events = f"{space},{space}".join(event_text(text, number=n) for n, text in enumerate(args))
    text = f'{space}{{{space}"id"{space}:"\\u0061","type":"push","events":{space}[{space}{events}{space}]}}{space}'
    assert read(text) == [arg or "" for arg in args]


def test_absent_args_are_not_null() -> None:
    text = f'{{"type":"push","events":[{event_text(None)},{event_text("null", number=1)}]}}'
    assert read(text) == ["", "null"]
    event = Event(seq=1, parent_seq=0, event_id="event-01", name="Noted", args="", via=Via.SYNC)
    assert "args" not in json.loads(encode_event(event, None))


def test_of_two_members_of_one_name_the_last_counts() -> None:
    text = '{"events":[],"type":"push","events":[{"args":1,"eventId":"event-01","name":"N","arg\\u0073":2}]}'
    assert read(text) == ["2"]


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "[1,]", "NaN", "[Infinity]", "01", '"\\x"', '"\t"', "[" * 3000, '["\\ud800",' + "[" * 3000,
        '["\\ud800",' + "[" * 1024 + "]" * 1025, "\ufeff{}", "['a']",
    ],
    ids=lambda text: text[:12],
)  # fmt: skip
def test_what_is_no_json_or_too_deep_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        json_text.parse(text)


@given(values)
def test_what_is_json_is_read_as_everybody_reads_it(text: str) -> None:
    def same(value: Any) -> Any:
        return json.loads(value, parse_int=float)

    assert json.dumps(json_text.parse(text)) is not None
    assert json.loads(json.dumps(json_text.parse(text)), parse_int=float) == same(text)
