"""allauth's Discord provider, made stricter.

In the stock provider the login URL's query can replace scope, client_id, redirect_uri and state, and the adapter takes
any response of /users/@me for a profile. allauth discovers this class because the app has a `provider.py`.
"""

from __future__ import annotations

from allauth.socialaccount.models import SocialToken
from allauth.socialaccount.providers.discord.provider import DiscordProvider as StockProvider
from allauth.socialaccount.providers.discord.views import DiscordOAuth2Adapter as StockAdapter
from allauth.socialaccount.providers.oauth2.client import OAuth2Client
from django.conf import settings
from django.http import HttpRequest

from accounts import discord
from accounts.domain.codes import exchange_code


class DiscordClient(OAuth2Client):
    def get_access_token(
        self, code: str, pkce_code_verifier: str | None = None, extra_data: object = None
    ) -> dict[str, object]:
        # The verifier is in the browser's session, so that no other browser gets kept tokens.
        assert pkce_code_verifier
        return exchange_code(code=code, redirect_uri=self.callback_url, code_verifier=pkce_code_verifier)


class DiscordAdapter(StockAdapter):
    client_class = DiscordClient

    @property
    def authorize_url(self) -> str:
        return settings.DISCORD_AUTHORIZE_URL

    def get_callback_url(self, request: HttpRequest, app: object) -> str:
        # allauth would build it from the Host header, but Discord requires exactly the registered URL.
        return settings.DISCORD_REDIRECT_URI

    def parse_token(self, data: dict[str, object]) -> SocialToken:
        token = super().parse_token(data)
        token.granted_scope = data.get("scope") or ""
        return token

    def complete_login(
        self, request: HttpRequest, app: object, token: SocialToken, **kwargs: object
    ) -> object:
        profile = discord.fetch_me(token.token)
        return self.get_provider().sociallogin_from_response(request, profile)


class DiscordProvider(StockProvider):
    oauth2_adapter_class = DiscordAdapter
    # allauth builds URLs from `package`; ours are in accounts/urls.py under /api/auth.

    def get_auth_params_from_request(self, request: HttpRequest, action: object) -> dict[str, object]:
        params: dict[str, object] = self.get_auth_params()
        return params

    def get_scope_from_request(self, request: HttpRequest) -> list[str]:
        scope: list[str] = self.get_scope()
        return scope


provider_classes = [DiscordProvider]
