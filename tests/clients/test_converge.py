"""The JavaScript client in Node against the real server."""

from __future__ import annotations

import os
import subprocess

from realtime.models import Event
from tests.clients.relay import Relay
from tests.clients.test_js_client import HERE, find_node
from tests.conftest import access_token
from tests.factories import SessionFactory
from tests.server import Server


def test_two_clients_agree_after_their_connections_were_cut(server: Server) -> None:
    session = SessionFactory.create()
    with Relay() as relay:
        relay.target = server.port
        env = os.environ | {
            "BASE_URL": f"http://127.0.0.1:{relay.port}",
            "ACCESS_TOKEN": access_token(session),
        }
        command = [find_node(), "--experimental-websocket", "--no-warnings", str(HERE / "converge.mjs")]
        with subprocess.Popen(
            command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as node:
            assert node.stdout is not None
            assert node.stdout.readline() == "half\n"
            relay.cut()
            _, errors = node.communicate(timeout=60)
        assert node.returncode == 0, errors
    events = Event.objects.filter(store__name="app:converge").order_by("seq")
    assert [event.actor for event in events] == [session.user] * 120
    assert [event.seq for event in events] == list(range(1, 121))
