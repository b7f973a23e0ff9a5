"""Checks of application commands: names, descriptions, options, translations and total size.

https://docs.discord.com/developers/interactions/application-commands
"""

import re
from collections.abc import Iterator

from sandbox.errors import DiscordError, invalid_form
from sandbox.languages import LOCALES
from sandbox.model import Json

CHAT, USER, MESSAGE = 1, 2, 3
MOST = {CHAT: 100, USER: 15, MESSAGE: 15}
MOST_CHARACTERS = 8_000
# InteractionContextType (guild, DM with the bot, other private channels), ApplicationIntegrationType (guild, user)
PLACES = {"contexts": frozenset({0, 1, 2}), "integration_types": frozenset({0, 1})}
STRING, INTEGER, NUMBER, ATTACHMENT = 3, 4, 10, 11
CHOOSABLE = (STRING, INTEGER, NUMBER)
# What an attachment may be: a type of media, or a file name's ending (change log, 2026-08-05).
FILE_TYPE = re.compile(r"audio|image|video|\.[\w.-]{1,31}")
MOST_FILE_TYPES = 10
NAME = re.compile(r"^[-_'\w]{1,32}$")


def check(body: object, path: str) -> None:
    """Raises: DiscordError 400, naming each invalid field."""
    if not isinstance(body, dict):
        raise invalid_form({f"{path}name": "This field is required"})
    faults: dict[str, str] = {}
    kind = body.get("type") or CHAT
    if kind not in MOST:
        faults[f"{path}type"] = f"Value must be one of {sorted(MOST)}."
    _check_name(body, path, faults, spaced=kind != CHAT)
    if kind == CHAT:
        _check_description(body, path, faults)
    else:
        _check_menu_command(body, path, faults)
    _check_place(body, path, faults)
    _check_options(body.get("options") or [], f"{path}options", faults)
    if faults:
        raise invalid_form(faults)
    if sum(_characters(body)) > MOST_CHARACTERS:
        raise invalid_form({f"{path}name": f"Command exceeds maximum size ({MOST_CHARACTERS})"})


def _check_menu_command(body: Json, path: str, faults: dict[str, str]) -> None:
    """Commands in the menus of messages and users consist only of their name."""
    for field in ("description", "options"):
        if body.get(field):
            faults[f"{path}{field}"] = f"Context menu commands cannot have {field}"


def _check_place(body: Json, path: str, faults: dict[str, str]) -> None:
    """Check where the command can be used, and by whom by default."""
    for field, known in PLACES.items():
        given = body.get(field)
        if given is None:
            continue
        if not isinstance(given, list) or not given or any(each not in known for each in given):
            faults[f"{path}{field}"] = f"Values must be among {sorted(known)}."
        elif len(set(given)) < len(given):
            faults[f"{path}{field}"] = "The list items must be unique."
    permissions = body.get("default_member_permissions")
    if permissions is not None and not re.fullmatch(r"[0-9]{1,20}", str(permissions)):
        faults[f"{path}default_member_permissions"] = f'Value "{permissions}" is not a permission set.'


def check_room(commands: list[Json]) -> None:
    """Check that there are not too many commands of one type. Raises: DiscordError 400 (30032)."""
    for kind, most in MOST.items():
        if sum((each.get("type") or CHAT) == kind for each in commands) > most:
            raise DiscordError(400, 30032, f"Maximum number of application commands reached ({most})")


def untranslated(command: Json) -> Json:
    """Return the command without its translations, as in a list that was requested without them."""
    shape = {key: value for key, value in command.items() if not key.endswith("_localizations")}
    for name in ("options", "choices"):
        if name in shape:
            shape[name] = [untranslated(each) for each in shape[name]]
    return shape


def _check_name(thing: Json, path: str, faults: dict[str, str], *, spaced: bool = False) -> None:
    """Names of chat commands and options have no spaces and no capital letters."""

    def fits(name: object) -> bool:
        if not isinstance(name, str) or not 1 <= len(name) <= 32:
            return False
        return spaced or (NAME.match(name) is not None and name == name.lower())

    name = thing.get("name")
    if not isinstance(name, str) or not 1 <= len(name) <= 32:
        faults[f"{path}name"] = "Must be between 1 and 32 in length."
    elif not fits(name):
        faults[f"{path}name"] = "Command name is invalid"
    for locale, text in _translations(thing, "name", path, faults):
        if not fits(text):
            faults[f"{path}name_localizations.{locale}"] = "Command name is invalid"


