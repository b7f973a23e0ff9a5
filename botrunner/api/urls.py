from django.urls import path

from botrunner.api import views

urlpatterns = [
    path("internal/guilds/<str:guild_id>/queue", views.InternalQueueView.as_view()),
    path("internal/guilds/<str:guild_id>/player", views.InternalPlayerView.as_view()),
    path("internal/guilds/<str:guild_id>/wake", views.WakeView.as_view()),
    path("internal/status", views.StatusView.as_view()),
    path("healthz", views.healthz),
    path("metrics", views.metrics),
]

handler400 = "botrunner.api.errors.bad_request"
handler403 = "botrunner.api.errors.forbidden"
handler404 = "botrunner.api.errors.not_found"
handler500 = "botrunner.api.errors.server_error"
