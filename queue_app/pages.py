"""The page of a guild, with its live queue and player."""

from __future__ import annotations

import json
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render

from accounts.pages import PersonRequest, page
from guilds.freshness import read_shards, stale_since
from guilds.models import GuildSettings
from guilds.pages import on_page
from guilds.permissions import can_manage, require_member
from guilds.queries import bot_lacks_by_place, my_memberships, voice_channels_seen_by
from guilds.setting_fields import settings_in


@page
def guild(request: PersonRequest, guild_id: str) -> HttpResponse:
    membership = require_member(request.user, guild_id)
    lacks: list[dict[str, Any]] = []
    stale = None
    if can_manage(membership):
        lacks = bot_lacks_by_place(membership.guild) if membership.guild.bot_installed else []
        stale = stale_since(membership.guild, read_shards())
    return render(
        request,
        "queue_app/guild.html",
        {
            "guild": on_page(membership),
            "lacks": lacks,
            "lacks_count": sum(len(place["lacks"]) for place in lacks),
            "stale_since": stale,
            "guilds": [on_page(m) for m in my_memberships(request.user, everything=True)],
            "setting_labels": json.dumps(
                {field.name: str(field.verbose_name) for field in settings_in(GuildSettings)}
            ),
            "voice_channels": [{"id": c.pk, "name": c.name} for c in voice_channels_seen_by(membership)],
        },
    )
