from __future__ import annotations

from datetime import timedelta

import pytest

from queue_app.domain import playback
from tests.queue_app.stage import Stage


@pytest.fixture
def stage(db: None) -> Stage:
    return Stage()


@pytest.fixture
def long_leases(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leases that outlast a slow machine: without one the player says that the bot is away, which no event tells."""
    monkeypatch.setattr(playback, "LEASE", timedelta(hours=1))
