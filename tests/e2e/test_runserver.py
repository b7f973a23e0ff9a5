"""`runserver`, which uses daphne, makes the same checks in the same order as uvicorn."""

from __future__ import annotations

from pathlib import Path

import httpx

from tests.e2e.program import Backline
from tests.program import START_SECONDS
from tests.waiting import until


def test_runserver_asks_who_it_is_before_what_is_wrong_with_the_handshake(tmp_path: Path) -> None:
    backline = Backline(tmp_path)
    address = backline.web_url.removeprefix("http://")
    program = backline.program("runserver", "--noreload", address)
    program.start()

    def alive() -> bool:
        assert program.running, program.output()
        try:
            return httpx.get(f"{backline.web_url}/healthz").status_code == 200
        except httpx.TransportError:
            return False

    try:
        until(alive, within=START_SECONDS)
        upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
        for path in ("/ws", "/sync", "/livestore"):
            bad = httpx.get(backline.web_url + path, headers=upgrade | {"Authorization": "Bearer nonsense"})
            assert (bad.status_code, bad.json()["code"]) == (401, "TOKEN_INVALID"), path
        nobody = httpx.get(f"{backline.web_url}/sync", headers=upgrade)
        assert (nobody.status_code, nobody.json()["code"]) == (400, "BAD_HANDSHAKE")
        assert "Sec-WebSocket-Key" in nobody.json()["detail"]
    finally:
        program.kill()
