"""`manage.py tag_events --user … --before …`: say whose old anonymous events are. Shows first, writes with --apply."""

from __future__ import annotations

from datetime import datetime

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime

from accounts.models import User
from realtime import kinds
from realtime.domain.tag import count_by_store, find_untagged, tag
from realtime.models import Store


class Command(BaseCommand):
    help = "Put a user's name on events that were written before anybody had to log in. Without --apply it only counts."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--user", required=True, help="snowflake, or our own id")
        parser.add_argument(
            "--before", required=True, help="a day or a moment, ISO 8601; UTC without an offset"
        )
        parser.add_argument("--store", default="", help="this one only")
        parser.add_argument(
            "--departed", action="store_true", help="also events of people who deleted their account"
        )
        parser.add_argument("--apply", action="store_true", help="write it")

    def handle(
        self,
        *args: object,
        user: str,
        before: str,
        store: str,
        departed: bool,
        apply: bool,
        **options: object,
    ) -> None:
        person, moment = _user(user), _moment(before)
        name = kinds.instance_named(store) if store else ""
        if name and not Store.objects.filter(name=name).exists():
            raise CommandError(f"There is no store {name}.")
        events = find_untagged(before=moment, store=name, departed=departed)
        counts = count_by_store(events)
        for store_name, count in counts:
            self.stdout.write(f"{store_name}: {count}")
        if not departed:
            both = sum(n for _, n in count_by_store(find_untagged(before=moment, store=name, departed=True)))
            if others := both - sum(count for _, count in counts):
                self.stdout.write(f"({others} more are of people who left; --departed takes them too)")
        if apply:
            self.stdout.write(f"{tag(events, person)} events are {person}'s now.")
        else:
            total = sum(count for _, count in counts)
            self.stdout.write(
                f"{total} events would become {person}'s. Nothing was written; --apply does it."
            )


def _user(text: str) -> User:
    found = User.objects.filter(discord_id=text).first()
    if found is None and text.isascii() and text.isdecimal() and len(text) <= 18:
        found = User.objects.filter(pk=int(text)).first()
    if found is None:
        raise CommandError(f"There is no user {text}.")
    return found


def _moment(text: str) -> datetime:
    try:
        moment = parse_datetime(text)
        day = None if moment else parse_date(text)
    except ValueError as error:
        raise CommandError(f"--before: {error}.") from error
    if moment is None and day is not None:
        moment = datetime(day.year, day.month, day.day)
    if moment is None:
        raise CommandError(f"--before: {text!r} is no day or moment, such as 2026-01-31.")
    return moment if timezone.is_aware(moment) else timezone.make_aware(moment)
