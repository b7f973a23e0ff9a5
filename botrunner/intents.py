"""Which events the bot asks for, and what to do when Discord grants fewer."""

from __future__ import annotations

import nextcord

# The application's flags (docs: Application Flags) that say so: for bots in 100 guilds and more, and for smaller ones.
GATEWAY_GUILD_MEMBERS, GATEWAY_GUILD_MEMBERS_LIMITED = 1 << 14, 1 << 15


def intents(*, members: bool) -> nextcord.Intents:
    """Return what the bot asks for; with `members` the privileged one as well."""
    asked = nextcord.Intents.none()
    asked.guilds = True
    asked.voice_states = True
    asked.members = members
    return asked
