"""The callback of a login: requested twice, at once or after a lost response, and when Discord fails."""

from __future__ import annotations

import json
import socket
import time
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from django.conf import LazySettings
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from accounts.models import AuthSession, OneTimeStep, User
from sandbox.seed import OWNER
from tests.accounts.conftest import Discord, begin, log_in
from tests.accounts.repeats import (
    COOKIE,
    EXCHANGE,
    at_once,
    get,
    let_the_replay_pass,
    rows_with_tokens,
    with_cookie,
)
from tests.accounts.test_exchange import PKCE, VERIFIER, code_of
from tests.program import another_web
from tests.server import Server
from tests.waiting import until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]


def later(seconds: float, *what: str) -> httpx.Response:
    """Send the request after a delay, like the second click of a double click."""
    time.sleep(seconds)
    return get(*what)


def begun(there: Discord, query: str = "") -> tuple[str, str]:
    """Return the callback that Discord sends a browser to, and the browser's cookie."""
    browser = Client()
    back = there.approve(begin(browser, query))
    return back, str(browser.cookies[COOKIE].value)


def is_refused(response: Any) -> bool:
    return response.status_code == 400 and b"STATE_INVALID" in response.content


def code_in(back: str) -> str:
    return parse_qs(urlsplit(back).query)["code"][0]


def agree(first: httpx.Response, second: httpx.Response) -> str:
    """Check that two responses to one callback are the same login. Returns its cookie."""
    assert (first.status_code, second.status_code) == (302, 302), (first.text, second.text)
    assert first.headers["Location"] == second.headers["Location"] == "/sessions"
    assert first.cookies[COOKIE] == second.cookies[COOKIE]
    assert AuthSession.objects.count() == 1
    return str(first.cookies[COOKIE])


def test_a_callback_that_comes_twice_at_once_logs_in_both_times(server: Server, there: Discord) -> None:
    there.fault(kind="latency", ms=200, path="/users/@me$", count=1)
    for pause in (0, 0.06):
        AuthSession.objects.all().delete()
        back, cookie = begun(there, "?next=/sessions")

        logged_in = agree(
            *at_once(partial(get, server.url, back, cookie), partial(later, pause, server.url, back, cookie))
        )
        assert get(server.url, "/api/auth/me", logged_in).json()["username"] == "owner"


def test_a_callback_that_comes_to_two_processes_logs_in_both_times(
    server: Server, there: Discord, tmp_path: Path, settings: LazySettings
) -> None:
    discord = {
        name: str(getattr(settings, name))
        for name in (
            "DISCORD_API_URL", "DISCORD_AUTHORIZE_URL", "DISCORD_CA_FILE", "DISCORD_CLIENT_ID",
            "DISCORD_CLIENT_SECRET", "DISCORD_BOT_TOKEN", "DISCORD_REDIRECT_URI",
        )
    }  # fmt: skip
    (tmp_path / "web").mkdir()
    with another_web(tmp_path / "web", **discord) as elsewhere:
        there.fault(kind="latency", ms=200, path="/oauth2/token", count=2)
        for urls in ((server.url, elsewhere.url), (elsewhere.url, server.url)):
            AuthSession.objects.all().delete()
            back, cookie = begun(there, "?next=/sessions")
            logged_in = agree(*at_once(*(partial(get, url, back, cookie) for url in urls)))
            for url in urls:
                assert get(url, "/api/auth/me", logged_in).status_code == 200


def test_a_browser_that_went_away_before_the_answer_is_logged_in_by_asking_again(
    server: Server, there: Discord
) -> None:
    back, cookie = begun(there, "?next=/sessions")
    there.fault(kind="latency", ms=300, path="/users/@me$", count=1)
    with socket.create_connection(("127.0.0.1", server.port)) as gone:
        head = f"GET {back} HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {COOKIE}={cookie}\r\n\r\n"
        gone.sendall(head.encode())
        until(lambda: OneTimeStep.objects.exists())
    answer = get(server.url, back, cookie)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/sessions")
    assert get(server.url, "/api/auth/me", answer.cookies[COOKIE]).status_code == 200
    assert AuthSession.objects.count() == 1


def test_a_lost_answer_is_given_again_for_ten_seconds_to_that_browser_only(there: Discord) -> None:
    back, cookie = begun(there, "?next=/sessions")
    first = with_cookie(cookie).get(back)
    assert first.headers["Location"] == "/sessions"
    again = with_cookie(cookie).get(back)
    assert again.headers["Location"] == "/sessions"
    assert again.cookies[COOKIE].value == first.cookies[COOKIE].value
    changed = back.replace("code=", "code=x")
    for stolen in (Client().get(back), with_cookie("a" * 32).get(back), with_cookie(cookie).get(changed)):
        assert is_refused(stolen)
        assert COOKIE not in stolen.cookies
    let_the_replay_pass()
    assert is_refused(with_cookie(cookie).get(back))
    assert AuthSession.objects.count() == 1


