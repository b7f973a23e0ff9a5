"""The voice gateway's protocol, with a client that can send anything."""

import asyncio
import json
from typing import Any

import aiohttp
import pytest

from sandbox.voice import gateway
from sandbox.voice.server import VoiceServer
from sandbox.voice.udp import AES256_GCM, MODES, XCHACHA20_POLY1305
from tests.waiting import eventually

from .clients import ALICE, BERT, BOT, GUILD, PLACE, HandClient
from .conftest import StartServer, only_report


async def test_a_client_without_dave_is_refused_where_dave_is_required(server: VoiceServer) -> None:
    server.expect(**PLACE, user_id=BOT, session_id="session", token="token")
    async with HandClient(server) as client:
        await client.connect()
        await client.identify(dave=0)
        assert await client.close_code() == 4017
    assert server.sessions() == []


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"token": "another"}, 4004),
        ({"session_id": "another"}, 4006),
        ({"user_id": ALICE}, 4006),
        ({"server_id": "900000000000000099"}, 4006),
    ],
)
async def test_wrong_credentials_are_refused(hand: HandClient, changes: dict[str, str], code: int) -> None:
    await hand.connect()
    await hand.identify(changes)
    assert await hand.close_code() == code


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("no JSON", 4002),
        ("[]", 4002),
        ('{"op": true}', 4002),
        ('{"op": 0, "d": null}', 4002),
        ('{"op": 0, "d": {"server_id": 1}}', 4002),
        ('{"op": 3, "d": "soon"}', 4002),
        ('{"op": 99, "d": {}}', 4001),
        ('{"op": 1, "d": {}}', 4003),
        ('{"op": 5, "d": {"speaking": 1}}', 4003),
        ('{"op": 23, "d": {"transition_id": 1}}', 4003),
        (b"\x1akey package", 4003),
        (b"", 4003),
    ],
)
async def test_a_bad_first_message_closes_with_its_code(
    hand: HandClient, message: str | bytes, code: int
) -> None:
    await hand.connect()
    if isinstance(message, str):
        await hand.socket.send_str(message)
    else:
        await hand.socket.send_bytes(message)
    assert await hand.close_code() == code


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (b"\x63nothing", 4001),
        (b"\x1anot a key package", 4002),
        (b"\x1cnot a commit", 4002),
        (b"", 4001),
    ],
)
async def test_bad_mls_messages_close_with_their_code(server: VoiceServer, message: bytes, code: int) -> None:
    server.expect(**PLACE, user_id=BOT, session_id="session", token="token")
    async with HandClient(server) as client:
        await client.join(AES256_GCM)
        await client.socket.send_bytes(message)
        assert await client.close_code() == code


@pytest.mark.parametrize(
    ("selection", "code"),
    [
        ({"protocol": "udp", "data": {"mode": "xsalsa20_poly1305"}}, 4016),
        ({"protocol": "webrtc", "data": {"mode": AES256_GCM}}, 4012),
        ({"protocol": "udp"}, 4002),
    ],
)
async def test_an_unusable_protocol_is_refused(hand: HandClient, selection: Any, code: int) -> None:
    await hand.connect()
    await hand.identify()
    assert (await hand.receive(op=2))["d"]["modes"] == list(MODES)
    await hand.send(1, selection)
    assert await hand.close_code() == code


async def test_identifying_twice_is_refused(hand: HandClient) -> None:
    await hand.connect()
    await hand.identify()
    await hand.identify()
    assert await hand.close_code() == 4005


async def test_another_version_of_the_gateway_is_refused(hand: HandClient) -> None:
    with pytest.raises(AssertionError):
        await hand.connect(version=7)
    assert hand.socket.close_code == 4002


async def test_heartbeats_are_answered_in_both_forms(hand: HandClient) -> None:
    hello = await hand.connect()
    assert hello == {"v": 8, "heartbeat_interval": 13750}
    await hand.send(3, {"t": 1501184119561, "seq_ack": 0})
    assert await hand.receive(op=6) == {"op": 6, "d": {"t": 1501184119561}}
    await hand.send(3, 7)
    assert (await hand.receive(op=6))["d"] == {"t": 7}


async def test_a_client_that_sends_no_heartbeat_times_out(
    hand: HandClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gateway, "HEARTBEAT_SECONDS", 0.1)
    await hand.connect()
    await hand.identify()
    assert await hand.close_code() == 4009


async def test_the_people_in_the_channel_are_announced(plain_server: VoiceServer, hand: HandClient) -> None:
    await plain_server.set_people(**PLACE, user_ids=[ALICE, BOT])
    await hand.join(AES256_GCM)
    assert (await hand.receive(op=11))["d"] == {"user_ids": [ALICE]}
    await plain_server.set_people(**PLACE, user_ids=[BERT, BOT])
    assert (await hand.receive(op=11))["d"] == {"user_ids": [BERT]}
    assert (await hand.receive(op=13))["d"] == {"user_id": ALICE}


@pytest.mark.parametrize("broken_by", ["client", "server"])
async def test_a_broken_connection_resumes_with_what_was_missed(
    plain_server: VoiceServer, hand: HandClient, tone: list[bytes], broken_by: str
) -> None:
    await hand.join(XCHACHA20_POLY1305)
    hand.send_frame(tone[0])
    await plain_server.set_people(**PLACE, user_ids=[ALICE])
    seen = (await hand.receive(op=11))["seq"]
    if broken_by == "client":
        connection = hand.socket._response.connection
        assert connection is not None
        assert connection.transport is not None
        connection.transport.abort()
    else:
        await plain_server.close(guild_id=GUILD, code=4015)
        assert await hand.close_code() == 4015
    await plain_server.set_people(**PLACE, user_ids=[BERT])

    await hand.connect()
    await hand.send(7, {"server_id": GUILD, "session_id": "session", "token": "token", "seq_ack": seen})
    replies = [json.loads((await hand.socket.receive(5)).data) for _ in range(3)]
    assert [reply["op"] for reply in replies] == [9, 11, 13]
    assert [reply.get("seq") for reply in replies] == [None, seen + 1, seen + 2]
    hand.send_frame(tone[1])
    await eventually(lambda: only_report(plain_server).frames_received == 2)
    assert (only_report(plain_server).frames_lost, only_report(plain_server).frames_bad) == (0, 0)


