"""Steps that work only once, requested twice by one client: a double click, a prefetch, or a lost response."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from allauth.mfa.models import Authenticator
from django.conf import LazySettings
from django.conf import settings as django_settings
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.test import Client
from django.utils import timezone
from django.utils.html import escape

from accounts.discord import TURNS, turn
from accounts.domain.once import WAITERS, StepSpent, take_once
from accounts.domain.sessions import REPLAY_SECONDS, authenticate_sync, issue_pair
from accounts.encryption import decrypt
from accounts.errors import Crowded
from accounts.models import AuthSession, OneTimeStep, User
from realtime.domain.stores import create_store
from sandbox.seed import OWNER
from streams.domain.streams import create_stream
from tests.accounts.conftest import Discord, begin, log_in
from tests.accounts.test_exchange import CHALLENGE, VERIFIER, code_of
from tests.accounts.test_second_factor import AUTHENTICATE, INDEX, code_now, half_way, protect
from tests.e2e.program import another_web
from tests.factories import SessionFactory, UserFactory
from tests.server import Server
from tests.waiting import until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]

COOKIE = django_settings.SESSION_COOKIE_NAME
EXCHANGE = "/api/auth/discord/exchange"


@pytest.fixture(autouse=True)
def no_tries_yet() -> None:
    cache.clear()


def get(url: str, path: str, cookie: str = "") -> httpx.Response:
    return httpx.get(f"{url}{path}", cookies={COOKIE: cookie} if cookie else {}, timeout=30)


def later(seconds: float, *what: str) -> httpx.Response:
    """Send the request after a delay, like the second click of a double click."""
    time.sleep(seconds)
    return get(*what)


def at_once(*acts: Callable[[], Any]) -> list[Any]:
    with ThreadPoolExecutor(len(acts)) as pool:
        return [future.result() for future in [pool.submit(act) for act in acts]]


def with_cookie(cookie: str) -> Client:
    browser = Client()
    browser.cookies[COOKIE] = cookie
    return browser


def begun(there: Discord, query: str = "") -> tuple[str, str]:
    """Return the callback that Discord sends a browser to, and the browser's cookie."""
    browser = Client()
    back = there.approve(begin(browser, query))
    return back, str(browser.cookies[COOKIE].value)


def let_the_replay_pass() -> None:
    OneTimeStep.objects.update(answered_at=timezone.now() - timedelta(seconds=REPLAY_SECONDS + 1))


def rows_with_tokens() -> list[OneTimeStep]:
    """Return the rows that store the tokens Discord gave for a code."""
    return [row for row in OneTimeStep.objects.exclude(answer="") if "access_token" in decrypt(row.answer)]


def code_in(back: str) -> str:
    return parse_qs(urlsplit(back).query)["code"][0]


def is_refused(response: Any) -> bool:
    return response.status_code == 400 and b"STATE_INVALID" in response.content


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


# --- The callback ---


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


@pytest.mark.parametrize(
    ("proof", "headers"),
    [({"code_verifier": VERIFIER}, {}), ({}, {"Idempotency-Key": "a-key-of-mine"})],
    ids=["code_verifier", "Idempotency-Key"],
)
def test_an_exchange_that_discord_failed_succeeds_when_sent_again(
    there: Discord, settings: LazySettings, proof: dict[str, str], headers: dict[str, str]
) -> None:
    pkce = {"code_challenge": CHALLENGE, "code_challenge_method": "S256"} if proof else {}
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


def test_a_refused_login_keeps_no_tokens(there: Discord, settings: LazySettings) -> None:
    User.objects.create(discord_id=OWNER, username="owner", is_active=False)
    pkce = {"code_challenge": CHALLENGE, "code_challenge_method": "S256"}
    body = {"code": code_of(there, settings, **pkce), "code_verifier": VERIFIER}
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
    pkce = {"code_challenge": CHALLENGE, "code_challenge_method": "S256"}
    ways: list[tuple[dict[str, str], dict[str, str], dict[str, str]]] = [
        (pkce, {"code_verifier": VERIFIER}, {}),
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
