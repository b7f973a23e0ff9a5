"""The sandbox's own pages: HTML with a strict Content Security Policy, and static files."""

from pathlib import Path

from aiohttp import web

HERE = Path(__file__).parent
TEMPLATES = HERE / "templates"
STATIC = HERE / "static"

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; media-src 'self'; "
    "img-src 'self' http://127.0.0.1:* http://localhost:*; "  # artwork in embeds comes from the bot's web server
    "base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
)


def html_response(page: str, *, status: int = 200, form_target: str | None = None) -> web.Response:
    """Return a page. A form on it may also redirect to the origin `form_target` (CSP form-action)."""
    policy = f"{POLICY} {form_target}" if form_target else POLICY
    headers = {
        "Content-Security-Policy": policy,
        "X-Content-Type-Options": "nosniff",
        # Not no-referrer: with that, Chromium sends `Origin: null` in the form's POST, which is refused.
        "Referrer-Policy": "same-origin",
        "Cache-Control": "no-store",
    }
    return web.Response(text=page, status=status, content_type="text/html", headers=headers)


async def index(request: web.Request) -> web.Response:
    return html_response((TEMPLATES / "index.html").read_text())


async def no_icon(request: web.Request) -> web.Response:
    return web.Response(status=204)


def routes() -> list[web.AbstractRouteDef]:
    return [web.get("/", index), web.get("/favicon.ico", no_icon), web.static("/static", STATIC)]
