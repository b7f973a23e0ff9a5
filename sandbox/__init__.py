"""A Discord on loopback: OAuth2, REST, gateway and voice, for development and tests.

It imports nothing from the rest of the project, so that it can only be used the way Discord is: over sockets.
"""
