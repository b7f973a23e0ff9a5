"""Attachments: files of messages and of slash commands, stored in a folder and served under signed links."""

import mimetypes
import re
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from sandbox.bodies import Upload
from sandbox.errors import DiscordError, Refused
from sandbox.images import size_of_image
from sandbox.links import VALID_SECONDS
from sandbox.model import Json
from sandbox.snowflake import new_snowflake
from sandbox.world import World

MAX_BYTES = 10 * 1024 * 1024
FILES_KEPT = 200
DESCRIBED = ("title", "description", "duration_secs", "waveform")
GONE = "This content is no longer available."


@dataclass
class _Waiting:
    """A file that a person has uploaded, but not yet sent."""

    user_id: str
    upload: Upload


class Attachments:
    """Files by snowflake. Only the newest `FILES_KEPT` are kept.

    The file of a message is served as long as the message has it, and the file of a slash command for a day.
    """

    def __init__(self, folder: Path, world: World) -> None:
        self.folder = folder
        self.world = world
        self._waiting: dict[str, _Waiting] = {}
        self._ephemeral: dict[str, float] = {}  # when the file of a slash command is deleted, by its id

    def store(self, *, channel_id: str, upload: Upload, described: Json) -> Json:
        """Store a file of a message. Returns Discord's attachment object. Raises DiscordError 413 if it is too large.

        `described` is the payload's entry for the file, which may rename and describe it. The links are not signed:
        `shapes` does that each time.
        """
        self._check_size(upload)
        return self._keep(new_snowflake(), upload, f"attachments/{channel_id}", described)

    def receive(self, *, user_id: str, upload: Upload) -> str:
        """Store a file that a person will send. Returns its id. Raises DiscordError 413 if it is too large."""
        self._check_size(upload)
        identifier = new_snowflake()
        self._waiting[identifier] = _Waiting(user_id, upload)
        while len(self._waiting) > FILES_KEPT:
            del self._waiting[next(iter(self._waiting))]
        return identifier

    def send(self, identifier: str, *, user_id: str, channel_id: str) -> Json:
        """Return a received file as an attachment of a message. Raises Refused if there is none."""
        return self._keep(identifier, self._take(identifier, user_id), f"attachments/{channel_id}", {})

    def offer(self, identifier: str, *, user_id: str) -> Json:
        """Return a received file as the value of a slash command's option. Raises Refused if there is none."""
        folder = f"ephemeral-attachments/{self.world.bot_id}"
        kept = self._keep(identifier, self._take(identifier, user_id), folder, {}) | {"ephemeral": True}
        self._ephemeral[identifier] = self.world.links.now() + VALID_SECONDS
        return self.world.links.attachment(kept)

    def _take(self, identifier: str, user_id: str) -> Upload:
        waiting = self._waiting.get(identifier)
        if waiting is None or waiting.user_id != user_id:
            raise Refused(404, "UNKNOWN_UPLOAD", "This user has not uploaded such a file, or already sent it")
        del self._waiting[identifier]
        return waiting.upload

    def _check_size(self, upload: Upload) -> None:
        if len(upload.content) > MAX_BYTES:
            raise DiscordError(413, 40005, "Request entity too large")

    def _keep(self, identifier: str, upload: Upload, place: str, described: Json) -> Json:
        self.folder.mkdir(exist_ok=True)
        given = str(described.get("filename") or upload.filename)
        name = _safe_name(given)
        (self.folder / identifier).write_bytes(upload.content)
        for old in sorted(self.folder.iterdir(), key=lambda path: path.name)[:-FILES_KEPT]:
            old.unlink()
        url = f"{self.world.links.base_url}/{place}/{identifier}/{name}"
        shape: Json = {
            "id": identifier,
            "filename": name,
            "size": len(upload.content),
            "url": url,
            "proxy_url": url,
            "content_type": upload.content_type,
            **_title(given, name),
            **size_of_image(upload.content),
        }
        return shape | {key: described[key] for key in DESCRIBED if described.get(key) is not None}

    async def serve(self, request: web.Request) -> web.StreamResponse:
        identifier, name = request.match_info["attachment_id"], request.match_info["filename"]
        path = self.folder / identifier
        signed = self.world.links.is_valid(request.path, request.query)
        if not signed or not self._exists(identifier, name) or not path.is_file():
            return web.Response(status=404, text=GONE)
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        # An uploaded HTML page must not run with the sandbox's origin.
        harmless = kind.startswith(("image/", "audio/", "video/")) and kind != "image/svg+xml"
        headers = {
            "Content-Type": kind if harmless else "application/octet-stream",
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": "sandbox",
        }
        return web.FileResponse(path, headers=headers)

    def _exists(self, identifier: str, name: str) -> bool:
        """Return whether a message still has the attachment, or a slash command's file has not been deleted."""
        if self._ephemeral.get(identifier, 0.0) > self.world.links.now():
            return True
        return any(
            (each["id"], each["filename"]) == (identifier, name)
            for message in self.world.messages.values()
            for each in message.attachments
        )

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get(f"/{place}/{{owner_id}}/{{attachment_id}}/{{filename}}", self.serve)
            for place in ("attachments", "ephemeral-attachments")
        ]


def _safe_name(given: str) -> str:
    """Return the file name in Discord's form: without spaces and other special characters."""
    stem, dot, suffix = re.sub(r"[^A-Za-z0-9_.-]", "_", given).rpartition(".")
    return f"{stem[:90]}{dot}{suffix[:20]}" or "file"


def _title(given: str, name: str) -> Json:
    """Return the original name without its suffix, which Discord adds if the name had to be changed."""
    return {"title": given.rpartition(".")[0] or given} if given != name else {}
