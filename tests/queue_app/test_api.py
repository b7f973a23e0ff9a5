"""The queue and the player over REST."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from queue_app.domain import playback
from queue_app.models import QueueItem
from realtime.models import Event, Store
from tests.factories import ChannelFactory, TrackFactory, UserFactory
from tests.queue_app.stage import Stage

pytestmark = pytest.mark.django_db

JSON = "application/json"
NOBODYS = str(uuid.UUID(int=1))  # an item that does not exist


@pytest.fixture
def client(stage: Stage, api: Callable[[User], Client]) -> Client:
    return api(stage.member)


def url(stage: Stage, route: str) -> str:
    return f"/api/guilds/{stage.id}{route}"


def post(client: Client, path: str, body: Any = None, **headers: str) -> Any:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.post(path, body if body is not None else {}, content_type=JSON, headers=sent)


# --- Adding ---


@pytest.mark.parametrize("pasted", ["<{}>", "\ufeff{}", "listen: [this](<{}>)!", "`{}`", "||{}||"])
def test_a_link_is_found_in_what_was_pasted(client: Client, stage: Stage, pasted: str) -> None:
    response = post(client, url(stage, "/queue"), {"query": pasted.format("Https://radio.example/live.mp3")})
    assert response.status_code == 201
    assert response.json()["state"] == "queued"
    assert response.json()["track"]["url"] == "https://radio.example/live.mp3"


def test_a_track_is_accepted_at_once(client: Client, stage: Stage) -> None:
    track = TrackFactory.create()
    response = post(client, url(stage, "/queue"), {"query": track.uri})
    assert response.status_code == 201
    item = response.json()
    assert item == stage.snapshot()["queue"][0]
    assert set(item) == {
        "id", "track", "requested_by", "state", "rank", "added_at", "started_at", "ended_at", "error",
    }  # fmt: skip
    assert item["requested_by"] == {
        "id": str(stage.member.pk),
        "username": stage.member.username,
        "display_name": stage.member.display_name,
        "avatar_url": None,
    }
    assert item["track"] == {
        "uri": track.uri,
        "title": track.title,
        "artist": track.artist,
        "album": None,
        "url": None,
        "duration_ms": 60_000,
        "artwork_url": None,
        "source": "library",
        "is_live": False,
    }
    assert item["added_at"].endswith("Z")


def test_no_match_is_201_as_well_and_failed_with_what_to_do(client: Client, stage: Stage) -> None:
    response = post(client, url(stage, "/queue"), {"query": "no such song"})
    assert (response.status_code, response.json()["state"]) == (201, "failed")
    error = response.json()["error"]
    assert error["code"] == "NO_MATCH"
    assert error["detail"] == (
        "Nothing in the library matches “no such song”. Try other words, or a link to an audio file or stream."
    )


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "query"),
        ({"query": ""}, "query"),
        ({"query": "song", "position": "somewhere"}, "position"),
        ([], "query"),
        (None, "query"),
    ],
)
def test_bad_input_is_400_by_field(body: Any, field: str, client: Client, stage: Stage) -> None:
    response = post(client, url(stage, "/queue"), body)
    assert (response.status_code, response.json()["code"]) == (400, "INVALID_INPUT")
    assert field in response.json()["errors"]


@pytest.mark.parametrize("body", ["{", "\xff", '{"query": "a\\u0000b"}', '{"query": "a\\ud800b"}'])
def test_what_is_no_json_or_no_text_is_400(body: str, client: Client, stage: Stage) -> None:
    response = client.post(url(stage, "/queue"), body.encode("latin-1"), content_type=JSON)
    assert response.status_code == 400
    assert {"code", "detail"} <= set(response.json())


def test_another_media_type_is_415_in_the_usual_shape(client: Client, stage: Stage) -> None:
    response = client.post(url(stage, "/queue"), "<query/>", content_type="text/xml")
    assert response.status_code == 415
    assert {"code", "detail"} == set(response.json())


def test_a_browser_needs_its_csrf_token(stage: Stage) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(stage.member)
    response = post(browser, url(stage, "/queue"), {"query": "song"})
    assert (response.status_code, response.json()["code"]) == (403, "CSRF_FAILED")
    assert QueueItem.objects.count() == 0


# --- Idempotency-Key ---


def test_the_same_key_adds_once_and_answers_alike(client: Client, stage: Stage) -> None:
    body = {"query": TrackFactory.create().uri}
    first, again = (post(client, url(stage, "/queue"), body, Idempotency_Key="add-one-1") for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert QueueItem.objects.count() == 1


def test_the_same_key_with_another_body_is_409(client: Client, stage: Stage) -> None:
    one, two = TrackFactory.create_batch(2)
    post(client, url(stage, "/queue"), {"query": one.uri}, Idempotency_Key="add-one-1")
    response = post(client, url(stage, "/queue"), {"query": two.uri}, Idempotency_Key="add-one-1")
    assert (response.status_code, response.json()["code"]) == (409, "CONFLICT")


def test_without_a_key_every_request_counts(client: Client, stage: Stage) -> None:
    TrackFactory.create(title="One")
    for _ in range(2):
        post(client, url(stage, "/queue"), {"query": "one"})
    assert QueueItem.objects.count() == 2


@pytest.mark.parametrize("key", ["x" * 256, "with-é-in-it"])
def test_a_key_that_is_none_is_400(key: str, client: Client, stage: Stage) -> None:
    response = post(client, url(stage, "/queue"), {"query": "one"}, Idempotency_Key=key)
    assert response.status_code == 400
    assert "Idempotency-Key" in response.json()["errors"]


def test_the_same_skip_twice_skips_once(client: Client, stage: Stage) -> None:
    stage.play()
    first, again = (post(client, url(stage, "/player/skip"), Idempotency_Key="skip-this") for _ in range(2))
    assert first.json() == again.json() == {"seq": stage.snapshot()["seq"]}
    assert stage.names.count("TrackSkipped") == 1


# --- Reading ---


def test_the_queue_comes_in_pages_without_a_gap(client: Client, stage: Stage) -> None:
    items = [str(stage.add().pk) for _ in range(5)]
    seen: list[str] = []
    after = ""
    for _ in range(3):
        page = client.get(url(stage, f"/queue?limit=2{after}")).json()
        seen += [item["id"] for item in page["items"]]
        after = f"&after={page['next']}"
    assert seen == items
    assert page["next"] is None
    store = Store.objects.get(name=f"guild:{stage.id}")
    assert (page["epoch"], page["seq"]) == (store.epoch, 5)


def test_pages_go_on_where_they_were_when_the_front_is_gone(client: Client, stage: Stage) -> None:
    items = [str(stage.add().pk) for _ in range(4)]
    page = client.get(url(stage, "/queue?limit=2")).json()
    stage.do("RemoveItem", item_id=items[1])
    rest = client.get(url(stage, f"/queue?after={page['next']}")).json()
    assert [item["id"] for item in rest["items"]] == items[2:]


def test_a_page_may_be_longer_than_usual(client: Client, stage: Stage) -> None:
    ids = stage.fill(510)
    assert [
        len(client.get(url(stage, f"/queue{query}")).json()["items"]) for query in ("", "?limit=9999")
    ] == [100, 500]
    rest = client.get(
        url(stage, f"/queue?limit=500&after={client.get(url(stage, '/queue?limit=500')).json()['next']}")
    )
    assert [item["id"] for item in rest.json()["items"]] == [str(pk) for pk in ids[500:]]


@pytest.mark.parametrize("query", ["limit=x", "after=x", "after=1.5", "limit="])
def test_a_page_that_is_none_is_400(query: str, client: Client, stage: Stage) -> None:
    response = client.get(url(stage, f"/queue?{query}"))
    assert (response.status_code, response.json()["code"]) == (400, "INVALID_INPUT")


@pytest.mark.parametrize("query", ["limit=0", "limit=-5", "limit=100000"])
def test_a_page_beyond_the_bounds_is_harmless(query: str, client: Client, stage: Stage) -> None:
    stage.add()
    assert client.get(url(stage, f"/queue?{query}")).status_code == 200


@pytest.mark.parametrize("after", ["1" + "0" * 30, "-1" + "0" * 30, "9" * 5000], ids=len)
def test_a_page_beyond_what_a_database_counts_is_no_fault_of_ours(
    after: str, client: Client, stage: Stage
) -> None:
    assert client.get(url(stage, f"/queue?after={after}")).status_code in {200, 400}


def test_the_snapshot_holds_everything_with_its_position(client: Client, stage: Stage) -> None:
    playing, waiting = stage.play(), stage.add()
    snapshot = client.get(url(stage, "/snapshot")).json()
    assert set(snapshot) == {
        "epoch",
        "seq",
        "guild",
        "voice_channels",
        "queue",
        "queue_total",
        "next",
        "failed",
        "player",
        "skip_vote",
        "can",
    }
    assert snapshot["seq"] == Event.objects.count()
    assert [item["id"] for item in snapshot["queue"]] == [str(waiting.pk)]
    player = snapshot["player"]
    assert set(player) == {
        "status", "item", "position_ms", "position_at", "volume", "loop", "voice_channel_id", "error",
    }  # fmt: skip
    assert (player["status"], player["item"]["id"]) == ("playing", str(playing.pk))
    assert (player["volume"], player["loop"]) == (100, "off")
    answer = client.get(url(stage, "")).json()
    assert snapshot["guild"] == {key: answer[key] for key in snapshot["guild"]}
    assert snapshot["voice_channels"] == [
        {"id": stage.channel.pk, "name": stage.channel.name, "stage": False}
    ]


def test_a_guild_that_never_played_has_a_player(client: Client, stage: Stage) -> None:
    assert client.get(url(stage, "/player")).json()["status"] == "idle"


@pytest.mark.parametrize("route", ["/queue", "/snapshot"])
def test_a_queue_costs_the_same_queries_however_long(
    route: str, client: Client, stage: Stage, django_assert_max_num_queries: Any
) -> None:
    stage.play()
    for wanted in (1, 3):
        while len(stage.queue) < wanted:
            stage.add(by=stage.join())
        with django_assert_max_num_queries(10) as found:
            client.get(url(stage, route))
        if wanted == 1:
            first = len(found)
    assert len(found) == first


# --- Changing ---


def test_an_item_is_removed_by_its_id(client: Client, stage: Stage) -> None:
    item = stage.add()
    response = client.delete(url(stage, f"/queue/{item.pk}"))
    assert (response.status_code, response.content) == (204, b"")
    assert stage.queue == []


@pytest.mark.parametrize(("item_id", "status"), [("1", 400), ("%00", 400), (NOBODYS, 404)])
def test_an_item_that_is_not_there(item_id: str, status: int, client: Client, stage: Stage) -> None:
    assert client.delete(url(stage, f"/queue/{item_id}")).status_code == status


def test_somebody_elses_item_is_403(api: Callable[[User], Client], stage: Stage) -> None:
    item = stage.add()
    response = api(stage.join()).delete(url(stage, f"/queue/{item.pk}"))
    assert (response.status_code, response.json()["code"]) == (403, "FORBIDDEN")


def test_nothing_to_skip_is_409(client: Client, stage: Stage) -> None:
    response = post(client, url(stage, "/player/skip"))
    assert (response.status_code, response.json()["code"]) == (409, "NOTHING_PLAYING")


def test_the_player_is_paused_moved_and_sent_away(client: Client, stage: Stage) -> None:
    def patch(**body: Any) -> Any:
        return client.patch(url(stage, "/player"), body, content_type=JSON).json()

    stage.play()
    other = ChannelFactory.create(guild=stage.guild, voice=True)
    assert patch(paused=True)["status"] == "paused"
    assert patch(paused=False, voice_channel_id=other.pk)["voice_channel_id"] == other.pk
    assert not stage.player.paused
    left = patch(voice_channel_id=None)
    assert (left["status"], left["voice_channel_id"]) == ("stopped", None)


def test_two_changes_at_once_may_carry_a_key(client: Client, stage: Stage) -> None:
    body = {"paused": True, "voice_channel_id": stage.channel.pk}
    for _ in range(2):
        response = client.patch(
            url(stage, "/player"), body, content_type=JSON, headers={"Idempotency-Key": "patch-1-2"}
        )
        assert response.status_code == 200
    assert stage.names == ["VoiceJoined", "PlayerPaused"]


def test_two_changes_happen_both_or_not_at_all(client: Client, stage: Stage) -> None:
    body: dict[str, Any] = {"voice_channel_id": stage.channel.pk, "paused": "perhaps"}
    assert client.patch(url(stage, "/player"), body, content_type=JSON).status_code == 400
    body = {"voice_channel_id": "1", "paused": True}
    response = client.patch(url(stage, "/player"), body, content_type=JSON)
    assert (response.status_code, response.json()["code"]) == (400, "UNKNOWN_CHANNEL")
    assert list(response.json()["errors"]) == ["voice_channel_id"]
    assert stage.names == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "non_field_errors"),
        ({"paused": None}, "paused"),
        ({"voice_channel_id": "abc"}, "voice_channel_id"),
        ({"voice_channel_id": "1" * 21}, "voice_channel_id"),
    ],
)
def test_a_change_that_is_none_is_400_by_field(body: Any, field: str, client: Client, stage: Stage) -> None:
    response = client.patch(url(stage, "/player"), body, content_type=JSON)
    assert response.status_code == 400
    assert field in response.json()["errors"]


@pytest.mark.parametrize(
    ("method", "route"),
    [
        ("post", "/queue"),
        ("patch", "/player"),
        ("post", "/player/skip"),
        ("delete", f"/queue/{NOBODYS}"),
    ],
)
def test_changes_are_for_members(
    method: str, route: str, stage: Stage, api: Callable[[User], Client]
) -> None:
    body = {"query": "song", "paused": True}
    for client, status in ((Client(), 401), (api(UserFactory.create()), 404)):
        response = getattr(client, method)(url(stage, route), body, content_type=JSON)
        assert response.status_code == status
    outsider = api(UserFactory.create())
    response = getattr(outsider, method)(f"/api/guilds/abc{route}", body, content_type=JSON)
    assert response.status_code == 400
    assert Event.objects.count() == 0


# --- When the database is not available ---


def test_a_database_that_is_away_is_503(
    client: Client, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.db import OperationalError

    from queue_app import views

    def away(*args: Any) -> None:
        raise OperationalError("server closed the connection")

    monkeypatch.setattr(views, "read_snapshot", away)
    response = client.get(url(stage, "/snapshot"))
    assert (response.status_code, response.json()["code"]) == (503, "UNAVAILABLE")
    assert "closed" not in response.json()["detail"]


def test_the_unexpected_is_500_without_a_word_about_it(
    client: Client, stage: Stage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from queue_app import views

    monkeypatch.setattr(views, "load_player", lambda guild_id: 1 / 0)
    response = client.get(url(stage, "/player"))
    assert (response.status_code, response.json()["code"]) == (500, "INTERNAL_ERROR")
    assert "division" not in response.content.decode()
    assert "ZeroDivisionError" in caplog.text


def test_the_bot_that_plays_is_seen_over_rest(client: Client, stage: Stage) -> None:
    item = stage.play()
    playback.finish(stage.id, owner=stage.owner, item_id=item.pk)
    assert client.get(url(stage, "/player")).json()["item"] is None
