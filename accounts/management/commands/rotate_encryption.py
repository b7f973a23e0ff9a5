"""`manage.py rotate_encryption`: encrypt everything at rest with the newest of FIELD_ENCRYPTION_KEYS."""

from __future__ import annotations

from typing import Any

from cryptography.fernet import InvalidToken
from django.core.management.base import BaseCommand, CommandError

from accounts.encryption import decrypt, encrypt
from accounts.models import DiscordGrant


class Command(BaseCommand):
    help = (
        "Encrypt Discord's tokens anew with the first of FIELD_ENCRYPTION_KEYS. Put the new key first, run this, "
        "then remove the old key."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        done = unreadable = 0
        for grant in DiscordGrant.objects.order_by("pk").iterator():
            before = (grant.access_token, grant.refresh_token)
            try:
                access = encrypt(decrypt(grant.access_token))
                refresh = encrypt(decrypt(grant.refresh_token)) if grant.refresh_token else ""
            except InvalidToken:
                unreadable += 1
                continue
            # Conditional: a grant that was renewed meanwhile is encrypted with the newest key anyway.
            done += DiscordGrant.objects.filter(
                pk=grant.pk, access_token=before[0], refresh_token=before[1]
            ).update(access_token=access, refresh_token=refresh)
        self.stdout.write(f"{done} grants encrypted anew.")
        if unreadable:
            raise CommandError(f"{unreadable} grants can be read with none of the keys. Keep the old key.")
