"""Signals about guilds, for the apps that build on this one."""

from __future__ import annotations

from django.dispatch import Signal

# `guild_id`. Sent inside the transaction that records the removal, with the guild's store locked.
bot_removed = Signal()
# A receiver returns the {name: label} of its sources of tracks.
listing_sources = Signal()
