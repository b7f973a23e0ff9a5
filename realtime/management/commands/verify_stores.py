"""`manage.py verify_stores [NAME …]`: check that each log is whole."""

from __future__ import annotations

from itertools import islice

from django.core.management.base import BaseCommand, CommandError, CommandParser

from realtime import kinds
from realtime.domain.verify import find_faults
from realtime.models import Store

SHOWN = 20


class Command(BaseCommand):
    help = (
        "Check each log: every event follows the one before it, guilds and streams have no gap, the head is the "
        "last event, args are JSON. Ends with 1 when something is wrong. While others write, an alarm may be false."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("names", nargs="*", help="these only")

    def handle(self, *args: object, names: list[str], **options: object) -> None:
        stores = Store.objects.order_by("name")
        if names:
            wanted = {kinds.instance_named(name) for name in names}
            stores = stores.filter(name__in=wanted)
            if missing := wanted - set(stores.values_list("name", flat=True)):
                raise CommandError(f"There is no store {', '.join(sorted(missing))}.")
        checked = broken = 0
        for store in stores.iterator():
            faults = list(islice(find_faults(store), SHOWN))
            for fault in faults:
                self.stdout.write(f"{store.name}: {fault}")
            checked += 1
            broken += bool(faults)
        if broken:
            raise CommandError(f"{broken} of {checked} logs are not whole.")
        self.stdout.write(f"{checked} logs are whole.")