async def test_a_resume_on_a_second_socket_closes_the_first(hand: HandClient) -> None:
    await hand.join(AES256_GCM)
    first = hand.socket
    await hand.connect()
    await hand.send(7, {"server_id": GUILD, "session_id": "session", "token": "token", "seq_ack": 0})
    await hand.receive(op=9)
    assert (await hand.receive(op=2))["d"]["ssrc"] == hand.ssrc
    hand.socket = first
    assert await hand.close_code() == 4006


@pytest.mark.parametrize(
    "changes", [{"seq_ack": 99}, {"session_id": "another"}, {"server_id": "900000000000000099"}]
)
async def test_a_resume_that_does_not_fit_is_refused(hand: HandClient, changes: dict[str, Any]) -> None:
    await hand.join(AES256_GCM)
    await hand.connect()
    resume = {"server_id": GUILD, "session_id": "session", "token": "token", "seq_ack": 0}
    await hand.send(7, resume | changes)
    assert await hand.close_code() == 4006


async def test_a_session_that_was_ended_cannot_be_resumed_and_is_deaf(
    plain_server: VoiceServer, hand: HandClient, tone: list[bytes]
) -> None:
    await hand.join(AES256_GCM)
    await plain_server.close(guild_id=GUILD, code=4014)
    assert await hand.close_code() == 4014
    await hand.connect()
    await hand.send(7, {"server_id": GUILD, "session_id": "session", "token": "token", "seq_ack": 0})
    assert await hand.close_code() == 4006
    hand.send_frame(tone[0])
    await hand.connect()
    await hand.identify()
    await hand.receive(op=2)
    assert only_report(plain_server).frames_received == 0


async def test_the_latest_to_identify_takes_the_session_over(
    plain_server: VoiceServer, hand: HandClient
) -> None:
    await hand.join(AES256_GCM)
    async with HandClient(plain_server) as later:
        await later.join(XCHACHA20_POLY1305)
        assert await hand.close_code() == 4006
        assert only_report(plain_server).mode == XCHACHA20_POLY1305


async def test_speaking_is_reported_while_connected(plain_server: VoiceServer, hand: HandClient) -> None:
    await hand.join(AES256_GCM)
    assert not only_report(plain_server).speaking
    await hand.send(5, {"speaking": 1, "delay": 0, "ssrc": hand.ssrc})
    await eventually(lambda: only_report(plain_server).speaking)
    await hand.socket.close()
    await eventually(lambda: not only_report(plain_server).speaking)
    await plain_server.forget(guild_id=GUILD)
    assert plain_server.sessions() == []


async def test_stop_says_going_away_and_frees_the_port(start_server: StartServer) -> None:
    server = await start_server(dave_version=0)
    server.expect(**PLACE, user_id=BOT, session_id="session", token="token")
    async with HandClient(server) as client:
        await client.join(AES256_GCM)
        stopping = asyncio.create_task(server.stop())
        assert await client.close_code() == 1001
        await stopping
        with pytest.raises(aiohttp.ClientConnectorError):
            await client.connect()
    again = await start_server(port=int(server.endpoint.rpartition(":")[2]))
    assert again.endpoint == server.endpoint


def test_only_loopback_and_known_modes(certificates: Any) -> None:
    wrongs: list[dict[str, Any]] = [
        {"host": "0.0.0.0"},
        {"modes": ["plain"]},
        {"modes": []},
        {"dave_version": 2},
    ]
    for wrong in wrongs:
        with pytest.raises(ValueError, match=r"loopback|modes|version"):
            VoiceServer(data_dir=certificates, **wrong)


async def test_a_stage_is_not_end_to_end_encrypted_and_lets_anybody_in(server: VoiceServer) -> None:
    await server.set_people(**PLACE, user_ids=[ALICE])
    server.expect(**PLACE, user_id=BOT, session_id="session", token="token", stage=True)
    async with HandClient(server) as client:
        await client.connect()
        await client.identify(dave=0)
        await client.receive(op=2)
        selection = {"address": "127.0.0.1", "port": 1, "mode": MODES[0]}
        await client.send(1, {"protocol": "udp", "data": selection})
        assert (await client.receive(op=4))["d"]["dave_protocol_version"] == 0
        assert only_report(server).dave == 0


async def test_the_call_of_a_bot_that_is_alone_has_version_0_until_somebody_comes(
    server: VoiceServer,
) -> None:
    server.expect(**PLACE, user_id=BOT, session_id="session", token="token")
    async with HandClient(server) as client:
        await client.connect()
        await client.identify()
        await client.receive(op=2)
        selection = {"address": "127.0.0.1", "port": 1, "mode": MODES[0]}
        await client.send(1, {"protocol": "udp", "data": selection})
        assert (await client.receive(op=4))["d"]["dave_protocol_version"] == 0
        await server.set_people(**PLACE, user_ids=[ALICE])
        assert (await client.receive(op=24))["d"] == {"protocol_version": 1, "epoch": 1}
        assert only_report(server).dave == 1
        await server.set_people(**PLACE, user_ids=[])
        assert (await client.receive(op=21))["d"] == {"protocol_version": 0, "transition_id": 0}
        assert only_report(server).dave == 0
