"""The gateway intents that the bot asks for."""

from __future__ import annotations

import nextcord

# Application flags (Discord: Application Flags) for the members intent: bots in 100 guilds or more, and smaller bots.
GATEWAY_GUILD_MEMBERS, GATEWAY_GUILD_MEMBERS_LIMITED = 1 << 14, 1 << 15


def intents(*, members: bool) -> nextcord.Intents:
    """Return the intents that the bot asks for, with the privileged members intent if `members`."""
    asked = nextcord.Intents.none()
    asked.guilds = True
    asked.voice_states = True
    asked.guild_messages = True  # without their content, which is privileged
    asked.members = members
    return asked
