"""A second language, with a catalog of a few texts."""

from __future__ import annotations

from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from pytest_django import Settings


def speak_german(settings: Settings, folder: Path, texts: dict[str, str], *, domain: str = "django") -> None:
    """Add German, with translations by English text, to the languages of this process."""
    catalog = Catalog(locale="de")
    for english, german in texts.items():
        catalog.add(english, german)
    compiled = folder / "de" / "LC_MESSAGES" / f"{domain}.mo"
    compiled.parent.mkdir(parents=True)
    with compiled.open("wb") as file:
        write_mo(file, catalog)
    settings.LANGUAGES = [*settings.LANGUAGES, ("de", "Deutsch")]
    settings.LOCALE_PATHS = [*settings.LOCALE_PATHS, folder]
