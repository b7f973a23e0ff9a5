"""Secrets of a development installation, generated once and stored in the data folder."""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path

from cryptography.fernet import Fernet


def load_or_create(folder: Path) -> dict[str, str]:
    """Return `{SECRET_KEY, JWT_SECRET, FIELD_ENCRYPTION_KEYS}` from `folder/keys.json`.

    Only its owner may read the file. Two processes that start at the same time use the same keys: the link below
    fails in the second, which then reads the file of the first.
    """
    path = folder / "keys.json"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        keys = {
            "SECRET_KEY": secrets.token_urlsafe(50),
            "JWT_SECRET": secrets.token_urlsafe(48),
            "FIELD_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
        }
        draft = folder / f".keys-{os.getpid()}-{secrets.token_hex(4)}"
        draft.touch(mode=0o600)
        draft.write_text(json.dumps(keys))
        try:
            os.link(draft, path)
        except FileExistsError:
            pass  # another process was first, use its keys
        finally:
            draft.unlink()
    loaded: dict[str, str] = json.loads(path.read_text())
    return loaded
