"""`manage.py scan_library`: scan the library's folder now, and show how far the scan is."""

from __future__ import annotations

import argparse
import time
from concurrent.futures import ThreadPoolExecutor, wait

from django.core.management.base import BaseCommand
from django.db import connection
from django.utils import timezone

from database.owners import is_free
from library.domain.scan import scan_library
from library.models import ScanLease

SHOW_SECONDS = 1.0


class Command(BaseCommand):
    help = "Scan the library's folder. If Backline scans it already, follow that scan."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--everything", action="store_true", help="Read unchanged files too.")

    def handle(self, *args: object, everything: bool, **options: object) -> None:
        with ThreadPoolExecutor(1) as pool:
            scan = pool.submit(_scan, everything=everything)
            while not wait([scan], timeout=SHOW_SECONDS).done:
                self._show()
            scan.result()
        while _is_running():  # another process scans
            self._show()
            time.sleep(SHOW_SECONDS)
        self._show(end="\n")

    def _show(self, *, end: str = "\r") -> None:
        lease = ScanLease.objects.first()
        if lease is None:
            return
        files = f"{lease.done:,} of {lease.total:,} files"
        line = f"{files}, {lease.read:,} read, {lease.skipped:,} skipped, {lease.gone:,} gone"
        if end == "\n" or self.stdout.isatty():
            self.stdout.write(line, ending=end)
            self.stdout.flush()


def _is_running() -> bool:
    lease = ScanLease.objects.exclude(owner="").filter(finished_at=None).first()
    return lease is not None and not is_free(lease.owner, lease.expires_at, now=timezone.now())


def _scan(*, everything: bool) -> None:
    try:
        scan_library(everything=everything)
    finally:
        connection.close()
