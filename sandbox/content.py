"""Turns a bot's payload into a message, with Discord's checks and default values.

Limits: https://discord.com/developers/docs/resources/message
"""

import re
from collections.abc import Iterator

from sandbox.errors import DiscordError, invalid_form
from sandbox.model import Json, Message, MessageFlag
from sandbox.snowflake import new_snowflake
from sandbox.world import World

SETTABLE_FLAGS = (
    MessageFlag.SUPPRESS_EMBEDS
    | MessageFlag.EPHEMERAL
    | MessageFlag.SUPPRESS_NOTIFICATIONS
    | MessageFlag.IS_VOICE_MESSAGE
    | MessageFlag.COMPONENTS_V2
)
EMBED_LIMITS = {"title": 256, "description": 4096}
EMBED_TOTAL = 6000
MOST_ATTACHMENTS = 10
SELECTS = (3, 5, 6, 7, 8)


def apply(world: World, message: Message, payload: Json, *, new_attachments: list[Json]) -> None:
    """Write the fields of `payload` into `message`. Absent fields keep their values.

    Raises:
        DiscordError: 400, naming the field. `message` is then unchanged.
    """
    faults: dict[str, str] = {}
    fields: Json = {}
    if "content" in payload:
        fields["content"] = _content(payload["content"], faults)
    if "embeds" in payload or "embed" in payload:
        given = payload.get("embeds", payload.get("embed") and [payload["embed"]])
        fields["embeds"] = _embeds(given or [], faults)
    if "components" in payload:
        fields["components"] = _components(payload["components"] or [], faults)
    if "flags" in payload and payload["flags"] is not None:
        kept = message.flags & ~(MessageFlag.SUPPRESS_EMBEDS | MessageFlag.COMPONENTS_V2)
        fields["flags"] = kept | int(payload["flags"]) & SETTABLE_FLAGS & ~MessageFlag.EPHEMERAL
    if "attachments" in payload or new_attachments:
        fields["attachments"] = _attachments(message.attachments, payload, faults) + new_attachments
        if len(fields["attachments"]) > MOST_ATTACHMENTS:
            faults["attachments"] = f"Must be {MOST_ATTACHMENTS} or fewer in length."
    _check_allowed(payload.get("allowed_mentions"), faults)
    if faults:
        raise invalid_form(faults)
    draft = {**vars(message), **fields}
    for embed in fields.get("embeds", []):
        _show_attachments(embed, draft["attachments"])
    if not any(draft[name] for name in ("content", "embeds", "components", "attachments")):
        raise DiscordError(400, 50006, "Cannot send an empty message")
    for name, value in fields.items():
        setattr(message, name, value)
    if "content" in fields:
        _mention(world, message, payload.get("allowed_mentions"))


def _content(value: object, faults: dict[str, str]) -> str:
    content = "" if value is None else str(value)
    if len(content) > 2000:
        faults["content"] = "Must be 2000 or fewer in length."
    return content


def _embeds(given: object, faults: dict[str, str]) -> list[Json]:
    if not isinstance(given, list):
        faults["embeds"] = "Only iterables may be used in a ListType"
        return []
    if len(given) > 10:
        faults["embeds"] = "Must be 10 or fewer in length."
    return [_embed(embed, f"embeds.{index}", faults) for index, embed in enumerate(given)]


def _embed(given: Json, path: str, faults: dict[str, str]) -> Json:
    embed: Json = {"type": "rich"}
    embed |= {
        key: value for key, value in given.items() if value is not None and key not in ("type", "fields")
    }
    for name, limit in EMBED_LIMITS.items():
        if len(str(embed.get(name, ""))) > limit:
            faults[f"{path}.{name}"] = f"Must be {limit} or fewer in length."
    if not isinstance(embed.get("color", 0), int) or not 0 <= embed.get("color", 0) <= 0xFFFFFF:
        faults[f"{path}.color"] = "int value should be less than or equal to 16777215."
    if "url" in embed and not re.match(r"https?://", str(embed["url"])):
        faults[f"{path}.url"] = "Not a well formed URL."
    for name in ("image", "thumbnail"):
        if name in embed and not re.match(r"(https?|attachment)://", str(embed[name].get("url", ""))):
            faults[f"{path}.{name}.url"] = "Not a well formed URL."
    rows = given.get("fields") or []
    if len(rows) > 25:
        faults[f"{path}.fields"] = "Must be 25 or fewer in length."
    for index, row in enumerate(rows):
        for name, limit in (("name", 256), ("value", 1024)):
            if not 1 <= len(str(row.get(name, ""))) <= limit:
                faults[f"{path}.fields.{index}.{name}"] = f"Must be between 1 and {limit} in length."
    if rows:
        embed["fields"] = [
            {
                "name": str(row.get("name")),
                "value": str(row.get("value")),
                "inline": bool(row.get("inline", False)),
            }
            for row in rows
        ]
    texts = [embed.get("title"), embed.get("description"), (embed.get("footer") or {}).get("text")]
    texts += [
        (embed.get("author") or {}).get("name"),
        *(row["name"] + row["value"] for row in embed.get("fields", [])),
    ]
    if sum(len(str(text)) for text in texts if text) > EMBED_TOTAL:
        faults[path] = "Embed size exceeds maximum size of 6000"
    return embed


def _show_attachments(embed: Json, attachments: list[Json]) -> None:
    """Replace `attachment://<filename>` by the URL of the attachment with that name."""
    urls = {f"attachment://{each['filename']}": each["url"] for each in attachments}
    for name in ("image", "thumbnail"):
        if name in embed and (url := urls.get(embed[name]["url"])):
            embed[name] = {**embed[name], "url": url, "proxy_url": url}


