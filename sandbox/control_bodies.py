"""Request and response bodies of /_sandbox: JSON, with errors as `{code, detail}`."""

import json
from collections.abc import Awaitable, Callable

from aiohttp import web

from sandbox import bodies
from sandbox.bodies import Upload
from sandbox.errors import DiscordError, Refused
from sandbox.model import Json

MOST_ATTACHMENTS = 10
REPLY_SECONDS, MAX_REPLY_SECONDS = 15.0, 60.0

type _Answering = Callable[[web.Request], Awaitable[Json | web.Response]]


def answering(handler: _Answering) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def handle(request: web.Request) -> web.Response:
        try:
            answer = await handler(request)
        except Refused as refusal:
            return refused(refusal)
        except DiscordError as error:
            body: Json = {"code": f"DISCORD_{error.code}", "detail": error.message}
            return web.json_response(
                body | ({"errors": error.errors} if error.errors else {}), status=error.status
            )
        return answer if isinstance(answer, web.Response) else web.json_response(answer)

    return handle


def refused(refusal: Refused) -> web.Response:
    return web.json_response({"code": refusal.code, "detail": refusal.detail}, status=refusal.status)


async def read_body(request: web.Request) -> Json:
    try:
        body = json.loads(await request.text())
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise Refused(400, "INVALID", "The body must be a JSON object")
    return body


def read_text(body: Json, name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise Refused(400, "INVALID", f"{name} must be a non-empty string")
    return value


def read_options(body: Json) -> Json:
    values = body.get("options") or {}
    if not isinstance(values, dict):
        raise Refused(400, "INVALID", "options must be an object of option name to value")
    return values


def read_patience(body: Json) -> float:
    value = body.get("timeout", REPLY_SECONDS)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= MAX_REPLY_SECONDS:
        raise Refused(400, "INVALID", f"timeout must be a number of seconds up to {MAX_REPLY_SECONDS:.0f}")
    return float(value)


def read_attachments(body: Json) -> list[str]:
    """Return the ids of the uploads in `attachments`."""
    ids = body.get("attachments") or []
    if not isinstance(ids, list) or len(ids) > MOST_ATTACHMENTS:
        raise Refused(
            400, "INVALID", f"attachments must be a list of at most {MOST_ATTACHMENTS} ids of uploads"
        )
    return [str(each) for each in ids]


async def read_upload(request: web.Request) -> tuple[Json, Upload]:
    """Return the text fields of a form, and its only file."""
    body = await bodies.read(request)
    if len(body.uploads) != 1 or not isinstance(body.value, dict):
        raise Refused(400, "INVALID", "The body must be a form with one file")
    return body.value, body.uploads[0]
