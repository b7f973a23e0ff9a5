from django.urls import path

from accounts import views

urlpatterns = [
    path("discord/login", views.discord_login, name="discord_login"),
    path("discord/callback", views.discord_callback, name="discord_callback"),
    path("token", views.TokenView.as_view(), name="token"),
    path("token/refresh", views.RefreshView.as_view(), name="token_refresh"),
    path("me", views.MeView.as_view(), name="me"),
    path("logout", views.LogoutView.as_view(), name="logout"),
]
