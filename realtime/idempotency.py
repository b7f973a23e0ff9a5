"""The `Idempotency-Key` of requests: a request with a key that was used before gets the answer of the first one."""

from __future__ import annotations

import hashlib

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from drf_spectacular.utils import OpenApiParameter

from accounts.errors import InvalidInput

MAX_KEY = 255

IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key", location=OpenApiParameter.HEADER, description=gettext_lazy("At most 255 characters.")
)


def command_id_of(key: str) -> str:
    """Return the command's id for an `Idempotency-Key`, or "" without one. Raises InvalidInput.

    Long keys are hashed, because the log stores 64 characters.
    """
    if key and not (len(key) <= MAX_KEY and key.isascii() and key.isprintable()):
        raise InvalidInput(
            {"Idempotency-Key": [_("At most %(limit)s printable ASCII characters.") % {"limit": MAX_KEY}]}
        )
    return hashlib.sha256(key.encode()).hexdigest() if len(key) > 64 else key
