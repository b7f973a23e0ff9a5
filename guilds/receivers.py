"""Receivers: store a person's guilds at login, and export their memberships."""

from __future__ import annotations

import logging

from django.db import DatabaseError
from django.dispatch import receiver

from accounts.errors import DiscordError
from accounts.models import User
from accounts.signals import discord_login, exporting
from guilds.domain.guild_list import read_my_guilds
from guilds.models import Membership
from guilds.queries import guild_shape

log = logging.getLogger(__name__)


@receiver(discord_login)
def store_guilds_at_login(sender: object, user: User, access_token: str, **kwargs: object) -> None:
    """Fetch and store the person's guilds. A failure does not undo the login; the stored guilds stay."""
    try:
        read_my_guilds(user, access_token)
    except DiscordError as error:
        log.warning("Could not read the guilds of user %s at login: %s", user.pk, error.code)
    except DatabaseError:
        log.exception("Could not store the guilds of user %s at login", user.pk)


@receiver(exporting)
def export_memberships(sender: object, user: User, **kwargs: object) -> dict[str, object]:
    memberships = Membership.objects.filter(user=user).select_related("guild")
    return {"guilds": [guild_shape(m) | {"role_ids": m.role_ids} for m in memberships]}
