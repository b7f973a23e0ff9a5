"""Quiet hours follow the clocks of their time zone, also when those change."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.quiet import QuietHours

BERLIN = "Europe/Berlin"


@pytest.mark.parametrize(
    ("start", "until", "now", "end"),
    [
        # Over midnight, in winter: one hour ahead of UTC.
        ("22:00", "07:00", "2026-01-10T20:59:59+00:00", None),
        ("22:00", "07:00", "2026-01-10T21:00:00+00:00", "2026-01-11T06:00:00+00:00"),
        ("22:00", "07:00", "2026-01-11T05:59:59+00:00", "2026-01-11T06:00:00+00:00"),
        ("22:00", "07:00", "2026-01-11T06:00:00+00:00", None),
        # Within one day, in summer: two hours ahead.
        ("12:00", "14:00", "2026-07-01T10:00:00+00:00", "2026-07-01T12:00:00+00:00"),
        ("12:00", "14:00", "2026-07-01T12:00:00+00:00", None),
        # The night of 29 March is one hour shorter than nine hours, that of 25 October one hour longer.
        ("22:00", "07:00", "2026-03-28T22:00:00+00:00", "2026-03-29T05:00:00+00:00"),
        ("22:00", "07:00", "2026-10-24T22:00:00+00:00", "2026-10-25T06:00:00+00:00"),
        # 02:30 does not exist on 29 March: clocks go from 02:00 to 03:00, at 01:00 UTC.
        ("22:00", "02:30", "2026-03-29T00:59:00+00:00", "2026-03-29T01:00:00+00:00"),
        ("02:00", "03:00", "2026-03-29T00:59:00+00:00", None),
        ("02:00", "03:00", "2026-03-29T01:00:00+00:00", None),
        # 02:30 comes twice on 25 October, at 00:30 and 01:30 UTC. Local time decides.
        ("22:00", "02:30", "2026-10-25T00:29:00+00:00", "2026-10-25T00:30:00+00:00"),
        ("22:00", "02:30", "2026-10-25T00:45:00+00:00", None),
        ("22:00", "02:30", "2026-10-25T01:15:00+00:00", "2026-10-25T01:30:00+00:00"),
        ("02:00", "03:00", "2026-10-25T00:00:00+00:00", "2026-10-25T02:00:00+00:00"),
    ],
)
def test_quiet_hours_go_by_the_clocks_of_their_place(
    start: str, until: str, now: str, end: str | None
) -> None:
    hours = QuietHours(time.fromisoformat(start), time.fromisoformat(until), BERLIN)
    moment = datetime.fromisoformat(now)
    assert hours.include(moment) == (end is not None)
    if end is not None:
        assert hours.end(moment) == datetime.fromisoformat(end)


@given(
    st.times(timezones=st.none()).map(lambda t: t.replace(second=0, microsecond=0)),
    st.times(timezones=st.none()).map(lambda t: t.replace(second=0, microsecond=0)),
    st.datetimes(datetime(2026, 1, 1), datetime(2028, 1, 1)),
    st.sampled_from([BERLIN, "UTC", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]),
)
def test_quiet_hours_end_at_the_first_minute_that_is_not_quiet(
    start: time, until: time, now: datetime, zone: str
) -> None:
    hours = QuietHours(start, until, zone)
    if start == until or not hours.include(now.replace(tzinfo=UTC)):
        return
    end = hours.end(now.replace(tzinfo=UTC))
    assert timedelta(0) < end - now.replace(tzinfo=UTC) <= timedelta(hours=25)
    assert not hours.include(end)
    assert hours.include(end - timedelta(seconds=1))
