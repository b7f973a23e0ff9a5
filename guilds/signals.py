"""What happens to guilds, for the apps above."""

from __future__ import annotations

from django.dispatch import Signal

# `guild_id`. Inside the transaction that says so, under the lock of the guild's store.
bot_removed = Signal()
# A receiver returns {name: label} of the sources of tracks that it has.
listing_sources = Signal()
