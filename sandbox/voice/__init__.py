"""The voice half of the sandbox: a Discord voice server on loopback that hears what the bot plays."""
