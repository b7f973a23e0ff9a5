"""`manage.py renew_epochs`: after a restored backup, tell every client that its positions no longer fit."""

from __future__ import annotations

from django.core.management.base import BaseCommand, CommandParser

from realtime import kinds
from realtime.models import Store, new_epoch


class Command(BaseCommand):
    help = (
        "Give logs a new epoch. Run it after restoring an older database: clients have seen events that are gone, and "
        "would take others of the same seqs for them."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("names", nargs="*", help="these only")

    def handle(self, *args: object, names: list[str], **options: object) -> None:
        stores = Store.objects.order_by("name")
        if names:
            stores = stores.filter(name__in=[kinds.instance_named(name) for name in names])
        renewed = sum(Store.objects.filter(pk=store.pk).update(epoch=new_epoch()) for store in stores)
        self.stdout.write(f"{renewed} logs have a new epoch.")
