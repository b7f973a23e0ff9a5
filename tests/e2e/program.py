"""The program as people run it: `manage.py` processes, observed from outside."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import httpx

from sandbox.seed import LOUNGE
from tests.program import START_SECONDS, Program, on_free_ports
from tests.waiting import until


class Backline:
    """An installation in a folder, with its addresses and its sandbox's state."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.environment = on_free_ports(folder) | environment
        self.web_url, self.bot_url, self.sandbox_url = (
            f"http://127.0.0.1:{self.environment[name]}"
            for name in ("API_PORT", "BOT_API_PORT", "SANDBOX_PORT")
        )
        self.log = folder / "program.log"
        self.serve = self.program("serve")

    def program(self, *command: str) -> Program:
        return Program(["manage.py", *command], log=self.log, **self.environment)

    def start(self) -> float:
        """Start `serve`. Returns how many seconds passed until `/readyz` succeeded."""
        begun = time.monotonic()
        self.serve.start()
        self.wait_ready(self.serve)
        return time.monotonic() - begun

    def wait_ready(self, program: Program) -> None:
        def ready() -> bool:
            assert program.running, f"it ended:\n{program.output()[-4000:]}"
            try:
                answer = httpx.get(f"{self.web_url}/readyz", timeout=5)
            except httpx.TransportError as error:
                print(repr(error))
                return False
            print(answer.text)
            return answer.status_code == 200

        until(ready, within=START_SECONDS)

    # --- The sandbox's Discord ---

    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = httpx.get(f"{self.sandbox_url}/_sandbox/state", timeout=10).json()
        return found

    def channel(self, name: str) -> str:
        return next(
            str(c["id"]) for c in self.state()["channels"] if c["name"] == name and c["guild_id"] == LOUNGE
        )

    def sit(self, user: str, channel: str | None) -> None:
        body = {"user": user, "channel_id": self.channel(channel) if channel else None}
        httpx.post(f"{self.sandbox_url}/_sandbox/voice-state", json=body, timeout=10).raise_for_status()

    def fault(self, kind: str, **order: Any) -> None:
        body = {"kind": kind, **order}
        httpx.post(f"{self.sandbox_url}/_sandbox/faults", json=body, timeout=10).raise_for_status()

    def report(self) -> dict[str, Any] | None:
        """Return what is heard in the Lounge, or None while the bot is not in voice."""
        try:
            return next((v for v in self.state()["voice"] if v["guild_id"] == LOUNGE), None)
        except httpx.TransportError:
            return None

    def heard_frames(self) -> int:
        """Return how many frames have arrived in the current voice session."""
        report = self.report()
        return int(report["frames_received"]) if report else 0

    def hear(self, hz: float, *, after: int = 0, seconds: float = 20.0) -> dict[str, Any]:
        """Wait for a tone, after so many frames. Returns the sandbox's report."""

        def heard() -> dict[str, Any] | None:
            report = self.report()
            sounding = report and report["tone_hz"] and report["silence_ms"] < 300
            if report and sounding and report["frames_received"] > after and abs(report["tone_hz"] - hz) <= 1:
                return report
            return None

        try:
            found = until(heard, within=seconds)
        except AssertionError as error:
            raise AssertionError(
                f"no {hz} Hz but {self.report()}:\n{self.log.read_text()[-3000:]}"
            ) from error
        assert found is not None
        return found

    def kept_voice_states(self) -> list[str]:
        """Return the voice states in the sandbox's file, as a stopped program left them."""
        world = json.loads((self.folder / "sandbox" / "discord" / "world.json").read_text())
        found = world["voice_states"]
        rows = found.values() if isinstance(found, dict) else found
        return [row["user_id"] for row in rows]

    # --- People ---

    def log_in(self, user: str) -> Person:
        return Person(self, user)


class Person:
    """A person who logged in through the sandbox, with a cookie and tokens.

    `secrets` are all credentials that were used.
    """

    def __init__(self, backline: Backline, user: str) -> None:
        self.backline = backline
        self.browser = httpx.Client(base_url=backline.web_url, timeout=15)
        asked = self.browser.get("/api/auth/discord/login", params={"next": "/dashboard"})
        assert asked.status_code == 302, asked.text
        agreed = httpx.post(
            asked.headers["location"], data={"user": user}, headers={"Origin": backline.sandbox_url}
        )
        assert agreed.status_code == 302, agreed.text
        back = agreed.headers["location"]
        arrived = self.browser.get(back)
        assert arrived.status_code == 302, arrived.text
        assert arrived.url.join(arrived.headers["location"]) == f"{backline.web_url}/dashboard"
        assert self.browser.get("/dashboard").status_code == 200
        pair = self.browser.post("/api/auth/token", headers=self.csrf())
        assert pair.status_code == 200, pair.text
        self.access, self.refresh = str(pair.json()["access"]), str(pair.json()["refresh"])
        code = re.search(r"[?&]code=([^&]+)", back)
        assert code
        self.secrets = [code[1], self.access, self.refresh, self.browser.cookies["session"]]
        self.api = httpx.Client(
            base_url=backline.web_url, timeout=15, headers={"Authorization": f"Bearer {self.access}"}
        )

    def csrf(self) -> dict[str, str]:
        return {"X-CSRFToken": self.browser.cookies["csrftoken"], "Origin": self.backline.web_url}

    def player(self) -> dict[str, Any]:
        answer = self.api.get(f"/api/guilds/{LOUNGE}/player")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def queue(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.api.get(f"/api/guilds/{LOUNGE}/queue").json()["items"]
        return found

    def add(self, query: str, **body: Any) -> dict[str, Any]:
        """Add a track. Waits until a program that has just started has scanned its library."""

        def answered() -> httpx.Response | None:
            answer = self.api.post(f"/api/guilds/{LOUNGE}/queue", json={"query": query, **body})
            return answer if answer.status_code != 404 else None

        answer = until(answered)
        assert answer is not None
        assert answer.status_code == 201, answer.text
        item: dict[str, Any] = answer.json()
        return item

    def do(self, method: str, path: str, **options: Any) -> httpx.Response:
        answer = self.api.request(method, f"/api/guilds/{LOUNGE}/{path}", **options)
        assert answer.is_success, answer.text
        return answer
