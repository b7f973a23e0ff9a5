"""What `stream:<id>` means to the event log: its readers read the durable messages; `/ws` writes them."""

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
