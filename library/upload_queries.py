"""Reads of uploads."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import Q
from django.utils.translation import gettext as _

from accounts.errors import InvalidInput
from accounts.models import User
from library.browse import read_cursor, write_cursor
from library.domain.uploads import MB, PART_BYTES, used
from library.models import Upload
from library.shapes import track_shape

EXPORT_PAGE = 500


def upload_shape(upload: Upload) -> dict[str, Any]:
    return {
        "id": str(upload.pk),
        "name": upload.name,
        "size": upload.size,
        "offset": upload.received,
        "part_bytes": PART_BYTES,
        "created_at": upload.created_at.isoformat().replace("+00:00", "Z"),
        "track": track_shape(upload.track) if upload.track else None,
    }


def read_uploads(user: User, *, after: str | None, limit: int) -> dict[str, Any]:
    """Return a page of a person's uploads, newest first. `after`: the `next` of the page before."""
    mine = Upload.objects.filter(user=user)
    page = mine.select_related("track").order_by("-created_at", "id")
    if cursor := read_cursor(after, str, str):
        page = page.filter(_behind(*cursor))
    found = list(page[: limit + 1])
    last = found[limit - 1] if len(found) > limit else None
    return {
        "items": [upload_shape(upload) for upload in found[:limit]],
        "next": write_cursor([last.created_at.isoformat(), str(last.pk)]) if last else None,
        "used_bytes": used(mine),
        "limit_bytes": settings.UPLOADS_PER_PERSON_MB * MB,
        "max_bytes": settings.UPLOAD_MAX_MB * MB,
    }


def _behind(created_at: str, upload_id: str) -> Q:
    """Return the condition for uploads that come after this one."""
    try:
        at, pk = datetime.fromisoformat(created_at), uuid.UUID(upload_id)
        if at.tzinfo is None:
            raise ValueError(created_at)
    except ValueError as error:
        raise InvalidInput({"after": [_("Must be the `next` of a page of this list.")]}) from error
    # The first condition is implied by the second, and lets both databases begin in the index.
    return Q(created_at__lte=at) & (Q(created_at__lt=at) | Q(created_at=at, pk__gt=pk))


def export_uploads(user: User) -> Iterator[dict[str, object]]:
    """Yield a person's uploads for the export of their data. One query for each page."""
    mine = Upload.objects.filter(user=user).select_related("track").order_by("pk")
    page = list(mine[:EXPORT_PAGE])
    while page:
        for upload in page:
            yield {
                "id": str(upload.pk),
                "name": upload.name,
                "bytes": upload.size,
                "track": upload.track.uri if upload.track else None,
                "at": upload.created_at.isoformat(),
            }
        page = list(mine.filter(pk__gt=page[-1].pk)[:EXPORT_PAGE])
