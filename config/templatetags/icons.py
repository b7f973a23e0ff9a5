"""The icons, as part of each page."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from django import template
from django.conf import settings
from django.utils.safestring import SafeString, mark_safe

register = template.Library()

SPRITE: Path = settings.BASE_DIR / "static" / "vendor" / "lucide" / "sprite.svg"


@register.simple_tag
@cache
def icon_sprite() -> SafeString:
    """Return the sprite, hidden and with the prefix `icon-` on its ids.

    It is part of the page, because a browser would request a separate file again for new icons. While the server is
    unreachable these would be blank.
    """
    sprite = (
        SPRITE.read_text().replace('<symbol id="', '<symbol id="icon-').replace("<svg ", "<svg hidden ", 1)
    )
    return mark_safe(sprite)  # noqa: S308  a file of ours
