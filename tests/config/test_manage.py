"""The servers' exit codes and output at their end, as a shell sees them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from tests.forked import ROOT
from tests.program import on_free_ports
from tests.waiting import until


@pytest.mark.parametrize(("command", "number"), [("serve", signal.SIGINT), ("runweb", signal.SIGTERM)])
def test_a_server_stopped_while_it_starts_ends_without_complaint(
    tmp_path: Path, command: str, number: signal.Signals
) -> None:
    env = os.environ | on_free_ports(tmp_path)
    with subprocess.Popen(
        [sys.executable, "manage.py", command], cwd=ROOT, env=env, stderr=subprocess.PIPE, text=True
    ) as server:
        try:
            until((tmp_path / "sandbox" / "keys.json").exists, within=30)  # the settings have been read
            server.send_signal(number)
            _, printed = server.communicate(timeout=10)
        finally:
            server.kill()
    assert (server.returncode, printed) == (0, "")


def test_shards_that_are_none_stop_the_start_with_a_sentence() -> None:
    with pytest.raises(
        CommandError, match="'4/4' is not a range of shards: of 4, the first is 0 and the last 3"
    ):
        call_command("runbot", shards="4/4")


def test_the_rest_api_describes_itself_without_a_warning(tmp_path: Path) -> None:
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", str(tmp_path / "schema.yaml"))
