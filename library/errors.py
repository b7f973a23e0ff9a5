"""Refusals of the library. `status` is what REST answers."""

from __future__ import annotations


class LibraryError(Exception):
    code = "INVALID_INPUT"
    sentence = "This cannot be done."
    status = 400

    def __init__(self, sentence: str = "") -> None:
        super().__init__(sentence or self.sentence)


class NothingFound(LibraryError):
    """The sentence says what was looked for, and what to do."""

    code = "NO_MATCH"
    sentence = "Nothing in the library matches this."
    status = 404
