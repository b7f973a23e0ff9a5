"""`manage.py prune_events`: delete old events of logs that have snapshots, as `serve` and `runbot` do daily."""

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
        "Delete events of guilds that are older than EVENT_RETENTION_DAYS or more than EVENT_RETENTION_COUNT "
        "behind the head, and stored answers of the same age. Logs of apps and streams are not pruned."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--store", default="", help="prune only this store")
        parser.add_argument(
            "--days",
            type=int,
            default=settings.EVENT_RETENTION_DAYS,
            help="keep events for this many days, 0 for any age (default: EVENT_RETENTION_DAYS)",
        )
        parser.add_argument(
            "--count",
            type=int,
            default=settings.EVENT_RETENTION_COUNT,
            help="keep this many events, 0 for any number (default: EVENT_RETENTION_COUNT)",
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="delete nothing, print what would be deleted"
        )

    def handle(
        self, *args: object, store: str, days: int, count: int, dry_run: bool, **options: object
    ) -> None:
        if days < 0 or count < 0:
            raise CommandError("--days and --count must not be negative.")
        now = timezone.now()
        stores = Store.objects.order_by("name")
        if store:
            stores = stores.filter(name=kinds.instance_named(store))
            if not stores:
                raise CommandError(f"Unknown store: {store}.")
        for one in list(stores):
            if not may_be_pruned(one):
                if store:
                    raise CommandError(f"{one.name} has no snapshot, so its log cannot be pruned.")
                continue
            cut = find_cut(one, now=now, days=days, count=count)
            if cut <= one.pruned_through:
                continue
            if dry_run:
                self.stdout.write(f"{one.name}: would delete events {one.pruned_through + 1} to {cut}")
            else:
                self.stdout.write(f"{one.name}: deleted {prune(one, cut)} events up to {cut}")
        if days and not store and not dry_run:
            self.stdout.write(f"Deleted {forget_answers(before=now - timedelta(days=days))} stored answers.")
