"""The JavaScript client in Node against the real server."""

from __future__ import annotations

import os
import subprocess

from queue_app.commands import execute
from queue_app.domain import playback
from realtime.models import Event, Via
from realtime.origin import Origin
from tests.clients.relay import Relay
from tests.clients.scene import BOT_PROCESS, be_the_bot
from tests.clients.test_js_client import HERE, find_node
from tests.conftest import access_token
from tests.factories import (
    ChannelFactory,
    GuildFactory,
    ItemFactory,
    MembershipFactory,
    SessionFactory,
    TrackFactory,
)
from tests.server import Server


def test_two_clients_agree_after_their_connections_were_cut(server: Server) -> None:
    session = SessionFactory.create()
    with Relay() as relay:
        relay.target = server.port
        env = os.environ | {
            "BASE_URL": f"http://127.0.0.1:{relay.port}",
            "ACCESS_TOKEN": access_token(session),
        }
        command = [find_node(), "--experimental-websocket", "--no-warnings", str(HERE / "converge.mjs")]
        with subprocess.Popen(
            command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as node:
            assert node.stdout is not None
            assert node.stdout.readline() == "half\n"
            relay.cut()
            _, errors = node.communicate(timeout=60)
        assert node.returncode == 0, errors
    events = Event.objects.filter(store__name="app:converge").order_by("seq")
    assert [event.actor for event in events] == [session.user] * 120
    assert [event.seq for event in events] == list(range(1, 121))


def test_two_people_agree_on_a_long_queue_after_their_connections_were_cut(server: Server) -> None:
    sessions = SessionFactory.create_batch(2)
    guild = GuildFactory.create()
    for session in sessions:
        MembershipFactory.create(user=session.user, guild=guild, manager=True)
    ItemFactory.create_batch(300, guild=guild, requested_by=sessions[0].user)
    channel = ChannelFactory.create(guild=guild, voice=True)
    execute(
        guild.pk, "JoinVoice", {"channel_id": channel.pk}, origin=Origin(user=sessions[0].user, via=Via.REST)
    )
    be_the_bot(guild.pk)
    playback.start_next(guild.pk, owner=BOT_PROCESS)
    with Relay() as relay:
        relay.target = server.port
        env = os.environ | {
            "BASE_URL": f"http://127.0.0.1:{relay.port}",
            "ACCESS_TOKENS": " ".join(map(access_token, sessions)),
            "USER_IDS": " ".join(str(session.user.pk) for session in sessions),
            "GUILD_ID": guild.pk,
            "URI": TrackFactory.create().uri,
        }
        command = [find_node(), "--experimental-websocket", "--no-warnings", str(HERE / "converge-guild.mjs")]
        with subprocess.Popen(
            command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as node:
            assert node.stdout is not None
            assert node.stdout.readline() == "half\n"
            relay.cut()
            output, errors = node.communicate(timeout=90)
        assert node.returncode == 0, errors
    assert int(output) > 60  # most of the time they held a part of the queue
    happened = set(Event.objects.filter(store__name=f"guild:{guild.pk}").values_list("name", flat=True))
    assert happened >= {
        "TracksAdded",
        "TracksRemoved",
        "TracksSkipped",
        "QueueShuffled",
        "TracksMoved",
        "LoopChanged",
        "PlayerSeeked",
    }
