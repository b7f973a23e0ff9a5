"""The list of a person's guilds, and the settings of one."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render

from accounts.domain.grants import is_grant_dead
from accounts.pages import PersonRequest, login_url, page
from guilds.domain.guild_list import is_list_old
from guilds.domain.installation import install_url
from guilds.domain.settings import ANNOUNCE_TYPES, VOICE_TYPES, known_sources, load_settings, settings_shape
from guilds.models import Channel, Membership, Who
from guilds.permissions import can_manage, require_manager
from guilds.queries import channels_of, guild_shape, my_memberships


def on_page(membership: Membership) -> dict[str, Any]:
    """Return a guild as its members' pages show it; `install_url` for those who manage it."""
    manages = can_manage(membership)
    return guild_shape(membership) | {"install_url": install_url(membership.guild_id) if manages else None}


@page
def dashboard(request: PersonRequest) -> HttpResponse:
    memberships = my_memberships(request.user, everything=True)
    context = {
        "guilds": [on_page(m) for m in memberships],
        "grant_dead": is_grant_dead(request.user),
        "list_old": is_list_old(request.user),
        "login_url": login_url(request.path),
    }
    return render(request, "guilds/dashboard.html", context)


@page
def guild_settings(request: PersonRequest, guild_id: str) -> HttpResponse:
    """For those who manage the guild; each control saves itself over REST."""
    membership = require_manager(request.user, guild_id)
    settings = settings_shape(load_settings(guild_id))
    allowed = settings["allowed_sources"]
    roles = membership.guild.roles.exclude(pk=guild_id)
    return render(
        request,
        "guilds/settings.html",
        {
            "guild": on_page(membership),
            "settings": settings,
            "roles": [{"value": role.pk, "label": role.name} for role in roles],
            "text_channels": [_option(each) for each in channels_of(guild_id, *ANNOUNCE_TYPES)],
            "voice_channels": [_option(each) for each in channels_of(guild_id, *VOICE_TYPES)],
            "who": [{"value": value, "label": label} for value, label in Who.choices],
            "sources": [
                {"value": name, "label": label, "allowed": allowed is None or name in allowed}
                for name, label in known_sources().items()
            ],
        },
    )


def _option(channel: Channel) -> dict[str, str]:
    return {"value": channel.pk, "label": channel.name}
