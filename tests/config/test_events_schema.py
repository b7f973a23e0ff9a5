"""docs/events.schema.json accepts every event of a guild, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from config.generate.events import events_schema

SCHEMA = Draft202012Validator(events_schema())
VOTED = {"item_id": "5c3d0b5e-8f0a-4f0e-9f0d-0a1b2c3d4e5f", "votes": 1, "needed": 2}


def test_it_is_a_schema() -> None:
    Draft202012Validator.check_schema(events_schema())


def test_an_event_may_come_with_what_the_log_says_of_it() -> None:
    assert SCHEMA.is_valid({"name": "SkipVoted", "args": VOTED, "seqNum": 1})


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("SkipVote", VOTED),
        ("TrackAdded", VOTED),
        ("SkipVoted", VOTED | {"why": "cleared"}),
        ("SkipVoted", VOTED | {"votes": "1"}),
        ("SkipVoted", {"votes": 1, "needed": 2}),
        ("VoiceLeft", {"player": {"status": "idle"}}),
        ("RightsChanged", {"user_ids": [1]}),
        ("QueueRenumbered", {"queue_total": 1, "ranks": [[VOTED["item_id"], 1, 2]]}),
        ("AlertRuleChanged", {"rule_id": VOTED["item_id"], "before": {}, "after": {"id": "1"}}),
    ],
)
def test_what_no_event_says_is_refused(name: str, args: dict[str, Any]) -> None:
    assert not SCHEMA.is_valid({"name": name, "args": args})


def test_what_is_left_out_is_not_null() -> None:
    player = {
        "status": "idle", "item": None, "position_ms": 0, "position_at": "2026-01-01T00:00:00Z", "volume": 100,
        "loop": "off", "voice_channel_id": None, "error": None,
    }  # fmt: skip
    assert SCHEMA.is_valid({"name": "VoiceLeft", "args": {"player": player}})
    assert SCHEMA.is_valid({"name": "VoiceLeft", "args": {"player": player, "reason": "alone"}})
    assert not SCHEMA.is_valid({"name": "VoiceLeft", "args": {"player": player, "reason": None}})
