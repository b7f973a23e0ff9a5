"""The JavaScript client on `/ws`, in Node against the real server."""

from __future__ import annotations

import os
import subprocess

from accounts.domain.sessions import revoke_session
from realtime.models import Event
from streams.models import Stream
from tests.clients.relay import Relay
from tests.clients.test_js_client import HERE, find_node
from tests.factories import UserFactory
from tests.server import Server
from tests.streams.device import make_person


def test_frames_alerts_and_refusals(server: Server) -> None:
    person, doomed = make_person(), make_person()
    Stream.objects.create(id="private", owner=UserFactory.create())
    with Relay() as relay:
        relay.target = server.port
        env = os.environ | {
            "BASE_URL": f"http://127.0.0.1:{relay.port}",
            "TOKEN": person.token,
            "EXPIRING_TOKEN": person.token_expiring(50),
            "DOOMED_TOKEN": doomed.token,
        }
        command = [find_node(), "--experimental-websocket", "--no-warnings", str(HERE / "streams.mjs")]
        with subprocess.Popen(
            command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as node:
            assert node.stdout is not None
            acts = {"cut\n": relay.cut, "revoke\n": lambda: revoke_session(doomed.session)}
            for line in node.stdout:
                acts[line]()
            _, errors = node.communicate(timeout=60)
        assert node.returncode == 0, errors
    alerts = Event.objects.filter(store__name="stream:js-cam", name="alert")
    assert alerts.count() == 30
