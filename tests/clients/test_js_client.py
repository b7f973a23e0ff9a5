"""The JavaScript client's own tests, run by Node with real HTTP and WebSockets on loopback."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
OLDEST_NODE = 20
RUN_SECONDS = 120


def find_node() -> str:
    """Return the path of a Node that is new enough, or skip the test."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    version = subprocess.run(
        [node, "--version"], capture_output=True, text=True, check=True, timeout=20
    ).stdout
    if int(version.lstrip("v").split(".")[0]) < OLDEST_NODE:
        pytest.skip(f"node {version.strip()} is older than {OLDEST_NODE}")
    return node


@pytest.mark.parametrize("suite", sorted(path.name for path in HERE.glob("*.test.mjs")))
def test_javascript_client(suite: str) -> None:
    # Node 20 has a WebSocket client only with this flag, and later versions always.
    command = [
        find_node(),
        "--experimental-websocket",
        "--no-warnings",
        "--import",
        "./served.mjs",
        suite,  # without `--test`, which would start a second Node
    ]
    # With this variable it would report to a parent Node test runner instead.
    env = {name: value for name, value in os.environ.items() if name != "NODE_TEST_CONTEXT"}
    run = subprocess.run(command, cwd=HERE, env=env, capture_output=True, text=True, timeout=RUN_SECONDS)
    assert run.returncode == 0, run.stdout + run.stderr
