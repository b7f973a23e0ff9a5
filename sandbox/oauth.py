"""OAuth2: the consent page, the token endpoint, and adding the bot to a guild.

https://discord.com/developers/docs/topics/oauth2
"""

import base64
import binascii
import html
import secrets
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from string import Template
from urllib.parse import urlencode, urlsplit

from aiohttp import web

from sandbox import actions, permissions, shapes
from sandbox.credentials import Credentials
from sandbox.faults import Faults
from sandbox.model import Json, User
from sandbox.page import TEMPLATES, html_response
from sandbox.snowflake import is_snowflake
from sandbox.tokens import OAuthError, Tokens
from sandbox.world import World

SCOPES = {
    "identify": "Know your username and avatar",
    "email": "Know your email address",
    "guilds": "Know which servers you are in",
    "guilds.members.read": "Know your roles in your servers",
    "bot": "Add a bot to a server",
    "applications.commands": "Create commands in a server",
}
REFUSED = ("Retry-After", "X-RateLimit-Scope", "X-RateLimit-Global")
type Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

MISSING_CLIENT = OAuthError("invalid_client", status=401)


class BadRequest(Exception):
    """An authorize request that must not be redirected. The error is shown on a page."""


@dataclass(frozen=True)
class Asked:
    """A checked authorize request. `redirect_uri` is None for a plain bot invite."""

    scopes: list[str]
    redirect_uri: str | None
    state: str | None
    challenge: str | None
    guild_id: str | None
    guild_is_fixed: bool
    permissions: int

    def redirect(self, **parameters: str) -> web.Response:
        if self.redirect_uri is None:
            raise ValueError("a plain bot invite has no redirect URI")
        if self.state is not None:
            parameters["state"] = self.state
        joint = "&" if urlsplit(self.redirect_uri).query else "?"
        location = f"{self.redirect_uri}{joint}{urlencode(parameters)}"
        return web.Response(status=302, headers={"Location": location, "Cache-Control": "no-store"})


