from django.urls import path

from accounts import views

urlpatterns = [
    path("discord/login", views.discord_login, name="discord_login"),
    path("discord/callback", views.discord_callback, name="discord_callback"),
    path("discord/exchange", views.ExchangeView.as_view(), name="discord_exchange"),
    path("token", views.TokenView.as_view(), name="token"),
    path("token/refresh", views.RefreshView.as_view(), name="token_refresh"),
    path("me", views.MeView.as_view(), name="me"),
    path("me/export", views.ExportView.as_view(), name="me_export"),
    path("sessions", views.SessionsView.as_view(), name="sessions"),
    path("sessions/<str:sid>", views.SessionView.as_view(), name="session"),
    path("logout-all", views.LogoutAllView.as_view(), name="logout_all"),
    path("logout", views.LogoutView.as_view(), name="logout"),
]