def test_an_answer_given_again_brings_no_ended_session_back(there: Discord) -> None:
    back, cookie = begun(there)
    browser = with_cookie(cookie)
    browser.get(back)
    browser.post("/api/auth/logout")
    assert is_refused(with_cookie(cookie).get(back))


def test_a_callback_reloaded_by_who_is_logged_in_leads_on(client: Client, there: Discord) -> None:
    back = there.approve(begin(client, "?next=/sessions"))
    assert client.get(back).headers["Location"] == "/sessions"
    assert client.get(back).headers["Location"] == "/sessions"
    let_the_replay_pass()
    assert client.get(back).headers["Location"] == "/sessions"
    assert is_refused(client.get(back.replace("code=", "code=x"))), "a code that this state never had"
    log_in(client, there)
    assert client.get(back).headers["Location"].endswith("/dashboard"), "of an earlier login"
    somebody = Client()
    log_in(somebody, there, "dj")
    assert somebody.get(back).headers["Location"].endswith("/dashboard")
    assert somebody.get("/api/auth/me").json()["username"] == "dj"


def test_a_refusal_is_repeated_too(there: Discord) -> None:
    browser = Client()
    no = there.approve(begin(browser), deny=True)
    assert [b"LOGIN_DENIED" in browser.get(no).content for _ in range(2)] == [True, True]
    let_the_replay_pass()
    assert is_refused(browser.get(no))


@pytest.mark.parametrize("path", ["/oauth2/token", "/users/@me$"])
@pytest.mark.parametrize("failures", [1, 2])
def test_a_login_that_discord_failed_succeeds_by_reloading(
    client: Client, there: Discord, path: str, failures: int
) -> None:
    """Discord accepts a code once, and may fail afterwards."""
    back = there.approve(begin(client))
    there.fault(kind="http_status", status=503, path=path, count=3 * failures)
    for _ in range(failures):
        assert client.get(back).status_code == 502
    assert client.get(back).headers["Location"].endswith("/dashboard")
    assert client.get("/dashboard").status_code == 200
    assert not rows_with_tokens()


def test_tokens_kept_for_a_reload_are_good_for_that_browser_and_ten_minutes(there: Discord) -> None:
    back, cookie = begun(there)
    there.fault(kind="http_status", status=503, path="/users/@me$", count=3)
    assert with_cookie(cookie).get(back).status_code == 502
    code, (other_back, other) = code_in(back), begun(there)
    stolen = with_cookie(other).get(other_back.replace(code_in(other_back), code))
    assert (stolen.status_code, b"CODE_REFUSED" in stolen.content) == (400, True)
    (kept,) = rows_with_tokens()
    assert code not in str(vars(kept))
    OneTimeStep.objects.update(answered_at=timezone.now() - timedelta(minutes=11))
    log_in(Client(), there)
    kept.refresh_from_db()
    assert kept.answer == "", "any login empties what is too old"
    late = with_cookie(cookie).get(back)
    assert (late.status_code, b"CODE_REFUSED" in late.content) == (400, True)


def test_a_refused_login_keeps_no_tokens(there: Discord, settings: LazySettings) -> None:
    User.objects.create(discord_id=OWNER, username="owner", is_active=False)
    body = {"code": code_of(there, settings, **PKCE), "code_verifier": VERIFIER}
    refused = Client().post(EXCHANGE, body, content_type="application/json")
    assert refused.json()["code"] == "USER_NOT_FOUND"
    back, cookie = begun(there)
    assert b"USER_NOT_FOUND" in with_cookie(cookie).get(back).content
    assert not rows_with_tokens()


def test_nothing_that_could_be_replayed_is_stored_in_clear(there: Discord) -> None:
    back, cookie = begun(there)
    answer = with_cookie(cookie).get(back)
    rows = json.dumps(list(OneTimeStep.objects.values()), default=str)
    sessions = json.dumps([each.get_decoded() for each in Session.objects.all()])
    secrets = [
        cookie,
        answer.cookies[COOKIE].value,
        *(part.split("=")[1] for part in urlsplit(back).query.split("&")),
    ]
    assert len(secrets) == 4
    assert not [secret for secret in secrets if secret in rows or secret in sessions]


def test_an_answer_that_was_under_way_takes_no_new_cookie_away(there: Discord) -> None:
    """Another tab sends a request with the old cookie, and gets the response after the login."""
    back, cookie = begun(there)
    with_cookie(cookie).get(back)
    for path in ("/", "/api/auth/me", "/dashboard"):
        late = with_cookie(cookie).get(path)
        assert COOKIE not in late.cookies, path


def test_a_session_ended_elsewhere_takes_no_new_cookie_away(client: Client, there: Discord) -> None:
    log_in(client, there)
    before = client.cookies[COOKIE].value
    log_in(client, there)
    late = with_cookie(before).get("/api/auth/me")
    assert (late.status_code, COOKIE in late.cookies) == (401, False)
