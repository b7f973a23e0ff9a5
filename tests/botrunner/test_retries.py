"""How often the bot retries a voice connection that fails."""

from __future__ import annotations

import uuid

import pytest

from botrunner.retries import STEADY_SECONDS, Retries
from botrunner.voice import VoiceFailed, VoiceRefused

HERE, THERE = "700000000000000001", "700000000000000002"
ITEM, ANOTHER = uuid.uuid4(), uuid.uuid4()


@pytest.fixture
def retries() -> Retries:
    retries = Retries()
    retries.aim(HERE, ITEM, error_code="")
    return retries


def fail(retries: Retries, *, lasted: float = 0.0, failure: VoiceFailed | None = None) -> bool:
    return retries.note(failure or VoiceFailed(), lasted=lasted, item_id=ITEM)


def test_the_first_failure_is_tried_again_at_once_and_not_told(retries: Retries) -> None:
    assert not fail(retries)
    assert retries.due


def test_a_connection_that_comes_and_goes_is_not_asked_for_at_each_turn(retries: Retries) -> None:
    fail(retries)
    assert fail(retries, lasted=STEADY_SECONDS / 2)
    assert not retries.due
    retries.reported = False  # a connection meanwhile cleared the error
    retries.aim(HERE, ITEM, error_code="")
    assert not retries.due
    assert not fail(retries, lasted=STEADY_SECONDS)  # this time it lasted


def test_another_channel_owes_nothing_for_the_last(retries: Retries) -> None:
    fail(retries)
    fail(retries)
    retries.aim(THERE, ITEM, error_code="VOICE_FAILED")
    assert retries.due


def test_whoever_takes_the_error_back_asks_to_try_again(retries: Retries) -> None:
    fail(retries, failure=VoiceRefused())
    retries.reported = True
    retries.aim(HERE, ITEM, error_code="VOICE_REFUSED")
    assert not retries.due
    retries.aim(HERE, ITEM, error_code="")
    assert retries.due


def test_a_refusal_holds_for_the_item_and_nothing_else(retries: Retries) -> None:
    assert fail(retries, failure=VoiceRefused())
    retries.at_once()
    assert not retries.due
    retries.aim(HERE, ANOTHER, error_code="VOICE_REFUSED")
    assert retries.due
