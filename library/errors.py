"""Refusals of the library."""

from __future__ import annotations

from django.utils.functional import Promise, lazy
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.errors import Refusal
from library.models import Track


def lazy_text(sentence: str, **words: object) -> str | Promise:
    """Return a text in the language of its reader, who is not known yet. `sentence` is marked with gettext_noop."""
    return lazy(lambda: gettext(sentence) % words, str)()


class FileRefused(Refusal):
    """A file from Discord cannot be added. The text names the file and the reason."""

    code = "FILE_REFUSED"
    sentence = _("This file cannot be played.")

    def __init__(self, sentence: str | Promise = "") -> None:
        super().__init__(sentence)
        self.text = sentence or self.sentence


class NothingFound(Refusal):
    """No track matches. The text has the query and says what to do."""

    code = "NO_MATCH"
    sentence = _("Nothing in the library matches this query.")
    status = 404
    track: Track | None = None
    """The track that is no longer available, if the query named one."""
