"""What the library tells the apps below it."""

from __future__ import annotations

from typing import Any

from django.dispatch import receiver

from guilds.signals import listing_sources


@receiver(listing_sources)
def list_sources(sender: Any, **kwargs: Any) -> dict[str, str]:
    return {"library": "The music library", "http": "Links to audio and radio"}
