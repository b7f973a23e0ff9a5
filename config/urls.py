from allauth.mfa.base import views as mfa_views
from allauth.mfa.recovery_codes import views as recovery_views
from allauth.mfa.totp import views as totp_views
from django.conf import settings
from django.contrib import admin
from django.templatetags.static import static
from django.urls import include, path
from django.utils.csp import CSP
from django.views.decorators.cache import cache_control
from django.views.decorators.csp import csp_override
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from accounts import pages as account_pages
from accounts.callback import second_factor, sent_once
from config import app_views, views
from config.design import design
from guilds import pages as guild_pages
from library import pages as library_pages
from library import playlist_pages, upload_pages
from queue_app import pages as queue_pages
from queue_app import past_pages
from streams import pages as stream_pages

# Swagger UI writes style attributes. The rest of its page keeps the strict policy.
_csp: dict[str, list[str]] = {**settings.SECURE_CSP, "style-src": [CSP.SELF, CSP.UNSAFE_INLINE]}
docs_csp = csp_override(_csp)

urlpatterns = [
    path("", views.landing, name="landing"),
    path("dashboard", guild_pages.dashboard, name="dashboard"),
    path("sessions", account_pages.sessions, name="sessions_page"),
    path(
        "account/login",
        RedirectView.as_view(pattern_name="discord_login", query_string=True),
        name="account_login",
    ),
    path("account/2fa/authenticate/", sent_once(second_factor)),
    path("account/2fa/reauthenticate/", sent_once(mfa_views.reauthenticate)),
    path("account/2fa/totp/activate/", sent_once(totp_views.activate_totp)),
    path("account/2fa/totp/deactivate/", sent_once(totp_views.deactivate_totp)),
    path("account/2fa/recovery-codes/generate/", sent_once(recovery_views.generate_recovery_codes)),
    path("account/2fa/", include("allauth.mfa.urls")),
    path("guilds/<str:guild_id>", queue_pages.guild, name="guild_page"),
    path("guilds/<str:guild_id>/settings", guild_pages.guild_settings, name="guild_settings_page"),
    path("guilds/<str:guild_id>/history", past_pages.history, name="history_page"),
    path("guilds/<str:guild_id>/activity", past_pages.activity, name="activity_page"),
    path("guilds/<str:guild_id>/statistics", past_pages.statistics, name="statistics_page"),
    path("library", library_pages.library, name="library"),
    path("uploads", upload_pages.uploads, name="uploads_page"),
    path("library/tracks", library_pages.library_tracks, name="library_tracks"),
    path("library/list/<slug:view>", library_pages.library_list, name="library_list"),
    path("library/albums/<slug:uid>", library_pages.library_album, name="library_album"),
    path("library/artists/<slug:uid>", library_pages.library_artist, name="library_artist"),
    path("playlists", playlist_pages.playlists, name="playlists_page"),
    path("playlists/favorites", playlist_pages.favorites, name="favorites_page"),
    path("playlists/<uuid:playlist_id>", playlist_pages.playlist, name="playlist_page"),
    path("streams", stream_pages.streams, name="streams_page"),
    path("streams/<str:stream_id>", stream_pages.stream, name="stream_page"),
    path(
        "jsi18n/<str:language>",
        cache_control(max_age=3600)(views.ScriptCatalog.as_view()),
        name="script_catalog",
    ),
    path("manifest.webmanifest", app_views.manifest, name="manifest"),
    path("service-worker.js", app_views.service_worker),
    path("offline", app_views.offline, name="offline"),
    path("favicon.ico", RedirectView.as_view(url=static("backline/icons/backline.svg"))),
    path("admin/", admin.site.urls),
    path("api/auth/", include("accounts.urls")),
    path("api/guilds", include("guilds.urls")),
    path("api/guilds", include("queue_app.urls")),
    path("api/guilds", include("alerts.urls")),
    path("api/streams", include("streams.urls")),
    path("api/stores", include("realtime.stores.urls")),
    path("", include("library.urls")),
    path(
        "api/schema",
        SpectacularAPIView.as_view(authentication_classes=[], permission_classes=[]),
        name="schema",
    ),
    path(
        "api/docs",
        docs_csp(
            SpectacularSwaggerSplitView.as_view(
                url_name="schema", authentication_classes=[], permission_classes=[]
            )
        ),
        name="docs",
    ),
    path("healthz", views.healthz),
    path("readyz", views.readyz),
    path("metrics", views.metrics),
]
if not settings.PRODUCTION:
    urlpatterns.append(path("design", design, name="design"))

handler400 = "config.views.bad_request"
handler403 = "config.views.forbidden"
handler404 = "config.views.not_found"
handler500 = "config.views.server_error"
