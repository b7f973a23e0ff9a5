from django.urls import path

from botrunner.api import views
from config.views import healthz

urlpatterns = [
    path("internal/guilds/<str:guild_id>/queue", views.InternalQueueView.as_view()),
    path("internal/guilds/<str:guild_id>/player", views.InternalPlayerView.as_view()),
    path("internal/guilds/<str:guild_id>/wake", views.WakeView.as_view()),
    path("internal/status", views.StatusView.as_view()),
    path("healthz", healthz),
]

handler403 = "config.views.forbidden"
handler404 = "config.views.not_found"
handler500 = "config.views.server_error"
