"""Refusals of the library."""

from __future__ import annotations

from accounts.errors import Refusal


class NothingFound(Refusal):
    """No track matches. The sentence says what was looked for, and what to do."""

    code = "NO_MATCH"
    sentence = "Nothing in the library matches this."
    status = 404
