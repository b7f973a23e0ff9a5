"""Outages are logged in one line, and unexpected errors with a traceback."""

from __future__ import annotations

import logging

import pytest
from django.db import OperationalError

from realtime.outages import log_failure

log = logging.getLogger(__name__)


def fail_at(error: Exception) -> None:
    try:
        raise error
    except Exception as raised:
        log_failure(log, raised, "Reading %s", "guild:1")


def test_an_outage_is_one_line(caplog: pytest.LogCaptureFixture) -> None:
    for error in (OperationalError("no route\nto host"), TimeoutError()):
        fail_at(error)
    assert [(record.getMessage(), record.exc_info) for record in caplog.records] == [
        (r"Reading guild:1: OperationalError('no route\nto host')", None),
        ("Reading guild:1: TimeoutError()", None),
    ]


def test_what_nobody_expected_shows_where(caplog: pytest.LogCaptureFixture) -> None:
    fail_at(KeyError("seq"))
    assert caplog.records[0].levelname == "ERROR"
    assert "Reading guild:1" in caplog.text
    assert "in fail_at" in caplog.text
