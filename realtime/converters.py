"""Path converters for the URLs of all apps."""

from __future__ import annotations

from django.urls.converters import IntConverter


class ShortIntConverter(IntConverter):
    """Numbers that fit into a database column. Longer ones get a 404."""

    regex = "[0-9]{1,18}"
