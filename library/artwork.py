"""Pictures of tracks, stored as files named by their hash."""

from __future__ import annotations

import hashlib
import secrets
from pathlib import Path

from django.conf import settings

_ENDINGS = {"image/png": "png", "image/jpeg": "jpg", "image/gif": "gif", "image/webp": "webp"}


def artwork_folder() -> Path:
    return Path(settings.DATA_DIR) / "artwork"


def store_artwork(picture: bytes | None, media_type: str | None) -> str:
    """Store a picture under its hash. Returns the file name, empty if there is no picture of a known type."""
    ending = _ENDINGS.get(media_type or "")
    if not picture or not ending:
        return ""
    name = f"{hashlib.sha256(picture).hexdigest()[:32]}.{ending}"
    path = artwork_folder() / name
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(f".{secrets.token_hex(4)}.part")
        draft.write_bytes(picture)
        draft.replace(path)
    return name
