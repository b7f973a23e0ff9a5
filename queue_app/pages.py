"""The page of a guild, with its live queue and player."""

from __future__ import annotations

import json

from django.http import HttpResponse
from django.shortcuts import render

from accounts.pages import PersonRequest, page
from guilds.freshness import read_shards, stale_since
from guilds.models import GuildSettings
from guilds.pages import lacks_on_page, on_page
from guilds.permissions import can_manage, require_member
from guilds.queries import my_memberships, voice_channels_seen_by
from guilds.setting_fields import settings_in
from queue_app.welcome import read_welcome


@page
def guild(request: PersonRequest, guild_id: str) -> HttpResponse:
    membership = require_member(request.user, guild_id)
    stale = stale_since(membership.guild, read_shards()) if can_manage(membership) else None
    return render(
        request,
        "queue_app/guild.html",
        {
            "guild": on_page(membership),
            "stale_since": stale,
            "room": "queue",
            "welcome": read_welcome(membership) if can_manage(membership) else None,
            "guilds": [on_page(m) for m in my_memberships(request.user, everything=True)],
            "setting_labels": json.dumps(
                {field.name: str(field.verbose_name) for field in settings_in(GuildSettings)}
            ),
            "voice_channels": [{"id": c.pk, "name": c.name} for c in voice_channels_seen_by(membership)],
        }
        | lacks_on_page(membership),
    )
