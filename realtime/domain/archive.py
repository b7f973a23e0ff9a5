"""Export and import a log as lines of JSON: a header, then one event per line.

Header: `{backline_store: 1, name, epoch, head, pruned_through, public, owner, members, exported_at}`.
Event: `{seq, parent_seq, event_id, command_id, name, schema_version, args_text, undoes, redoes, change, user, via,
auth, connection_id, client_id, session_id, client_timestamp, created_at}`. People are `{discord_id, username}`.

An import requires only an event's `name`, so that logs of other programs can be imported. Missing seqs are counted up,
missing ids are generated, and a value in `args` may replace `args_text`. Without `user` an event is anonymous.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from accounts.domain.people import know_person
from accounts.models import User, snowflake_validator
from realtime import json_text, kinds
from realtime.domain.append import size_of
from realtime.domain.stores import check_name
from realtime.frames import MAX_SEQ, is_storable
from realtime.models import Command, Event, Store, StoreMember, StoreRole, Via, new_epoch

FORMAT = 1
CHUNK = 1000
_TEXTS = {"event_id": 64, "command_id": 64, "connection_id": 64, "client_id": 100, "session_id": 100}


class ArchiveError(Exception):
    """A store cannot be exported or imported. Its text is printed on the command line."""


def export_store(store: Store) -> Iterator[str]:
    """Yield the lines. Raises ArchiveError when the log is replaced or pruned during the export."""
    yield _line(
        {
            "backline_store": FORMAT,
            "name": store.name,
            "epoch": store.epoch,
            "head": store.head,
            "pruned_through": store.pruned_through,
            "public": store.public,
            "owner": _person(store.owner),
            "members": [
                {**_person(member.user), "role": member.role}
                for member in store.members.select_related("user")
            ],
            "exported_at": timezone.now().isoformat(),
        }
    )
    events = Event.objects.filter(store=store, seq__lte=store.head).select_related("actor").order_by("seq")
    for event in events.iterator(chunk_size=CHUNK):
        yield _line(
            {
                "seq": event.seq,
                "parent_seq": event.parent_seq,
                "event_id": event.event_id,
                "command_id": event.command_id,
                "name": event.name,
                "schema_version": event.schema_version,
                "args_text": event.args,
                "undoes": event.undoes,
                "redoes": event.redoes,
                "change": event.change,
                "user": _person(event.actor),
                "via": event.via,
                "auth": event.auth,
                "connection_id": event.connection_id,
                "client_id": event.client_id,
                "session_id": event.session_id,
                "client_timestamp": event.client_timestamp,
                "created_at": event.created_at.isoformat(),
            }
        )
    now = Store.objects.get(pk=store.pk)
    if (now.epoch, now.pruned_through) != (store.epoch, store.pruned_through):
        raise ArchiveError("The log was replaced or pruned during the export. Export it again.")


def _line(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False)


def _person(user: User | None) -> dict[str, Any]:
    return {"discord_id": user.discord_id, "username": user.username} if user else {}


@transaction.atomic
def import_store(lines: Iterable[str], *, name: str = "", replace: bool = False) -> Store:
    """Create a store from exported lines, with a new epoch. Old cursors become invalid, so every reader starts again.

    `name` overrides the header's. `replace` deletes the events and the saved answers of an existing store. People are
    matched by their snowflakes. Raises ArchiveError with the line number, StoreNotFound or InvalidName, and then
    saves nothing.
    """
    numbered = enumerate(lines, start=1)
    header = _read(1, next(numbered, (1, ""))[1])
    if header.get("backline_store") != FORMAT:
        raise ArchiveError("Line 1: this is not an export of a store.")
    store = _empty_store(name or str(header.get("name", "")), header, replace=replace)
    strict = not kinds.find(store.name)[0].gaps
    people: dict[str, User | None] = {}
    before, batch = store.pruned_through, list[Event]()
    try:
        for number, line in numbered:
            event = _event(number, _read(number, line), store, before, people)
            if event.parent_seq != before or not before < event.seq <= MAX_SEQ:
                raise ArchiveError(f"Line {number}: event {event.seq} does not follow {before}.")
            if strict and event.seq != before + 1:
                raise ArchiveError(f"Line {number}: events are missing between {before} and {event.seq}.")
            before = event.seq
            batch.append(event)
            if len(batch) == CHUNK:
                _write(store, batch)
                batch.clear()
        _write(store, batch)
    except IntegrityError as error:
        raise ArchiveError("Two events have the same `event_id`.") from error
    store.head = before
    store.save(update_fields=["head", "size_bytes"])
    return store


def _write(store: Store, batch: list[Event]) -> None:
    Event.objects.bulk_create(batch)
    if kinds.find(store.name)[0].create is not None:
        store.size_bytes += size_of(batch)


def _empty_store(name: str, header: dict[str, Any], *, replace: bool) -> Store:
    kind, key = kinds.find(name)
    if kind.create is not None:
        check_name(key)
    pruned = header.get("pruned_through", 0)
    if not isinstance(pruned, int) or not 0 <= pruned <= MAX_SEQ:
        raise ArchiveError("Line 1: `pruned_through` must be a seq.")
    store, made = Store.objects.select_for_update().get_or_create(name=name)
    if not made and not replace and (store.head or store.owner_id):
        raise ArchiveError(f"The store {name} already exists. --replace overwrites it.")
    Event.objects.filter(store=store).delete()
    Command.objects.filter(store=store).delete()
    store.epoch, store.head, store.pruned_through, store.size_bytes = new_epoch(), pruned, pruned, 0
    if made and kind.create is not None:
        store.owner = _known(1, header.get("owner"), {})
        store.public = header.get("public") is True
        for member in header.get("members") or []:
            user = _known(1, member, {})
            if user is not None and member.get("role") in StoreRole.values:
                StoreMember.objects.create(store=store, user=user, role=member["role"])
    store.save()
    return store


def _event(
    number: int, row: dict[str, Any], store: Store, before: int, people: dict[str, User | None]
) -> Event:
    name, via = row.get("name"), row.get("via", Via.SYNC)
    if not isinstance(name, str) or not 0 < len(name) <= 100 or not is_storable(name):
        raise ArchiveError(f"Line {number}: `name` must be the name of an event.")
    args = row["args_text"] if "args_text" in row else _line(row["args"]) if "args" in row else ""
    try:
        if args:
            json_text.parse(args)
    except (ValueError, TypeError) as error:
        raise ArchiveError(f"Line {number}: `args_text` must be JSON.") from error
    if via not in Via.values:
        raise ArchiveError(f"Line {number}: `via` must be one of {', '.join(Via.values)}.")
    texts = {field: row.get(field) or "" for field in _TEXTS}
    for field, value in texts.items():
        if not isinstance(value, str) or len(value) > _TEXTS[field] or not is_storable(value):
            raise ArchiveError(
                f"Line {number}: `{field}` must be a string of at most {_TEXTS[field]} characters."
            )
    texts["event_id"] = texts["event_id"] or uuid.uuid4().hex
    actor = _known(number, row.get("user"), people)
    return Event(
        store=store,
        seq=_number(number, row, "seq", before + 1),
        parent_seq=_number(number, row, "parent_seq", before),
        name=name,
        schema_version=_number(number, row, "schema_version", 1),
        args=args,
        undoes=_number(number, row, "undoes", None),
        redoes=_number(number, row, "redoes", None),
        change=_number(number, row, "change", None),
        actor=actor,
        via=via,
        auth=str(row.get("auth") or ("valid" if actor or via == Via.BOT else "anonymous"))[:10],
        client_timestamp=_number(number, row, "client_timestamp", None),
        created_at=_moment(number, row.get("created_at")),
        **texts,
    )


def _read(number: int, line: str) -> dict[str, Any]:
    try:
        value = json_text.parse(line)
    except ValueError as error:
        raise ArchiveError(f"Line {number} is not JSON.") from error
    if not isinstance(value, dict):
        raise ArchiveError(f"Line {number} is not an object.")
    return value


def _number[D: int | None](number: int, row: dict[str, Any], field: str, default: D) -> int | D:
    value = row.get(field)
    if value is None:
        return default
    if not isinstance(value, int) or isinstance(value, bool) or not -(2**63) <= value < 2**63:
        raise ArchiveError(f"Line {number}: `{field}` must be a whole number.")
    return value


def _moment(number: int, value: object) -> datetime:
    if value is None:
        return timezone.now()
    try:
        moment = parse_datetime(value) if isinstance(value, str) else None
    except ValueError:
        moment = None
    if moment is None or timezone.is_naive(moment):
        raise ArchiveError(f"Line {number}: `created_at` must be ISO 8601 with an offset.")
    return moment


def _known(number: int, person: object, people: dict[str, User | None]) -> User | None:
    """Return the user of a person. An unknown person gets a user named by their snowflake until they log in."""
    discord_id = person.get("discord_id") if isinstance(person, dict) else None
    if not discord_id:
        return None
    try:
        snowflake_validator(discord_id)
    except ValidationError as error:
        raise ArchiveError(f"Line {number}: `discord_id` must be a snowflake.") from error
    if discord_id not in people:
        people[discord_id] = know_person(discord_id)
    return people[discord_id]
