"""docs/protocol.md and its neighbors name everything that a client may receive."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from accounts.errors import Refusal

ROOT = Path(__file__).parents[2]
PROTOCOL = (ROOT / "docs" / "protocol.md").read_text()
DOCUMENTS = PROTOCOL + "".join(path.read_text() for path in (ROOT / "docs").glob("*.md"))


def refusals(base: type[Refusal] = Refusal) -> Iterator[type[Refusal]]:
    for each in base.__subclasses__():
        yield each
        yield from refusals(each)


def test_every_code_is_documented() -> None:
    codes = {each.code for each in refusals() if each.code}  # others: see subclasses and instances
    assert {"AUTH_REQUIRED", "NO_MATCH", "GUILD_NOT_FOUND", "NO_FRAME", "ALERT_RULE_NOT_FOUND"} <= codes
    assert {code for code in codes if f"`{code}`" not in DOCUMENTS} == set()


def test_every_refusal_says_when_it_is_raised() -> None:
    assert {each for each in refusals() if not each.__doc__} == set()


def test_every_close_code_is_documented() -> None:
    paths = (path for app in ("realtime", "streams") for path in (ROOT / app).rglob("*.py"))
    source = "".join(path.read_text() for path in paths)
    used = set(re.findall(r"(?:close(?:_soon)?\(|close_code = )(\d{4})", source))
    assert {"4401", "4408", "4490", "4413", "4404", "1011"} <= used
    assert {code for code in used if code not in PROTOCOL} == set()
