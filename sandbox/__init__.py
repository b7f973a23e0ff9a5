"""A stand-in for Discord on loopback: OAuth2, REST, gateway and voice, for development and tests.

It imports nothing from the rest of the project. Like Discord, it can only be reached over sockets.
"""