def _attachments(present: list[Json], payload: Json, faults: dict[str, str]) -> list[Json]:
    """Return the attachments that a message keeps. An edit that lists attachments removes those not listed."""
    if "attachments" not in payload:
        return present
    given = payload["attachments"] or []
    if not isinstance(given, list) or not all(isinstance(each, dict) for each in given):
        faults["attachments"] = "Only iterables of dictionaries may be used in a ListType"
        return present
    listed = {str(each.get("id")): each for each in given}
    stay = [each | _description(listed[each["id"]]) for each in present if each["id"] in listed]
    return [{key: value for key, value in each.items() if value is not None} for each in stay]


def _description(given: Json) -> Json:
    return {"description": given["description"]} if "description" in given else {}


def _components(given: object, faults: dict[str, str]) -> list[Json]:
    """Check rows of buttons and selects, or Components V2. Each component gets a numeric id, as on Discord."""
    if not isinstance(given, list):
        faults["components"] = "Only iterables may be used in a ListType"
        return []
    if len(given) > 40:
        faults["components"] = "Must be 40 or fewer in length."
    seen: set[str] = set()
    counter = iter(range(1, 10_000))
    return [
        _component(each, f"components.{index}", faults, seen, counter) for index, each in enumerate(given)
    ]


def _component(
    given: Json, path: str, faults: dict[str, str], seen: set[str], counter: Iterator[int]
) -> Json:
    component = {key: value for key, value in given.items() if value is not None}
    component["id"] = next(counter)
    kind = component.get("type")
    custom_id = component.get("custom_id")
    if custom_id is not None:
        if not 1 <= len(custom_id) <= 100:
            faults[f"{path}.custom_id"] = "Must be between 1 and 100 in length."
        if custom_id in seen:
            faults[f"{path}.custom_id"] = "Component custom id cannot be duplicated"
        seen.add(custom_id)
    if kind == 1 and not 1 <= len(component.get("components", [])) <= 5:
        faults[f"{path}.components"] = "Must be between 1 and 5 in length."
    if kind == 2:
        _check_button(component, path, faults)
    if kind in SELECTS:
        component = {"min_values": 1, "max_values": 1} | component
    if kind == 3:
        options = component.get("options", [])
        if not 1 <= len(options) <= 25:
            faults[f"{path}.options"] = "Must be between 1 and 25 in length."
        component["options"] = [{k: v for k, v in each.items() if v is not None} for each in options]
    if kind == 14:
        component = {"divider": True, "spacing": 1} | component
    if kind in (11, 13, 17):
        component = {"spoiler": False} | component
    if kind == 17:
        component = {"accent_color": None} | component
    if kind == 11:
        component = {"description": None} | component | {"media": _media(component["media"])}
    if kind == 12:
        component["items"] = [
            {"description": None, "spoiler": False} | each | {"media": _media(each["media"])}
            for each in component.get("items", [])
        ]
    if kind == 13:
        file = _media(component["file"])
        component |= {"file": file, "name": file["url"].rsplit("/", 1)[-1], "size": None}
    if "components" in component:
        component["components"] = [
            _component(child, f"{path}.components.{index}", faults, seen, counter)
            for index, child in enumerate(component["components"])
        ]
    if isinstance(component.get("accessory"), dict):
        component["accessory"] = _component(
            component["accessory"], f"{path}.accessory", faults, seen, counter
        )
    return component


def _check_button(button: Json, path: str, faults: dict[str, str]) -> None:
    if len(button.get("label") or "") > 80:
        faults[f"{path}.label"] = "Must be 80 or fewer in length."
    if button.get("style") == 5:
        if not button.get("url"):
            faults[f"{path}.url"] = "A url is required"
    elif button.get("style") in (1, 2, 3, 4) and not button.get("custom_id"):
        faults[f"{path}.custom_id"] = "A custom id is required"
    if not button.get("label") and not button.get("emoji"):
        faults[f"{path}.label"] = "A label or emoji is required"


def _media(given: Json) -> Json:
    url = given["url"]
    return {"id": new_snowflake(), "url": url, "proxy_url": url}


def _check_allowed(allowed: object, faults: dict[str, str]) -> None:
    """Users and roles are either parsed from the text or listed by id, never both."""
    if not isinstance(allowed, dict):
        return
    for kind in ("users", "roles"):
        listed = allowed.get(kind) or []
        if listed and kind in (allowed.get("parse") or []):
            faults["allowed_mentions"] = f'parse:["{kind}"] and {kind}: [ids...] are mutually exclusive.'
        if len(listed) > 100:
            faults[f"allowed_mentions.{kind}"] = "Must be 100 or fewer in length."


def _mention(world: World, message: Message, allowed: Json | None) -> None:
    """Set the mentions of a message: those in its text, as far as `allowed_mentions` permits."""
    parse = {"users", "roles", "everyone"} if allowed is None else set(allowed.get("parse") or [])
    users = dict.fromkeys(re.findall(r"<@!?(\d+)>", message.content))
    roles = dict.fromkeys(re.findall(r"<@&(\d+)>", message.content))
    # `mentions` lists every user named in the text, even if their ping is suppressed.
    message.mentions = [user_id for user_id in users if user_id in world.users]
    allowed_roles = set(allowed.get("roles") or []) if allowed else set()
    message.mention_roles = [
        role_id
        for role_id in roles
        if role_id in world.roles and ("roles" in parse or role_id in allowed_roles)
    ]
    message.mention_everyone = (
        "everyone" in parse and re.search(r"@(everyone|here)\b", message.content) is not None
    )
