"""What a bot says about itself: its status and activities, in IDENTIFY and in Update Presence (op 3).

https://docs.discord.com/developers/events/gateway-events#update-presence
"""

from sandbox.model import Json

STATUSES = ("online", "dnd", "idle", "invisible", "offline")
PLAYING, STREAMING, LISTENING, WATCHING, CUSTOM, COMPETING = range(6)
VERBS = {PLAYING: "Playing ", STREAMING: "Streaming ", LISTENING: "Listening to ", WATCHING: "Watching ",
         COMPETING: "Competing in "}  # fmt: skip
MAX_TEXT = 128
# Discord does not document the limit. It ignores what exceeds it (discord-api-docs#1226).
MOST, WINDOW_SECONDS = 5, 20.0
ONLINE: Json = {"status": "online", "activities": []}


def read(data: object) -> Json | None:
    """Return `{status, activities}`, or None if the presence is malformed. Bots can set name, type, state and url."""
    if (
        not isinstance(data, dict)
        or data.get("status") not in STATUSES
        or not isinstance(data.get("afk"), bool)
    ):
        return None
    since, activities = data.get("since"), data.get("activities")
    if not (since is None or isinstance(since, int | float)) or not isinstance(activities, list):
        return None
    if not all(_is_activity(each) for each in activities):
        return None
    kept = ("name", "type", "state", "url")
    return {
        "status": data["status"],
        "activities": [{key: each[key] for key in kept if key in each} for each in activities],
    }


def _is_activity(value: object) -> bool:
    if (
        not isinstance(value, dict)
        or value.get("type") not in (*VERBS, CUSTOM)
        or isinstance(value["type"], bool)
    ):
        return False
    texts = [value.get("name"), *([value["state"]] if value.get("state") is not None else [])]
    return all(isinstance(text, str) and 1 <= len(text) <= MAX_TEXT for text in texts)


def said(presence: Json) -> str:
    """Return the line that Discord's clients show under the bot's name, "" for none."""
    if not presence["activities"]:
        return ""
    first = presence["activities"][0]
    return str(first.get("state", "")) if first["type"] == CUSTOM else VERBS[first["type"]] + first["name"]
