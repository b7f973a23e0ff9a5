"""The bot token appears in no response, page, log, error or dump of settings."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import LazySettings
from django.core.management import call_command
from django.test import Client
from django.views.debug import SafeExceptionReporterFilter
from pytest_django import DjangoCaptureOnCommitCallbacks

from accounts import discord, discord_messages
from accounts.errors import DiscordError
from config.logs import RedactingFilter
from config.secret import Secret
from guilds.models import Guild
from sandbox.seed import LOUNGE, OWNER
from tests.accounts.conftest import Discord, log_in

CANARY = "MTE4NzQ1MzM5MTA0NDYwODAwMA.canary.q8kZ0vX2nB7rT4wY6uI1oP3aS5dF9gH"
PAGES = ["/", "/dashboard", f"/guilds/{LOUNGE}", "/sessions", "/admin/", "/admin/guilds/guild/", "/nothing"]
ANSWERS = [
    "/healthz", "/readyz", "/metrics", "/api/schema", "/api/docs", "/api/auth/me", "/api/auth/me/export",
    "/api/guilds?refresh=true", f"/api/guilds/{LOUNGE}", f"/api/guilds/{LOUNGE}/snapshot",
    f"/api/guilds/{LOUNGE}/settings", f"/api/guilds/{LOUNGE}/bot-install-url", "/api/guilds/1",
]  # fmt: skip


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> Iterator[io.StringIO]:
    """Everything that is logged, as the program's handler writes it."""
    handler = logging.StreamHandler(io.StringIO())
    handler.addFilter(RedactingFilter())
    root = logging.getLogger()
    root.addHandler(handler)
    level, root.level = root.level, logging.DEBUG
    yield handler.stream
    root.removeHandler(handler)
    root.setLevel(level)


@pytest.mark.django_db
def test_nobody_ever_sees_the_bot_token(
    sandbox: Discord,
    settings: LazySettings,
    client: Client,
    logged: io.StringIO,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    settings.DISCORD_BOT_TOKEN = Secret(CANARY)  # refused here: errors are most likely to reveal it
    settings.ADMIN_DISCORD_IDS = {OWNER}
    client.raise_request_exception = False
    with django_capture_on_commit_callbacks(execute=True):
        log_in(client, sandbox)

    Guild.objects.filter(pk=LOUNGE).update(bot_installed=True)
    for path in PAGES + ANSWERS:
        answer: Any = client.get(path, headers={"Accept": "text/html" if path in PAGES else "*/*"})
        body = b"".join(answer.streaming_content) if answer.streaming else answer.content
        assert CANARY.encode() not in body, path
        assert CANARY not in str(answer.headers), path
    token = client.post("/api/auth/token").json()["access"]
    bearer = {"Authorization": f"Bearer {token}"}
    refused = Client().post(f"/api/guilds/{LOUNGE}/refresh", headers=bearer)
    assert refused.status_code == 502
    assert CANARY.encode() not in refused.content
    for act in (
        discord.fetch_bot,
        lambda: discord_messages.post_message("1090315482246234115", {"content": "x"}),
    ):
        with pytest.raises(DiscordError) as error:
            act()
        assert CANARY not in f"{error.value!r} {error.value} {error.value.__context__!r}"
        logging.getLogger("x").error("It went wrong", exc_info=error.value)
    logging.getLogger("x").warning("The token %s, and %r", CANARY, {"token": settings.DISCORD_BOT_TOKEN})
    assert "It went wrong" in logged.getvalue()
    assert CANARY not in logged.getvalue()


def test_no_dump_of_the_settings_shows_a_secret(settings: LazySettings) -> None:
    secrets = [settings.DISCORD_BOT_TOKEN, settings.DISCORD_CLIENT_SECRET, settings.SECRET_KEY]
    secrets += [settings.JWT_SECRET, *settings.FIELD_ENCRYPTION_KEYS]
    out = io.StringIO()
    call_command("diffsettings", "--all", stdout=out)
    dumps = out.getvalue(), repr(SafeExceptionReporterFilter().get_safe_settings())
    for secret in secrets:
        assert len(secret) > 16
        for dump in dumps:
            assert secret not in dump