@dataclass(frozen=True, kw_only=True)
class OAuth:
    """`redirect_uris` are those registered for the application."""

    world: World
    tokens: Tokens
    faults: Faults
    credentials: Credentials
    redirect_uris: Collection[str]

    def routes(self) -> list[web.RouteDef]:
        found = []
        for prefix in ("", "/api", "/api/v10"):
            found += [
                web.get(f"{prefix}/oauth2/authorize", self._checked(self.show)),
                web.post(f"{prefix}/oauth2/authorize", self._checked(self.decide)),
            ]
        for prefix in ("/api", "/api/v10"):
            found += [
                web.post(f"{prefix}/oauth2/token", self._with_faults(self.token)),
                web.post(f"{prefix}/oauth2/token/revoke", self._with_faults(self.revoke)),
            ]
        return found

    # -- pages in the browser

    def _checked(self, handle: Callable[[web.Request, Asked], Awaitable[web.Response]]) -> Handler:
        async def answer(request: web.Request) -> web.Response:
            try:
                asked = self._check(request)
            except BadRequest as error:
                return _error_page(str(error))
            except OAuthError as error:
                return self._refused_redirect(request, error)
            return await handle(request, asked)

        return answer

    async def show(self, request: web.Request, asked: Asked) -> web.Response:
        people = "".join(
            f'<label class="person"><input type="radio" name="user" value="{html.escape(user.username)}"'
            f'{" checked" if index == 0 else ""}><span class="avatar avatar-{index}" aria-hidden="true">'
            f"{html.escape((user.global_name or user.username)[0])}</span><span><b>"
            f"{html.escape(user.global_name or user.username)}</b><small>{html.escape(user.username)}</small>"
            "</span></label>"
            for index, user in enumerate(self.world.humans())
        )
        scopes = "".join(f"<li>{html.escape(SCOPES[scope])}</li>" for scope in asked.scopes)
        page = Template((TEMPLATES / "consent.html").read_text()).substitute(
            action=html.escape(request.rel_url.raw_path_qs),
            people=people,
            scopes=scopes,
            guild=self._guild_choice(asked),
            destination=html.escape(_origin(asked.redirect_uri) or "this page"),
        )
        return html_response(page, form_target=_origin(asked.redirect_uri))

    async def decide(self, request: web.Request, asked: Asked) -> web.Response:
        form = await request.post()
        if form.get("deny"):
            if asked.redirect_uri is None:
                return _plain_page("Canceled", "The bot was not added. You can close this tab.")
            return asked.redirect(
                error="access_denied",
                error_description="The resource owner or authorization server denied the request",
            )
        user = self.world.find_human(str(form.get("user", "")))
        if user is None:
            return _error_page(
                "Choose who authorizes: the form field user must be owner, dj, member or outsider."
            )
        guild_id = None
        if "bot" in asked.scopes:
            guild_id = (
                asked.guild_id if asked.guild_is_fixed else str(form.get("guild_id") or asked.guild_id or "")
            )
            refusal = self._install(user, guild_id or "", asked.permissions)
            if refusal:
                return _error_page(refusal)
        if asked.redirect_uri is None:
            return _plain_page("Authorized", "Backline was added to the server. You can close this tab.")
        code = self.tokens.new_code(
            user_id=user.id,
            redirect_uri=asked.redirect_uri,
            scopes=asked.scopes,
            challenge=asked.challenge,
            guild_id=guild_id,
        )
        extra = {"guild_id": guild_id, "permissions": str(asked.permissions)} if guild_id else {}
        return asked.redirect(code=code, **extra)

    def _install(self, user: User, guild_id: str, granted: int) -> str | None:
        """Add the bot to a guild. Returns an error message if this user may not, else None."""
        member = self.world.members.get((guild_id, user.id))
        if member is None:
            return f"{user.username} is not a member of this server."
        if not permissions.in_guild(self.world, member) & permissions.MANAGE_GUILD:
            return f"{user.username} cannot add bots to this server: this needs the permission Manage Server."
        actions.install_bot(self.world, self.world.guilds[guild_id], granted)
        return None

    def _check(self, request: web.Request) -> Asked:
        """Raises BadRequest (shown on a page) or OAuthError (redirected with `error`)."""
        query = request.query
        if query.get("client_id") != self.credentials.client_id:
            raise BadRequest("Unknown application: client_id is missing or is not this sandbox's.")
        scopes = list(dict.fromkeys(query.get("scope", "").split()))
        only_install = "bot" in scopes and "response_type" not in query
        redirect_uri = query.get("redirect_uri")
        if redirect_uri is not None and redirect_uri not in self.redirect_uris:
            raise BadRequest("Invalid OAuth2 redirect_uri: it must be one of the registered URIs, exactly.")
        if redirect_uri is None and not only_install:
            raise BadRequest("redirect_uri is missing.")
        if not only_install and query.get("response_type") != "code":
            raise OAuthError("unsupported_response_type", "response_type must be code.")
        if not scopes or any(scope not in SCOPES for scope in scopes):
            raise OAuthError("invalid_scope", "The requested scope is invalid, unknown, or malformed.")
        challenge = query.get("code_challenge")
        if challenge is not None and query.get("code_challenge_method") != "S256":
            raise OAuthError("invalid_request", "code_challenge_method must be S256.")
        guild_id = query.get("guild_id")
        if guild_id is not None and not is_snowflake(guild_id):
            raise BadRequest("guild_id is not a snowflake.")
        granted = query.get("permissions", "0")
        if not granted.isdigit():
            raise BadRequest("permissions is not a number.")
        return Asked(
            scopes=scopes,
            redirect_uri=None if only_install else redirect_uri,
            state=query.get("state"),
            challenge=challenge,
            guild_id=guild_id,
            guild_is_fixed=guild_id is not None and query.get("disable_guild_select", "").lower() == "true",
            permissions=int(granted) & permissions.ALL,
        )

    def _refused_redirect(self, request: web.Request, error: OAuthError) -> web.Response:
        uri = request.query.get("redirect_uri")
        if uri not in self.redirect_uris:
            return _error_page(error.description)
        asked = Asked([], uri, request.query.get("state"), None, None, False, 0)
        return asked.redirect(error=error.error, error_description=error.description)

    def _guild_choice(self, asked: Asked) -> str:
        if "bot" not in asked.scopes:
            return ""
        if asked.guild_is_fixed:
            guild = self.world.guilds.get(asked.guild_id or "")
            return f'<p class="note">Server: <b>{html.escape(guild.name if guild else "unknown")}</b></p>'
        choices = "".join(
            f'<option value="{guild.id}"{" selected" if guild.id == asked.guild_id else ""}>'
            f"{html.escape(guild.name)}</option>"
            for guild in self.world.guilds.values()
        )
        return f'<label class="field">Add to server<select name="guild_id">{choices}</select></label>'

    # -- requests of the application

    def _with_faults(self, handle: Handler) -> Handler:
        """Add latency, rate limits and failures on demand, as for REST."""
        faults = self.faults

        async def answer(request: web.Request) -> web.StreamResponse:
            await faults.delay(request.method, request.path)
            if verdict := faults.rate_limit(request.method, request.path, route=request.path):
                if isinstance(verdict.refusal, str):
                    return web.Response(text=verdict.refusal, status=429, headers=verdict.headers)
                # Discord sends no X-RateLimit headers for the window here.
                told = {name: verdict.headers[name] for name in REFUSED if name in verdict.headers}
                return web.json_response(verdict.refusal, status=429, headers=told | {"Via": "1.1 sandbox"})
            if fault := faults.failure(request.method, request.path):
                body = {"message": f"{fault.status}: ordered by a test", "code": fault.code}
                return web.json_response(body, status=fault.status)
            return await handle(request)

        return answer

    async def token(self, request: web.Request) -> web.Response:
        try:
            return _json(self._grant(await self._client_form(request)))
        except OAuthError as error:
            return _json(error.body(), error.status)

    async def revoke(self, request: web.Request) -> web.Response:
        try:
            fields = await self._client_form(request)
        except OAuthError as error:
            return _json(error.body(), error.status)
        self.tokens.revoke(fields.get("token", ""))
        return _json({})

    def _grant(self, fields: dict[str, str]) -> Json:
        grant_type = fields.get("grant_type")
        if grant_type == "authorization_code":
            issued = self.tokens.exchange(
                fields.get("code", ""),
                redirect_uri=fields.get("redirect_uri", ""),
                verifier=fields.get("code_verifier"),
            )
        elif grant_type == "refresh_token":
            issued = self.tokens.refresh(fields.get("refresh_token", ""))
        else:
            raise OAuthError("unsupported_grant_type", "Grant type None is not supported")
        body = issued.body()
        if issued.guild_id and issued.guild_id in self.world.guilds:
            body["guild"] = shapes.guild(self.world, self.world.guilds[issued.guild_id])
        return body

    async def _client_form(self, request: web.Request) -> dict[str, str]:
        """Return the form after checking client id and secret (HTTP Basic, or in the body). Raises OAuthError."""
        form = await request.post()
        fields = {key: value for key, value in form.items() if isinstance(value, str)}
        client_id, secret = fields.get("client_id", ""), fields.get("client_secret", "")
        scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "basic":
            try:
                client_id, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
            except (binascii.Error, UnicodeDecodeError):
                raise MISSING_CLIENT from None
        known = self.credentials
        if client_id != known.client_id or not secrets.compare_digest(
            secret.encode(), known.client_secret.encode()
        ):
            raise MISSING_CLIENT
        return fields


def _origin(uri: str | None) -> str | None:
    if uri is None:
        return None
    parts = urlsplit(uri)
    return f"{parts.scheme}://{parts.netloc}"


def _json(body: Json, status: int = 200) -> web.Response:
    return web.json_response(body, status=status, headers={"Cache-Control": "no-store", "Pragma": "no-cache"})


def _error_page(sentence: str) -> web.Response:
    return _plain_page("This cannot be authorized", sentence, status=400)


def _plain_page(title: str, sentence: str, status: int = 200) -> web.Response:
    page = Template((TEMPLATES / "message.html").read_text()).substitute(
        title=html.escape(title), sentence=html.escape(sentence)
    )
    return html_response(page, status=status)
