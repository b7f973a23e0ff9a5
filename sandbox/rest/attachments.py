"""Uploaded files, stored in a folder and served under URLs like Discord's."""

import mimetypes
import re
from pathlib import Path

from aiohttp import web

from sandbox.errors import DiscordError
from sandbox.model import Json
from sandbox.rest.bodies import Upload
from sandbox.snowflake import new_snowflake

MAX_BYTES = 10 * 1024 * 1024
FILES_KEPT = 200
DESCRIBED = ("title", "description", "duration_secs", "waveform")


class Attachments:
    """Files by snowflake. Only the newest `FILES_KEPT` are kept. `base_url` is set once the port is known."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.base_url = ""

    def store(self, *, channel_id: str, upload: Upload, described: Json) -> Json:
        """Store a file. Returns Discord's attachment object. Raises DiscordError 413 when it is too large.

        `described` is the payload's entry for the file, which may rename and describe it.
        """
        if len(upload.content) > MAX_BYTES:
            raise DiscordError(413, 40005, "Request entity too large")
        self.folder.mkdir(exist_ok=True)
        name = re.sub(r"[^\w.-]", "_", str(described.get("filename") or upload.filename))[-100:] or "file"
        identifier = new_snowflake()
        (self.folder / identifier).write_bytes(upload.content)
        for old in sorted(self.folder.iterdir(), key=lambda path: path.name)[:-FILES_KEPT]:
            old.unlink()
        url = f"{self.base_url}/attachments/{channel_id}/{identifier}/{name}"
        shape: Json = {
            "id": identifier,
            "filename": name,
            "size": len(upload.content),
            "url": url,
            "proxy_url": url,
            "content_type": upload.content_type,
        }
        return shape | {key: described[key] for key in DESCRIBED if described.get(key) is not None}

    async def serve(self, request: web.Request) -> web.StreamResponse:
        path = self.folder / request.match_info["attachment_id"]
        if not path.name.isdigit() or not path.is_file():
            raise web.HTTPNotFound
        kind = mimetypes.guess_type(request.match_info["filename"])[0] or "application/octet-stream"
        # An uploaded HTML page must not run with the sandbox's origin.
        safe = (
            kind
            if kind.startswith(("image/", "audio/")) and kind != "image/svg+xml"
            else "application/octet-stream"
        )
        headers = {
            "Content-Type": safe,
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": "sandbox",
        }
        return web.FileResponse(path, headers=headers)

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/attachments/{channel_id}/{attachment_id}/{filename}", self.serve)]
