"""No credential reaches a log, however it was presented and whoever writes the line."""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from config.logs import RedactingFilter, redact
from tests.program import Program, on_free_ports
from tests.waiting import until

SECRET = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJjYW5hcnkifQ.c2lnbmF0dXJlLW9mLWNhbmFyeQ"
OPAQUE = "canary-opaque-Zm9vYmFyYmF6cXV4"


@pytest.mark.parametrize(
    "line",
    [
        f"GET /sync?token={SECRET} HTTP/1.1",
        f"GET /sync?token={OPAQUE}&x=1",
        f"/api/auth/discord/callback?code={OPAQUE}&state=1",
        f"Authorization: Bearer {OPAQUE}",
        f"authorization: Bot {OPAQUE}",
        f"{{'access_token': '{OPAQUE}', 'refresh_token': '{OPAQUE}'}}",
        f'{{"authToken": "{OPAQUE}"}}',
        f"client_secret={OPAQUE}",
        f"Sec-WebSocket-Protocol: bearer, {SECRET}",
        f"just {SECRET} so",
    ],
)
def test_a_credential_is_struck_out_of_a_line(line: str) -> None:
    reported = redact(line)
    assert SECRET not in reported
    assert OPAQUE not in reported
    assert "***" in reported


@pytest.mark.parametrize(
    "line",
    [
        "Scanned the library: 7 tracks read, 0 removed",
        "Discord GET /users/@me: HTTP 503",
        "Bot connected",
        "code review",
    ],
)
def test_other_lines_stay(line: str) -> None:
    assert redact(line) == line


def test_arguments_and_tracebacks_are_read_too() -> None:
    try:
        raise ValueError(f"token={OPAQUE}")
    except ValueError:
        record = logging.LogRecord("x", logging.ERROR, "x", 1, "%s", (f"Bearer {OPAQUE}",), sys.exc_info())
    RedactingFilter().filter(record)
    assert OPAQUE not in logging.Formatter().format(record)


@pytest.mark.django_db  # so that there is a database to copy, also when this test runs alone
def test_a_server_at_its_most_talkative_keeps_them_to_itself(
    tmp_path: Path, migrated: Callable[[Path], None]
) -> None:
    environment = on_free_ports(tmp_path) | {"LOG_LEVEL": "DEBUG"}
    migrated(tmp_path / "sandbox")
    base = f"127.0.0.1:{environment['API_PORT']}"
    server = Program(["manage.py", "runweb"], log=tmp_path / "log", **environment)
    server.start()
    try:
        until(lambda: _alive(f"http://{base}"), within=40)
        bearer = {"Authorization": f"Bearer {SECRET}"}
        cookie = {"Cookie": f"session={OPAQUE.replace('-', '')}"}
        for path in ("/nothing", "/api/auth/me", "/api/nothing", "/api/auth/discord/callback"):
            query = {"token": SECRET, "code": OPAQUE, "state": "s"}
            assert httpx.get(f"http://{base}{path}", params=query, headers=bearer | cookie).status_code < 500
        for body in ({"refresh": SECRET}, {"refresh": OPAQUE}):
            httpx.post(f"http://{base}/api/auth/token/refresh", json=body)
        for options in (
            {"uri": f"ws://{base}/sync?token={SECRET}"},
            {"uri": f"ws://{base}/ws?token={SECRET}"},
            {"uri": f"ws://{base}/livestore?storeId=app:notes&payload=%7B%22authToken%22:%22{OPAQUE}%22%7D"},
            {"uri": f"ws://{base}/nothing?token={OPAQUE}"},
            {"uri": f"ws://{base}/sync", "additional_headers": bearer},
            {"uri": f"ws://{base}/sync", "subprotocols": [Subprotocol("bearer"), Subprotocol(SECRET)]},
        ):
            with pytest.raises(InvalidStatus):
                connect(**options)
        with connect(f"ws://{base}/sync", additional_headers=cookie) as socket:
            socket.send(f'{{"type":"init","id":1,"instanceId":"guild:1","authToken":"{SECRET}"}}')
            socket.recv(timeout=5)
    finally:
        server.stop()
    output = server.output()
    for endpoint in ("sync", "ws", "livestore"):
        assert f"socket.rejected endpoint={endpoint} reason=" in output
    assert "?token" not in output
    assert "storeId" not in output
    for secret in (SECRET, OPAQUE, OPAQUE.replace("-", "")):
        assert secret not in output


def _alive(url: str) -> bool:
    with contextlib.suppress(httpx.TransportError):
        return httpx.get(f"{url}/healthz").status_code == 200
    return False