def _check_description(thing: Json, path: str, faults: dict[str, str]) -> None:
    if not 1 <= len(str(thing.get("description") or "")) <= 100:
        faults[f"{path}description"] = "Must be between 1 and 100 in length."
    for locale, text in _translations(thing, "description", path, faults):
        if not isinstance(text, str) or not 1 <= len(text) <= 100:
            faults[f"{path}description_localizations.{locale}"] = "Must be between 1 and 100 in length."


def _translations(thing: Json, field: str, path: str, faults: dict[str, str]) -> Iterator[tuple[str, object]]:
    given = thing.get(f"{field}_localizations") or {}
    if not isinstance(given, dict):
        faults[f"{path}{field}_localizations"] = "Only dictionaries may be used in a DictType"
        return
    for locale, text in given.items():
        if locale not in LOCALES:
            faults[f"{path}{field}_localizations.{locale}"] = "Value is not a locale Discord knows."
        yield locale, text


def _check_options(options: object, path: str, faults: dict[str, str]) -> None:
    if not isinstance(options, list) or len(options) > 25:
        faults[path] = "Must be 25 or fewer in length."
        return
    optional_seen, names = False, set()
    for index, option in enumerate(options):
        here = f"{path}.{index}."
        if not isinstance(option.get("type"), int) or not 1 <= option["type"] <= 11:
            faults[f"{here}type"] = "Value must be one of {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}."
        _check_name(option, here, faults)
        if option.get("name") in names:
            faults[f"{here}name"] = "Option name already exists"
        names.add(option.get("name"))
        _check_description(option, here, faults)
        if option.get("required") and optional_seen:
            faults[f"{here}required"] = "Required options must be placed before non-required options"
        optional_seen = optional_seen or not option.get("required")
        _check_choices(option, here, faults)
        _check_file_types(option, f"{here}file_types", faults)
        if option.get("options"):
            _check_options(option["options"], f"{here}options", faults)


def _check_choices(option: Json, path: str, faults: dict[str, str]) -> None:
    choices = option.get("choices") or []
    if len(choices) > 25:
        faults[f"{path}choices"] = "Must be 25 or fewer in length."
    if option.get("type") not in CHOOSABLE:
        for field in ("choices", "autocomplete"):
            if option.get(field):
                faults[f"{path}{field}"] = "Options of this type cannot have it."
    if choices and option.get("autocomplete"):
        faults[f"{path}autocomplete"] = "Autocomplete and choices exclude each other"
    for index, choice in enumerate(choices):
        here = f"{path}choices.{index}."
        for text_path, text in (
            (f"{here}name", choice.get("name")),
            *(
                (f"{here}name_localizations.{locale}", text)
                for locale, text in _translations(choice, "name", here, faults)
            ),
        ):
            if not isinstance(text, str) or not 1 <= len(text) <= 100:
                faults[text_path] = "Must be between 1 and 100 in length."


def _check_file_types(option: Json, path: str, faults: dict[str, str]) -> None:
    given = option.get("file_types")
    if given is None:
        return
    if option.get("type") != ATTACHMENT:
        faults[path] = "Options of this type cannot have it."
    elif not isinstance(given, list) or not 1 <= len(given) <= MOST_FILE_TYPES:
        faults[path] = f"Must be between 1 and {MOST_FILE_TYPES} in length."
    elif not all(isinstance(each, str) and FILE_TYPE.fullmatch(each) for each in given):
        faults[path] = "Values must be audio, image, video, or an extension that begins with a dot."


def _characters(thing: Json) -> Iterator[int]:
    """Yield the length of each text's longest translation. The values of choices count too."""
    for field in ("name", "description"):
        translated = (thing.get(f"{field}_localizations") or {}).values()
        yield max(len(str(text or "")) for text in (thing.get(field), *translated))
    if isinstance(thing.get("value"), str):
        yield len(thing["value"])
    for name in ("options", "choices"):
        for each in thing.get(name) or []:
            yield from _characters(each)
