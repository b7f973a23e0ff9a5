"""`manage.py serve` as a newcomer runs it: it plays, survives kill -9, stops on signals, and logs no secrets."""

from __future__ import annotations

import contextlib
import json
import signal
import time
from collections.abc import Iterator

import httpx
import pytest
from websockets.sync.client import ClientConnection, connect

from sandbox.seed import LOUNGE
from tests.e2e.conftest import Measured, clear
from tests.e2e.program import Backline, Person
from tests.waiting import until

SECRETS = {"SECRET_KEY", "JWT_SECRET", "FIELD_ENCRYPTION_KEYS", "client_secret", "bot_token"}
TRACEBACK = "Traceback (most recent call last)"


@contextlib.contextmanager
def live_audio(backline: Backline) -> Iterator[None]:
    """Listen on the sandbox's page."""
    url = f"{backline.sandbox_url}/_sandbox/voice/{LOUNGE}/live.ogg"
    with httpx.stream("GET", url, timeout=10) as stream:
        assert next(stream.iter_bytes(4)) == b"OggS"
        yield


@contextlib.contextmanager
def watch(person: Person) -> Iterator[ClientConnection]:
    """Follow the guild's log on `/sync`, with the token in the URL, where logs are most likely to show it."""
    url = person.backline.web_url.replace("http", "ws") + f"/sync?token={person.access}"
    with connect(url, close_timeout=1) as socket:
        socket.send(json.dumps({"type": "init", "id": 1, "instanceId": f"guild:{LOUNGE}"}))
        ready = json.loads(socket.recv(timeout=10))
        assert ready["type"] == "ready", ready
        socket.send(json.dumps({"type": "pull", "id": 2, "cursor": ready["head"], "live": True}))
        yield socket


def bot_id(backline: Backline) -> str:
    return next(str(user["id"]) for user in backline.state()["users"] if user.get("bot"))


def test_a_newcomer_logs_in_adds_a_track_and_hears_it(backline: Backline, measured: Measured) -> None:
    if not backline.serve.running:
        measured("first start, with a library to make: ready", backline.start())
    assert "Preparing the database …\nGenerating starter music" in backline.serve.output()
    owner = backline.log_in("owner")

    def has_the_bot() -> bool:
        return any(
            guild["id"] == LOUNGE and guild["bot_installed"] for guild in owner.api.get("/api/guilds").json()
        )

    until(has_the_bot, within=20)  # the web server is ready a second before the bot is connected
    clear(owner)
    backline.sit("owner", "Stage left")
    before, begun = backline.heard_frames(), time.monotonic()
    item = owner.add("440")
    report = backline.hear(440, after=before + 100)
    measured("two seconds of sound after a POST", time.monotonic() - begun)
    assert report["tone_hz"] == pytest.approx(440, abs=1)
    assert (report["dave"], report["frames_bad"], report["frames_lost"]) == (1, 0, 0)
    player = owner.player()
    assert (player["status"], player["item"]["id"]) == ("playing", item["id"])


def test_kill_9_while_it_plays_costs_seconds(tone: Person, backline: Backline, measured: Measured) -> None:
    def far_enough() -> bool:
        return bool(tone.player()["position_ms"] > 4_000)

    until(far_enough, within=20)
    before, waiting = tone.player(), tone.queue()
    backline.serve.kill()
    killed = time.monotonic()
    ready = backline.start()
    backline.hear(440)
    sounding = time.monotonic() - killed
    after = tone.player()
    measured("start after kill -9: ready", ready)
    measured("start after kill -9: sounding again", sounding)
    assert after["item"]["id"] == before["item"]["id"]
    assert after["voice_channel_id"] == before["voice_channel_id"] == backline.channel("Stage left")
    assert [item["id"] for item in tone.queue()] == [item["id"] for item in waiting]
    until(lambda: tone.player()["status"] == "playing")
    played_since = (time.monotonic() - killed - sounding) * 1000
    assert abs(tone.player()["position_ms"] - before["position_ms"] - played_since) < 5_000


def end_while_it_plays(person: Person, backline: Backline, number: signal.Signals) -> float:
    """Stop the program and check how it ended. Returns how many seconds it took."""
    bot = bot_id(backline)
    output = len(backline.serve.output())
    with watch(person), live_audio(backline):
        code, seconds = backline.serve.stop(number)
    assert code == 0
    assert TRACEBACK not in backline.serve.output()[output:]
    assert bot not in backline.kept_voice_states()
    return seconds


