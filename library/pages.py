"""The pages of the library: lists of the catalog, an album, an artist, and the search."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _

from accounts.errors import InvalidInput
from accounts.pages import PersonRequest, page
from guilds.queries import my_memberships
from library import browse
from library.clock import clock
from library.domain.health import source_health
from library.search import MAX_QUERY
from library.shapes import album_shape, artist_shape

VIEWS = {
    "albums": _("Albums"),
    "artists": _("Artists"),
    "genres": _("Genres"),
    "folders": _("Folders"),
    "recent": _("Recently added"),
}
_READ = {
    "albums": browse.read_albums,
    "artists": browse.read_artists,
    "genres": browse.read_genres,
    "folders": browse.read_folders,
    "recent": browse.read_recent,
}


@page
def library(request: PersonRequest) -> HttpResponse:
    """Show the search if there is a query, else the albums."""
    query = request.GET.get("q", "").replace("\0", "")[:MAX_QUERY].strip()
    if not query:
        return _list(request, "albums")
    found = browse.read_search(request.user, query, limit=browse.PAGE)
    return _show(request, {"query": query} | found | {"tracks": _rows(found["tracks"])})


@page
def library_list(request: PersonRequest, view: str) -> HttpResponse:
    if view not in VIEWS:
        raise Http404
    return _list(request, view)


def _list(request: PersonRequest, view: str) -> HttpResponse:
    found = _read(request, _READ[view])
    kind = "tracks" if view == "recent" else view
    items = _rows(found["items"]) if kind == "tracks" else found["items"]
    context = {"view": view, kind: items, "next": _next(request, found)}
    if "after" not in request.GET:
        context["sources"] = source_health()
    return _show(request, context)


@page
def library_album(request: PersonRequest, uid: str) -> HttpResponse:
    album = album_shape(browse.find_album(uid))
    found = _read(request, browse.read_album_tracks, uid)
    return _show(
        request,
        {"view": "albums", "album": album, "tracks": _rows(found["items"]), "next": _next(request, found)},
    )


@page
def library_artist(request: PersonRequest, uid: str) -> HttpResponse:
    artist = artist_shape(browse.find_artist(uid))
    albums = browse.read_albums(after=None, limit=browse.MAX_PAGE, artist=uid)["items"]
    found = _read(request, browse.read_artist_tracks, uid)
    context = {"view": "artists", "artist": artist, "albums": albums, "tracks": _rows(found["items"])}
    return _show(request, context | {"next": _next(request, found)})


@page
def library_tracks(request: PersonRequest) -> HttpResponse:
    """Show the tracks of a genre, or the tracks and folders of a folder."""
    genre, folder = (request.GET.get(name, "").replace("\0", "")[:MAX_QUERY] for name in ("genre", "folder"))
    wanted = {"folder": folder} if folder else {"genre": genre}
    found = _read(request, browse.read_tracks, **wanted)
    context: dict[str, Any] = {
        "view": "folders" if folder else "genres",
        "genre": genre,
        "folder": folder,
        "above": folder.rpartition("/")[0],
        "tracks": _rows(found["items"]),
        "next": _next(request, found),
    }
    if folder and not request.GET.get("after"):
        context["folders"] = browse.read_folders(after=None, limit=browse.MAX_PAGE, parent=folder)["items"]
    return _show(request, context)


def _read(
    request: PersonRequest, read: Callable[..., browse.Page], *place: str, **wanted: str
) -> browse.Page:
    """Return the page of a list that the address names, or the first page if the address is invalid."""
    try:
        return read(*place, after=request.GET.get("after"), limit=browse.PAGE, **wanted)
    except InvalidInput:
        return read(*place, after=None, limit=browse.PAGE, **wanted)


def _next(request: PersonRequest, found: browse.Page) -> str:
    """Return the address of the next page, empty on the last one."""
    if found["next"] is None:
        return ""
    kept = {name: request.GET[name] for name in ("genre", "folder") if name in request.GET}
    return f"{request.path}?{urlencode(kept | {'after': found['next']})}"


def _rows(tracks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        track | {"length": clock(track["duration_ms"]) if track["duration_ms"] else ""} for track in tracks
    ]


def _show(request: PersonRequest, context: dict[str, Any]) -> HttpResponse:
    memberships = my_memberships(request.user, everything=True)
    guilds = [
        {"id": membership.guild.pk, "name": membership.guild.name}
        for membership in memberships
        if membership.guild.bot_installed
    ]
    views = [
        {"name": name, "label": label, "url": reverse("library_list", args=[name])}
        for name, label in VIEWS.items()
    ]
    return render(request, "library/library.html", {"guilds": guilds, "views": views} | context)
