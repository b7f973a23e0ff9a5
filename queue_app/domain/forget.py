"""Remove a person from the events and answers of guilds, before their account is deleted."""

from __future__ import annotations

import json

from django.db.models import Q

from accounts.models import User
from realtime.models import Command, Event


def forget_person(user: User) -> None:
    """Rewrite the events and answers that name the user: `requested_by` becomes null, and `RightsChanged` loses the id.

    Apart from `manage.py tag_events`, only this changes stored events. Seqs stay the same, so readers keep their
    cursors. Clients and hubs keep what they have in memory until they read it again. Reads all events of all guilds,
    which is acceptable because a person leaves only once. Call it in the transaction that deletes the user.
    """
    person = str(user.pk)
    named = Event.objects.filter(
        Q(args__contains=f'"requested_by":{{"id":"{person}"')
        | Q(name="RightsChanged", args__contains=f'"{person}"')
    )
    for event in named.filter(store__name__startswith="guild:").iterator():
        event.args = _dump(_without(json.loads(event.args), person))
        event.save(update_fields=["args"])
    # Answers are written by json.dumps, which adds spaces.
    for command in Command.objects.filter(
        ~Q(actor=user), answer__contains=f'"requested_by": {{"id": "{person}"'
    ).iterator():
        command.answer = json.dumps(_without(json.loads(command.answer), person))
        command.save(update_fields=["answer"])


def _dump(args: object) -> str:
    return json.dumps(args, separators=(",", ":"), ensure_ascii=False)


def _without(value: object, person: str) -> object:
    if isinstance(value, list):
        return [_without(each, person) for each in value if each != person]
    if isinstance(value, dict):
        return {
            name: None
            if name == "requested_by" and isinstance(each, dict) and each.get("id") == person
            else _without(each, person)
            for name, each in value.items()
        }
    return value
