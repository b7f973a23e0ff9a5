"""`manage.py renew_epochs`: give logs a new epoch after a backup was restored."""

from __future__ import annotations

from django.core.management.base import BaseCommand, CommandParser

from realtime import kinds
from realtime.models import Store, new_epoch


class Command(BaseCommand):
    help = (
        "Give logs a new epoch. Run it after you restore an older database. Otherwise clients that have seen newer "
        "events mistake other events with the same seqs for them."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("names", nargs="*", help="the stores to change (default: all)")

    def handle(self, *args: object, names: list[str], **options: object) -> None:
        stores = Store.objects.order_by("name")
        if names:
            stores = stores.filter(name__in=[kinds.instance_named(name) for name in names])
        renewed = sum(Store.objects.filter(pk=store.pk).update(epoch=new_epoch()) for store in stores)
        self.stdout.write(f"Renewed the epoch of {renewed} logs.")
