"""The storage limit for all streams of one owner. It is needed because durable messages are never pruned."""

from __future__ import annotations

import math

from django.conf import settings
from django.db.models import F, Sum, Value
from django.db.models.functions import Concat

from realtime.models import Store
from streams.models import Stream


def bytes_left(stream: Stream) -> float:
    """Return how many more bytes the owner of this stream may store, infinity if there is no limit.

    Simultaneous writes to two streams of one owner may together exceed the limit.
    """
    if not settings.STREAM_BYTES_PER_OWNER:
        return math.inf
    logs = (
        Stream.objects.filter(owner=stream.owner_id).order_by().values(log=Concat(Value("stream:"), F("pk")))
    )
    used = Store.objects.filter(name__in=logs).aggregate(used=Sum("size_bytes"))["used"] or 0
    return float(settings.STREAM_BYTES_PER_OWNER - used)
