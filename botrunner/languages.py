"""Languages in Discord: each person reads replies in that of their client, and everybody else those of the server."""

from __future__ import annotations

from typing import Any

import nextcord
from django.conf import settings
from django.utils import translation

from guilds.domain.settings import load_settings
from guilds.models import Guild, GuildSettings

# Discord's locales. nextcord 3.2 does not know the last three, but sends any string.
LOCALES = (*(locale.value for locale in nextcord.Locale), "ar", "es-419", "he")


def language_of(locale: str | None) -> str:
    """Return the language in LANGUAGES for one of Discord's locales (Discord: Reference, Locales), or the default."""
    try:
        return translation.get_supported_language_variant((locale or "").lower())
    except LookupError:
        return settings.LANGUAGE_CODE


def guild_language(guild_id: str) -> str:
    """Return the language of messages that everybody in a guild can see."""
    locale = Guild.objects.filter(pk=guild_id).values_list("preferred_locale", flat=True).first()
    return public_language(load_settings(guild_id), locale)


def public_language(settings_of_guild: GuildSettings, locale: str | None) -> str:
    """Return the language that the settings choose, or else that of the server in Discord."""
    chosen = settings_of_guild.language
    return chosen if chosen in dict(settings.LANGUAGES) else language_of(locale)


def described(sentence: str) -> dict[str, Any]:
    """Return the arguments with which a slash command or option shows `sentence` in each person's language."""
    return {"description": sentence, "description_localizations": _translations(sentence) or None}


def offered(choices: dict[str, str]) -> dict[str, Any]:
    """Return the arguments with which an option offers values by name, in each person's language."""
    translated = {name: found for name in choices if (found := _translations(name))}
    return {"choices": choices, "choice_localizations": translated or None}


def _translations(text: str) -> dict[nextcord.Locale | str, str]:
    translated: dict[nextcord.Locale | str, str] = {}
    for locale in LOCALES:
        if (language := language_of(locale)) != settings.LANGUAGE_CODE:
            with translation.override(language):
                if (found := translation.gettext(text)) != text:
                    translated[locale] = found
    return translated
