from django.contrib import admin
from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from config import views
from queue_app.views import SearchView, artwork

urlpatterns = [
    path("", views.landing, name="landing"),
    path("dashboard", views.dashboard, name="dashboard"),
    path("guilds/<str:guild_id>", views.guild, name="guild_page"),
    path("artwork/<str:name>", artwork, name="artwork"),
    path("admin/", admin.site.urls),
    path("api/auth/", include("accounts.urls")),
    path("api/guilds", include("guilds.urls")),
    path("api/guilds", include("queue_app.urls")),
    path("api/search", SearchView.as_view(), name="search"),
    path(
        "api/schema",
        SpectacularAPIView.as_view(authentication_classes=[], permission_classes=[]),
        name="schema",
    ),
    path(
        "api/docs",
        SpectacularSwaggerSplitView.as_view(
            url_name="schema", authentication_classes=[], permission_classes=[], url="/api/schema"
        ),
        name="docs",
    ),
    path("healthz", views.healthz),
    path("readyz", views.readyz),
    path("metrics", views.metrics),
]

handler403 = "config.views.forbidden"
handler404 = "config.views.not_found"
handler500 = "config.views.server_error"
