"""Access control: only clients on this machine and the sandbox's own pages may send requests."""

from collections.abc import Callable, MutableSequence

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware


def guard(origins: Callable[[], frozenset[str]], unserved: MutableSequence[str]) -> Middleware:
    """Return a middleware that checks Host (against DNS rebinding) and Origin (against pages of other sites).

    `origins` returns the sandbox's own origins. They change once the port is known. The middleware also
    answers unknown API paths with Discord's error body and appends them to `unserved`.
    """

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        if f"http://{request.headers.get('Host', '').lower()}" not in origins():
            return _refuse(421, "WRONG_HOST", "This is not a host name of the sandbox.")
        origin = request.headers.get("Origin")
        if origin is not None and origin.lower() not in origins():
            return _refuse(403, "WRONG_ORIGIN", "Pages of other origins may not use the sandbox.")
        try:
            return await handler(request)
        except web.HTTPException as refusal:
            if request.path.startswith("/api/") and refusal.status in (404, 405, 413):
                unserved.append(f"{refusal.status} {request.method} {request.path}")
                body = {"message": f"{refusal.status}: {refusal.reason}", "code": 0}
                return web.json_response(body, status=refusal.status)
            raise

    return check


def _refuse(status: int, code: str, sentence: str) -> web.Response:
    return web.json_response({"code": code, "detail": sentence}, status=status)
