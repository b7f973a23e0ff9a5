"""Login through the sandbox, and the ways in which Discord can fail it."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.conf import LazySettings
from django.test import Client

from accounts import discord
from accounts.models import AuthSession, DiscordGrant, User
from guilds.models import Membership
from sandbox.seed import OWNER
from tests.accounts.conftest import CALLBACK, LOGIN, Discord, Gibberish, begin, log_in

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_login_makes_person_session_grant_and_memberships(client: Client, there: Discord) -> None:
    assert log_in(client, there).endswith("/dashboard")
    user = User.objects.get(discord_id=OWNER)
    assert user.username == "owner"
    assert AuthSession.objects.get().user == user
    assert {m.guild.name for m in Membership.objects.filter(user=user)} == {"Sandbox Lounge", "Juniper Bar"}
    grant = DiscordGrant.objects.get(user=user)
    assert grant.access_token.startswith("gAAAA"), "Fernet ciphertext"
    assert client.get("/dashboard").status_code == 200


def test_the_second_login_finds_the_same_person(client: Client, there: Discord) -> None:
    known = User.objects.create(discord_id=OWNER, username="before")
    log_in(client, there)
    log_in(Client(), there)
    assert User.objects.get(discord_id=OWNER).pk == known.pk
    assert AuthSession.objects.count() == 2


def test_nothing_of_the_query_reaches_discord_but_next(client: Client, settings: LazySettings) -> None:
    attack = (
        "?scope=bot&client_id=1&redirect_uri=http://evil&state=x&auth_params=prompt%3Dnone&next=/guilds/1"
    )
    asked = parse_qs(urlsplit(begin(client, attack)).query)
    assert set(asked["scope"][0].split()) == {"identify", "guilds"}
    assert asked["client_id"] == [settings.DISCORD_CLIENT_ID]
    assert asked["redirect_uri"] == [settings.DISCORD_REDIRECT_URI]
    assert asked["code_challenge_method"] == ["S256"]
    assert set(asked) == {
        "client_id", "redirect_uri", "scope", "response_type", "state", "code_challenge", "code_challenge_method",
    }  # fmt: skip


@pytest.mark.parametrize(
    "target", ["//", "//evil", "/\\evil", "https://evil", "javascript:alert(1)", "/\t/evil"]
)
def test_next_never_leaves_the_host(target: str, client: Client, there: Discord) -> None:
    location = client.get(LOGIN, {"next": target}).headers["Location"]
    back = client.get(there.approve(location)).headers["Location"]
    assert back.endswith("/dashboard")
    assert "evil" not in back


def test_saying_no_is_answered_with_a_page_and_a_way_on(client: Client, there: Discord) -> None:
    response = client.get(there.approve(begin(client), deny=True), headers={"accept": "text/html"})
    assert response.status_code == 400
    assert b"LOGIN_DENIED" in response.content
    assert b'href="/"' in response.content
    assert not User.objects.exists()


def test_a_state_is_good_once_and_in_its_browser_only(client: Client, there: Discord) -> None:
    back = there.approve(begin(client))
    elsewhere = Client().get(back)
    assert (elsewhere.status_code, b"STATE_INVALID" in elsewhere.content) == (400, True)
    assert client.get(back).status_code == 302
    client.post("/api/auth/logout")
    replayed = client.get(back)
    assert (replayed.status_code, b"STATE_INVALID" in replayed.content) == (400, True)


@pytest.mark.parametrize(("age", "status"), [(590, 302), (610, 400)])
def test_a_state_is_good_for_ten_minutes(age: int, status: int, client: Client, there: Discord) -> None:
    back = there.approve(begin(client))
    stored = client.session
    ((state, (data, begun, provider)),) = stored["socialaccount_states"].items()
    stored["socialaccount_states"] = {state: (data, begun - age, provider)}
    stored.save()
    response = client.get(back)
    assert response.status_code == status
    assert (b"STATE_INVALID" in response.content) == (status == 400)
    assert User.objects.exists() == (status == 302)


def test_a_code_that_discord_refuses_is_400(client: Client, there: Discord) -> None:
    state = parse_qs(urlsplit(begin(client)).query)["state"][0]
    response = client.get(CALLBACK, {"code": "never-issued", "state": state})
    assert (response.status_code, b"CODE_REFUSED" in response.content) == (400, True)


@pytest.mark.parametrize("path", ["/oauth2/token", "/users/@me$"])
@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        ({"kind": "http_status", "status": 500, "count": 9}, 502, b"DISCORD_FAILED"),
        ({"kind": "rate_limit", "retry_after": 30, "count": 9}, 502, b"DISCORD_RATE_LIMITED"),
    ],
)
def test_a_discord_that_fails_is_502(
    fault: dict[str, object], status: int, code: bytes, path: str, client: Client, there: Discord
) -> None:
    back = there.approve(begin(client))
    there.fault(path=path, **fault)
    response = client.get(back)
    assert (response.status_code, code in response.content) == (status, True)
    assert not AuthSession.objects.exists()


def test_a_token_that_discord_takes_back_at_once_is_502(client: Client, there: Discord) -> None:
    back = there.approve(begin(client))
    there.fault(kind="http_status", status=401, path="/users/@me$", count=1)
    response = client.get(back)
    assert (response.status_code, b"DISCORD_REFUSED" in response.content) == (502, True)


def test_a_discord_that_is_too_slow_is_504(
    client: Client, there: Discord, monkeypatch: pytest.MonkeyPatch
) -> None:
    back = there.approve(begin(client))
    monkeypatch.setattr(discord, "TIMEOUT_SECONDS", 0.2)
    there.fault(kind="latency", ms=2000, path="/users/@me$")
    response = client.get(back)
    assert (response.status_code, b"DISCORD_TIMEOUT" in response.content) == (504, True)


def test_a_short_rate_limit_and_a_stumble_are_waited_out(client: Client, there: Discord) -> None:
    back = there.approve(begin(client))
    there.fault(kind="rate_limit", retry_after=0.2, path="/users/@me$", count=1)
    there.fault(kind="http_status", status=503, path="/users/@me$", count=1)
    assert client.get(back).status_code == 302


def test_guilds_that_cannot_be_read_do_not_undo_the_login(client: Client, there: Discord) -> None:
    back = there.approve(begin(client))
    there.fault(kind="http_status", status=500, path="/users/@me/guilds", count=9)
    assert client.get(back).status_code == 302
    assert not Membership.objects.exists()


def test_a_closed_account_stays_out(client: Client, there: Discord) -> None:
    User.objects.create(discord_id=OWNER, username="owner", is_active=False)
    response = client.get(there.approve(begin(client)))
    assert (response.status_code, b"USER_NOT_FOUND" in response.content) == (403, True)
    assert not AuthSession.objects.exists()


def test_the_redirect_uri_is_the_settings_whatever_the_host_header(
    client: Client, settings: LazySettings
) -> None:
    for host in ("localhost:1337", "127.0.0.1", "[::1]:9"):
        location = client.get(LOGIN, headers={"host": host}).headers["Location"]
        asked = parse_qs(urlsplit(location).query)
        assert asked["redirect_uri"] == [settings.DISCORD_REDIRECT_URI]


def test_next_leads_to_the_page_one_came_from(client: Client, there: Discord) -> None:
    location = client.get(LOGIN, {"next": "/guilds/123?tab=history"}).headers["Location"]
    assert client.get(there.approve(location)).headers["Location"].endswith("/guilds/123?tab=history")


def test_a_callback_without_anything_is_refused(client: Client) -> None:
    for query in (
        {},
        {"code": "x"},
        {"state": "x"},
        {"code": "x", "state": "\0"},
    ):
        response = client.get(CALLBACK, query)
        assert (response.status_code, b"STATE_INVALID" in response.content) == (400, True), query


def test_another_refusal_of_discord_says_so(client: Client) -> None:
    state = parse_qs(urlsplit(begin(client)).query)["state"][0]
    response = client.get(CALLBACK, {"error": "server_error", "state": state})
    assert (response.status_code, b"DISCORD_REFUSED" in response.content) == (400, True)


def test_wrong_credentials_of_ours_are_not_the_persons_fault(client: Client, there: Discord) -> None:
    back = there.approve(begin(client))
    there.fault(kind="http_status", status=401, path="/oauth2/token", count=1)
    response = client.get(back)
    assert (response.status_code, b"DISCORD_REFUSED" in response.content) == (502, True)


def test_retry_after_is_waited_out_before_the_next_try(client: Client, there: Discord) -> None:
    back = there.approve(begin(client))
    there.fault(kind="rate_limit", retry_after=1, path="/users/@me$", count=1)
    begun = time.monotonic()
    assert client.get(back).status_code == 302
    assert time.monotonic() - begun >= 1


def test_a_discord_that_is_down_is_502(client: Client, settings: LazySettings) -> None:
    state = parse_qs(urlsplit(begin(client)).query)["state"][0]
    settings.DISCORD_API_URL = "http://127.0.0.1:9"  # the discard port, where nothing listens
    settings.DISCORD_CA_FILE = ""
    response = client.get(CALLBACK, {"code": "x", "state": state})
    assert (response.status_code, b"DISCORD_FAILED" in response.content) == (502, True)


TOKEN = {"access_token": "a", "refresh_token": "r", "expires_in": 60, "scope": "identify guilds"}
PROFILE = {"id": OWNER, "username": "owner"}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/oauth2/token", b"<html>"),
        ("/oauth2/token", b""),
        ("/oauth2/token", []),
        ("/oauth2/token", {}),
        ("/oauth2/token", TOKEN | {"access_token": 1}),
        ("/oauth2/token", TOKEN | {"access_token": ""}),
        ("/oauth2/token", TOKEN | {"expires_in": "soon"}),
        ("/oauth2/token", TOKEN | {"expires_in": 10**30}),
        ("/oauth2/token", TOKEN | {"refresh_token": ["r"]}),
        ("/oauth2/token", TOKEN | {"scope": "x" * 1000}),
        ("/users/@me", b"\xff\xfe"),
        ("/users/@me", None),
        ("/users/@me", {"id": OWNER}),
        ("/users/@me", PROFILE | {"id": int(OWNER)}),
        ("/users/@me", PROFILE | {"id": "me"}),
        ("/users/@me", PROFILE | {"id": "9" * 40}),
        ("/users/@me", PROFILE | {"username": {}}),
        ("/users/@me", PROFILE | {"username": "a\0b"}),
        ("/users/@me", PROFILE | {"avatar": 7}),
    ],
)
def test_an_answer_nobody_understands_is_502(
    path: str, body: Any, client: Client, gibberish: Gibberish
) -> None:
    state = parse_qs(urlsplit(begin(client)).query)["state"][0]
    gibberish.say(path, body)
    response = client.get(CALLBACK, {"code": "x", "state": state})
    assert (response.status_code, b"DISCORD_MALFORMED" in response.content) == (502, True)
    assert not User.objects.exists()


@pytest.mark.parametrize("retry_after", ["-5", "nan", "soon", ""])
def test_a_retry_after_that_is_no_time_is_a_second(
    retry_after: str, client: Client, gibberish: Gibberish
) -> None:
    state = parse_qs(urlsplit(begin(client)).query)["state"][0]
    gibberish.say("/oauth2/token", {}, status=429, **{"Retry-After": retry_after})
    response = client.get(CALLBACK, {"code": "x", "state": state})
    assert (response.status_code, b"DISCORD_RATE_LIMITED" in response.content) == (502, True)


def test_each_login_brings_what_discord_says_now(client: Client, gibberish: Gibberish) -> None:
    for name, avatar in (("owner", None), ("renamed", "a_0123")):
        state = parse_qs(urlsplit(begin(client)).query)["state"][0]
        gibberish.say("/users/@me", PROFILE | {"username": name, "global_name": "Mare", "avatar": avatar})
        assert client.get(CALLBACK, {"code": "x", "state": state}).status_code == 302
        user = User.objects.get()
        assert (user.username, user.display_name) == (name, "Mare")
        assert user.last_login is not None
    assert user.avatar_url == f"https://cdn.discordapp.com/avatars/{OWNER}/a_0123.gif?size=128"


def test_a_login_is_logged_with_person_and_session_and_without_secrets(
    client: Client, there: Discord, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    back = there.approve(begin(client))
    client.get(back)
    user, session = User.objects.get(), AuthSession.objects.get()
    assert f"login.accepted surface=login user={user.pk} session={session.pk}" in caplog.text
    secrets = [parse_qs(urlsplit(back).query)["code"][0], client.cookies["session"].value]
    assert not [secret for secret in secrets if secret in caplog.text]


def test_failures_are_logged_without_secrets(
    client: Client, there: Discord, settings: LazySettings, caplog: pytest.LogCaptureFixture
) -> None:
    back = there.approve(begin(client))
    there.fault(kind="http_status", status=503, path="/oauth2/token", count=9)
    client.get(back)
    assert "HTTP 503" in caplog.text
    code = parse_qs(urlsplit(back).query)["code"][0]
    assert not [secret for secret in (settings.DISCORD_CLIENT_SECRET, code) if secret in caplog.text]
