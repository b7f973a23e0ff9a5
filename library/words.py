"""Text folded for searching: the words that are indexed, and the words of a query.

Python folds the text, so SQLite and PostgreSQL index exactly the same words. Folding one title takes about 0.03 ms.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from itertools import groupby

LAST = "\U0010ffff"  # comes after every other character
MAX_KEY = 300
MAX_WORD = 40
MAX_TERMS = 12  # of a query
# Letters that Unicode does not decompose, and letters that people type for others.
_ALSO = {
    "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i", "ħ": "h", "ə": "e",
    "ة": "ه", "ى": "ي", "ـ": "", "'": "", "’": "", "ʼ": "",
}  # fmt: skip
_HIRAGANA = {katakana: katakana - 0x60 for katakana in range(0x30A1, 0x30F7)}
_EXTRA = str.maketrans(_ALSO) | _HIRAGANA
# Thai, Burmese, Khmer, kana, CJK and Hangul: scripts that are written without spaces, or searched by parts of words.
_WITHOUT_SPACES = (
    (0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x3005, 0x3007), (0x3040, 0x30FF), (0x3400, 0x9FFF),
    (0xAC00, 0xD7AF), (0xF900, 0xFAFF), (0x20000, 0x3FFFF),
)  # fmt: skip


def search_key(text: str) -> str:
    """Return text without case, accents and signs, with one space between words. Equal keys count as equal titles.

    Letters, numbers and marks stay. Hindi and Thai write vowels with marks. A text without any of these, such as the
    name "!!!", keeps its own characters.
    """
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold())
    plain = "".join(char for char in plain if not unicodedata.combining(char))
    plain = unicodedata.normalize("NFC", plain).translate(_EXTRA)
    words = "".join(
        char if unicodedata.category(char)[0] in "LNM" and char != "\ufe0f" else " " for char in plain
    )
    key = " ".join(words.split()) if any(map(str.isalnum, words)) else ""
    return (key or _signs(text))[:MAX_KEY]


def _signs(text: str) -> str:
    """Return the characters of a text without letters. All presentations of an emoji are equal."""
    folded = unicodedata.normalize("NFKD", text.casefold())
    seen = (
        char
        for char in folded
        if unicodedata.category(char) not in {"Mn", "Me", "Cc", "Cf"} or char.isspace()
    )
    return " ".join("".join(seen).split())


@lru_cache(maxsize=8192)
def is_dense(char: str) -> bool:
    """Return whether a character belongs to a script without spaces."""
    code = ord(char)
    return code >= 0x0E00 and any(low <= code <= high for low, high in _WITHOUT_SPACES)


def index_words(key: str) -> str:
    """Return the words to index of a key, separated by spaces.

    A run of a script without spaces becomes its pairs and its last character ("青花瓷" → "青花 花瓷 瓷"). Thus an
    index finds every part of it.
    """
    found: list[str] = []
    for dense, run in _runs(key):
        found += [run[at : at + 2] for at in range(len(run))] if dense else [run[:MAX_WORD]]
    return " ".join(found)


def query_terms(key: str) -> list[tuple[str, bool]]:
    """Return the words to find for the key of a query, each with whether it is only the beginning of a word.

    The last word is, because it may still be being typed.
    """
    found: list[tuple[str, bool]] = []
    for dense, run in _runs(key):
        if not dense:
            found.append((run[:MAX_WORD], False))
        elif len(run) == 1:
            found.append((run, True))
        else:
            found += [(run[at : at + 2], False) for at in range(len(run) - 1)]
    if found and not is_dense(key[-1]):
        found[-1] = (found[-1][0], True)
    return list(dict.fromkeys(found))[:MAX_TERMS]


def _runs(key: str) -> Iterator[tuple[bool, str]]:
    """Yield the runs of each word, with whether the run is of a script without spaces. Signs have none."""
    for word in key.split() if any(map(str.isalnum, key)) else ():
        for dense, run in groupby(word, is_dense):
            yield dense, "".join(run)
