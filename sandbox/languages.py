"""Languages of people and servers, and commands as a client in one of them shows them (docs: Reference, Locales)."""

from typing import Any

from sandbox.errors import Refused
from sandbox.model import Json

LOCALES = frozenset([
    "ar", "bg", "cs", "da", "de", "el", "en-GB", "en-US", "es-419", "es-ES", "fi", "fr", "he", "hi", "hr", "hu",
    "id", "it", "ja", "ko", "lt", "nl", "no", "pl", "pt-BR", "ro", "ru", "sv-SE", "th", "tr", "uk", "vi",
    "zh-CN", "zh-TW",
])  # fmt: skip
# Docs: Application Commands, Localization. Every other locale falls back to the command's own text.
FALLBACKS = {"en-US": "en-GB", "en-GB": "en-US", "es-419": "es-ES"}


def read_locale(body: Json) -> str:
    """Return the field `locale`. Raises Refused."""
    locale = body.get("locale")
    if locale not in LOCALES:
        raise Refused(400, "INVALID", "locale must be one of Discord's, such as en-US or de")
    return str(locale)


def localized(part: Json, locale: str) -> Json:
    """Return a command, option or choice with its description in a language, and with its name if it is a choice.

    Discord's clients also translate the names of commands and options. Here they keep the names by which they are sent.
    """
    shown: dict[str, Any] = dict(part)
    for field in ("name", "description") if "value" in part else ("description",):
        translations = part.get(f"{field}_localizations") or {}
        found = translations.get(locale) or translations.get(FALLBACKS.get(locale, ""))
        if found and field in part:
            shown[field] = found
    for nested in ("options", "choices"):
        if part.get(nested):
            shown[nested] = [localized(each, locale) for each in part[nested]]
    return shown
