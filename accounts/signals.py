"""What other apps may want to know about people. Sent after the database has it."""

from django.dispatch import Signal

# user: User, access_token: str (Discord's, with scopes identify and guilds)
discord_login = Signal()
# sid: str
session_revoked = Signal()
# user: User; a receiver returns {name: JSON-ready data} of what its app keeps about them. What may be much is an
# iterator of rows, of which each page is a query of its own: it is read in one thread after another.
exporting = Signal()
# user: User, whose row is about to be deleted in the same transaction
departing = Signal()
