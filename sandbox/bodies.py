"""Request bodies in every format that Discord accepts: JSON, URL-encoded, and multipart with files.

https://docs.discord.com/developers/reference#uploading-files
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from aiohttp import web

from sandbox.errors import DiscordError
from sandbox.model import Json

FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
PAYLOAD = "payload_json"


@dataclass(frozen=True)
class Upload:
    """A file of a form. `number` is the n of `files[n]`; for a field named `file` it is "0"."""

    number: str
    filename: str
    content: bytes
    content_type: str


@dataclass(frozen=True)
class Body:
    """A parsed request body and its files."""

    value: object
    uploads: list[Upload] = field(default_factory=list)


async def read(request: web.Request) -> Body:
    """Parse a request body. An empty body is an empty object. `payload_json` replaces a form's other fields.

    Raises:
        DiscordError: 400 when the JSON or the form cannot be parsed.
    """
    if request.content_type not in FORMS:
        return Body(parse(await request.read() or b"{}"))
    try:
        form = await request.post()
    except (ValueError, LookupError):  # a malformed form, or an unknown character set
        raise DiscordError(400, 50035, "Invalid Form Body") from None
    uploads = [
        Upload(_number(name), part.filename, part.file.read(), part.content_type)
        for name, part in form.items()
        if isinstance(part, web.FileField) and name != PAYLOAD
    ]
    payload = form.get(PAYLOAD)
    if payload is None:
        return Body(_fields(form), uploads)
    # aiohttp returns bytes for a part with a content type, and a file for a part with a filename.
    return Body(parse(payload.file.read() if isinstance(payload, web.FileField) else payload), uploads)


def parse(text: str | bytes | bytearray) -> object:
    """Raises DiscordError 400 (50109) when the text is not JSON."""
    try:
        return json.loads(text)
    except ValueError:
        raise DiscordError(400, 50109, "The request body contains invalid JSON.") from None


def _number(name: str) -> str:
    return name.removeprefix("files[").removesuffix("]").removeprefix("file") or "0"


def _fields(form: Mapping[str, object]) -> Json:
    """Return the text fields of a form, with `tts`, the only boolean of a message, converted."""
    fields: Json = {name: value for name, value in form.items() if isinstance(value, str)}
    if "tts" in fields:
        fields["tts"] = fields["tts"].lower() in ("true", "1")
    return fields
