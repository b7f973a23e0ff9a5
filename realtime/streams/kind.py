"""What `stream:<id>` means to the event log: its readers read the durable messages; `/ws` writes them."""

from __future__ import annotations

from collections.abc import Iterable

from accounts.models import User
from realtime.kinds import Kind
from realtime.streams.rights import readers, require_reader


def authorize(user: User, stream_id: str) -> None:
    require_reader(user, stream_id)


def principals(stream_id: str) -> Iterable[int] | None:
    return readers(stream_id)


KIND = Kind(authorize=authorize, push=None, snapshot=None, principals=principals)
