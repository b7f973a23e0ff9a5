"""Tracks, and the lease for scanning the library's folder."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class Track(models.Model):
    """Something that can be played, named by its `uri` (`library:<id>`, `https://…`).

    Fields are None until the source has been read (`resolved_at`). `file_mtime_ns` and `file_size` let a scan skip
    unchanged files. `available` is False when the file is gone.
    """

    uri = models.CharField(max_length=2000, unique=True)
    source = models.CharField(max_length=20)
    title = models.CharField(max_length=300, null=True, blank=True)
    artist = models.CharField(max_length=300, null=True, blank=True)
    album = models.CharField(max_length=300, null=True, blank=True)
    url = models.CharField(max_length=2000, null=True, blank=True)
    duration_ms = models.PositiveBigIntegerField(null=True, blank=True)
    artwork = models.CharField(max_length=80, blank=True, help_text=_("File name in the artwork folder."))
    is_live = models.BooleanField(default=False)
    available = models.BooleanField(default=True)
    search_text = models.TextField(blank=True, editable=False)
    file_mtime_ns = models.BigIntegerField(null=True, blank=True, editable=False)
    file_size = models.BigIntegerField(null=True, blank=True, editable=False)
    resolved_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering: ClassVar[list[str]] = ["title", "id"]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["source", "available"], name="track_source"),
            models.Index(
                fields=["id"], condition=Q(resolved_at=None) & ~Q(source="none"), name="track_unresolved"
            ),
        ]

    def __str__(self) -> str:
        return self.title or self.uri


class ScanLease(models.Model):
    """Which process scans the library's folder now. Two at once would read each file twice.

    There is one row. A killed process is detected by its name or by `expires_at`.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    owner = models.CharField(max_length=100, blank=True)
    expires_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"scan by {self.owner}" if self.owner else "no scan"
