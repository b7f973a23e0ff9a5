"""The Python client on a guild's log, against the real server."""

from __future__ import annotations

import asyncio
import re

import pytest

from backline_client import GuildClient, Refused
from backline_client import guild_events as events
from backline_client.guild_commands import GuildCommands
from queue_app.commands import COMMANDS
from realtime.db import in_thread
from realtime.events import event_classes
from tests.clients.python_site import SOON, Site, take
from tests.factories import GuildFactory, MembershipFactory, TrackFactory
from tests.server import Server
from tests.streams.device import Person

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def guild_id(owner: Person) -> str:
    guild = GuildFactory.create()
    MembershipFactory.create(user=owner.user, guild=guild, owner=True, manager=True)
    return str(guild.pk)


@in_thread
def make_uris(count: int) -> list[str]:
    return [track.uri for track in TrackFactory.create_batch(count)]


def test_there_is_a_method_for_each_command_and_a_type_for_each_event() -> None:
    snake = {re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower() for name in COMMANDS}
    assert snake <= set(vars(GuildCommands))
    assert {event.__name__ for event in event_classes("guild")} <= set(vars(events))


async def test_commands_are_executed_undone_and_seen_as_events(
    server: Server, owner: Person, guild_id: str
) -> None:
    uris = await make_uris(3)
    async with GuildClient(server.url, guild_id, owner.token) as guild:
        pull = guild.events(guild.head)
        await take(guild.add_tracks(uris=uris))
        event = await take(anext(pull))
        added: events.TracksAdded = event.args
        assert event.name == "TracksAdded"
        assert [item["track"]["uri"] for item in added["items"]] == uris
        ids = [item["id"] for item in added["items"]]

        await take(guild.set_loop(loop="queue"))
        looped: events.LoopChanged = (await take(anext(pull))).args
        assert looped["player"]["loop"] == "queue"

        ack = await take(guild.remove_items(item_ids=ids[:2]))
        removed: events.TracksRemoved = (await take(anext(pull))).args
        assert removed == {"item_ids": ids[:2], "queue_total": 1}
        await take(guild.undo(seq=ack.seqs[0]))
        back = await take(anext(pull))
        assert (back.name, back.metadata["undoes"]) == ("TracksAdded", ack.seqs[0])
        await take(guild.redo())
        assert (await take(anext(pull))).metadata["redoes"] == ack.seqs[0]

        with pytest.raises(Refused) as caught:
            await take(guild.undo(seq=10_000))
        assert caught.value.code == "NOTHING_TO_UNDO"


async def test_a_command_without_a_connection_is_executed_once_when_it_is_back(
    site: Site, owner: Person, guild_id: str
) -> None:
    (uri,) = await make_uris(1)
    async with GuildClient(site.url, guild_id, owner.token, backoff=SOON) as guild:
        before = guild.head
        await asyncio.to_thread(site.stop)
        adding = asyncio.ensure_future(guild.add_track(query=uri, position="next"))
        await asyncio.to_thread(site.start)
        ack = await take(adding)
        names = [event.name async for event in guild.events(before, live=False)]
        assert (names, ack.head) == (["TrackAdded"], before + 1)
