"""Refusals of the library."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from accounts.errors import Refusal
from library.models import Track


class FileRefused(Refusal):
    """A file from Discord cannot be added. The text names the file and the reason."""

    code = "FILE_REFUSED"
    sentence = _("This file cannot be played.")


class NothingFound(Refusal):
    """No track matches. The text has the query and says what to do."""

    code = "NO_MATCH"
    sentence = _("Nothing in the library matches this query.")
    status = 404
    track: Track | None = None
    """The track that is no longer available, if the query named one."""
