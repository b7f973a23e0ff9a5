"""Who may talk to the sandbox at all: this machine's clients, and its own pages in a browser."""

from typing import TYPE_CHECKING

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

if TYPE_CHECKING:
    from sandbox.server import Sandbox


def guard(sandbox: "Sandbox") -> Middleware:
    """A middleware that checks Host (a rebound name shows there) and Origin (another site's page).

    It also gives unknown API paths Discord's error body.
    """

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.headers.get("Host", "").lower() not in sandbox.own_hosts():
            return _refuse(421, "WRONG_HOST", "This is not a host name of the sandbox.")
        origin = request.headers.get("Origin")
        if origin is not None and origin.lower() not in sandbox.own_origins():
            return _refuse(403, "WRONG_ORIGIN", "Pages of other origins may not use the sandbox.")
        try:
            return await handler(request)
        except web.HTTPException as refusal:
            if request.path.startswith("/api/") and refusal.status in (404, 405, 413):
                sandbox.unserved.append(f"{refusal.status} {request.method} {request.path}")
                body = {"message": f"{refusal.status}: {refusal.reason}", "code": 0}
                return web.json_response(body, status=refusal.status)
            raise

    return check


def _refuse(status: int, code: str, sentence: str) -> web.Response:
    return web.json_response({"code": code, "detail": sentence}, status=status)
