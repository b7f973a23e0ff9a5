"""The text of a post: mentions, escaped markup, Discord's limits, and digests."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from alerts.message import AlertText, Picture, Without, compose, escape, level_of, plain, text_of
from alerts.models import Level


def reported(text: str, level: Level = Level.HIGH) -> AlertText:
    return AlertText(text, level, datetime(2026, 11, 21, 8, tzinfo=UTC), "maren")


def message(*alerts: AlertText, digest: bool = False, **options: Any) -> dict[str, Any]:
    given: dict[str, Any] = {
        "levels": {"high": len(alerts)},
        "stream_id": "cam-1",
        "stream_name": "Front door",
        "role_id": "42",
        "nonce": "0123456789abcdef01234567",
        "picture": None,
    }
    return compose(alerts, digest=digest, **given | options)


def test_a_post_mentions_its_role_and_can_mention_nothing_else() -> None:
    forged = message(reported("@everyone <@&1> <@2> hello"), stream_name="@here <@&9>")
    assert forged["content"] == "<@&42>"
    assert forged["allowed_mentions"] == {"parse": [], "roles": ["42"]}
    quiet = message(reported("@everyone"), role_id=None)
    assert (quiet["content"], quiet["allowed_mentions"]) == ("", {"parse": [], "roles": []})
    (embed,) = forged["embeds"]
    for text in (embed["title"], embed["description"]):
        assert "@everyone" not in text
        assert "<@" not in text.replace("\\<", "")


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("plain words, 3 of 4!", "plain words, 3 of 4!"),
        ("[Log in](https://evil.example)", r"\[Log in\](https\://evil.example)"),
        ("**bold** ~~x~~ ||spoiler||", r"\*\*bold\*\* \~\~x\~\~ \|\|spoiler\|\|"),
        ("# heading\n> quote\n- list", "\\# heading\n\\> quote\n\\- list"),
        ("`code`", r"\`code\`"),
        ("<t:0:R> <:smile:1> </cmd:1>", r"\<t\:0\:R\> \<\:smile\:1\> \</cmd\:1\>"),
        ("a\\*b", r"a\\\*b"),
        ("\u202egnp.exe\u2066", "gnp.exe"),
        ("nul\x00bell\x07 \ud800half", "nulbell half"),
        ("👩\u200d🚒 fire", "👩\u200d🚒 fire"),
    ],
)
def test_text_is_shown_as_it_was_typed(typed: str, shown: str) -> None:
    assert escape(typed, 1000) == shown


@given(st.text(max_size=3000))
def test_whatever_is_typed_stays_within_discords_limits_and_holds_no_markup(text: str) -> None:
    once = escape(text, 1000)
    assert len(once) <= 3000
    once.encode()
    for mark in ("**", "](", "<@", "://", "||", "```"):
        assert mark not in _without_escaped(once)
    assert len(plain(text, 50)) <= 50


@given(st.text(alphabet="*@_ aé😀\n", max_size=3000), st.booleans())
@example("*" * 3000, False)
@example("@" * 3000, True)
def test_in_plain_text_it_stays_within_discords_limits_too(text: str, digest: bool) -> None:
    alerts = [reported(text)] * (10 if digest else 1)
    name, picture = "*" * 100, Picture("image/png", b"png")
    plainly = Without(embed=True, picture=True)
    notice = message(
        *alerts, digest=digest, levels={"high": 99_999}, stream_name=name, picture=picture, without=plainly
    )
    assert len(notice["content"].encode("utf-16-le")) // 2 <= 2000  # UTF-16 units, the strictest way to count
    assert notice["content"].startswith("<@&42> **")
    assert notice["allowed_mentions"] == {"parse": [], "roles": ["42"]}
    assert "embeds" not in notice
    assert "attachments" not in notice


def _without_escaped(text: str) -> str:
    kept, skip = [], False
    for character in text:
        if skip:
            skip = False
        elif character == "\\":
            skip = True
        else:
            kept.append(character)
    return "".join(kept)


def test_a_digest_counts_all_and_shows_the_newest() -> None:
    shown = [reported(f"alert {n} " + "x" * 300, Level.LOW) for n in range(10)]
    digest = message(*shown, digest=True, levels={"low": 20, "high": 1})
    (embed,) = digest["embeds"]
    assert embed["title"] == "21 alerts from Front door (High: 1, Low: 20)"
    lines = embed["description"].split("\n")
    assert lines[0] == "11 earlier alerts"
    assert lines[1].startswith("<t:1795248000:T> **Low** alert 0 xxx")
    assert len(lines) == 11
    assert len(embed["description"]) <= 4096
    assert embed["color"] == message(reported("x"))["embeds"][0]["color"]  # the highest level's color


def test_the_picture_goes_along() -> None:
    shown = message(reported("x"), picture=Picture("image/png", b"png"))
    assert shown["embeds"][0]["image"] == {"url": "attachment://alert.png"}
    assert [each["filename"] for each in shown["attachments"]] == ["alert.png"]


def test_what_says_nothing_is_named_by_its_type() -> None:
    assert text_of("motion", {}) == "motion"
    assert text_of("motion", {"text": "  ", "message": "somebody"}) == "somebody"
    assert text_of("motion", {"text": 5}) == "motion"
    assert level_of({"level": "Low"}) == Level.LOW
