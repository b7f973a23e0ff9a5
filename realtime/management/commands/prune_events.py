"""`manage.py prune_events`: let go of old events of logs that have snapshots, as the bot's process does daily."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from realtime import kinds
from realtime.domain.retention import find_cut, forget_answers, may_be_pruned, prune
from realtime.models import Store


class Command(BaseCommand):
    help = (
        "Delete events of guilds' logs that are older than EVENT_RETENTION_DAYS or more than "
        "EVENT_RETENTION_COUNT behind the head, and remembered answers as old. Logs of apps and streams stay whole."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--store", default="", help="this one only")
        parser.add_argument("--days", type=int, default=settings.EVENT_RETENTION_DAYS, help="0: of any age")
        parser.add_argument("--count", type=int, default=settings.EVENT_RETENTION_COUNT, help="0: any number")
        parser.add_argument("--dry-run", action="store_true", help="only say what would be deleted")

    def handle(
        self, *args: object, store: str, days: int, count: int, dry_run: bool, **options: object
    ) -> None:
        if days < 0 or count < 0:
            raise CommandError("--days and --count are at least 0.")
        now = timezone.now()
        stores = Store.objects.order_by("name")
        if store:
            stores = stores.filter(name=kinds.instance_named(store))
            if not stores:
                raise CommandError(f"There is no store {store}.")
        for one in list(stores):
            if not may_be_pruned(one):
                if store:
                    raise CommandError(f"{one.name} has no snapshot; its log is all there is.")
                continue
            cut = find_cut(one, now=now, days=days, count=count)
            if cut <= one.pruned_through:
                continue
            if dry_run:
                self.stdout.write(f"{one.name}: would go from {one.pruned_through + 1} through {cut}")
            else:
                self.stdout.write(f"{one.name}: {prune(one, cut)} events through {cut} deleted")
        if days and not store and not dry_run:
            self.stdout.write(f"{forget_answers(before=now - timedelta(days=days))} rows of answers deleted")
