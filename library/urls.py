from django.urls import path

from library import playlist_views as lists
from library.views import SearchView, artwork

urlpatterns = [
    path("api/search", SearchView.as_view(), name="search"),
    path("artwork/<str:name>", artwork, name="artwork"),
    path("api/favorites", lists.FavoriteListView.as_view(), name="favorites"),
    path("api/playlists", lists.PlaylistListView.as_view(), name="playlists"),
    path("api/playlists/<uuid:playlist_id>", lists.PlaylistView.as_view(), name="playlist"),
    path("api/playlists/<uuid:playlist_id>/restore", lists.RestoreView.as_view(), name="playlist_restore"),
    path("api/playlists/<uuid:playlist_id>/entries", lists.EntryListView.as_view(), name="playlist_entries"),
    path(
        "api/playlists/<uuid:playlist_id>/entries/remove",
        lists.RemoveEntriesView.as_view(),
        name="playlist_entries_remove",
    ),
    path(
        "api/playlists/<uuid:playlist_id>/entries/restore",
        lists.RestoreEntriesView.as_view(),
        name="playlist_entries_restore",
    ),
    path(
        "api/playlists/<uuid:playlist_id>/entries/<uuid:entry_id>",
        lists.EntryView.as_view(),
        name="playlist_entry",
    ),
    path(
        "api/playlists/<uuid:playlist_id>/collaborators",
        lists.CollaboratorListView.as_view(),
        name="playlist_collaborators",
    ),
    path(
        "api/playlists/<uuid:playlist_id>/collaborators/<short_int:collaborator_id>",
        lists.CollaboratorView.as_view(),
        name="playlist_collaborator",
    ),
]
