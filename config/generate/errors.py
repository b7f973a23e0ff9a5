"""The table of error codes in docs/protocol.md, with every subclass of Refusal.

A code that several classes share has one row, with the cases of these classes separated by slashes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

from django.utils.module_loading import autodiscover_modules

from accounts.errors import Refusal


def error_codes_table() -> str:
    autodiscover_modules("errors")
    refusals = sorted(_subclasses(Refusal), key=lambda each: (each.code, each.__module__, each.__name__))
    lines = ["| code | HTTP | closes with | when |\n", "| --- | --- | --- | --- |\n"]
    for code, several in groupby((each for each in refusals if each.code), key=lambda each: each.code):
        same = list(several)
        status = _or(str(each.status) for each in same)
        close = _or(str(each.close_code or "–") for each in same)
        when = " / ".join(" ".join((each.__doc__ or "").partition("\n\n")[0].split()) for each in same)
        lines.append(f"| `{code}` | {status} | {close} | {when} |\n")
    return "".join(lines)


def _subclasses(base: type[Refusal]) -> Iterator[type[Refusal]]:
    for each in base.__subclasses__():
        yield each
        yield from _subclasses(each)


def _or(words: Iterable[str]) -> str:
    return " or ".join(dict.fromkeys(words))
