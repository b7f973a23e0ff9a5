"""The pages of playlists and favorites. They read and change them over REST."""

from __future__ import annotations

import uuid
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render

from accounts.models import User
from accounts.pages import PersonRequest, page
from guilds.queries import known_people, my_memberships
from library.models import Favorite
from library.playlist_queries import read_playlist, read_playlists
from library.playlist_rights import Access, Reader, require_access

MAX_PEOPLE = 200  # the longest list to choose from


@page
def playlists(request: PersonRequest) -> HttpResponse:
    guilds = _guilds(request.user)
    names = {guild["id"]: guild["name"] for guild in guilds}
    found = read_playlists(request.user)
    for shape in found:
        shape["guild_name"] = names.get(shape["guild_id"] or "", "")
        shape["mine"] = shape["guild_id"] is None and shape["access"] == "manage"
    context = {
        "guilds": guilds,
        "playlists": found,
        "favorites": Favorite.objects.filter(user=request.user).count(),
    }
    return render(request, "library/playlists.html", context)


@page
def playlist(request: PersonRequest, playlist_id: uuid.UUID) -> HttpResponse:
    reader = Reader(request.user)
    found = require_access(reader, reader.find(playlist_id), Access.READ)
    shape = read_playlist(request.user, found)
    manages = shape["access"] == "manage"
    context = {
        "guilds": _guilds(request.user),
        "playlist": shape,
        "base": f"/api/playlists/{found.pk}",
        "audiences": _audiences(request.user, found.guild_id) if manages else [],
        "people": known_people(request.user)[:MAX_PEOPLE] if manages else [],
    }
    return render(request, "library/playlist.html", context)


@page
def favorites(request: PersonRequest) -> HttpResponse:
    context = {"guilds": _guilds(request.user), "playlist": None, "base": "/api/favorites"}
    return render(request, "library/playlist.html", context)


def _guilds(user: User) -> list[dict[str, str]]:
    """Return the guilds in which the person can play something."""
    memberships = my_memberships(user, everything=True)
    return [
        {"id": each.guild.pk, "name": each.guild.name} for each in memberships if each.guild.bot_installed
    ]


def _audiences(user: User, guild_id: str | None) -> list[dict[str, Any]]:
    """Return the guilds and roles that a playlist may be shared with: of a guild's playlist, only its own."""
    return [
        {
            "id": each.guild.pk,
            "name": each.guild.name,
            "roles": [
                {"id": role.pk, "name": role.name} for role in each.guild.roles.exclude(pk=each.guild.pk)
            ],
        }
        for each in my_memberships(user, everything=True)
        if guild_id in (None, each.guild.pk)
    ]
