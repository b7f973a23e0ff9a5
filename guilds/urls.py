from django.urls import path

from guilds import views

urlpatterns = [
    path("", views.GuildListView.as_view(), name="guilds"),
    path("/<str:guild_id>", views.GuildView.as_view(), name="guild"),
    path("/<str:guild_id>/voice-state", views.VoiceStateView.as_view(), name="guild_voice_state"),
    path("/<str:guild_id>/channels", views.ChannelsView.as_view(), name="guild_channels"),
    path("/<str:guild_id>/roles", views.RolesView.as_view(), name="guild_roles"),
    path("/<str:guild_id>/bot-permissions", views.BotPermissionsView.as_view(), name="guild_bot_permissions"),
    path("/<str:guild_id>/refresh", views.RefreshView.as_view(), name="guild_refresh"),
    path("/<str:guild_id>/bot-install-url", views.InstallUrlView.as_view(), name="guild_install_url"),
]
