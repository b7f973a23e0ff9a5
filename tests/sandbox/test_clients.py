"""The sandbox as another library finds it: discord.py, unmodified, from its login to a move in voice.

`python -m bench.clients` does the same with py-cord, hikari and discord.js.
"""

from pathlib import Path

import pytest

from bench.clients.libraries import LIBRARIES, Unavailable
from bench.clients.stage import run, steps
from sandbox.server import Sandbox

DISCORD_PY = LIBRARIES[0]


@pytest.fixture(scope="module", autouse=True)
def fetched() -> None:
    try:
        DISCORD_PY.fetch()
    except Unavailable as error:
        pytest.skip(str(error))


async def test_a_bot_in_discord_py_is_at_home(sandbox: Sandbox, tmp_path: Path) -> None:
    results = await run(DISCORD_PY, sandbox, tmp_path)
    log = "\n".join(results["log"])
    assert {name: results.get(name, "not tried") for name in steps(DISCORD_PY)} == dict.fromkeys(
        steps(DISCORD_PY)
    ), log
    assert results["refused"] == [], log
