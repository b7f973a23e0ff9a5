"""Error responses in Discord's format.

Codes: https://discord.com/developers/docs/topics/opcodes-and-status-codes#json
"""

from typing import Any


class DiscordError(Exception):
    """An error response: HTTP `status`, Discord's JSON `code` and `message`, and `errors` by field."""

    def __init__(self, status: int, code: int, message: str, errors: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.errors = errors

    def body(self) -> dict[str, Any]:
        body: dict[str, Any] = {"message": self.message, "code": self.code}
        if self.errors:
            body["errors"] = self.errors
        return body


def unauthorized() -> DiscordError:
    return DiscordError(401, 0, "401: Unauthorized")


def missing_access() -> DiscordError:
    return DiscordError(403, 50001, "Missing Access")


def missing_permissions() -> DiscordError:
    return DiscordError(403, 50013, "Missing Permissions")


def unknown(kind: str) -> DiscordError:
    """404 for an object that does not exist or that the caller may not see."""
    codes = {
        "Application": 10002,
        "Channel": 10003,
        "Guild": 10004,
        "Member": 10007,
        "Message": 10008,
        "Overwrite": 10009,
        "Role": 10011,
        "User": 10013,
        "Emoji": 10014,
        "Webhook": 10015,
        "Ban": 10026,
        "Sticker": 10060,
        "Interaction": 10062,
        "Application Command": 10063,
        "Voice State": 10065,
        "Stage Instance": 10067,
        "Sound": 10097,
    }
    message = "Unknown application command" if kind == "Application Command" else f"Unknown {kind}"
    return DiscordError(404, codes[kind], message.capitalize() if kind == "Interaction" else message)


def invalid_form(fields: dict[str, str]) -> DiscordError:
    """400 "Invalid Form Body". `fields` maps a dotted path (`embeds.0.title`) to a sentence.

    Discord itself sends string codes inside `_errors` (BASE_TYPE_REQUIRED), but its OpenAPI document has
    integers. No client reads them, so the sandbox follows the document.
    """
    errors: dict[str, Any] = {}
    for path, sentence in fields.items():
        node = errors
        for part in path.split("."):
            node = node.setdefault(part, {})
        node["_errors"] = [{"code": 50035, "message": sentence}]
    return DiscordError(400, 50035, "Invalid Form Body", errors)


class Refused(Exception):
    """An error response of the sandbox's own API: HTTP `status`, stable `code`, and `detail`, a sentence."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
