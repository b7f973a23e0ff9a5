"""The Python client on `/ws` against the real server, over a network that can be cut."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings
from websockets.asyncio.server import ServerConnection
from websockets.asyncio.server import serve as ws_server

from accounts.domain.sessions import revoke_session
from accounts.tokens import issue_sync
from backline_client import (
    ConnectionLost,
    Frame,
    Message,
    Position,
    Presence,
    Refused,
    Stream,
    StreamClient,
    TooLarge,
)
from backline_client import stream as stream_module
from backline_client.frames import pack
from realtime.db import in_thread
from realtime.models import Event as StoredEvent
from streams import frames
from streams.domain.streams import create_stream, delete_stream, issue_token, share_with_user, unshare
from streams.models import StreamGrant
from tests.clients.python_site import SOON, Site, take
from tests.server import Server
from tests.streams.device import JPEG, Person, make_person
from tests.waiting import eventually

pytestmark = pytest.mark.django_db(transaction=True)


async def next_message(stream: Stream) -> Message:
    item = await take(anext(stream))
    assert isinstance(item, Message), item
    return item


async def next_frame(stream: Stream) -> Frame:
    item = await take(anext(stream))
    assert isinstance(item, Frame), item
    return item


async def texts(stream: Stream, count: int) -> list[str]:
    return [(await next_message(stream)).data["text"] for _ in range(count)]


@in_thread
def stored() -> list[Any]:
    return [json.loads(event.args)["text"] for event in StoredEvent.objects.order_by("seq")]


# --- Streams ---


async def test_messages_frames_and_presence_come_as_they_were_sent(
    server: Server, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")  # a server on this machine is reached without it
    async with (
        StreamClient(server.url, token, client_type="mobile") as phone,
        StreamClient(server.url, token) as desk,
    ):
        sending = await take(phone.register("cam-1", produces=["video-frame", "alert", "note"]))
        seeing = await take(
            desk.register("cam-1", consumes=["video-frame", "alert", "note"], presence=True, since=0)
        )
        sent = await take(sending.send("alert", {"level": "high", "text": "Door"}))
        alert = await next_message(seeing)
        assert (alert.type, alert.data, alert.seq, alert.id) == (
            "alert",
            {"level": "high", "text": "Door"},
            1,
            sent.id,
        )
        assert sent.seq == 1
        assert (alert.sender.connection_id, alert.sender.user_id) == (sending.connection_id, sending.user_id)
        assert (await take(sending.send("note", {"text": "hm"}))).seq is None
        assert (await next_message(seeing)).data == {"text": "hm"}

        assert await sending.send_frame("video-frame", JPEG, {"width": 640})
        frame = await next_frame(seeing)
        assert (frame.payload, frame.data, frame.missed) == (JPEG, {"width": 640}, 0)
        present = await take(anext(seeing))
        assert isinstance(present, Presence)
        assert (present.producing, present.watching) == (1, 1)
        assert [each["clientType"] for each in present.present] == ["mobile", "service"]


async def test_a_slow_reader_gets_the_newest_frame_and_how_many_it_missed(server: Server, token: str) -> None:
    async with StreamClient(server.url, token) as phone, StreamClient(server.url, token) as desk:
        sending = await take(phone.register("cam-1", produces=["video-frame"]))
        for credit in (1, 2, None):
            seeing = await take(desk.register("cam-1", consumes=["video-frame"], credit=credit))
            await sending.send_frame("video-frame", b"first")
            assert (await next_frame(seeing)).payload == b"first"
            for number in range(20):
                await sending.send_frame("video-frame", b"%d" % number)
            await take(phone.ping())
            await take(desk.ping())
            got = [await next_frame(seeing)]
            while got[-1].payload != b"19":
                got.append(await next_frame(seeing))
            assert len(got) <= (3 if credit else 1)
            assert len(got) + sum(frame.missed for frame in got) == 20
            await seeing.leave()
            with pytest.raises(StopAsyncIteration):
                await take(anext(seeing))


async def test_faster_than_anybody_may_it_comes_later_on_the_same_connection(
    server: Server, token: str
) -> None:
    async with StreamClient(server.url, token) as phone:
        sending = await take(phone.register("cam-1", produces=["note"]))
        for _ in range(16):
            await asyncio.gather(*(take(sending.send("note", {"text": str(n)})) for n in range(40)))
        assert phone._connections == 1


async def test_alerts_outlive_a_restart_of_the_server(site: Site, token: str) -> None:
    async with (
        StreamClient(site.url, token, backoff=SOON) as phone,
        StreamClient(site.url, token, backoff=SOON) as desk,
    ):
        sending = await take(phone.register("cam-1", produces=["alert", "video-frame"]))
        seeing = await take(desk.register("cam-1", consumes=["alert", "video-frame"]))
        other = await take(phone.register("cam-2", produces=["note"]))
        await take(sending.send("alert", {"text": "before"}))
        await asyncio.to_thread(site.stop)
        waiting = asyncio.ensure_future(sending.send("alert", {"text": "meanwhile"}))
        assert not await sending.send_frame("video-frame", JPEG)
        with pytest.raises(ConnectionLost):
            await sending.send("alert", {"text": "now or never"}, again=False)
        left = asyncio.ensure_future(other.send("note"))
        await asyncio.sleep(0)  # now it waits for a connection
        await other.leave()
        with pytest.raises(ConnectionLost):
            await take(left)
        await asyncio.to_thread(site.start)
        assert (await take(waiting)).seq == 2
        await take(sending.send("alert", {"text": "after"}))
        assert await texts(seeing, 3) == ["before", "meanwhile", "after"]
        position = seeing.position
        assert position is not None
        assert position.seq == 3
        assert await stored() == ["before", "meanwhile", "after"]

        await eventually(lambda: seeing._connection == desk._connections)
        await sending.send_frame("video-frame", JPEG)
        assert (await next_frame(seeing)).payload == JPEG

    async with StreamClient(site.url, token) as later:
        again = await take(later.register("cam-1", consumes=["alert"], since=Position(position.epoch, 1)))
        assert await texts(again, 2) == ["meanwhile", "after"]


async def test_cut_again_and_again_nothing_is_lost_and_nothing_doubled(site: Site, token: str) -> None:
    count = 40
    async with (
        StreamClient(site.url, token, backoff=SOON) as phone,
        StreamClient(site.url, token, backoff=SOON) as desk,
    ):
        sending = await take(phone.register("cam-1", produces=["alert"]))
        seeing = await take(desk.register("cam-1", consumes=["alert"]))

        async def send_all() -> None:
            for number in range(count):
                await sending.send("alert", {"text": str(number)})

        sender = asyncio.ensure_future(send_all())
        received: list[str] = []
        cuts = 0
        while len(received) < count:
            received.append((await next_message(seeing)).data["text"])
            if len(received) % 5 == 0:
                site.relay.cut()
                cuts += 1
        await take(sender)
        expected = [str(number) for number in range(count)]
        assert received == expected == await stored()
        assert phone._connections > 3
        assert desk._connections > 3


async def test_a_server_that_delivers_twice_is_heard_once() -> None:
    """The protocol guarantees at-least-once delivery. Our server cannot be made to deliver twice, so this is a fake."""

    async def say(peer: ServerConnection) -> None:
        asked = json.loads(await peer.recv())
        await peer.send(
            json.dumps(
                {**asked, "type": "registered", "connectionId": "c", "userId": "u", "epoch": "e", "head": 6}
            )
        )
        for seq in (7, 7, 8, 7, 9):
            sender = {"userId": "u", "connectionId": "c"}
            await peer.send(
                json.dumps({"type": "alert", "streamId": "cam-1", "from": sender, "timestamp": 0, "seq": seq})
            )
        await peer.wait_closed()

    async with ws_server(say, "127.0.0.1", 0) as other:
        port = next(iter(other.sockets)).getsockname()[1]
        async with StreamClient(f"ws://127.0.0.1:{port}", "any") as client:
            stream = await take(client.register("cam-1", consumes=["alert"]))
            assert [(await next_message(stream)).seq for _ in range(3)] == [7, 8, 9]


async def test_who_does_not_read_finds_durable_messages_in_the_log(
    server: Server, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_module, "MAX_WAITING", 4)
    async with StreamClient(server.url, token) as client:
        stream = await take(client.register("cam-1", produces=["alert"], consumes=["alert"]))
        for number in range(15):
            await take(stream.send("alert", {"text": str(number)}))
        await take(client.ping())
        assert len(stream._inbox._items) == 4
        assert await texts(stream, 15) == [str(number) for number in range(15)]


async def test_a_callable_renews_the_token_on_the_open_connection(
    server: Server, owner: Person, token: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.TOKEN_LEEWAY_SECONDS = 0
    monkeypatch.setattr("streams.consumer.AFTER_EXPIRY_SECONDS", 0.1)
    short = await in_thread(owner.token_expiring)(2)
    offered = [token, short]
    async with (
        StreamClient(server.url, lambda: offered.pop(), backoff=SOON) as renewing,
        StreamClient(server.url, short, backoff=SOON) as ending,
    ):
        kept = await take(renewing.register("cam-1", produces=["note"]))
        first = kept.connection_id
        lost = await take(ending.register("cam-1", consumes=["note"]))
        with pytest.raises(Refused) as caught:
            await take(anext(lost))
        assert caught.value.code == "TOKEN_EXPIRED"
        await take(kept.send("note"))
        assert (kept.connection_id, offered) == (first, [])


async def test_a_device_s_token_and_an_expired_one_that_is_asked_for_again(
    server: Server, owner: Person, token: str
) -> None:
    def prepare() -> tuple[str, str]:
        stream = create_stream(owner.user, stream_id="cam-1")
        return issue_sync(issue_token(stream, device="doorbell")), owner.token_expiring(-60)

    device, expired = await in_thread(prepare)()
    async with StreamClient(server.url, device) as client:
        assert (await take((await take(client.register("cam-1", produces=["alert"]))).send("alert"))).seq == 1
        with pytest.raises(Refused) as caught:
            await take(client.register("cam-2", produces=["alert"]))
        assert caught.value.code == "UNAUTHORIZED"

    offered = [device, expired]

    async def renew() -> str:
        return offered.pop()

    async with StreamClient(server.url, renew, backoff=SOON) as client:
        await take(client.register("cam-1", produces=["alert"]))

    def broken() -> str:
        raise LookupError("nobody is logged in")

    async with StreamClient(server.url, broken) as client:
        with pytest.raises(Exception, match="LookupError: nobody is logged in"):
            await take(client.register("cam-1", produces=["alert"]))


async def test_refusals_are_raised_in_the_server_s_words(server: Server, owner: Person, token: str) -> None:
    stranger = await in_thread(lambda: (create_stream(owner.user, stream_id="cam-1"), make_person())[1])()
    strange = await in_thread(lambda: stranger.token)()

    async def refusal(offered: str, stream_id: str = "cam-1", **options: Any) -> str:
        async with StreamClient(server.url, offered) as client:
            with pytest.raises(Refused) as caught:
                await take(client.register(stream_id, **options))
            with pytest.raises(Refused):  # a second attempt is refused
                await take(client.register(stream_id, **options))
        return str(caught.value)

    assert await refusal("") == "Log in first. (AUTH_REQUIRED)"
    assert "TOKEN_INVALID" in await refusal("nonsense", produces=["alert"])
    assert await refusal(strange, consumes=["alert"]) == "No permission to read this stream (UNAUTHORIZED)"
    assert (
        await refusal(strange, produces=["alert"]) == "No permission to publish to this stream (UNAUTHORIZED)"
    )
    assert await refusal(strange, "nowhere", consumes=["x"]) == "Stream not found. (NOT_FOUND)"
    assert "(BAD_MESSAGE)" in await refusal(token, "?", consumes=["x"])
    assert "(EPOCH_MISMATCH)" in await refusal(token, consumes=["alert"], since=Position("another", 0))

    async with StreamClient(server.url, token) as client:
        stream = await take(client.register("cam-1", produces=["alert"]))
        with pytest.raises(Refused, match="produces"):
            await take(stream.send("note"))
        with pytest.raises(TooLarge):
            await stream.send("alert", {"text": "x" * 65_536})
        with pytest.raises(TooLarge):
            await stream.send_frame("alert", bytes(1_000_000))
        with pytest.raises(ValueError, match="produces"):
            await stream.send_frame("video-frame", JPEG)
        with pytest.raises(ValueError, match="already"):
            await client.register("cam-1")
        assert (await take(stream.send("alert"))).seq == 1  # none of them broke the stream


async def test_a_lost_right_ends_one_stream_and_a_lost_session_all(
    server: Server, owner: Person, token: str
) -> None:
    def prepare() -> tuple[Any, Any, Person, str]:
        guest = make_person()
        shared, deleted = (
            create_stream(owner.user, stream_id="cam-1"),
            create_stream(owner.user, stream_id="cam-2"),
        )
        share_with_user(shared, guest.user, write=False)
        share_with_user(deleted, guest.user, write=True)
        return shared, deleted, guest, guest.token

    shared, deleted, guest, guests = await in_thread(prepare)()
    async with StreamClient(server.url, guests, backoff=SOON) as client:
        reading = await take(client.register("cam-1", consumes=["alert"]))
        writing = await take(client.register("cam-2", produces=["alert"]))
        own = await take(client.register("own", produces=["alert"]))
        await in_thread(lambda: unshare(shared, grant_id=StreamGrant.objects.get(stream=shared).pk))()
        with pytest.raises(Refused, match="No permission to read this stream"):
            await take(anext(reading))
        assert (await take(writing.send("alert"))).seq == 1
        await in_thread(delete_stream)(deleted)
        with pytest.raises(Refused):
            await take(anext(writing))
        with pytest.raises(Refused):
            await writing.send_frame("alert", b"")
        assert (await take(own.send("alert"))).seq == 1
        await in_thread(revoke_session)(guest.session)
        with pytest.raises(Refused) as caught:
            await take(anext(own))
        assert caught.value.code == "SESSION_REVOKED"


words = st.text(max_size=20)


@given(
    data=st.dictionaries(words, st.none() | st.booleans() | st.integers(-(2**53), 2**53) | words, max_size=5),
    payload=st.binary(max_size=300),
)
def test_frames_are_packed_as_the_server_reads_them(data: dict[str, Any], payload: bytes) -> None:
    incoming = frames.decode_binary(pack({**data, "type": "video-frame"}, payload))
    assert bytes(incoming.payload) == payload
    assert incoming.header == {**data, "type": "video-frame"}
