from django.urls import path, register_converter
from django.urls.converters import StringConverter

from streams import views


class StreamIdConverter(StringConverter):
    regex = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"  # like stream_id_validator


register_converter(StreamIdConverter, "stream_id")

urlpatterns = [
    path("", views.StreamListView.as_view(), name="streams"),
    path("/<stream_id:stream_id>", views.StreamView.as_view(), name="stream"),
    path("/<stream_id:stream_id>/members", views.MemberListView.as_view(), name="stream_members"),
    path(
        "/<stream_id:stream_id>/members/<short_int:grant_id>",
        views.MemberView.as_view(),
        name="stream_member",
    ),
    path("/<stream_id:stream_id>/tokens", views.TokenListView.as_view(), name="stream_tokens"),
    path("/<stream_id:stream_id>/tokens/<uuid:sid>", views.TokenView.as_view(), name="stream_token"),
    path("/<stream_id:stream_id>/rotate", views.RotateView.as_view(), name="stream_rotate"),
    path("/<stream_id:stream_id>/frame", views.FrameView.as_view(), name="stream_frame"),
    path("/<stream_id:stream_id>/alerts", views.AlertListView.as_view(), name="stream_alerts"),
    path(
        "/<stream_id:stream_id>/alerts/<short_int:seq>/frame",
        views.AlertFrameView.as_view(),
        name="stream_alert_frame",
    ),
]
