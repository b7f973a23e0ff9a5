"""Rate limits as Discord documents them, without a network: learned from responses, waited for, or refused."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.discord_limits import MAX_INVALID, MAX_WINDOW_SECONDS, Limits, is_global, retry_after, route_of
from accounts.errors import DiscordBusy, DiscordPaused

CHANNEL, OTHER = "410000000000000001", "410000000000000002"
POST = route_of("POST", f"/channels/{CHANNEL}/messages", authorization="Bot x")
ELSEWHERE = route_of("POST", f"/channels/{OTHER}/messages", authorization="Bot x")
ME = route_of("GET", "/users/@me", authorization="Bot x")


def window(remaining: int, after: float, *, bucket: str = "b", limit: int = 5) -> dict[str, str]:
    return {
        "X-RateLimit-Limit": str(limit),
        "X-RateLimit-Remaining": str(remaining),
        "X-RateLimit-Reset-After": str(after),
        "X-RateLimit-Bucket": bucket,
    }


def ask(limits: Limits, route: Any = POST, *, patience: float = 0.0) -> None:
    limits.acquire(route, until=time.monotonic() + patience)


def learn(limits: Limits, route: Any = POST, *, status: int = 200, body: Any = None, **headers: str) -> None:
    limits.learn(
        route, status=status, headers={name.replace("_", "-"): v for name, v in headers.items()}, body=body
    )


def used_up(limits: Limits, route: Any = POST, *, after: float = 30.0, bucket: str = "b") -> None:
    ask(limits, route)
    limits.learn(route, status=200, headers=window(0, after, bucket=bucket), body={})


def test_a_used_up_window_is_waited_out() -> None:
    limits = Limits()
    used_up(limits, after=0.15)
    begun = time.monotonic()
    ask(limits, patience=5)
    assert time.monotonic() - begun >= 0.14


def test_who_cannot_wait_so_long_is_told_how_long_at_once() -> None:
    limits = Limits()
    used_up(limits, after=30)
    for _ in range(5):
        with pytest.raises(DiscordBusy) as refused:
            ask(limits, patience=3)
    assert refused.value.retry_after == pytest.approx(30, abs=5)  # nobody waits that long


def test_each_channel_has_a_window_of_its_own() -> None:
    limits = Limits()
    used_up(limits)
    ask(limits, ELSEWHERE)


def test_routes_of_one_bucket_share_its_window() -> None:
    limits = Limits()
    one, all_ = (
        route_of("GET", f"/guilds/{CHANNEL}{rest}", authorization="Bot x")
        for rest in ("/roles/420000000000000001", "/roles")
    )
    ask(limits, all_)
    limits.learn(all_, status=200, headers=window(4, 30), body={})
    used_up(limits, one)
    with pytest.raises(DiscordBusy):
        ask(limits, all_)


def test_posting_and_editing_are_counted_apart_though_discord_names_one_bucket() -> None:
    limits = Limits()
    edit = route_of("PATCH", f"/channels/{CHANNEL}/messages/420000000000000001", authorization="Bot x")
    ask(limits, edit)
    limits.learn(edit, status=200, headers=window(4, 30), body={})
    used_up(limits)
    for _ in range(4):
        ask(limits, edit)
    with pytest.raises(DiscordBusy):
        ask(limits, edit)


def test_other_tokens_have_windows_of_their_own() -> None:
    limits = Limits()
    used_up(limits, ME)
    ask(limits, route_of("GET", "/users/@me", authorization="Bearer y"))


def test_a_crowd_takes_no_more_than_a_window_holds() -> None:
    limits = Limits()
    ask(limits)
    limits.learn(POST, status=200, headers=window(3, 30), body={})
    outcomes: list[bool] = []

    def one() -> None:
        try:
            ask(limits)
            outcomes.append(True)
        except DiscordBusy:
            outcomes.append(False)

    threads = [threading.Thread(target=one) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes.count(True) == 3


def test_the_first_request_of_a_route_goes_alone() -> None:
    limits = Limits()
    ask(limits)
    with pytest.raises(DiscordBusy):
        ask(limits, ELSEWHERE)
    limits.abandon(POST)  # the request failed, so the next one may try
    ask(limits, ELSEWHERE)


def test_an_answer_that_was_overtaken_gives_nothing_back() -> None:
    limits = Limits()
    ask(limits)
    limits.learn(POST, status=200, headers=window(1, 30), body={})
    ask(limits)
    limits.learn(POST, status=200, headers=window(3, 30), body={})
    with pytest.raises(DiscordBusy):
        ask(limits)


# The headers of a 429: a used-up window, the normal one (for a hidden limit), or none.
HEADERS = {
    "used up": window(0, 0.2, limit=1),
    "hidden": window(4, 15),
    "wrong": window(0, 102_737, limit=1),
    "none": {},
}


@pytest.mark.parametrize("headers", HEADERS.values(), ids=HEADERS.keys())
def test_a_429_is_obeyed_and_then_forgotten(headers: dict[str, str]) -> None:
    limits = Limits()
    ask(limits)
    limits.learn(POST, status=200, headers=window(4, 0.1), body={})
    limits.learn(POST, status=429, headers=headers, body={"retry_after": 0.2})
    with pytest.raises(DiscordBusy) as refused:
        ask(limits)
    assert refused.value.retry_after == pytest.approx(0.2, abs=0.1)
    begun = time.monotonic()
    ask(limits, patience=5)
    assert time.monotonic() - begun >= 0.15  # the refusal has to end first
    for _ in range(4):  # a whole window at once
        ask(limits)


def test_when_to_come_back_may_be_a_date() -> None:
    in_a_minute = format_datetime(datetime.now(UTC) + timedelta(minutes=1), usegmt=True)
    assert retry_after({"Retry-After": in_a_minute}, None) == pytest.approx(60, abs=2)
    assert retry_after({"Retry-After": in_a_minute}, {"retry_after": 0.5}) == 0.5
    assert retry_after({"Retry-After": "soon"}, {}) is None


@pytest.mark.parametrize(
    ("headers", "body"),
    [({"X-RateLimit-Scope": "global"}, {}), ({"X-RateLimit-Global": "True"}, {}), ({}, {"global": True})],
)
def test_a_429_for_all_is_told_in_three_ways(headers: dict[str, str], body: dict[str, Any]) -> None:
    assert is_global(headers, body)
    assert not is_global({"X-RateLimit-Scope": "user"}, {"global": False})


def test_a_route_without_headers_is_asked_freely_once_its_429_is_over() -> None:
    limits = Limits()
    token = route_of("POST", "/oauth2/token", authorization="")
    ask(limits, token)
    learn(limits, token, status=429, body={"retry_after": 0.1})
    ask(limits, token, patience=5)
    learn(limits, token, body={})
    for _ in range(20):
        ask(limits, token)


def test_a_short_429_does_not_end_a_long_one() -> None:
    limits = Limits()
    learn(limits, status=429, body={"retry_after": 580})
    learn(limits, status=429, body={"retry_after": 1})
    with pytest.raises(DiscordBusy) as refused:
        ask(limits)
    assert refused.value.retry_after == pytest.approx(580, abs=1)


def test_a_window_takes_as_long_as_its_first_answer_said_last() -> None:
    limits = Limits()
    for seconds in (30, 0.15):
        ask(limits)
        limits.learn(POST, status=200, headers=window(4, seconds), body={})
    for _ in range(3):
        ask(limits)
    ask(limits, patience=5)  # a new window: only the length of the last one is known
    for _ in range(4):
        ask(limits)
    with pytest.raises(DiscordBusy) as refused:
        ask(limits)
    assert refused.value.retry_after is not None
    assert refused.value.retry_after <= 0.15


@pytest.mark.parametrize("remaining", [4, 0])
def test_a_window_of_a_day_is_not_believed(remaining: int) -> None:
    limits = Limits()
    ask(limits)
    limits.learn(POST, status=200, headers=window(remaining, 102_737), body={})
    for _ in range(remaining):
        ask(limits)
    with pytest.raises(DiscordBusy) as refused:
        ask(limits)
    assert refused.value.retry_after is not None
    assert refused.value.retry_after <= MAX_WINDOW_SECONDS


numbers = st.sampled_from(["0", "1", "5", "0.2", "90", "102737", "-3", "nan", "1e9", "soon", ""])
answers = st.tuples(
    st.sampled_from([200, 204, 400, 404, 429, 500]),
    st.fixed_dictionaries(
        {},
        optional={
            "X-RateLimit-Limit": numbers,
            "X-RateLimit-Remaining": numbers,
            "X-RateLimit-Reset-After": numbers,
            "X-RateLimit-Bucket": st.sampled_from(["a", "b"]),
        },
    ),
    st.none() | st.sampled_from([0.1, 8, 120, 580, "soon"]),
)


@given(st.lists(answers, max_size=12))
def test_whatever_was_answered_nobody_waits_for_longer_than_a_429_said_and_a_window(
    output: list[tuple[int, dict[str, str], Any]],
) -> None:
    limits = Limits()
    for status, headers, reported in output:
        limits.learn(POST, status=status, headers=headers, body={"retry_after": reported})
    longest = max((r for status, _, r in output if status == 429 and isinstance(r, int | float)), default=1.0)
    waits: list[float] = []
    for _ in range(8):
        try:
            ask(limits)
        except DiscordBusy as error:
            waits.append(error.retry_after or 0.0)
    assert max(waits, default=0.0) <= max(1.0, longest) + MAX_WINDOW_SECONDS


def test_a_window_of_no_requests_is_one_of_one() -> None:
    limits = Limits()
    ask(limits)
    limits.learn(POST, status=200, headers=window(0, 0.05, limit=0), body={})
    ask(limits, patience=5)


def test_a_global_limit_stops_this_token_everywhere_and_no_other() -> None:
    limits = Limits()
    learn(limits, status=429, body={"retry_after": 20.5, "global": True}, X_RateLimit_Global="true")
    with pytest.raises(DiscordBusy) as refused:
        ask(limits, ME)
    assert refused.value.retry_after == pytest.approx(20.5, abs=1)
    ask(limits, route_of("GET", "/users/@me", authorization="Bearer y"))


def test_a_limit_of_one_route_stops_no_other() -> None:
    limits = Limits()
    learn(limits, status=429, body={"retry_after": 20}, X_RateLimit_Scope="user")
    with pytest.raises(DiscordBusy):
        ask(limits)
    ask(limits, ME)


def test_a_429_of_cloudflare_stops_everything() -> None:
    limits = Limits()
    learn(limits, status=429, body=None, Retry_After="600")
    with pytest.raises(DiscordBusy) as refused:
        ask(limits, route_of("GET", "/users/@me", authorization="Bearer y"))
    assert refused.value.retry_after == pytest.approx(600, abs=1)


@pytest.mark.parametrize("output", ["-5", "nan", "inf", "soon", "", None])
def test_a_retry_after_that_is_no_time_is_a_second(output: Any) -> None:
    limits = Limits()
    learn(limits, status=429, body={"retry_after": output}, Retry_After=str(output))
    with pytest.raises(DiscordBusy) as refused:
        ask(limits)
    assert refused.value.retry_after == pytest.approx(1, abs=0.2)


def test_refusals_are_counted_and_others_doing_is_not() -> None:
    limits = Limits()
    for status in (200, 400, 404, 500):
        learn(limits, status=status, body={})
    learn(limits, status=429, body={"retry_after": 0.01}, X_RateLimit_Scope="shared")
    assert not limits._invalid
    learn(limits, status=429, body={"retry_after": 0.01}, X_RateLimit_Scope="user")
    learn(limits, status=401, body={})
    learn(limits, status=403, body={})
    assert len(limits._invalid) == 3


def test_long_before_discord_shuts_the_address_out_nothing_is_asked_any_more() -> None:
    limits = Limits()
    assert MAX_INVALID <= 1_000  # Discord's limit is 10,000 per IP address, for all processes together
    for _ in range(MAX_INVALID - 1):
        learn(limits, status=403, body={})
    ask(limits)
    limits.abandon(POST)
    learn(limits, status=401, body={})
    with pytest.raises(DiscordPaused) as refused:
        ask(limits, ME, patience=3600)
    assert refused.value.retry_after == pytest.approx(600, abs=5)


def test_many_windows_are_forgotten_when_they_are_over() -> None:
    limits = Limits()
    for number in range(5_000):
        route = route_of("POST", f"/channels/{410000000000000000 + number}/messages", authorization="Bot x")
        limits.learn(route, status=200, headers=window(4, 0.0), body={})
    assert len(limits._windows) <= 2_000


@pytest.mark.parametrize(
    ("path", "template", "major"),
    [
        (f"/channels/{CHANNEL}/messages/{OTHER}", "/channels/{id}/messages/{id}", CHANNEL),
        (f"/guilds/{CHANNEL}?with_counts=true", "/guilds/{id}", CHANNEL),
        ("/users/@me/guilds?after=1&limit=1", "/users/@me/guilds", ""),
        (f"/webhooks/{CHANNEL}/s3cret/messages/@original", "/webhooks/{id}/{token}/messages/@original", CHANNEL),
        (f"/interactions/{CHANNEL}/s3cret/callback", "/interactions/{id}/{token}/callback", ""),
    ],
)  # fmt: skip
def test_routes_are_counted_by_their_shape_and_hold_no_secret(path: str, template: str, major: str) -> None:
    route = route_of("GET", path, authorization="Bot s3cret")
    assert (route.template, route.major) == (template, major)
    assert "s3cret" not in repr(route)
