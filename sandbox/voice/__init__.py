"""The sandbox's voice server: like Discord's, on loopback, and it decodes what the bot plays."""
