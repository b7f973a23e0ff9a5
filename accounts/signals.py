"""What other apps may want to know about people. Sent after the database has it."""

from django.dispatch import Signal

# user: User, access_token: str (Discord's, with scopes identify and guilds)
discord_login = Signal()
# sid: str
session_revoked = Signal()
