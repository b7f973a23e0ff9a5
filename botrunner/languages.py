"""The bot answers each person in the language of their Discord client, if there is a catalog for it."""

from __future__ import annotations

from typing import Any

import nextcord
from django.conf import settings
from django.utils import translation


def language_of(locale: str | None) -> str:
    """Return the language in LANGUAGES for one of Discord's locales (Discord: Reference, Locales), or the default."""
    try:
        return translation.get_supported_language_variant((locale or "").lower())
    except LookupError:
        return settings.LANGUAGE_CODE


def described(sentence: str) -> dict[str, Any]:
    """Return the arguments with which a slash command or option shows `sentence` in each person's language."""
    return {"description": sentence, "description_localizations": _translations(sentence) or None}


def offered(choices: dict[str, str]) -> dict[str, Any]:
    """Return the arguments with which an option offers values by name, in each person's language."""
    translated = {name: found for name in choices if (found := _translations(name))}
    return {"choices": choices, "choice_localizations": translated or None}


def _translations(text: str) -> dict[nextcord.Locale, str]:
    translated = {}
    for locale in nextcord.Locale:
        if (language := language_of(locale.value)) != settings.LANGUAGE_CODE:
            with translation.override(language):
                translated[locale] = translation.gettext(text)
    return translated
