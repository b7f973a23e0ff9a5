from django.urls import path

from queue_app import reading_views, views

urlpatterns = [
    path("/<str:guild_id>/commands", views.CommandsView.as_view(), name="commands"),
    path("/<str:guild_id>/settings", views.SettingsView.as_view(), name="guild_settings"),
    path("/<str:guild_id>/snapshot", views.SnapshotView.as_view(), name="snapshot"),
    path("/<str:guild_id>/queue", views.QueueView.as_view(), name="queue"),
    path("/<str:guild_id>/queue/clear", views.ClearView.as_view(), name="queue_clear"),
    path("/<str:guild_id>/queue/shuffle", views.ShuffleView.as_view(), name="queue_shuffle"),
    path("/<str:guild_id>/queue/undo", views.UndoView.as_view(), name="queue_undo"),
    path("/<str:guild_id>/queue/redo", views.RedoView.as_view(), name="queue_redo"),
    path("/<str:guild_id>/queue/<str:item_id>", views.QueueItemView.as_view(), name="queue_item"),
    path("/<str:guild_id>/queue/<str:item_id>/retry", views.RetryView.as_view(), name="queue_item_retry"),
    path("/<str:guild_id>/undo", reading_views.NextUndoView.as_view(), name="next_undo"),
    path("/<str:guild_id>/history", reading_views.HistoryView.as_view(), name="history"),
    path("/<str:guild_id>/audit", reading_views.AuditView.as_view(), name="audit"),
    path("/<str:guild_id>/statistics", reading_views.StatisticsView.as_view(), name="statistics"),
    path("/<str:guild_id>/listeners", reading_views.ListenersView.as_view(), name="listeners"),
    path("/<str:guild_id>/player", views.PlayerView.as_view(), name="player"),
    path("/<str:guild_id>/player/skip", views.SkipView.as_view(), name="player_skip"),
    path("/<str:guild_id>/player/previous", views.PreviousView.as_view(), name="player_previous"),
    path("/<str:guild_id>/player/replay", views.ReplayView.as_view(), name="player_replay"),
    path("/<str:guild_id>/player/stop", views.StopView.as_view(), name="player_stop"),
]
