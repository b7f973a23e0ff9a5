"""`manage.py rotate_encryption`: re-encrypt stored secrets with the first of FIELD_ENCRYPTION_KEYS."""

from __future__ import annotations

from allauth.mfa.models import Authenticator
from cryptography.fernet import InvalidToken
from django.core.management.base import BaseCommand, CommandError

from accounts.encryption import decrypt, encrypt
from accounts.models import DiscordGrant


class Command(BaseCommand):
    help = (
        "Re-encrypt Discord's tokens and the secrets of second factors with the first of "
        "FIELD_ENCRYPTION_KEYS. Put the new key first, run this, then remove the old key."
    )

    def handle(self, *args: object, **options: object) -> None:
        done = unreadable = 0
        for rotate, rows in ((_rotate_grant, DiscordGrant.objects), (_rotate_factor, Authenticator.objects)):
            for row in rows.order_by("pk").iterator():
                try:
                    done += rotate(row)
                except InvalidToken:
                    unreadable += 1
        self.stdout.write(f"Encrypted {done} rows with the first key.")
        if unreadable:
            raise CommandError(
                f"{unreadable} rows cannot be decrypted with any of the keys. Keep the old key."
            )


# Both updates are conditional: a row that changed in the meantime was already encrypted with the first key.


def _rotate_grant(grant: DiscordGrant) -> int:
    access = encrypt(decrypt(grant.access_token))
    refresh = encrypt(decrypt(grant.refresh_token)) if grant.refresh_token else ""
    return DiscordGrant.objects.filter(
        pk=grant.pk, access_token=grant.access_token, refresh_token=grant.refresh_token
    ).update(access_token=access, refresh_token=refresh)


def _rotate_factor(factor: Authenticator) -> int:
    """Re-encrypt `data`: `{secret}` for an authenticator app, `{seed, used_mask, …}` for recovery codes."""
    secrets = {
        name: encrypt(decrypt(factor.data[name])) for name in ("secret", "seed") if name in factor.data
    }
    return int(
        Authenticator.objects.filter(pk=factor.pk, data=factor.data).update(data=factor.data | secrets)
    )
