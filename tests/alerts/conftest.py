"""The Lounge in a sandbox, and an outbox that posts there."""

from __future__ import annotations

import pytest

from tests.accounts.conftest import Discord
from tests.alerts.outbox import Post
from tests.guilds.conftest import running, sandbox

__all__ = ["running", "sandbox"]  # fixtures


@pytest.fixture
def post(db: None, sandbox: Discord) -> Post:
    return Post(sandbox)


@pytest.fixture
def post_everywhere(transactional_db: None, sandbox: Discord) -> Post:
    """An outbox whose rows are committed, so that other threads see them."""
    return Post(sandbox)
