"""The sandbox's voice server: a Discord voice server on loopback that decodes what the bot plays."""
