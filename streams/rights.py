"""Who may do what with a stream.

| who | reads | writes | shares, renames, deletes |
| --- | --- | --- | --- |
| owner | yes | yes | yes |
| writer: a person, or a guild's members, or those with a role | yes | yes | |
| reader: the same | yes | | |
| every user, where the stream is public | yes | | |
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Q, QuerySet

from accounts.models import User
from guilds.audience import Belonging, belonging
from streams.errors import NotOwner, StreamNotFound
from streams.models import Stream, StreamGrant


@dataclass(frozen=True)
class Rights:
    """`member`: the stream is shared with the user, and they are not just one of the public."""

    read: bool = False
    write: bool = False
    member: bool = False
    owner: bool = False

    @property
    def name(self) -> str:
        return "owner" if self.owner else "write" if self.write else "read"


Access = tuple[dict[str, Stream], dict[tuple[str, int], Rights]]

NO_RIGHTS = Rights()
OWNER = Rights(read=True, write=True, member=True, owner=True)


def read_rights(wanted: Iterable[tuple[str, int]]) -> dict[tuple[str, int], Rights]:
    """Return the rights for each `(stream id, user id)`. Deleted streams are absent."""
    return read_access(wanted)[1]


def read_access(wanted: Iterable[tuple[str, int]]) -> Access:
    """Return the streams by id, and the rights like `read_rights`, in at most three queries.

    If all users are owners, it takes one query. Every process calls this in each round of the poll, for all its
    registrations.
    """
    pairs = set(wanted)
    streams = Stream.objects.in_bulk({pk for pk, _ in pairs})
    found = {(pk, user_id) for pk, user_id in pairs if pk in streams}
    others = {(pk, user_id) for pk, user_id in found if streams[pk].owner_id != user_id}
    rights = dict.fromkeys(found - others, OWNER)
    if others:
        user_ids = {user_id for _, user_id in others}
        grants: defaultdict[str, list[StreamGrant]] = defaultdict(list)
        theirs = Q(user_id__in=user_ids) | Q(user=None)  # None: grants to guilds
        for grant in StreamGrant.objects.filter(theirs, stream_id__in={pk for pk, _ in others}):
            grants[grant.stream_id].append(grant)
        guild_ids = {grant.guild_id for each in grants.values() for grant in each if grant.guild_id}
        belongs = belonging(user_ids, guild_ids) if guild_ids else {}
        for pk, user_id in others:
            mine = [grant for grant in grants[pk] if _applies(grant, user_id, belongs)]
            rights[pk, user_id] = Rights(
                read=bool(mine) or streams[pk].public,
                write=any(grant.write for grant in mine),
                member=bool(mine),
            )
    return streams, rights


def _applies(grant: StreamGrant, user_id: int, belongs: Belonging) -> bool:
    if grant.user_id is not None:
        return grant.user_id == user_id
    roles = belongs.get(user_id, {}).get(grant.guild_id)
    return roles is not None and (not grant.role_id or grant.role_id in roles)


def rights_of(user: User, stream_id: str) -> Rights | None:
    """Return a person's rights, None if the stream does not exist."""
    return read_rights([(stream_id, user.pk)]).get((stream_id, user.pk))


def require_reader(user: User, stream_id: str) -> tuple[Stream, Rights]:
    """Return the stream and the user's rights. Raises StreamNotFound, also if the user may not read the stream."""
    stream = Stream.objects.select_related("owner").filter(pk=stream_id).first()
    rights = rights_of(user, stream_id) if stream else None
    if stream is None or rights is None or not rights.read:
        raise StreamNotFound
    return stream, rights


def require_owner(user: User, stream_id: str) -> Stream:
    """Return the stream. Raises StreamNotFound, or NotOwner if the user may only read or write it."""
    stream, rights = require_reader(user, stream_id)
    if not rights.owner:
        raise NotOwner
    return stream


def streams_of(user: User) -> QuerySet[Stream]:
    """Return the user's own streams and those shared with them, but not those that are only public."""
    belongs = belonging([user.pk], None).get(user.pk, {})
    shared = Q(user=user)
    for guild_id, roles in belongs.items():
        shared |= Q(guild_id=guild_id, role_id__in=["", *roles])
    granted = StreamGrant.objects.filter(shared).values("stream_id")
    return Stream.objects.select_related("owner").filter(Q(owner=user) | Q(pk__in=granted))
