"""Find the link in what a person typed or pasted.

People copy links from chats and pages. So a link may be in angle brackets, backticks, quotes, spoiler bars, Markdown
or the middle of a sentence, with invisible characters around it. All surfaces use these rules:

- The first http(s) link in the text counts, whatever surrounds it. In Markdown, the target counts before the title.
  `find_links` finds all of them, in their order, but no titles.
- Scheme and host become lower-case. Everything after them stays unchanged: percent signs, accents, query.
- Punctuation after a link is not part of it. A closing bracket is part of it only if the link has the opening one.
- `www.` without a scheme, at the start of the text, becomes http. Such servers redirect to https if they can.
- A text that is only a lower-case host and a path, as in `x.example/a.mp3`, becomes https. With a port it becomes
  http, and the path is optional.
- A file name may have spaces if it ends like an audio file and the link is at the start of the text or in Markdown.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from library.sources.library import SUFFIXES

MAX_PASTED = 8000  # characters; the rest is ignored

# Characters that are copied along with a link but are never part of it. Joiners (U+200C, U+200D) may be part of one.
_UNSEEN = re.compile("[\u00ad\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]")
_EDGES = re.compile(r"^[\s\u200c\u200d]+|(?<![\s\u200c\u200d])[\s\u200c\u200d]+$")
SCHEME = re.compile(r"[a-z][a-z0-9+.-]+:", re.IGNORECASE)  # at least two letters: `C:` is a drive
_WRAPPERS = " \t<>`\"'|*_~“”„‘’«»‹›"
_SPACE = "".join(map(chr, [*range(9, 14), *range(28, 33), 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B)])) + (
    "\u2028\u2029\u202f\u205f\u3000"
)
_AROUND = f"{_WRAPPERS}{_SPACE}\u200c\u200d"
_LINK = re.compile(r"https?://(?=\[[\da-f:]|[^\s/?#<>()\[\]{}\"'`|\\*~.,;:!])", re.IGNORECASE)
_MARKDOWN = re.compile(r"\]\(\s*<?(?=https?://)", re.IGNORECASE)
# The title of a Markdown link, which may contain pairs of brackets, as in "[a [live] take](https://…)".
_TITLE = re.compile(
    r"\[(?:[^\[\]]|\[[^\[\]]*+\])*+\]\((?=\s*<?https?://)",
    re.IGNORECASE,
)
_WWW = re.compile(rf"^[\s{_WRAPPERS}(\[]*(?=www\.[^\s./]+\.[^\s.])", re.IGNORECASE)
_HOST = r"(?:[^\W_][\w-]*\.)+(?:xn--[\w-]+|[^\W\d_]{2,})"
_BARE = re.compile(
    rf"^[{_WRAPPERS}(\[]*"
    rf"(?=(?:{_HOST}/\S*|(?:{_HOST}|\d{{1,3}}(?:\.\d{{1,3}}){{3}})(?P<port>:\d{{1,5}})(?:/\S*)?)$)"
)
_SPACES = re.compile(r"\s")
_STOP = re.compile(rf"[\s<>\"`]|\|\||{_MARKDOWN.pattern}", re.IGNORECASE)
_BRACKET_OR_STOP = re.compile(rf"{_STOP.pattern}|[()\[\]]", re.IGNORECASE)
_NEXT = re.compile(rf"{_LINK.pattern}|{_MARKDOWN.pattern}", re.IGNORECASE)
_AUTHORITY = re.compile(r"https?://[^/?#\\]*", re.IGNORECASE)
# The inside of <…>, and a line that may be a link with spaces.
_ANGLED = re.compile(rf"(?:(?!\|\||{_MARKDOWN.pattern})[^<>\"`\r\n])+(?=>)", re.IGNORECASE)
_PLAIN_LINE = re.compile(r"[^<>\"`|\r\n]+")
_CLOSING = {"(": ")", "[": "]"}
_PAIRS = {")": "(", "]": "[", "}": "{"}
_TRAILING = frozenset(".,;:!?'*|\\…“”„‘’«»‹›、。，．！？；：）」』】》\u200c\u200d")
_MARKS = "_~"  # part of many addresses, so they are emphasis only if they also come before the link


def trim(text: str) -> str:
    """Return text without invisible characters and without surrounding space."""
    return _EDGES.sub("", _UNSEEN.sub("", text))


def unwrap(text: str) -> str:
    """Return text without the quotes, Markdown characters, invisible characters and space around it."""
    return _UNSEEN.sub("", text).strip(_AROUND)


def is_link(query: str) -> bool:
    """Return whether a result of `find.read_query` is a link. "http://" alone is not."""
    return find_link(query) is not None


def find_link(text: str) -> str | None:
    """Return the first link in a text, cleaned, None if there is none."""
    plain = _with_scheme(trim(text[:MAX_PASTED]))
    target = _MARKDOWN.search(plain)
    found = _LINK.search(plain, target.end() if target else 0)
    return _cleaned(_cut(plain, found.start())) if found else None


def find_links(text: str) -> list[str]:
    """Return all links in a text, cleaned, in their order and each once."""
    plain = _TITLE.sub("](", _with_scheme(trim(text[:MAX_PASTED])))
    links: dict[str, None] = {}
    at = 0
    while found := _LINK.search(plain, at):
        raw = _cut(plain, found.start())
        if link := _cleaned(raw):
            links[link] = None
        at = found.start() + max(len(raw), found.end() - found.start())
    return [*links]


def _with_scheme(plain: str) -> str:
    """Return a text whose link has a scheme, also if people left it out."""
    if www := _WWW.search(plain):
        return f"{plain[: www.end()]}http://{plain[www.end() :]}"
    if (bare := _BARE.match(plain)) and _is_address(plain[bare.end() :]):
        scheme = "http" if bare["port"] else "https"
        return f"{plain[: bare.end()]}{scheme}://{plain[bare.end() :]}"
    return plain


def _cleaned(raw: str) -> str | None:
    """Return the link as it is stored, None if it has no host."""
    authority = _AUTHORITY.match(raw)
    if authority is None or authority[0].endswith("//"):
        return None
    return authority[0].lower() + _SPACES.sub("%20", raw[authority.end() :])


def _is_address(bare: str) -> bool:
    """Return whether a text that looks like a host is one: "Dr.Dre/Eminem" is not."""
    host = bare.partition("/")[0]
    return host == host.lower() or _is_audio_name(_trimmed(bare.rstrip(_WRAPPERS), ""))


def _cut(text: str, start: int) -> str:
    """Return the link that begins at `start`, without what follows it. It may contain spaces."""
    opener = text[start - 1] if start else ""
    if opener == "<" and (inside := _ANGLED.match(text, start)) and _has_whole_host(inside[0].rstrip()):
        return _trimmed(inside[0].rstrip(), text[:start])
    link = text[start : _end_of(text, start, opener)]
    before = text[:start]
    if before.endswith("](") or not before.strip(_WRAPPERS + "(["):
        name = _audio_name_with_spaces(text, start, opener)
        if name is not None and not _is_audio_name(link):
            return name
    return _trimmed(link, text[:start])


def _audio_name_with_spaces(text: str, start: int, opener: str) -> str | None:
    """Return the link from `start` to the end of its line or bracket, None if that is no audio file's.

    It reads no further than to the next link, which cannot be part of the name: a text may have hundreds of links.
    """
    following = _NEXT.search(text, start + 1)
    line = _PLAIN_LINE.match(text, start, following.start() if following else len(text))
    if line is None:
        return None
    name = line[0]
    if opener in _CLOSING:
        name = _up_to_closing(name, opener, _CLOSING[opener])
    if following and start + len(name) == following.start():
        return None
    name = _trimmed(name.rstrip(), text[:start])
    return name if _SPACES.search(name) and _has_whole_host(name) and _is_audio_name(name) else None


def _has_whole_host(link: str) -> bool:
    authority = _AUTHORITY.match(link)
    return authority is not None and not _SPACES.search(authority[0])


def _is_audio_name(text: str) -> bool:
    """Return whether a link ends like an audio file, or does so before a query without spaces."""
    path, *query = re.split(r"[?#]", text, maxsplit=1)
    if any(char.isspace() for char in "".join(query)):
        path = text
    return any(PurePosixPath(name).suffix.lower() in SUFFIXES for name in (text, path))


def _end_of(text: str, start: int, opener: str) -> int:
    """Return where a link without spaces ends: also before the bracket that closes the one before it, if any."""
    closing, depth = _CLOSING.get(opener), 0
    for found in (_BRACKET_OR_STOP if closing else _STOP).finditer(text, start):
        if found[0] in _PAIRS or found[0] in _CLOSING:
            depth += (found[0] == opener) - (found[0] == closing)
            if depth >= 0:
                continue
        return found.start()
    return len(text)


def _up_to_closing(link: str, opening: str, closing: str) -> str:
    depth = 0
    for at, char in enumerate(link):
        depth += (char == opening) - (char == closing)
        if depth < 0:
            return link[:at]
    return link


def _trimmed(link: str, before: str) -> str:
    """Return the link without the punctuation at its end."""
    surplus = {closing: link.count(closing) - link.count(opening) for closing, opening in _PAIRS.items()}
    end = len(link)
    while end:
        last = link[end - 1]
        if last in _PAIRS and surplus[last] > 0:
            surplus[last] -= 1
        elif last not in _TRAILING and not (last in _MARKS and last in before):
            break
        end -= 1
    return link[:end]
