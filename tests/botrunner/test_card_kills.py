"""The bot's process is killed (SIGKILL) at each step of the card, and people press buttons before and meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone

from botrunner.models import Card
from realtime.db import in_thread
from realtime.models import Event
from tests.botrunner.conftest import owner_of
from tests.botrunner.stage import Stage
from tests.botrunner.test_card import card_that, cards
from tests.botrunner.test_card_presses import button_of, plant, press
from tests.program import Program, free_ports, on_this_database
from tests.waiting import eventually

pytestmark = pytest.mark.django_db(transaction=True)

# A bot that kills itself after `point` (claim, carry_out or settle) of its first step of that kind. With the kind
# "Press": before or after the command of the first press.
DEADLY = """
import os, signal, sys
import django
django.setup()
from datetime import timedelta
from django.core.management import call_command
from botrunner import running
from botrunner.card import keeper
from guilds.domain import shards

shards.IDENTIFY_EVERY = timedelta(0)
kind, point = sys.argv[1:3]

def die():
    os.kill(os.getpid(), signal.SIGKILL)

def deadly_step(*args, **options):
    found = real(*args, **options)
    step = {"claim": lambda: found[0], "carry_out": lambda: args[0], "settle": lambda: args[1]}[point]()
    return die() if type(step).__name__ == kind else found

def deadly_press(*args, **options):
    if point == "after":
        real(*args, **options)
    die()

if kind == "Press":
    real, running.execute = running.execute, deadly_press
else:
    real = getattr(keeper, point)
    setattr(keeper, point, deadly_step)
call_command("runbot")
"""

MakeBot = Callable[..., Program]


@pytest.fixture
def deadly_bot(stage: Stage, tmp_path: Path) -> Iterator[MakeBot]:
    """Makes a bot's process that dies by itself, on the test's database and sandbox."""
    made: list[Program] = []

    def make(kind: str, point: str) -> Program:
        folder = tmp_path / "deadly"
        folder.mkdir()
        (port,) = free_ports(1)
        credentials = stage.sandbox.credentials
        environment = on_this_database(folder) | {
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "SECRET_KEY": str(settings.SECRET_KEY),
            "JWT_SECRET": str(settings.JWT_SECRET),
            "FIELD_ENCRYPTION_KEYS": ",".join(map(str, settings.FIELD_ENCRYPTION_KEYS)),
            "DISCORD_CLIENT_ID": credentials.client_id,
            "DISCORD_CLIENT_SECRET": credentials.client_secret,
            "DISCORD_BOT_TOKEN": credentials.bot_token,
            "DISCORD_API_URL": stage.sandbox.api_url,
            "DISCORD_AUTHORIZE_URL": stage.sandbox.authorize_url,
            "DISCORD_CDN_URL": stage.sandbox.url,
            "DISCORD_CA_FILE": str(stage.sandbox.ca_file),
            "MEDIA_LIBRARY": str(settings.MEDIA_LIBRARY),
            "BOT_API_PORT": str(port),
        }
        made.append(Program(["-c", DEADLY, kind, point], log=folder / "bot.log", **environment))
        made[-1].start()
        return made[-1]

    yield make
    for each in made:
        each.kill()


async def names(stage: Stage) -> list[str]:
    events = Event.objects.filter(store__name=f"guild:{stage.guild_id}").order_by("seq")
    return list(await in_thread(lambda: list(events.values_list("name", flat=True)))())


async def settled_card(stage: Stage) -> Any:
    """Wait for one card, which is the one in the row, with nothing left to do."""

    async def there() -> Any:
        row = await in_thread(Card.objects.get)(pk=stage.guild_id)
        found = cards(stage)
        is_settled = row.doubt_since is None and not row.old_message_id and not row.buried
        return found[0] if is_settled and [each.id for each in found] == [row.message_id] else None

    return await eventually(there, within=30, what="there is not one card")


async def revive(stage: Stage) -> None:
    """Start a bot as if the lease of a dead one had expired, and wait until it is connected."""
    await in_thread(Card.objects.filter(pk=stage.guild_id).update)(lease_expires_at=timezone.now())
    await stage.start_bot()
    await connected(stage)


async def connected(stage: Stage) -> None:
    gateway = stage.sandbox.gateway
    await eventually(lambda: any(each.session for each in gateway.connections), within=60)


@pytest.mark.parametrize("point", ["claim", "carry_out", "settle"])
@pytest.mark.parametrize("kind", ["Post", "Edit", "Delete"])
async def test_a_press_on_a_dead_bots_card_is_refused_and_works_once_after_the_restart(
    kind: str, point: str, playing: Stage, deadly_bot: MakeBot
) -> None:
    await card_that(playing, "Long A")
    await playing.bots[0].stop()
    before = await names(playing)
    if kind == "Edit":
        await playing.do(await owner_of(playing), "SetVolume", volume=80)
    else:  # a new card is posted, and the old one is deleted afterwards
        await in_thread(Card.objects.filter(pk=playing.guild_id).update)(buried=True)
    dying = deadly_bot(kind, point)
    assert await asyncio.to_thread(dying.wait, seconds=60) == -9, dying.output()

    # Nobody answers, and nothing happens.
    assert cards(playing)
    for card in cards(playing):
        refused = await press(playing, card.id, button_of(card, "pause"))
        assert refused.status_code == 504
    effects = (await names(playing))[len(before) :]
    assert "PlayerPaused" not in effects

    # The next process makes one card of what it finds, and the press works. It would wait for the dead one's lease.
    await revive(playing)
    await playing.hear(440)
    card = await settled_card(playing)
    assert (await press(playing, card.id, button_of(card, "pause"))).status_code == 200
    await playing.status("paused")
    await card_that(playing, "Paused")
    assert (await names(playing)).count("PlayerPaused") == 1
    assert len(cards(playing)) == 1


@pytest.mark.parametrize("point", ["before", "after"])
async def test_a_bot_killed_by_a_press_has_skipped_one_track_at_most(
    point: str, playing: Stage, deadly_bot: MakeBot
) -> None:
    card = await card_that(playing, "Long A")
    skip = button_of(card, "skip")
    await playing.bots[0].stop()
    dying = deadly_bot("Press", point)
    await connected(playing)
    await playing.hear(440)
    for _ in range(2):  # nobody answers: the bot dies at the first press, and is dead at the second
        assert (await press(playing, card.id, skip)).status_code == 504
    assert await asyncio.to_thread(dying.wait, seconds=60) == -9, dying.output()
    assert (await names(playing)).count("TrackSkipped") == (1 if point == "after" else 0)

    await revive(playing)
    if point == "before":
        card = await settled_card(playing)
        assert (await press(playing, card.id, skip)).status_code == 200
    await playing.hear(523)
    card = await card_that(playing, "Long C")
    plant(playing, card, skip)  # a client that still shows the old card
    answer = (await press(playing, card.id, skip)).json()
    assert "no longer playing" in answer["content"]
    assert (await names(playing)).count("TrackSkipped") == 1
    assert len(cards(playing)) == 1
