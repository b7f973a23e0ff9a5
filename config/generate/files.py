"""The files that are generated from the program, in whole or in part."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from django.conf import settings

from alerts.models import AlertRule
from config.generate.commands import commands_table, commands_types, python_commands
from config.generate.errors import error_codes_table
from config.generate.events import events_json, events_table, events_types, python_events
from config.generate.messages import DOMAINS, compiled, english, translation
from config.generate.openapi import openapi_json
from config.generate.settings import settings_table
from config.generate.silences import silences_table
from config.generate.states import states_table
from guilds.models import GuildSettings

Make = Callable[[], str]


def whole(make: Make) -> Callable[[str], str]:
    return lambda text: make()


def parts(**makes: Make) -> Callable[[str], str]:
    """Generate the text between `<!-- generated: name -->` and `<!-- end -->`. The rest is written by hand."""

    def write(text: str) -> str:
        for name, make in makes.items():
            begin, end = f"<!-- generated: {name} -->\n", "<!-- end -->"
            before, found, rest = text.partition(begin)
            _, closed, after = rest.partition(end)
            if not (found and closed):
                raise ValueError(f"The file has no markers for the generated part {name}.")
            text = f"{before}{begin}\n{make()}\n{end}{after}"
        return text

    return write


FILES: dict[str, Callable[[str], str]] = {
    "docs/protocol.md": parts(
        states=states_table,
        silences=silences_table,
        commands=commands_table,
        events=events_table,
        errors=error_codes_table,
    ),
    "docs/alerts.md": parts(settings=lambda: settings_table(AlertRule)),
    "docs/guild-settings.md": parts(settings=lambda: settings_table(GuildSettings)),
    "docs/openapi.json": whole(openapi_json),
    "docs/events.schema.json": whole(events_json),
    "clients/js/src/commands.d.ts": whole(commands_types),
    "clients/js/src/events.d.ts": whole(events_types),
    "clients/python/src/backline_client/guild_commands.py": whole(python_commands),
    "clients/python/src/backline_client/guild_events.py": whole(python_events),
    "locale/en/LC_MESSAGES/django.po": whole(partial(english, "django")),
    "locale/en/LC_MESSAGES/djangojs.po": whole(partial(english, "djangojs")),
}


def outdated() -> Iterator[tuple[Path, bytes]]:
    """Yield each file that is out of date, with what it should contain."""
    for path, made in _made():
        if not path.exists() or path.read_bytes() != made:
            yield path, made


def _made() -> Iterator[tuple[Path, bytes]]:
    for name, write in FILES.items():
        path = settings.BASE_DIR / name
        yield path, write(_text(path)).encode()
    for language, _name in settings.LANGUAGES:
        if language != settings.LANGUAGE_CODE:
            for domain in DOMAINS:
                path = settings.BASE_DIR / "locale" / language / "LC_MESSAGES" / f"{domain}.po"
                made = translation(domain, language, _text(path))
                yield path, made.encode()
                yield path.with_suffix(".mo"), compiled(made, language)


def _text(path: Path) -> str:
    return path.read_text() if path.exists() else ""
