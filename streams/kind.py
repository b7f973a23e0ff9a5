"""The kind `stream:<id>`: a read-only log of durable messages, which `/ws` writes."""

from __future__ import annotations

from collections.abc import Collection

from accounts.models import User
from realtime.kinds import Kind, Reader
from streams.rights import read_rights, require_reader


def authorize(user: User, stream_id: str) -> None:
    require_reader(user, stream_id)


def readers(asked: Collection[Reader]) -> set[Reader]:
    return {pair for pair, rights in read_rights(asked).items() if rights.read}


KIND = Kind(authorize=authorize, push=None, snapshot=None, readers=readers)
