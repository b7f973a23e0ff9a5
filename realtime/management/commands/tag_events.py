"""`manage.py tag_events --user … --before …`: give old anonymous events an author. Writes only with --apply."""

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
    help = "Assign an author to anonymous events from before logins were required. Without --apply, only count them."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--user", required=True, help="snowflake or Backline id of the author")
        parser.add_argument(
            "--before", required=True, help="date or time in ISO 8601, in UTC unless it has an offset"
        )
        parser.add_argument("--store", default="", help="tag only events of this store")
        parser.add_argument(
            "--departed", action="store_true", help="include events of people who deleted their account"
        )
        parser.add_argument("--apply", action="store_true", help="write the changes")

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
            raise CommandError(f"Unknown store: {name}.")
        events = find_untagged(before=moment, store=name, departed=departed)
        counts = count_by_store(events)
        for store_name, count in counts:
            self.stdout.write(f"{store_name}: {count}")
        if not departed:
            both = sum(n for _, n in count_by_store(find_untagged(before=moment, store=name, departed=True)))
            if others := both - sum(count for _, count in counts):
                self.stdout.write(
                    f"({others} more belong to people who deleted their account. --departed includes them.)"
                )
        if apply:
            self.stdout.write(f"{tag(events, person)} events now belong to {person}.")
        else:
            total = sum(count for _, count in counts)
            self.stdout.write(
                f"{total} events would belong to {person}. Nothing was written. --apply writes it."
            )


def _user(text: str) -> User:
    found = User.objects.filter(discord_id=text).first()
    if found is None and text.isascii() and text.isdecimal() and len(text) <= 18:
        found = User.objects.filter(pk=int(text)).first()
    if found is None:
        raise CommandError(f"Unknown user: {text}.")
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
        raise CommandError(f"--before: {text!r} is not a date or time. Example: 2026-01-31.")
    return moment if timezone.is_aware(moment) else timezone.make_aware(moment)
