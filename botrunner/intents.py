"""The gateway intents that the bot asks for. Discord refuses a bot that asks for one that is switched off."""

from __future__ import annotations

from dataclasses import dataclass

import aiohttp
import nextcord
from django.conf import settings

from accounts.discord import USER_AGENT, bot_authorization, tls_context

# Application flags (Discord: Application Flags): of bots in 100 guilds or more, and of smaller bots.
GATEWAY_GUILD_MEMBERS = 1 << 14 | 1 << 15
GATEWAY_MESSAGE_CONTENT = 1 << 18 | 1 << 19
ASK_SECONDS = 10.0


@dataclass(frozen=True)
class Privileged:
    """Whether the privileged intents are switched on in Discord's developer portal."""

    members: bool
    content: bool

    @classmethod
    def of(cls, flags: int) -> Privileged:
        return cls(bool(flags & GATEWAY_GUILD_MEMBERS), bool(flags & GATEWAY_MESSAGE_CONTENT))


ALL, NONE = Privileged(members=True, content=True), Privileged(members=False, content=False)


def intents(granted: Privileged) -> nextcord.Intents:
    """Return the intents that the bot asks for, with the privileged ones in `granted`."""
    asked = nextcord.Intents.none()
    asked.guilds = True
    asked.voice_states = True
    asked.guild_messages = True
    asked.members = granted.members
    asked.message_content = granted.content
    return asked


async def ask_privileged() -> Privileged:
    """Ask Discord which privileged intents are on. Raises aiohttp.ClientError, TimeoutError or ValueError."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=ASK_SECONDS)) as session:
        headers = {"Authorization": bot_authorization(), "User-Agent": USER_AGENT}
        url = f"{settings.DISCORD_API_URL}/applications/@me"
        async with session.get(url, headers=headers, ssl=tls_context()) as answer:
            answer.raise_for_status()
            body = await answer.json()
    if not isinstance(body, dict) or not isinstance(body.get("flags"), int):
        raise ValueError("Discord's response to GET /applications/@me has no flags")
    return Privileged.of(body["flags"])
