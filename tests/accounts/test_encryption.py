from __future__ import annotations

import pytest
from cryptography.fernet import Fernet, InvalidToken
from pytest_django import Settings

from accounts.domain.people import store_grant
from accounts.encryption import decrypt, encrypt
from accounts.models import DiscordGrant
from tests.factories import UserFactory


def test_what_was_encrypted_comes_back_and_is_not_readable(settings: Settings) -> None:
    settings.FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    secret = encrypt("token of Discord")
    assert "token" not in secret
    assert decrypt(secret) == "token of Discord"


def test_an_old_key_still_reads_and_the_newest_writes(settings: Settings) -> None:
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    settings.FIELD_ENCRYPTION_KEYS = [old]
    before = encrypt("before")
    settings.FIELD_ENCRYPTION_KEYS = [new, old]
    after = encrypt("after")
    assert decrypt(before) == "before"
    settings.FIELD_ENCRYPTION_KEYS = [new]
    assert decrypt(after) == "after"
    with pytest.raises(InvalidToken):
        decrypt(before)


@pytest.mark.django_db
def test_a_grant_holds_no_token_in_clear() -> None:
    user = UserFactory.create()
    store_grant(user, access_token="access-in-clear", refresh_token="refresh-in-clear", expires_at=None)
    store_grant(user, access_token="newer-in-clear", refresh_token="", expires_at=None)
    grant = DiscordGrant.objects.get(user=user)
    assert "in-clear" not in grant.access_token + grant.refresh_token
    assert decrypt(grant.access_token) == "newer-in-clear"
