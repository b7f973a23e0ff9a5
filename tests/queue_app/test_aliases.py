"""The commands with their own route over REST."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from queue_app.models import Player, QueueItem
from tests.factories import TrackFactory, UserFactory
from tests.queue_app.stage import Stage

pytestmark = pytest.mark.django_db

JSON = "application/json"


@pytest.fixture
def client(stage: Stage, api: Callable[[User], Client]) -> Client:
    return api(stage.dj())


@pytest.fixture
def ask(client: Client, stage: Stage) -> Callable[..., Any]:
    def ask(method: str, route: str, body: Any = None, *, key: str = "") -> Any:
        path, headers = f"/api/guilds/{stage.id}{route}", {"Idempotency-Key": key} if key else {}
        send = getattr(client, method)
        return send(path, {} if body is None else body, content_type=JSON, headers=headers)

    return ask


Ask = Callable[..., Any]


def head(stage: Stage) -> int:
    return int(stage.snapshot()["seq"])


@pytest.mark.parametrize(
    ("route", "event"),
    [
        ("/queue/shuffle", "QueueShuffled"),
        ("/queue/clear", "QueueCleared"),
        ("/player/skip", "TrackSkipped"),
        ("/player/previous", "PlayerSeeked"),
        ("/player/replay", "PlayerSeeked"),
        ("/player/stop", "VoiceLeft"),
    ],
)
def test_each_answers_the_seq_of_its_last_event_once_for_a_key(
    route: str, event: str, ask: Ask, stage: Stage
) -> None:
    stage.play()
    stage.hear(position_ms=60_000)
    for _ in range(3):
        stage.add()
    first = ask("post", route, key="once-only")
    assert (first.status_code, first.json()) == (200, {"seq": head(stage)})
    assert stage.names[-1] == event
    again = ask("post", route, key="once-only")
    assert (again.status_code, again.json()) == (200, first.json())
    assert head(stage) == first.json()["seq"]


def test_removing_with_a_key_twice_removes_once(ask: Ask, stage: Stage) -> None:
    item = stage.add()
    for _ in range(2):
        assert ask("delete", f"/queue/{item.pk}", key="remove-it").status_code == 204
    assert stage.names.count("TrackRemoved") == 1


def test_undo_and_redo_name_what_they_did(ask: Ask, stage: Stage) -> None:
    items = [str(stage.add().pk) for _ in range(3)]
    ask("post", "/queue/clear")
    cleared = head(stage)
    undone = ask("post", "/queue/undo", key="undo-it")
    assert undone.json() == {"seq": head(stage), "change": cleared, "undone": 3, "left_out": []}
    assert stage.queue == items
    assert ask("post", "/queue/undo", key="undo-it").json() == undone.json()
    assert stage.queue == items
    redone = ask("post", "/queue/redo", {"seq": cleared})
    assert redone.json() == {"seq": head(stage), "change": cleared, "redone": 3, "left_out": []}
    assert stage.queue == []


def test_a_named_change_is_undone(ask: Ask, stage: Stage) -> None:
    stage.add()
    first = head(stage)
    kept = str(stage.add().pk)
    assert ask("post", "/queue/undo", {"seq": first}).json()["undone"] == 1
    assert stage.queue == [kept]


def test_nothing_to_undo_or_redo_is_409(ask: Ask) -> None:
    for route, code in (("/queue/undo", "NOTHING_TO_UNDO"), ("/queue/redo", "NOTHING_TO_REDO")):
        response = ask("post", route)
        assert (response.status_code, response.json()["code"]) == (409, code)


def test_clear_may_be_limited_to_one_person(ask: Ask, stage: Stage) -> None:
    other = stage.join()
    theirs, mine = stage.add(by=other), stage.add()
    assert ask("post", "/queue/clear", {"whose": str(other.pk)}).status_code == 200
    assert stage.queue == [str(mine.pk)]
    theirs.refresh_from_db()
    assert theirs.state == "removed"


def test_a_track_is_added_behind_another(ask: Ask, stage: Stage) -> None:
    first, second = stage.add(), stage.add()
    response = ask(
        "post", "/queue", {"query": TrackFactory.create().uri, "position": {"after": str(first.pk)}}
    )
    assert response.status_code == 201
    assert stage.queue == [str(first.pk), response.json()["id"], str(second.pk)]


def test_the_player_takes_loop_and_position(ask: Ask, stage: Stage) -> None:
    stage.play()
    player = ask("patch", "/player", {"loop": "track", "position_ms": 31_000}).json()
    assert player["loop"] == "track"
    assert 31_000 <= player["position_ms"] < 36_000


def test_a_seek_with_a_key_happens_once(ask: Ask, stage: Stage) -> None:
    stage.play()
    for _ in range(2):
        response = ask("patch", "/player", {"volume": 40, "position_ms": 61_000}, key="patch-one")
        assert (response.status_code, response.json()["volume"]) == (200, 40)
    assert stage.names.count("PlayerSeeked") == 1
    response = ask("patch", "/player", {"volume": 50}, key="patch-one")
    assert (response.status_code, response.json()["code"]) == (409, "CONFLICT")


def test_one_refused_change_leaves_the_player_as_it_was(ask: Ask, stage: Stage) -> None:
    stage.add()
    before = head(stage)
    response = ask("patch", "/player", {"volume": 40, "position_ms": 1})  # nothing plays
    assert (response.status_code, response.json()["code"]) == (409, "NOTHING_PLAYING")
    assert head(stage) == before
    assert Player.objects.get().volume == 100


@pytest.mark.parametrize(
    ("method", "route", "body", "field"),
    [
        ("post", "/queue/undo", {"seq": 0}, "seq"),
        ("post", "/queue/undo", {"seq": "1"}, "seq"),
        ("post", "/queue/redo", {"seq": 10**18}, "seq"),
        ("post", "/queue/undo", [1], "non_field_errors"),
        ("post", "/queue/clear", {"whose": "everybody"}, "whose"),
        ("post", "/queue/clear", ["mine"], "non_field_errors"),
        ("post", "/queue", ["song"], "non_field_errors"),
        ("post", "/queue", {"query": "song", "position": {"after": "1"}}, "position"),
        ("patch", "/player", {"loop": "once"}, "loop"),
        ("patch", "/player", {"position_ms": -1}, "position_ms"),
        ("patch", "/player", {"position_ms": 10**18}, "position_ms"),
        ("patch", "/player", {"position_ms": 1.5}, "position_ms"),
        ("patch", "/player", {"delta_ms": 1}, "delta_ms"),
    ],
)
def test_a_bad_body_is_400_by_field_and_changes_nothing(
    method: str, route: str, body: Any, field: str, ask: Ask, stage: Stage
) -> None:
    item = stage.add()
    response = ask(method, route, body)
    assert response.status_code == 400
    assert list(response.json()["errors"]) == [field]
    assert list(QueueItem.objects.filter(state="queued")) == [item]


def test_a_stranger_learns_nothing(stage: Stage, api: Callable[[User], Client]) -> None:
    stranger = api(UserFactory.create())
    for method, route, body in (
        ("post", "/queue/undo", {"seq": 0}),
        ("post", "/queue/shuffle", {}),
        ("patch", "/player", {"loop": "once"}),
        ("patch", "/player", {"loop": "off"}),
    ):
        response = getattr(stranger, method)(f"/api/guilds/{stage.id}{route}", body, content_type=JSON)
        assert response.status_code == 404
