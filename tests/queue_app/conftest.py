from __future__ import annotations

import pytest

from tests.queue_app.stage import Stage


@pytest.fixture
def stage(db: None) -> Stage:
    return Stage()
