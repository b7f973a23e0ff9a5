"""The pages about streams. They make changes over REST and follow streams over `/ws`."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render

from accounts.models import User
from accounts.pages import PersonRequest, page
from guilds.permissions import can_manage
from guilds.queries import known_people, my_memberships
from streams.rights import NO_RIGHTS, read_rights, require_reader, streams_of
from streams.shapes import present_on, stream_shape

FRAME_TYPE = "video-frame"  # what the pages send and show
MAX_PEOPLE = 200  # the longest list to choose from; other people are chosen by their Discord id


@page
def streams(request: PersonRequest) -> HttpResponse:
    """Show the person's own streams and those shared with them."""
    user = request.user
    found = list(streams_of(user))
    rights = read_rights((each.pk, user.pk) for each in found)
    present = present_on(each.pk for each in found)
    shapes = [stream_shape(each, rights.get((each.pk, user.pk), NO_RIGHTS), present) for each in found]
    for shape in shapes:  # a service that only raises alerts also produces, without pictures
        shape["live"] = any(FRAME_TYPE in each["produces"] for each in shape["presence"] or [])
    return render(request, "streams/streams.html", {"streams": shapes})


@page
def stream(request: PersonRequest, stream_id: str) -> HttpResponse:
    """Show one stream to a person who may read it."""
    found, rights = require_reader(request.user, stream_id)
    context = {
        "stream": stream_shape(found, rights, present_on([found.pk])),
        "may_write": rights.write,
        "member": rights.member,
        "audiences": _audiences(request.user) if rights.owner else [],
        "people": known_people(request.user)[:MAX_PEOPLE] if rights.owner else [],
    }
    return render(request, "streams/stream.html", context)


def _audiences(user: User) -> list[dict[str, Any]]:
    """Return the guilds a stream may be shared with, and the roles of those that the person manages."""
    found = []
    for membership in my_memberships(user, everything=True):
        guild = membership.guild
        roles = guild.roles.exclude(pk=guild.pk) if can_manage(membership) and guild.bot_installed else []
        found.append(
            {
                "id": guild.pk,
                "name": guild.name,
                "roles": [{"id": role.pk, "name": role.name} for role in roles],
            }
        )
    return found
