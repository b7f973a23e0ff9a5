"""Links as people paste them, and other text unchanged."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from library.domain.find import read_query
from library.sources.links import MAX_PASTED, find_link, find_links, is_link

LINK = "http://radio.example/a.mp3"


@pytest.mark.parametrize(
    "pasted",
    [
        *("<{}>", "`{}`", "```{}```", "`<{}>`", '"{}"', "'{}'", "“{}”", "«{}»", "‹{}›", "||{}||", "|| {} ||"),
        *("**{}**", "*{}*", "_{}_", "__{}__", "~~{}~~", "||<{}>||", "> {}", "- {}", "# {}", "\\<{}\\>"),
        *("[title]({})", "[a [live] take](<{}>)", '[title]({} "tip")', "[https://x.example/]({})"),
        *("({})", "[{}]", "{{{}}}", "(see {}).", '<a href="{}">a</a>', "<{}", "{}>", "({}", "{})", "<{} >"),
        *("{}.", "{},", "{}!", "{}?!", "{}…", "{};", "{}:", "“{}”.", "{}、", "（{}）"),
        *("\u200b{}\u200b", "\ufeff{}", "{}\u2060", "\u200d{}\u200d", "\u202a{}\u202c", "\u00a0{}\u00a0"),
        *("listen to this {} please", "{}\u00a0please", "{}\nhttp://other.example/", "play:{}", "\t{}\r\n"),
    ],
)
def test_the_link_is_taken_out_of_what_was_pasted(pasted: str) -> None:
    assert read_query(pasted.format(LINK)) == LINK


@pytest.mark.parametrize(
    ("written", "link"),
    [
        ("Http://radio.example/A.mp3", "http://radio.example/A.mp3"),
        ("HTTPS://RADIO.Example:8443/A?B#C", "https://radio.example:8443/A?B#C"),
        ("ht\u200btp://radio.exa\u00admple/a.mp3", LINK),
        ("http://x.example/%41%2f%zz+é?q=a|b&amp=1", "http://x.example/%41%2f%zz+é?q=a|b&amp=1"),
        ("https://BÜCHER.example/Ä", "https://bücher.example/Ä"),
        ("[live](http://x.example/a_(live).mp3)", "http://x.example/a_(live).mp3"),
        ("(http://x.example/a_(live))", "http://x.example/a_(live)"),
        ("http://x.example/a_(live).", "http://x.example/a_(live)"),
        ("http://x.example/~me/a__", "http://x.example/~me/a__"),
        ("http://x.example/a*b_c~d", "http://x.example/a*b_c~d"),
        ("[v6](http://[::1]:8000/a)", "http://[::1]:8000/a"),
        ("http://x.example/My Song.mp3", "http://x.example/My%20Song.mp3"),
        *(
            (pasted.format("http://x.example/My Song.mp3"), "http://x.example/My%20Song.mp3")
            for pasted in (
                "{}.",
                '"{}"',
                "`{}`",
                "**{}**",
                "({})",
                "(<{}>)",
                "[t]({})",
                '[t]({} "tip")',
                "||{}||",
            )
        ),
        ("http://x.example/My Song.mp3?a=1#b", "http://x.example/My%20Song.mp3?a=1#b"),
        ("http://x.example/a.mp3?a=1 and b.mp3", "http://x.example/a.mp3?a=1"),
        ("http://x.example/get?file=My Song.mp3", "http://x.example/get?file=My%20Song.mp3"),
        ("hear http://x.example/My Song.mp3", "http://x.example/My"),
        ("<http://x.example/My Song>", "http://x.example/My%20Song"),
        ("http://x.example/a.mp3 and b.mp3", "http://x.example/a.mp3"),
        ("http://x.example/live and http://y.example/b.mp3", "http://x.example/live"),
        ("185.33.21.112:8000/stream", "http://185.33.21.112:8000/stream"),
        ("radio.example.com:8000", "http://radio.example.com:8000"),
        ("x.xn--p1ai/a.mp3", "https://x.xn--p1ai/a.mp3"),
        ("Dr.Dre/Eminem", "Dr.Dre/Eminem"),
        ("01.Intro/02.Outro", "01.Intro/02.Outro"),
        ("10.12.2026", "10.12.2026"),
        ("www.x.example/a.mp3", "http://www.x.example/a.mp3"),
        ("<WWW.x.example/a.mp3>", "http://www.x.example/a.mp3"),
        ("youtube.com/watch?v=dQw4w9WgXcQ&t=1", "https://youtube.com/watch?v=dQw4w9WgXcQ&t=1"),
        ("<Radio.Example/A.mp3>", "https://radio.example/A.mp3"),
        ("`bücher.example/`", "https://bücher.example/"),
        ("radio.example:8000/live", "http://radio.example:8000/live"),
        ("x.example/to?url=http://y.example/", "https://x.example/to?url=http://y.example/"),
        ("http://x.example/👨\u200d👩\u200d👧.mp3", "http://x.example/👨\u200d👩\u200d👧.mp3"),
    ],
)
def test_what_belongs_to_a_link_stays(written: str, link: str) -> None:
    assert read_query(written) == link


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("__library:abcdefghijklmnop__", "library:abcdefghijklmnop"),
        ("library:abcdefghijklmnop\n<", "library:abcdefghijklmnop"),
        ('library:abcdefghijklmnop"\n*\n"', "library:abcdefghijklmnop"),
        (" Night  Bus ", "Night  Bus"),
        ("AC/DC (live) *", "AC/DC (live) *"),
        ("the www. song", "the www. song"),
        ("see www.x.example", "see www.x.example"),
        ("foo.bar", "foo.bar"),
        ("mr. x/y", "mr. x/y"),
        ("see x.example/a.mp3", "see x.example/a.mp3"),
        ("x.example/one two", "x.example/one two"),
        ("Mr.X/Y", "Mr.X/Y"),
        ("R.E.M./Automatic", "R.E.M./Automatic"),
        ("a@x.example/a", "a@x.example/a"),
        ("24/7.mp3", "24/7.mp3"),
        ("http://", "http://"),
        ("https://.example/a.mp3", "https://.example/a.mp3"),
        ("ftp://x.example/a.mp3", "ftp://x.example/a.mp3"),
        ("`library:abcdefghij234567`\u200b", "library:abcdefghij234567"),
        ("\u200b \ufeff\u00a0", ""),
        ("क\u200dष", "क\u200dष"),
    ],
)
def test_words_stay_words(typed: str, words: str) -> None:
    assert find_link(typed) is None
    assert read_query(typed) == words
    assert not is_link(words)


A, B = "http://a.example/a.mp3", "http://b.example/b.mp3"


@pytest.mark.parametrize(
    ("text", "links"),
    [
        (f"{A} {B}", [A, B]),
        (f"{A}\n<{B}>", [A, B]),
        (f"hear {A}, then ({B}).", [A, B]),
        (f"||{A}|| **{B}**", [A, B]),
        (f"[one]({A}) and [two](<{B}>)", [A, B]),
        (f"[https://x.example/]({A}), [a [live] take]({B})", [A, B]),
        (f"{B} [title]({A}) {B} {A}.", [B, A]),
        ("[t](http://a.example/My Song.mp3) http://b.example/c", ["http://a.example/My%20Song.mp3", "http://b.example/c"]),
        (f"http://x.example/?u={A} {B}", [f"http://x.example/?u={A}", B]),
        (f"http:// {A}", [A]),
        ("www.a.example/a.mp3", ["http://www.a.example/a.mp3"]),
        ("no links, see x.example", []),
    ],
)  # fmt: skip
def test_all_links_of_a_text_are_found_in_their_order(text: str, links: list[str]) -> None:
    assert find_links(text) == links


PIECES = st.sampled_from(
    [
        *("http://", "HTTPS://", "www.", "library:", "x.example", "/a", ".mp3", "é", "%20", "?", "."),
        *("(", ")", "[", "](", "]", "<", ">", "||", "|", "`", "*", "_", "~", '"', "'", "\\"),
        *(" ", "\n", "\u200b", "\u200d"),
    ]
)


@example("](http://http://](http://http://")
@example("](<http://a](http://b>")
@example("](http://a](http:// .mp3")
@example("<http://a b>")
@example('"http://b.c.mp3|#:8000~[')
@example("_||http://__?<https://?")
@given(st.lists(PIECES, max_size=12).map("".join))
def test_reading_what_was_read_changes_nothing(text: str) -> None:
    once = read_query(text)
    assert read_query(once) == once
    assert is_link(once) == (find_link(text) is not None)
    links = find_links(text)
    assert not any(char.isspace() for link in links for char in link)
    assert all(find_links(f"<{link}>") == [link] for link in links if not set(link) & set('<>`|"'))
    if (link := find_link(text)) is not None:
        assert once == link
        assert not any(char.isspace() for char in link)


@pytest.mark.parametrize(
    "text",
    [
        "http://x/" + ")" * 10**6,
        "](" * 10**6,
        "<http://x" * 10**5,
        "www." * 10**6,
        "[" * 10**6,
        "[a[" * 10**6,
    ],
)
def test_a_long_text_is_read_as_far_as_a_link_can_be(text: str) -> None:
    link = find_link(text)
    assert link is None or len(link) < MAX_PASTED + 10
    assert sum(map(len, find_links(text))) < MAX_PASTED + 10


@pytest.mark.parametrize(
    "piece",
    [
        "](http://a.b/c ",
        "[a](http://a.b/x y",
        "[http://a.b](",
        "(http://a.b/(",
        "<http://a b ",
        "http://a.mp3 ",
    ],
)
@pytest.mark.parametrize("read", [find_links, read_query])
def test_a_text_of_many_links_takes_no_longer_for_each_of_them(
    read: Callable[[str], object], piece: str
) -> None:
    assert lines_run(read, piece * 200) < 3 * lines_run(read, piece * 100)


def lines_run(read: Callable[[str], object], text: str) -> int:
    """Return how many lines of Python run while a text is read."""
    count = 0

    def trace(frame: FrameType, event: str, arg: object) -> Any:
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        read(text)
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize("around", ["*\n", "*\u200c", "`\u3000", "> \t"])
def test_much_around_a_uri_is_taken_off_at_once(around: str) -> None:
    text = f"{around * 3000}library:abcdefghijklmnop{around[::-1] * 900}"
    assert read_query(text) == "library:abcdefghijklmnop"
