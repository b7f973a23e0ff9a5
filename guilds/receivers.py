"""At login the person's guilds are stored."""

from __future__ import annotations

import logging
from typing import Any

from django.dispatch import receiver

from accounts import discord
from accounts.errors import DiscordError
from accounts.models import User
from accounts.signals import discord_login
from guilds.domain.memberships import store_my_guilds

log = logging.getLogger(__name__)


@receiver(discord_login)
def store_guilds_at_login(sender: Any, user: User, access_token: str, **kwargs: Any) -> None:
    """A Discord that fails here does not undo the login; the guilds known so far stay."""
    try:
        store_my_guilds(user, discord.fetch_my_guilds(access_token))
    except DiscordError as error:
        log.warning("Guilds of user %s not read at login: %s", user.pk, error.code)
