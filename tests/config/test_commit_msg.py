"""The hook that reads commit messages."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

HOOK = Path(__file__).parents[2] / "scripts" / "commit-msg"


def judge(message: str, folder: Path) -> str:
    """Return the hook's complaint about a message, or "" if it accepts it."""
    file = folder / "COMMIT_EDITMSG"
    file.write_text(message)
    run = subprocess.run([HOOK, file], capture_output=True, text=True, timeout=30)
    assert (run.returncode == 0) == (run.stderr == "")
    return run.stderr


@pytest.mark.parametrize(
    "message",
    [
        "queue: Refuse a move behind a removed track\n\nThe page showed it at the end.\n",
        "docs/decisions: Record why readers keep cursors\n",
        "# a comment of git's\nbotrunner: Leave an empty channel after ten minutes\n",
        'Revert "queue: Refuse a move behind a removed track"\n',
    ],
)
def test_a_message_of_the_house_is_taken(message: str, tmp_path: Path) -> None:
    assert judge(message, tmp_path) == ""


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("Refuse a move behind a removed track\n", "needs an area"),
        ("queue: refuse a move\n", "starts with a capital letter"),
        (f"queue: {'Refuse ' * 12}\n", "longer than 72"),
        ("queue: Refuse a move.\n", "full stop"),
        ("queue: Refuse a move; tell the page\n", "semicolon"),
        ("", "needs an area"),
    ],
)
def test_others_are_refused_with_the_reason(message: str, reason: str, tmp_path: Path) -> None:
    assert reason in judge(message, tmp_path)
