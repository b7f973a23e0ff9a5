"""Steps that work only once, requested twice by one client: an exchange, a second factor, a logout, a token."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import httpx
import pytest
from allauth.mfa.models import Authenticator
from django.conf import LazySettings
from django.test import Client
from django.utils.html import escape

from accounts.discord import TURNS, turn
from accounts.domain.once import WAITERS, StepSpent, take_once
from accounts.domain.sessions import authenticate_sync, issue_pair
from accounts.errors import Crowded
from accounts.models import AuthSession, User
from realtime.domain.stores import create_store
from sandbox.seed import OWNER
from streams.domain.streams import create_stream
from tests.accounts.conftest import Discord, begin
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
from tests.accounts.test_second_factor import AUTHENTICATE, INDEX, code_now, half_way, protect
from tests.factories import SessionFactory, UserFactory
from tests.server import Server

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]

# --- Any step ---


def test_a_step_that_another_finishes_at_this_moment_is_answered_all_the_same() -> None:
    """The other request claims the step after this one looked for its answer."""

    def overtaken() -> bool:
        assert take_once("a step", proof=("mine",), act=lambda: "the answer") == ("the answer", True)
        return False

    assert take_once("a step", proof=("mine",), act=lambda: "no", may_begin=overtaken) == (
        "the answer",
        False,
    )
    with pytest.raises(StepSpent):
        take_once("a step", proof=("another's",), act=lambda: "no")


def test_only_a_few_wait_for_the_same_step(in_threads: Callable[..., list[Any]]) -> None:
    """Each waiting request occupies a thread that could serve others."""
    gate, crowded = threading.Event(), threading.Semaphore(0)

    def act() -> str:
        assert gate.wait(20)
        return "the answer"

    def take(_: int) -> str:
        try:
            return take_once("a step", proof=("mine",), act=act)[0]
        except Crowded:
            crowded.release()
            return "crowded"

    def open_gate() -> None:
        assert all(crowded.acquire(timeout=20) for _ in range(3))
        gate.set()

    opener = threading.Thread(target=open_gate)
    opener.start()
    answers = in_threads(1 + WAITERS + 3, take)
    opener.join(20)
    assert Counter(answers) == {"the answer": 1 + WAITERS, "crowded": 3}


# --- The second factor ---


@pytest.fixture
def owner() -> User:
    return User.objects.create(discord_id=OWNER, username="owner")


def test_a_code_sent_twice_logs_in_both_times(server: Server, there: Discord, owner: User) -> None:
    _, codes = protect(owner)
    browser = half_way(there)
    page = browser.get(AUTHENTICATE)
    cookies = {COOKIE: browser.cookies[COOKIE].value, "csrftoken": page.cookies["csrftoken"].value}
    form = {"code": codes[0], "csrfmiddlewaretoken": cookies["csrftoken"]}

    def send() -> httpx.Response:
        return httpx.post(f"{server.url}{AUTHENTICATE}", data=form, cookies=cookies, timeout=30)

    first, second = at_once(send, send)
    third = send()
    for answer in (first, second, third):
        assert answer.status_code == 302, answer.text
        assert answer.headers["Location"].endswith("/dashboard")
        assert get(server.url, "/api/auth/me", answer.cookies[COOKIE]).status_code == 200
    assert AuthSession.objects.count() == 1
    other = half_way(there)
    assert other.post(AUTHENTICATE, {"code": codes[0]}).status_code == 200, "a code is good once"


def test_a_callback_given_again_leads_back_to_the_second_factor(there: Discord, owner: User) -> None:
    secret, _ = protect(owner)
    browser = Client()
    back = there.approve(begin(browser, "?next=/sessions"))
    assert [browser.get(back).headers["Location"] for _ in range(2)] == [AUTHENTICATE, AUTHENTICATE]
    let_the_replay_pass()
    assert browser.get(back).headers["Location"] == AUTHENTICATE
    assert browser.post(AUTHENTICATE, {"code": code_now(secret)}).headers["Location"] == "/sessions"
    assert browser.get(back).headers["Location"] == "/sessions"


def test_setting_up_and_taking_off_the_second_factor_twice_is_once() -> None:
    browser = Client()
    browser.force_login(UserFactory.create())
    browser.get(f"{INDEX}totp/activate/")
    form = {"code": code_now(browser.session["mfa.totp.secret"])}
    recovery = f"{INDEX}recovery-codes/"
    assert [browser.post(f"{INDEX}totp/activate/", form).headers.get("Location") for _ in range(2)] == [
        recovery
    ] * 2
    made = [browser.post(f"{recovery}generate/").headers.get("Location") for _ in range(2)]
    assert made == [recovery, recovery]
    seeds = Authenticator.objects.filter(type="recovery_codes").values_list("data", flat=True)
    known = list(seeds)
    browser.post(f"{recovery}generate/")
    assert list(seeds) == known, "the codes that the first answer shows are still good"
    assert [browser.post(f"{INDEX}totp/deactivate/").headers.get("Location") for _ in range(2)] == [
        INDEX,
        INDEX,
    ]
    assert not Authenticator.objects.exists()


# --- Clients that get the code themselves, and logout ---


def test_an_exchange_sent_twice_by_one_client_is_one_session(
    server: Server, there: Discord, settings: LazySettings
) -> None:
    ways: list[tuple[dict[str, str], dict[str, str], dict[str, str]]] = [
        (PKCE, {"code_verifier": VERIFIER}, {}),
        ({}, {}, {"Idempotency-Key": "a-key-of-mine"}),
    ]
    for query, proof, headers in ways:
        AuthSession.objects.all().delete()
        body = {"code": code_of(there, settings, **query), **proof}

        def send(body: dict[str, str] = body, headers: dict[str, str] = headers) -> httpx.Response:
            return httpx.post(f"{server.url}{EXCHANGE}", json=body, headers=headers, timeout=30)

        there.fault(kind="latency", ms=200, path="/users/@me$", count=1)
        answers = [*at_once(send, send), send()]
        assert [answer.status_code for answer in answers] == [200] * 3, [answer.text for answer in answers]
        assert len({answer.json()["refresh"] for answer in answers}) == 1
        for answer in answers:
            bearer = {"Authorization": f"Bearer {answer.json()['access']}"}
            assert httpx.get(f"{server.url}/api/auth/me", headers=bearer).status_code == 200
        assert AuthSession.objects.count() == 1
        stolen = send(body | {"code_verifier": "w" * 43}, {"Idempotency-Key": "a-guess"})
        assert (stolen.status_code, stolen.json()["code"]) == (400, "CODE_REFUSED")
        Client().post("/api/auth/logout", headers=bearer)
        assert send().json()["code"] == "SESSION_REVOKED"


@pytest.mark.parametrize(
    ("proof", "headers"),
    [({"code_verifier": VERIFIER}, {}), ({}, {"Idempotency-Key": "a-key-of-mine"})],
    ids=["code_verifier", "Idempotency-Key"],
)
def test_an_exchange_that_discord_failed_succeeds_when_sent_again(
    there: Discord, settings: LazySettings, proof: dict[str, str], headers: dict[str, str]
) -> None:
    pkce = PKCE if proof else {}
    body = {"code": code_of(there, settings, **pkce), **proof}

    def send(body: dict[str, str], headers: dict[str, str]) -> Any:
        return Client().post(EXCHANGE, body, content_type="application/json", headers=headers)

    there.fault(kind="http_status", status=503, path="/users/@me$", count=3)
    failed = send(body, headers)
    assert (failed.status_code, failed.json()["code"]) == (502, "DISCORD_FAILED")
    guesses: list[tuple[dict[str, str], dict[str, str]]] = [
        ({"code_verifier": "w" * 43}, {}),
        ({}, {"Idempotency-Key": "a-guess"}),
        ({}, {}),
    ]
    for guess, guessed in guesses:
        stolen = send({"code": body["code"], **guess}, guessed)
        assert (stolen.status_code, stolen.json()["code"]) == (400, "CODE_REFUSED")
    assert send(body, headers).status_code == 200
    assert AuthSession.objects.count() == 1
    assert not rows_with_tokens()


def test_an_exchange_that_discord_refused_is_asked_of_discord_once(
    server: Server, there: Discord, caplog: pytest.LogCaptureFixture
) -> None:
    body = {"code": "no-such-code", "code_verifier": VERIFIER}

    def send() -> httpx.Response:
        return httpx.post(f"{server.url}{EXCHANGE}", json=body, timeout=30)

    answers = at_once(*[send] * 5)
    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(400, "CODE_REFUSED")}
    assert caplog.text.count("Discord POST /oauth2/token: HTTP 400") == 1


def test_a_discord_that_many_wait_for_is_asked_later(
    client: Client, there: Discord, settings: LazySettings
) -> None:
    back, code = there.approve(begin(client)), code_of(there, settings)
    with ExitStack() as waiting:
        for _ in range(TURNS):
            waiting.enter_context(turn())
        page = client.get(back)
        exchange = Client().post(EXCHANGE, {"code": code}, content_type="application/json")
        for answer in (page, exchange):
            assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
            assert b"CROWDED" in answer.content
        assert client.get("/healthz").status_code == 200
    assert escape(back) in page.content.decode(), "where Try again leads"
    assert client.get(back).headers["Location"].endswith("/dashboard")
    again = Client().post(EXCHANGE, {"code": code}, content_type="application/json")
    assert again.status_code == 200


def test_logging_out_twice_is_logged_out() -> None:
    session = SessionFactory.create()
    bearer = {"Authorization": f"Bearer {issue_pair(session).access}"}
    assert [Client().post("/api/auth/logout", headers=bearer).status_code for _ in range(2)] == [200, 200]
    browser = Client()
    browser.force_login(session.user)
    cookie = str(browser.cookies[COOKIE].value)
    assert [with_cookie(cookie).post("/api/auth/logout").status_code for _ in range(2)] == [200, 200]
    nonsense = Client().post("/api/auth/logout", headers={"Authorization": "Bearer nonsense"})
    assert (nonsense.status_code, nonsense.json()["code"]) == (401, "TOKEN_INVALID")


# --- Device tokens, which are shown once ---


def test_a_device_token_asked_for_again_with_its_key_is_the_same(
    in_threads: Callable[..., list[Any]],
) -> None:
    session = SessionFactory.create()
    create_stream(session.user, stream_id="cam-1")
    create_store(session.user, "todo")
    bearer = {"Authorization": f"Bearer {issue_pair(session).access}"}
    paths = ("/api/streams/cam-1/tokens", "/api/streams/cam-1/rotate", "/api/stores/todo/tokens")

    def make(path: str, key: str, device: str = "phone") -> Any:
        headers = bearer | ({"Idempotency-Key": key} if key else {})
        return Client().post(path, {"device": device}, content_type="application/json", headers=headers)

    tokens = []
    for path in paths:
        answers = in_threads(2, lambda _, path=path: make(path, "a-key"))
        assert [answer.status_code for answer in answers] == [201, 201], answers[0].content
        assert answers[0].json() == answers[1].json() == make(path, "a-key").json(), path
        assert make(path, "a-key", "another").status_code == 409
        tokens.append(answers[0].json()["token"])
    assert [authenticate_sync(token).store for token in tokens[1:]] == ["stream:cam-1", "app:todo"]
    assert make(paths[0], "a-key").status_code == 409, "`rotate` ended it"
    assert make(paths[1], "").json()["token"] not in tokens
