"""Refusals of the library."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from accounts.errors import Refusal


class NothingFound(Refusal):
    """No track matches. The text has the query and says what to do."""

    code = "NO_MATCH"
    sentence = _("Nothing in the library matches this query.")
    status = 404
