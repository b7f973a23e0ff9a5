"""Signals for other apps. Each comment lists the arguments."""

from django.dispatch import Signal

# user: User, access_token: str (Discord's, with scopes identify and guilds); sent after the transaction commits
discord_login = Signal()
# sid: str; sent after the transaction commits
session_revoked = Signal()
# user: User; a receiver returns {name: JSON-ready data} that its app stores about the user. Data of unlimited size is
# an iterator of rows that makes one query per page, because different threads read it in turn.
exporting = Signal()
# user: User, whose row is about to be deleted in the same transaction
departing = Signal()
# No arguments. Once a day. A receiver deletes rows of its app that nobody needs any more, a bounded number in one pass,
# and returns {kind of rows: how many}
housekeeping = Signal()
