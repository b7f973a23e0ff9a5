"""How much the logs of one person's streams may hold together: of durable messages none is ever pruned."""

from __future__ import annotations

import math

from django.conf import settings
from django.db.models import F, Sum, Value
from django.db.models.functions import Concat

from realtime.models import Store
from streams.models import Stream


def bytes_left(stream: Stream) -> float:
    """Return how many bytes the streams of this one's owner may still take, infinity where there is no bound.

    Two writers of two streams may both find the last room.
    """
    if not settings.STREAM_BYTES_PER_OWNER:
        return math.inf
    logs = (
        Stream.objects.filter(owner=stream.owner_id).order_by().values(log=Concat(Value("stream:"), F("pk")))
    )
    used = Store.objects.filter(name__in=logs).aggregate(used=Sum("size_bytes"))["used"] or 0
    return float(settings.STREAM_BYTES_PER_OWNER - used)
