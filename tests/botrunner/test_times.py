"""Times as people type them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botrunner.times import UnclearTime, read_time
from library.clock import clock
from queue_app.commands.seek import MAX_MS


@pytest.mark.parametrize(
    ("typed", "seconds"),
    [
        ("1:30", 90),
        ("0:05", 5),
        ("01:05", 65),
        ("90:00", 5_400),
        ("1:02:03", 3_723),
        ("1:2:30", 3_750),
        ("0", 0),
        ("90", 90),
        ("007", 7),
        ("90s", 90),
        ("1m30s", 90),
        ("1h2m3s", 3_723),
        ("2m", 120),
        ("90m", 5_400),
        ("1h", 3_600),
        ("1h5s", 3_605),
        ("1H 2M 3S", 3_723),
        ("1 min 30 sec", 90),
        ("  1:30\n", 90),
        ("１：３０", 90),
        ("168:00:00", 604_800),
    ],
)
def test_a_time_is_read(typed: str, seconds: int) -> None:
    assert read_time(typed) == seconds * 1000


@pytest.mark.parametrize(
    "typed",
    [
        "", " ", "-1", "+1", "-1:30", "abc", "1:2:3:4", "1:5", "1:", ":30", "1::30", "NaN", "nan", "inf",
        "1.5", "1,5", "1e3", "0x10", "1_000", "s", "m", "hms", "1s1m", "1m1m", "30 minutes later", "1:30s", "١:٣٠",
        "1d", "9" * 10, "1:" + "9" * 5000,
    ],
)  # fmt: skip
def test_anything_else_is_refused_with_what_would_be_right(typed: str) -> None:
    with pytest.raises(
        UnclearTime, match=r"is not a time\. Write it like 1:30, 1:02:03, 90 \(seconds\) or 1m30s\."
    ):
        read_time(typed)


@pytest.mark.parametrize("typed", ["1:75", "1:60", "1:60:00", "1:02:60", "1m90s", "1h60m", "1h2m60s"])
def test_minutes_and_seconds_go_up_to_59(typed: str) -> None:
    with pytest.raises(UnclearTime) as refused:
        read_time(typed)
    assert str(refused.value) == (
        f"“{typed}” is not a time: minutes and seconds go up to 59. Write it like 1:30 or 1:02:03."
    )


@pytest.mark.parametrize("typed", ["168:00:01", "999999999", "999999999h", "999999999:59:59"])
def test_a_time_that_is_too_long_is_refused(typed: str) -> None:
    with pytest.raises(UnclearTime, match=r"is too long\. The longest time is 168:00:00\."):
        read_time(typed)


def test_a_refusal_quotes_little_and_no_markdown() -> None:
    with pytest.raises(UnclearTime) as refused:
        read_time("**x**" + "y" * 500)
    assert str(refused.value).startswith("“\\*\\*x\\*\\*yyy")
    assert len(str(refused.value)) < 150


@given(st.integers(0, MAX_MS // 1000))
def test_a_time_that_is_shown_can_be_typed(seconds: int) -> None:
    assert read_time(clock(seconds * 1000)) == seconds * 1000
    assert read_time(str(seconds)) == seconds * 1000


@given(st.text(max_size=30) | st.text("0123456789:hms .-", max_size=12))
def test_whatever_is_typed_is_a_time_or_refused(typed: str) -> None:
    try:
        assert 0 <= read_time(typed) <= MAX_MS
    except UnclearTime:
        pass
