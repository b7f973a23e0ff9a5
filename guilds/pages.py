"""The page with a person's guilds, and a guild's settings page."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render

from accounts.domain.grants import is_grant_dead
from accounts.pages import PersonRequest, login_url, page
from guilds.choices import Section
from guilds.domain.guild_list import is_list_old
from guilds.domain.installation import install_url
from guilds.domain.settings import load_settings
from guilds.models import Guild, GuildSettings, Membership
from guilds.permissions import can_manage, require_manager
from guilds.queries import bot_lacks_by_place, features_of, gone_settings, guild_shape, my_memberships
from guilds.setting_fields import settings_in
from guilds.setting_problems import setting_problems


def on_page(membership: Membership) -> dict[str, object]:
    """Return a guild as its members' pages show it, with `install_url` for managers."""
    manages = can_manage(membership)
    return guild_shape(membership) | {"install_url": install_url(membership.guild_id) if manages else None}


def lacks_on_page(membership: Membership) -> dict[str, object]:
    """Return what a page shows of the permissions that the bot lacks, with the URL to add it again with them."""
    guild = membership.guild
    lacks = bot_lacks_by_place(guild) if can_manage(membership) and guild.bot_installed else []
    return {
        "lacks": lacks,
        "lacks_count": sum(len(place["lacks"]) for place in lacks),
        "invite_again_url": install_url(guild.pk, features_of(guild)) if lacks else "",
    }


@page
def dashboard(request: PersonRequest) -> HttpResponse:
    memberships = my_memberships(request.user, everything=True)
    context = {
        "memberships": memberships,
        "live": any(m.guild.bot_installed for m in memberships),
        "grant_dead": is_grant_dead(request.user),
        "list_old": is_list_old(request.user),
        "login_url": login_url(request.path),
    }
    return render(request, "guilds/dashboard.html", context)


@page
def guild_settings(request: PersonRequest, guild_id: str) -> HttpResponse:
    """Show the settings to a manager of the guild. The page saves each control over REST."""
    membership = require_manager(request.user, guild_id)
    context: dict[str, object] = {
        "guild": on_page(membership),
        "sections": _sections(load_settings(guild_id)),
    }
    context |= lacks_on_page(membership)
    return render(request, "guilds/settings.html", context)


def _sections(chosen: GuildSettings) -> list[dict[str, object]]:
    """Return the sections of the settings page, each with its settings in the model's order."""
    (gone,) = gone_settings(chosen.pk, [chosen])
    problems = setting_problems(chosen)
    guild = Guild(pk=chosen.pk)
    sections: dict[str, list[dict[str, object]]] = {section: [] for section in Section}
    for field in settings_in(GuildSettings):
        if field.section:
            value, options = getattr(chosen, field.name), field.options(guild)
            setting = {
                "field": field, "value": value, "options": options, "gone": field.name in gone,
                "problem": problems.get(field.name, ""),
            }  # fmt: skip
            sections[field.section].append(setting)
    return [
        {"name": name, "title": Section(name).label, "settings": settings}
        for name, settings in sections.items()
    ]
