"""`manage.py verify_stores [NAME …]`: check that each log is complete."""

from __future__ import annotations

from itertools import islice

from django.core.management.base import BaseCommand, CommandError, CommandParser

from realtime import kinds
from realtime.domain.verify import find_faults
from realtime.models import Store

SHOWN = 20


class Command(BaseCommand):
    help = (
        "Check each log: every event follows the previous one, logs of guilds and streams have no gaps, the head is "
        "the last event, and args are JSON. Exits with 1 if a log has a fault. Run it while nobody writes: a write "
        "during the check may look like a fault."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("names", nargs="*", help="the stores to check (default: all)")

    def handle(self, *args: object, names: list[str], **options: object) -> None:
        stores = Store.objects.order_by("name")
        if names:
            wanted = {kinds.instance_named(name) for name in names}
            stores = stores.filter(name__in=wanted)
            if missing := wanted - set(stores.values_list("name", flat=True)):
                raise CommandError(f"Unknown store: {', '.join(sorted(missing))}.")
        checked = broken = 0
        for store in stores.iterator():
            faults = list(islice(find_faults(store), SHOWN))
            for fault in faults:
                self.stdout.write(f"{store.name}: {fault}")
            checked += 1
            broken += bool(faults)
        if broken:
            raise CommandError(f"{broken} of {checked} logs have faults.")
        self.stdout.write(f"Found no faults (logs checked: {checked}).")
