"""`manage.py doctor`: is everything there that the program needs, and what to do where it is not."""

from __future__ import annotations

import sys

from django.core.management.base import BaseCommand

from config.doctor import CHECKS


class Command(BaseCommand):
    help = "Check settings, database, channel layer, Discord, voice and clock. Exit code 1 when something is wrong."

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
