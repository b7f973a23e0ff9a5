"""Create, change, share and delete streams. Callers must check the rights first (streams/rights.py)."""

from __future__ import annotations

import secrets
import uuid

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.domain.sessions import begin_sync_session, live_sync_sessions, revoke_sessions
from accounts.models import AuthSession, User
from guilds.audience import check_sharing
from realtime.domain.append import ensure_store
from realtime.models import Store
from streams.errors import StreamExists, StreamNotFound, TooManyStreams, TooManyTokens
from streams.models import Stream, StreamGrant

MAX_OWNED = 200  # without it, a device that invents an id each time would fill the table
MAX_TOKENS = 100  # per stream; without it, a script that asks for a token at each start would fill the table


@transaction.atomic
def create_stream(owner: User, *, stream_id: str = "", **fields: object) -> Stream:
    """Create a stream with validated `fields`. Generates an id if none is given.

    Raises StreamExists or TooManyStreams.
    """
    if Stream.objects.filter(owner=owner).count() >= MAX_OWNED:
        raise TooManyStreams
    pk = stream_id or secrets.token_hex(8)
    stream, made = Stream.objects.get_or_create(pk=pk, defaults={"owner": owner, **fields})
    if not made:
        raise StreamExists
    ensure_store(stream.log)
    return stream


def claim_stream(user: User, stream_id: str) -> None:
    """Create the stream for its first producer. Raises StreamNotFound if STREAMS_AUTOCREATE is off.

    Harmless when somebody else was first: the rights are checked afterwards.
    """
    if not settings.STREAMS_AUTOCREATE:
        raise StreamNotFound
    try:
        create_stream(user, stream_id=stream_id)
    except StreamExists:
        return


def change_stream(stream: Stream, **fields: object) -> None:
    """Set `name`, `public` or `durable_types`, validated by the caller. Open sockets adapt within a second."""
    for name, value in fields.items():
        setattr(stream, name, value)
    stream.save(update_fields=list(fields))


@transaction.atomic
def delete_stream(stream: Stream) -> None:
    """Delete a stream with its log, and revoke its device tokens."""
    Stream.objects.select_for_update().filter(pk=stream.pk).first()  # waits for a write to its log
    revoke_tokens(stream)
    Store.objects.filter(name=stream.log).delete()
    stream.delete()


# --- Sharing ---


def share_with_user(stream: Stream, user: User, *, write: bool) -> StreamGrant:
    """Add a reader or writer, or change an existing one's access."""
    grant, _ = StreamGrant.objects.update_or_create(stream=stream, user=user, defaults={"write": write})
    return grant


def share_with_guild(
    stream: Stream, guild_id: str, role_id: str, *, write: bool, sharer: User
) -> StreamGrant:
    """Share with a guild's members, or with those who have a role.

    Raises InvalidGuildId, GuildNotFound or RoleNotFound.
    """
    if role_id == guild_id:  # Discord's @everyone
        role_id = ""
    check_sharing(sharer, guild_id, role_id)
    grant, _ = StreamGrant.objects.update_or_create(
        stream=stream, user=None, guild_id=guild_id, role_id=role_id, defaults={"write": write}
    )
    return grant


def unshare(stream: Stream, grant_id: int) -> None:
    """Delete a grant. Affected sockets close within a second. Raises StreamNotFound if the grant does not exist."""
    if not StreamGrant.objects.filter(stream=stream, pk=grant_id).delete()[0]:
        raise StreamNotFound(_("Member not found."))


# --- Device tokens ---


def issue_token(stream: Stream, *, device: str, address: str | None = None) -> AuthSession:
    """Return the session of a new sync token. It acts for the owner, on this stream only, on `/ws` and `/sync`.

    Raises TooManyTokens.
    """
    if len(live_tokens(stream)) >= MAX_TOKENS:
        raise TooManyTokens
    return begin_sync_session(stream.owner, store=stream.log, device=device, address=address)[1]


def live_tokens(stream: Stream) -> list[AuthSession]:
    """Return the sessions of the stream's valid device tokens, newest first."""
    return list(live_sync_sessions(stream.log))


def revoke_token(stream: Stream, sid: uuid.UUID) -> None:
    """Revoke one device token and close its sockets. Raises StreamNotFound if there is no such token."""
    if not revoke_sessions(AuthSession.objects.filter(pk=sid, store=stream.log)):
        raise StreamNotFound(_("Token not found."))


def revoke_tokens(stream: Stream) -> int:
    """Revoke all device tokens of the stream. Returns how many were valid."""
    return revoke_sessions(AuthSession.objects.filter(store=stream.log))


@transaction.atomic
def rotate(stream: Stream, *, device: str, address: str | None = None) -> AuthSession:
    """Revoke all device tokens of the stream, and return the session of a new one."""
    revoke_tokens(stream)
    return issue_token(stream, device=device, address=address)
