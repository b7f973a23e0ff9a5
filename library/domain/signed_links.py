"""Links to files in Discord: signed, and valid for about a day (Discord: Reference, Signed Attachment CDN URLs)."""

from __future__ import annotations

import logging
import re
from contextlib import suppress
from ipaddress import ip_network
from urllib.parse import urlsplit

from django.conf import settings

from accounts.discord_messages import refresh_attachment_link
from accounts.errors import DiscordError
from library.sources import Networks, SourceError

log = logging.getLogger(__name__)

# Discord also serves attachments at this address, and people copy such links.
_PROXY = "https://media.discordapp.net"
_PATH = re.compile(r"/(?:ephemeral-)?attachments/\d{1,20}/\d{1,20}/[^/?#]+(?:\?[^#]*)?")


def attachment_link(link: str) -> str | None:
    """Return a link to a file that is attached in Discord, at Discord's CDN. None for any other link."""
    for base in (settings.DISCORD_CDN_URL, _PROXY):
        path = link.removeprefix(base)
        if path != link and _PATH.fullmatch(path):
            return settings.DISCORD_CDN_URL + path
    return None


def renew(link: str) -> str | None:
    """Return a link to a file in Discord with a new signature. None for any other link.

    Raises SourceError if Discord does not give one.
    """
    attached = attachment_link(link)
    if attached is None:
        return None
    try:
        return refresh_attachment_link(attached)
    except DiscordError as error:
        log.warning("Discord did not renew the link to an attachment: %r", error)
        detail = "This link to a file in Discord has expired. Copy the link again."
        raise SourceError("NOT_FOUND", detail, permanent=False) from error


def networks_for(link: str) -> Networks:
    """Return the private networks that a link may lead to. The sandbox's files are on this machine."""
    networks: Networks = settings.ALLOW_PRIVATE_MEDIA
    if attachment_link(link) is not None:
        with suppress(ValueError):  # Discord's CDN has a name
            networks = (*networks, ip_network(urlsplit(settings.DISCORD_CDN_URL).hostname or ""))
    return networks
