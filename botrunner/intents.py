"""Which events the bot asks for, and what to do when Discord grants fewer."""

from __future__ import annotations

import nextcord

# The application's flags (docs: Application Flags) that say so: for bots in 100 guilds and more, and for smaller ones.
GATEWAY_GUILD_MEMBERS, GATEWAY_GUILD_MEMBERS_LIMITED = 1 << 14, 1 << 15

MEMBERS_REMEDY = (
    "In Discord's developer portal open the application, then Bot, and turn on Server Members Intent. "
    "Then start the bot again."
)
WITHOUT_MEMBERS = (
    "Discord refuses the Server Members intent: roles and rights of people are seen late, when they log in or use the "
    f"bot. {MEMBERS_REMEDY}"
)


def intents(*, members: bool) -> nextcord.Intents:
    """Return what the bot asks for; with `members` the privileged one as well."""
    asked = nextcord.Intents.none()
    asked.guilds = True
    asked.voice_states = True
    asked.members = members
    return asked
