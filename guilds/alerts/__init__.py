"""Alerts of streams in a guild's channels: the rules, and the outbox of what is to be posted."""
