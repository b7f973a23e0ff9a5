"""Answers to signals of the apps below."""

from __future__ import annotations

from typing import Any

from django.dispatch import receiver

from guilds.signals import listing_sources
from library.sources import SOURCES


@receiver(listing_sources)
def list_sources(sender: Any, **kwargs: Any) -> dict[str, str]:
    return {source.name: source.label for source in SOURCES}
