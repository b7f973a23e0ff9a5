"""docs/protocol.md and its neighbours name whatever a client may be told."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from accounts.errors import AccountsError
from queue_app.errors import LeaseLost, QueueError, UnknownCommand
from realtime.domain.archive import ArchiveError
from realtime.errors import RealtimeError

ROOT = Path(__file__).parents[2]
PROTOCOL = (ROOT / "docs" / "protocol.md").read_text()
DOCUMENTS = PROTOCOL + "".join(path.read_text() for path in (ROOT / "docs").glob("*.md"))
# Between processes, in a command line, and UNKNOWN_EVENT to clients.
NEVER_SAID = {LeaseLost.code, ArchiveError.code, UnknownCommand.code}


def codes_of(error: type[Exception]) -> Iterator[str]:
    yield getattr(error, "code", "")
    for more in error.__subclasses__():
        yield from codes_of(more)


@pytest.mark.parametrize("base", [AccountsError, RealtimeError, QueueError])
def test_every_code_is_documented(base: type[Exception]) -> None:
    assert {code for code in codes_of(base) if f"`{code}`" not in DOCUMENTS} - NEVER_SAID - {""} == set()


def test_every_close_code_is_documented() -> None:
    source = "".join(path.read_text() for path in (ROOT / "realtime").rglob("*.py"))
    used = set(re.findall(r"(?:close(?:_soon)?\(|close_code = )(\d{4})", source))
    assert {"4401", "4408", "4490", "4413", "1011"} <= used
    assert {code for code in used if code not in PROTOCOL} == set()
