from __future__ import annotations

from tests.realtime.conftest import member

__all__ = ["member"]  # a fixture
