"""A card whatever Discord answers, and wherever the process that keeps it dies: never two of them."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.errors import Refusal
from accounts.models import User
from botrunner.card.life import claim
from botrunner.card.presses import read_press
from botrunner.card.settle import settle
from botrunner.card.steps import carry_out
from botrunner.models import Card
from queue_app.commands import execute
from queue_app.models import Player
from realtime.db import in_thread
from realtime.models import Via
from realtime.origin import Origin
from sandbox.actions import delete_message
from tests.botrunner.conftest import owner_of
from tests.botrunner.stage import Stage
from tests.botrunner.test_card import card_that, cards

pytestmark = pytest.mark.django_db(transaction=True)

GONE = (10003, 10008)
REFUSALS = [
    (500, 0),
    (503, 0),
    (429, 0),
    (403, 50001),
    (403, 50013),
    (404, 10003),
    (404, 10008),
    (400, 30046),
]


@pytest.fixture
async def orphan(playing: Stage) -> Stage:
    """A guild with a card, whose bot has ended."""
    await card_that(playing, "Long A")
    await playing.bots[0].stop()
    await in_thread(finish)(playing.guild_id)
    return playing


def finish(guild_id: str) -> None:
    """Take every step that is due, as a process that starts now and waits as long as it must."""
    for _ in range(25):
        Card.objects.filter(pk=guild_id).update(not_before=None, lease_owner="", lease_expires_at=None)
        step, _again = claim(guild_id, owner="next", edited_at=None)
        if step is None:
            return
        settle(guild_id, step, carry_out(step), owner="next")
    raise AssertionError("it never ends")


def prepare_post(card: Card) -> None:
    card.set(message_id="", channel_id="", shown="", doubt_since=None)


def prepare_edit(card: Card) -> None:
    card.set(shown="other")


def prepare_replacement(card: Card) -> None:
    card.set(buried=True)


def prepare_search(card: Card) -> None:
    card.set(message_id="", shown="", doubt_since=timezone.now() - timedelta(minutes=30))


CALLS: list[tuple[str, str, Callable[[Card], None]]] = [
    ("POST", "/messages$", prepare_post),
    ("PATCH", "/messages/", prepare_edit),
    ("DELETE", "/messages/", prepare_replacement),
    ("GET", "/messages$", prepare_search),
]


async def test_whatever_discord_answers_to_each_call_there_is_one_card(orphan: Stage) -> None:
    for method, path, prepare in CALLS:
        for status, code in REFUSALS:
            (message,) = cards(orphan)
            if method == "POST" or (code in GONE and (method, code) != ("GET", 10008)):
                delete_message(orphan.sandbox.world, message)  # as Discord says, or so that it is posted
            message.nonce = None  # Discord remembers it for a few minutes only
            await in_thread(lambda prepare=prepare: prepare(Card.objects.get()))()
            kind = {"kind": "rate_limit", "retry_after": 0.01} if status == 429 else {"kind": "http_status"}
            await orphan.fault(**kind, method=method, path=path, status=status, code=code, count=1)
            await in_thread(finish)(orphan.guild_id)
            left = orphan.sandbox.faults.standing
            assert not left, f"{method} was not called: {left}"
            if method == "DELETE" and code in (50001, 50013):  # the bot may no longer delete the old one
                delete_message(orphan.sandbox.world, message)
            row = await in_thread(Card.objects.get)()
            assert len(cards(orphan)) == 1, (method, status, code, [each.id for each in cards(orphan)])
            (shown,) = cards(orphan)
            assert shown.id == row.message_id, (method, status, code)
            # Where the bot may not embed links, the text is in the content.
            assert "Long A" in str(shown.embeds) or (code == 50013 and "Long A" in shown.content)


# --- Processes that die between any two steps, while people press buttons ---


class Story:
    """Random acts of people and of processes that die. It must end with one card."""

    def __init__(self, stage: Stage, owner: User, seed: int) -> None:
        self._stage, self._owner, self._dice = stage, owner, random.Random(seed)
        self._guild_id = stage.guild_id

    def run(self) -> None:
        acts = [self._step] * 5 + [self._press] * 3 + [self._bury, self._move, self._delete, self._add]
        for _ in range(25):
            self._dice.choice(acts)()
            # A process that starts finds an expired lease, and may edit at once.
            Card.objects.filter(pk=self._guild_id).update(
                lease_expires_at=timezone.now() - timedelta(seconds=1), not_before=None
            )

    def _step(self) -> None:
        """A process takes a step, or dies before or after it called Discord."""
        owner = f"process {self._dice.random()}"
        step, _again = claim(self._guild_id, owner=owner, edited_at=None)
        died = self._dice.choice(["before", "after", "never", "never"])
        if step is not None and died != "before":
            outcome = carry_out(step)
            if died != "after":
                settle(self._guild_id, step, outcome, owner=owner)

    def _press(self) -> None:
        """Somebody presses a button of one of the messages that are there, folded ones too."""
        components = [str(each.components) for each in self._messages()]
        buttons = re.findall(r"'(card:1:[\w:-]+)'", " ".join(components))
        pressed = [each for each in buttons if not re.match(r"card:1:(queue|favorite)", each)]
        if pressed:
            self._run(lambda: read_press(self._guild_id, self._dice.choice(pressed)))

    def _add(self) -> None:
        self._run(lambda: ("AddTrack", {"query": "Long C"}))

    def _run(self, read: Callable[[], tuple[str, dict[str, Any]]]) -> None:
        try:
            name, args = read()
            execute(self._guild_id, name, args, origin=Origin(user=self._owner, via=Via.DISCORD))
        except Refusal:
            pass  # nothing plays, or there is nothing to go back to

    def _bury(self) -> None:
        Card.objects.exclude(message_id="").update(buried=True)

    def _move(self) -> None:
        Card.objects.update(home_channel_id=self._stage.channel(self._dice.choice(["music", "general"])))

    def _delete(self) -> None:
        if found := self._messages():
            delete_message(self._stage.sandbox.world, self._dice.choice(found))

    def _messages(self) -> list[Any]:
        return [each for channel in ("music", "general") for each in cards(self._stage, channel)]


@pytest.mark.parametrize("seed", [1, 2])
async def test_wherever_processes_die_there_is_one_card(orphan: Stage, seed: int) -> None:
    owner = await owner_of(orphan)
    for number in range(2):
        await in_thread(Story(orphan, owner, seed * 100 + number).run)()
        await in_thread(Story(orphan, owner, 0)._add)()
        await in_thread(finish)(orphan.guild_id)
        shown = [each for channel in ("music", "general") for each in cards(orphan, channel)]
        live = [each for each in shown if "card:1:again" not in str(each.components)]
        row = await in_thread(Card.objects.get)()
        player = await in_thread(Player.objects.get)(pk=orphan.guild_id)
        assert [each.id for each in live] == [row.message_id], (seed, number, player.status)
        assert live[0].channel_id == row.home_channel_id
