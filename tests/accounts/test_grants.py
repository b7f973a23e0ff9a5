"""Discord's tokens: encrypted, refreshed once before they are used, and revoked at the end."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from cryptography.fernet import Fernet, InvalidToken
from django.conf import LazySettings
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone

from accounts.domain.grants import access_token_of
from accounts.domain.people import store_grant
from accounts.encryption import decrypt
from accounts.errors import DiscordError, DiscordTimeout, GrantDead
from accounts.models import DiscordGrant, User
from tests.accounts.conftest import Discord, Gibberish, log_in
from tests.factories import UserFactory

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]


@pytest.fixture
def owner(there: Discord) -> User:
    """Somebody who has just logged in through the sandbox."""
    log_in(Client(), there)
    return User.objects.get(username="owner")


def age(user: User, *, minutes: float) -> None:
    """Make the access token expire in so many minutes."""
    DiscordGrant.objects.filter(user=user).update(expires_at=timezone.now() + timedelta(minutes=minutes))


def known_at_discord(there: Discord, token: str) -> bool:
    return there.sandbox.tokens.grant_for(token) is not None


def test_the_database_holds_no_token_in_clear(there: Discord, owner: User) -> None:
    grant = DiscordGrant.objects.get()
    clear = {decrypt(grant.access_token), decrypt(grant.refresh_token)}
    assert len(clear) == 2
    for table in connection.introspection.table_names():
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            rows = str(cursor.fetchall())
        assert not [token for token in clear if token in rows], table


def test_a_token_with_time_left_is_used_as_it_is(owner: User) -> None:
    assert access_token_of(owner) == decrypt(DiscordGrant.objects.get().access_token)


def test_a_token_about_to_expire_is_renewed_first(there: Discord, owner: User) -> None:
    before = access_token_of(owner)
    age(owner, minutes=4)
    after = access_token_of(owner)
    assert after != before
    assert (known_at_discord(there, before), known_at_discord(there, after)) == (False, True)
    grant = DiscordGrant.objects.get()
    assert decrypt(grant.access_token) == after
    assert grant.expires_at is not None
    assert grant.expires_at > timezone.now() + timedelta(days=6)
    age(owner, minutes=4)
    assert known_at_discord(there, access_token_of(owner)), "the new refresh token was kept as well"


def test_eight_at_once_renew_once_and_all_get_the_new_token(
    there: Discord, owner: User, in_threads: Callable[..., list[Any]]
) -> None:
    age(owner, minutes=-1)
    there.fault(kind="latency", ms=300, path="/oauth2/token", count=1)
    tokens = in_threads(8, lambda n: access_token_of(owner))
    assert len(set(tokens)) == 1
    assert known_at_discord(there, tokens[0]), "a second renewal would have spent it"
    assert DiscordGrant.objects.get().claimed_until is None


def test_a_renewal_inside_a_transaction_is_refused_before_discord_is_asked(owner: User) -> None:
    age(owner, minutes=-1)
    with pytest.raises(RuntimeError, match="durable"), transaction.atomic():
        access_token_of(owner)
    assert DiscordGrant.objects.get().claimed_until is None
    assert access_token_of(owner)


def test_a_claim_of_a_process_that_died_runs_out(owner: User) -> None:
    before = access_token_of(owner)
    age(owner, minutes=-1)
    DiscordGrant.objects.update(claimed_until=timezone.now() - timedelta(seconds=1))
    assert access_token_of(owner) != before


def test_a_grant_that_discord_took_back_is_dead_and_the_dashboard_says_so(
    there: Discord, client: Client
) -> None:
    log_in(client, there)
    owner = User.objects.get()
    assert b"Log in again" not in client.get("/dashboard").content
    there.sandbox.tokens.revoke(access_token_of(owner))
    age(owner, minutes=-1)
    with pytest.raises(GrantDead):
        access_token_of(owner)
    page = client.get("/dashboard").content
    assert b"Log in again" in page
    assert b"/api/auth/discord/login?next=%2Fdashboard" in page
    with pytest.raises(GrantDead):
        access_token_of(owner)
    log_in(client, there)
    assert b"Log in again" not in client.get("/dashboard").content
    assert access_token_of(owner)


def test_wrong_credentials_of_ours_bury_nobodys_grant(there: Discord, owner: User) -> None:
    age(owner, minutes=-1)
    there.fault(kind="http_status", status=401, path="/oauth2/token", count=1)
    with pytest.raises(DiscordError):
        access_token_of(owner)
    assert access_token_of(owner)


def test_a_discord_that_fails_leaves_the_grant_for_the_next_try(
    there: Discord, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    age(owner, minutes=-1)
    there.fault(kind="http_status", status=500, path="/oauth2/token", count=3)
    with pytest.raises(DiscordError):
        access_token_of(owner)
    monkeypatch.setattr("accounts.discord.TIMEOUT_SECONDS", 0.2)
    there.fault(kind="latency", ms=1000, path="/oauth2/token", count=1)
    with pytest.raises(DiscordTimeout):
        access_token_of(owner)
    monkeypatch.undo()
    assert DiscordGrant.objects.get().dead_at is None


def test_a_login_while_the_old_token_is_refused_stays_good(owner: User, gibberish: Gibberish) -> None:
    age(owner, minutes=-1)
    grant = DiscordGrant.objects.get()
    store_grant(owner, access_token="newer", refresh_token="newer too", expires_at=None)
    from accounts.domain.grants import _renew

    gibberish.say("/oauth2/token", {"error": "invalid_grant"}, status=400)
    with pytest.raises(GrantDead):
        _renew(grant)
    assert access_token_of(owner) == "newer"


def test_nobody_without_a_grant_has_a_token() -> None:
    with pytest.raises(GrantDead):
        access_token_of(UserFactory.create())


def test_keys_are_rotated_without_losing_a_grant(owner: User, settings: LazySettings) -> None:
    token = access_token_of(owner)
    old, new = settings.FIELD_ENCRYPTION_KEYS[0], Fernet.generate_key().decode()
    settings.FIELD_ENCRYPTION_KEYS = [new, old]
    assert access_token_of(owner) == token
    call_command("rotate_encryption")
    settings.FIELD_ENCRYPTION_KEYS = [new]
    assert access_token_of(owner) == token
    settings.FIELD_ENCRYPTION_KEYS = [old]
    with pytest.raises(InvalidToken):
        decrypt(DiscordGrant.objects.get().access_token)


def test_a_key_thrown_away_too_early_is_noticed_and_asks_for_a_login(
    owner: User, settings: LazySettings, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    with pytest.raises(CommandError, match="1 rows cannot be decrypted"):
        call_command("rotate_encryption")
    with pytest.raises(GrantDead):
        access_token_of(owner)
    assert DiscordGrant.objects.get().dead_at is not None