def test_asked_to_end_it_says_good_bye_and_a_warm_start_plays_on(
    tone: Person, backline: Backline, measured: Measured
) -> None:
    seconds = end_while_it_plays(tone, backline, signal.SIGTERM)
    measured("SIGTERM while playing, /sync and live audio open: ended", seconds)
    seconds = backline.start()
    measured("warm start: ready", seconds)
    measured("warm start: ready, seconds of CPU", backline.serve.cpu_seconds())
    backline.hear(440)


def test_ready_names_its_parts(running: Backline) -> None:
    def parts() -> dict[str, str]:
        found: dict[str, str] = httpx.get(f"{running.web_url}/readyz").json()["parts"]
        return found

    until(lambda: parts() == {"database": "ok", "layer": "ok", "bot": "ok"})


def test_interrupted_while_it_plays_it_says_good_bye(tone: Person, backline: Backline) -> None:
    end_while_it_plays(tone, backline, signal.SIGINT)


@pytest.mark.parametrize(
    ("number", "moment"),
    [(signal.SIGTERM, 0.2), (signal.SIGINT, 0.2), (signal.SIGINT, 1.0), (signal.SIGTERM, 2.0)],
)
def test_asked_to_end_right_after_the_start(
    backline: Backline, number: signal.Signals, moment: float
) -> None:
    if backline.serve.running:
        backline.serve.stop()
    output = len(backline.serve.output())
    backline.serve.start()
    # This waits for no condition: the signal should come during imports, migrations or the first connections.
    time.sleep(moment)
    code, _ = backline.serve.stop(number)
    assert TRACEBACK not in backline.serve.output()[output:], backline.serve.output()[output:]
    assert code == 0


def test_an_occupied_port_is_said_in_one_line(running: Backline) -> None:
    second = running.program("serve")
    second.log = running.folder / "second.log"
    second.start()
    assert second.wait() != 0
    assert TRACEBACK not in second.output()
    assert "address already in use. Another Backline may be running." in second.output()
    assert running.serve.running


def test_no_secret_is_ever_printed_or_answered(running: Backline) -> None:
    owner, dj = running.log_in("owner"), running.log_in("dj")
    secrets = owner.secrets + dj.secrets
    for name in ("keys.json", "discord/credentials.json"):
        kept = json.loads((running.folder / "sandbox" / name).read_text())
        secrets += [value for key, value in kept.items() if key in SECRETS]
    assert len(secrets) == len(owner.secrets) + len(dj.secrets) + len(SECRETS)

    pages: list[httpx.Response] = []
    with watch(owner) as socket:
        owner.add("Sawdust Waltz")
        assert json.loads(socket.recv(timeout=10))["type"] == "events"
    web = running.web_url
    for path in (
        "/", "/dashboard", f"/guilds/{LOUNGE}", "/guilds/1", "/nothing", "/readyz", "/metrics", "/api/schema",
        "/api/auth/me", f"/api/guilds/{LOUNGE}/snapshot", "/api/auth/sessions", f"/?token={owner.access}",
        f"/nothing?token={owner.access}", f"/api/guilds?token={owner.refresh}",
    ):  # fmt: skip
        pages += [owner.browser.get(path), httpx.get(web + path)]
    code = owner.secrets[0]
    for path in (
        f"/api/auth/discord/callback?code={code}&state=made-up",
        f"/api/auth/discord/callback?error=access_denied&error_description={owner.access}",
    ):
        pages += [owner.browser.get(path), httpx.get(web + path)]
    bad = {"Authorization": f"Bearer {owner.access[:-3]}xyz"}
    pages += [
        httpx.get(f"{web}/api/auth/me", headers=bad),
        httpx.post(f"{web}/api/auth/token/refresh", json={"refresh": owner.access}),
        httpx.post(f"{web}/api/auth/discord/exchange", json={"code": code, "redirect_uri": "https://x"}),
        httpx.post(f"{web}/api/auth/token/refresh", content=f'{{"refresh": "{owner.refresh}'),
        httpx.post(f"{running.bot_url}/internal/guilds/{LOUNGE}/queue", headers=bad, json={}),
        httpx.get(f"{running.bot_url}/internal/status?token={owner.access}"),
        owner.browser.post("/api/auth/logout", headers=owner.csrf()),
        owner.api.get("/api/auth/me"),
    ]
    assert {200, 400, 401, 404} <= {page.status_code for page in pages}
    for secret in secrets:
        assert secret not in running.log.read_text()
        for page in pages:
            assert secret not in page.text, (page.status_code, page.request.method, page.request.url.path)
    assert "eyJ" not in running.log.read_text(), "something that looks like a JWT"
