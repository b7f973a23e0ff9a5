from django.urls import path

from library import browse_views as browse
from library import playlist_file_views as files
from library import playlist_views as lists
from library import upload_views as uploads
from library.views import SearchView, artwork

urlpatterns = [
    path("api/search", SearchView.as_view(), name="search"),
    path("api/library/search", browse.CatalogSearchView.as_view(), name="catalog_search"),
    path("api/library/artists", browse.ArtistListView.as_view(), name="artists"),
    path("api/library/artists/<slug:uid>", browse.ArtistView.as_view(), name="artist"),
    path("api/library/artists/<slug:uid>/tracks", browse.ArtistTracksView.as_view(), name="artist_tracks"),
    path("api/library/albums", browse.AlbumListView.as_view(), name="albums"),
    path("api/library/albums/<slug:uid>", browse.AlbumView.as_view(), name="album"),
    path("api/library/albums/<slug:uid>/tracks", browse.AlbumTracksView.as_view(), name="album_tracks"),
    path("api/library/tracks", browse.TrackListView.as_view(), name="tracks"),
    path("api/library/recent", browse.RecentView.as_view(), name="recent_tracks"),
    path("api/library/folders", browse.FolderListView.as_view(), name="folders"),
    path("api/library/genres", browse.GenreListView.as_view(), name="genres"),
    path("api/library/scan", browse.ScanView.as_view(), name="library_scan"),
    path("api/uploads", uploads.UploadListView.as_view(), name="uploads"),
    path("api/uploads/<uuid:upload_id>", uploads.UploadView.as_view(), name="upload"),
    path("artwork/<str:name>", artwork, name="artwork"),
    path("api/favorites/among", lists.AmongFavoritesView.as_view(), name="favorites_among"),
    path("api/favorites/export", files.ExportFavoritesView.as_view(), name="favorites_export"),
    path("api/playlists/import", files.ImportView.as_view(), name="playlist_import"),
    path("api/playlists/<uuid:playlist_id>/export", files.ExportView.as_view(), name="playlist_export"),
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
