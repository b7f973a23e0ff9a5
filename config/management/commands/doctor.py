"""`manage.py doctor`: check what the program needs, and print how to fix each problem."""

from __future__ import annotations

import sys

from django.core.management.base import BaseCommand

from config.doctor import CHECKS


class Command(BaseCommand):
    help = (
        "Check settings, database, channel layer, Discord, voice, library and clock. "
        "Exits with 1 if there is a problem."
    )

    def handle(self, *args: object, **options: object) -> None:
        findings = [check() for check in CHECKS]
        width = max(len(finding.what) for finding in findings)
        for finding in findings:
            mark = self.style.ERROR("!!") if finding.remedy else self.style.SUCCESS("ok")
            self.stdout.write(f"{mark}  {finding.what:<{width}}  {finding.state}")
            if finding.remedy:
                self.stdout.write(f"    {'':<{width}}  -> {finding.remedy}")
        if any(finding.remedy for finding in findings):
            sys.exit(1)
