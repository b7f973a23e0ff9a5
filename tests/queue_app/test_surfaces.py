"""Each command does the same, whichever surface it came by: REST by its name, its REST route, `/sync`, Discord.

Discord's commands end in `execute` with the interaction's id as the command's id, which is what `discord` calls here.
tests/botrunner drives the slash commands themselves.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import pytest
from django.db import transaction
from django.test import Client

from accounts.errors import InvalidInput, Refusal
from accounts.models import User
from botrunner.card import face
from botrunner.card.presses import COMMANDS as CARD_COMMANDS
from botrunner.card.presses import read_press
from botrunner.card.scene import read_scene
from guilds.models import Membership
from queue_app.commands import COMMANDS, execute
from queue_app.models import Player
from realtime.domain.push import push
from realtime.kinds import Pushed
from realtime.models import Via
from realtime.origin import Origin
from tests.factories import UserFactory
from tests.queue_app.stage import Stage

pytestmark = pytest.mark.django_db

Api = Callable[[User], Client]
KEY = "00000000-0000-4000-8000-000000000000"


class Outcome(NamedTuple):
    """What a request did: its answer, or the code and the sentence of its refusal."""

    result: Any = None
    refusal: tuple[str, str] | None = None


# --- Surfaces. Each carries out a command of somebody, under a key. ---


def by_name(stage: Stage, api: Api, by: User, key: str, name: str, args: Any) -> Outcome:
    response = api(by).post(
        f"/api/guilds/{stage.id}/commands",
        {"name": name, "args": args},
        content_type="application/json",
        headers={"Idempotency-Key": key},
    )
    if response.status_code != 200:
        return Outcome(refusal=(response.json()["code"], response.json()["detail"]))
    return Outcome(response.json()["result"])


def by_route(stage: Stage, api: Api, by: User, key: str, name: str, args: Any) -> Outcome:
    method, route, body = ROUTES[name](args)
    response = getattr(api(by), method)(
        f"/api/guilds/{stage.id}{route}",
        body,
        content_type="application/json",
        headers={"Idempotency-Key": key},
    )
    if response.status_code >= 400:
        return Outcome(refusal=(response.json()["code"], response.json()["detail"]))
    return Outcome(response.json() if response.content else None)


def by_sync(stage: Stage, api: Api, by: User, key: str, name: str, args: Any) -> Outcome:
    try:
        seqs, _ = push(f"guild:{stage.id}", [Pushed(key, name, args)], origin=Origin(user=by, via=Via.SYNC))
    except Refusal as refusal:
        return Outcome(refusal=(refusal.code, str(refusal)))
    return Outcome(seqs)


def by_discord(stage: Stage, api: Api, by: User, key: str, name: str, args: Any) -> Outcome:
    origin = Origin(user=by, via=Via.DISCORD, command_id=f"interaction-{key}")
    try:
        return Outcome(execute(stage.id, name, args, origin=origin).result)
    except Refusal as refusal:
        return Outcome(refusal=(refusal.code, str(refusal)))


def by_card(stage: Stage, api: Api, by: User, key: str, name: str, args: Any) -> Outcome:
    """Press the button of the guild's card, or a button of an earlier card where the card no longer has it."""
    act = next(act for act, command in CARD_COMMANDS.items() if command == name)
    shown = str(face.message(read_scene(stage.id, began_at=None), nonce="", embed=True, picture=""))
    found = re.search(rf"card:\d+:{act}[\w:-]*", shown)
    pressed = _PRESSED.setdefault((stage.id, key, name), found[0] if found else face.custom_id(act))
    try:
        command, chosen = read_press(stage.id, pressed)
    except Refusal as refusal:
        return Outcome(refusal=(refusal.code, str(refusal)))
    assert command == name
    return by_discord(stage, api, by, key, command, chosen)


# The button that was pressed first under a key: Discord delivers the same one again.
_PRESSED: dict[tuple[str, str, str], str] = {}


def _without(args: Any, name: str) -> dict[str, Any]:
    return {each: value for each, value in args.items() if each != name}


ROUTES: dict[str, Callable[[Any], tuple[str, str, Any]]] = {
    "AddTrack": lambda args: ("post", "/queue", args),
    "MoveItem": lambda args: ("patch", f"/queue/{args['item_id']}", _without(args, "item_id")),
    "RemoveItem": lambda args: ("delete", f"/queue/{args['item_id']}", None),
    "RetryItem": lambda args: ("post", f"/queue/{args['item_id']}/retry", None),
    "ClearQueue": lambda args: ("post", "/queue/clear", args),
    "ShuffleQueue": lambda args: ("post", "/queue/shuffle", args),
    "Undo": lambda args: ("post", "/queue/undo", args),
    "Redo": lambda args: ("post", "/queue/redo", args),
    "Skip": lambda args: ("post", "/player/skip", args),
    "Previous": lambda args: ("post", "/player/previous", args),
    "Replay": lambda args: ("post", "/player/replay", args),
    "Stop": lambda args: ("post", "/player/stop", args),
    "Pause": lambda args: ("patch", "/player", {"paused": True}),
    "Resume": lambda args: ("patch", "/player", {"paused": False}),
    "SetVolume": lambda args: ("patch", "/player", args),
    "SetLoop": lambda args: ("patch", "/player", args),
    "Seek": lambda args: ("patch", "/player", args),
    "JoinVoice": lambda args: ("patch", "/player", {"voice_channel_id": args["channel_id"]}),
    "LeaveVoice": lambda args: ("patch", "/player", {"voice_channel_id": None}),
    "ChangeSettings": lambda args: ("patch", "/settings", args),
}
SURFACES = (by_name, by_route, by_sync, by_discord, by_card)
# Again adds the tracks of the queue that ended, so its arguments are not those of the other surfaces.
ON_CARD = set(CARD_COMMANDS.values()) - {"AddTracks"}
EACH = pytest.mark.parametrize("name", sorted(COMMANDS))
OWN_SHAPE = {  # routes whose answer is another one than the command's result
    "RemoveItem", "ClearQueue", "ShuffleQueue", "Undo", "Redo", "Skip", "Previous", "Replay", "Stop",
}  # fmt: skip


def surfaces_of(name: str) -> list[Any]:
    without = {by_route} if name not in ROUTES else set()
    return [each for each in SURFACES if each not in without and (each is not by_card or name in ON_CARD)]


# What differs between two guilds that are alike: numbered in the order of its appearance.
_NAMES = re.compile(
    r"[0-9a-f]{8}-[0-9a-f-]{27}|library:[0-9a-f]{32}|\d{4}-\d\d-\d\dT[\d:.]+Z?|Song \d+|[pP]erson\d+|[2-5]0{8}\d{9}"
    r'|(?<="id": ")\d+(?=")|(?<="Guild )\d+'
)


def comparable(value: Any) -> Any:
    """Return JSON without what differs between two guilds that are alike, and positions to five seconds."""
    numbers: dict[str, str] = {}
    text = _NAMES.sub(lambda found: numbers.setdefault(found[0], f"#{len(numbers)}"), json.dumps(value))
    return json.loads(
        re.sub(r'("position_ms": )(\d+)', lambda found: f"{found[1]}{int(found[2]) // 5_000}", text)
    )


def appended(stage: Stage, *, after: int) -> Any:
    """Return the events since then: what they say, and what they undo."""
    events = stage.events(after=after)
    marks = ("undoes", "redoes", "change")
    return comparable(
        [[each["name"], each["args"], [each["metadata"].get(mark) for mark in marks]] for each in events]
    )


@contextmanager
def rolled_back() -> Iterator[None]:
    """Roll back what the block writes, so that each surface finds the same guild: preparing one takes most time."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


@EACH
def test_it_does_the_same_on_every_surface_and_once_for_a_key(name: str, stage: Stage, api: Api) -> None:
    args = stage.prepare(name)
    before = stage.head
    expected: tuple[Any, Any] | None = None
    for surface in surfaces_of(name):
        with rolled_back():
            outcome = surface(stage, api, stage.member, KEY, name, args)
            assert outcome.refusal is None
            events = appended(stage, after=before)
            assert events
            head = stage.head
            assert surface(stage, api, stage.member, KEY, name, args) == outcome
            assert stage.head == head
            other = "Resume" if name == "Pause" else "Pause"
            refusal = surface(stage, api, stage.member, KEY, other, {}).refusal  # the key is for one request
            assert refusal
            assert refusal[0] == "CONFLICT"
            assert stage.head == head
        if expected is None:
            expected = events, comparable(outcome.result)
        assert events == expected[0], surface.__name__
        if surface is by_sync:
            assert outcome.result == list(range(before + 1, head + 1))
        elif surface is not by_route or name not in OWN_SHAPE:
            assert comparable(outcome.result) == expected[1], surface.__name__


def refuse_everything(stage: Stage) -> User:
    """Have the guild let only managers do anything, while others listen to a track of theirs. Returns a member."""
    Membership.objects.filter(user=stage.member).update(owner=True)
    if not Player.objects.filter(pk=stage.id, item__isnull=False).exists():
        stage.play_as(stage.member)
    stage.seat(3)
    stage.decide(may_add="managers", may_skip="managers", may_move="managers", may_clear="managers")
    return stage.join()


@pytest.mark.parametrize("name", sorted(set(COMMANDS) - {"SaveQueue"}))  # every member may save it
def test_it_is_refused_with_the_same_words_on_every_surface(name: str, stage: Stage, api: Api) -> None:
    args = stage.prepare(name)
    change = stage.head
    other = refuse_everything(stage)
    if name in ("Undo", "Redo"):
        args = {"seq": change}
    before = stage.head
    expected: Any = None
    for surface in surfaces_of(name):
        with rolled_back():
            outcome = surface(stage, api, other, KEY, name, args)
            assert outcome.refusal, surface.__name__
            assert stage.head == before
        expected = expected or outcome.refusal
        assert outcome.refusal == expected, surface.__name__


@EACH
def test_who_left_is_refused_on_every_surface(name: str, stage: Stage, api: Api) -> None:
    args = stage.prepare(name)
    before = stage.head
    Membership.objects.filter(user=stage.member).delete()
    for surface in surfaces_of(name):
        with rolled_back():
            outcome = surface(stage, api, stage.member, KEY, name, args)
            assert outcome.refusal
            # A socket of somebody who left is about to be closed, and says so.
            assert outcome.refusal[0] == ("FORBIDDEN" if surface is by_sync else "GUILD_NOT_FOUND")
            assert stage.head == before


# --- Bad input ---

ABSENT = "00000000-0000-4000-8000-000000000000"
BAD: list[tuple[str, dict[str, Any], str]] = [
    ("SetVolume", {"volume": -1}, "volume"),
    ("SetVolume", {"volume": 201}, "volume"),
    ("SetVolume", {"volume": 10**18}, "volume"),
    ("SetVolume", {"volume": 50.5}, "volume"),
    ("SetVolume", {"volume": None}, "volume"),
    ("Seek", {"position_ms": -1}, "position_ms"),
    ("Seek", {"position_ms": 10**18}, "position_ms"),
    ("Seek", {"position_ms": True}, "position_ms"),
    ("Seek", {"delta_ms": -(10**18)}, "delta_ms"),
    ("Seek", {"delta_ms": "5"}, "delta_ms"),
    ("Seek", {}, "position_ms"),
    ("Seek", {"position_ms": 1, "delta_ms": 1}, "delta_ms"),
    ("SetLoop", {"loop": "all"}, "loop"),
    ("SetLoop", {"loop": ["off"]}, "loop"),
    ("Undo", {"seq": 0}, "seq"),
    ("Undo", {"seq": 2**53}, "seq"),
    ("RemoveItems", {"item_ids": []}, "item_ids"),
    ("RemoveItems", {"item_ids": [f"{ABSENT[:-4]}{number:04}" for number in range(1_001)]}, "item_ids"),
    ("RemoveItems", {"item_ids": ABSENT}, "item_ids"),
    ("RemoveItems", {"item_ids": [ABSENT, "x"]}, "item_ids"),
    ("AddTracks", {"uris": ["library:" + "0" * 32] * 1_001}, "uris"),
    ("AddTracks", {"uris": ["two words"]}, "uris"),
    ("AddTracks", {"uris": [5]}, "uris"),
    ("AddTracks", {"uris": ["library:" + "0" * 32], "shuffle": 1}, "shuffle"),
    ("AddTrack", {"query": "\u202e\u2066"}, "query"),
    ("AddTrack", {"query": "a\0b"}, "query"),
    ("AddTrack", {"query": "x" * 501}, "query"),
    ("AddTrack", {"query": "x", "position": {"after": ABSENT, "before": ABSENT}}, "position"),
    ("AddTrack", {"query": "x", "position": {"after": None}}, "position"),
    ("AddTrack", {"query": "x", "position": {}}, "position"),
    ("AddTrack", {"query": "x", "position": ["next"]}, "position"),
    ("AddTrack", {"query": "x", "position": 1}, "position"),
    ("MoveItem", {"item_id": ABSENT, "after": ABSENT}, "after"),
    ("MoveItem", {"item_id": ABSENT}, "after"),
    ("MoveItems", {"item_ids": []}, "item_ids"),
    ("MoveItems", {"item_ids": [ABSENT], "after": ABSENT}, "after"),
    ("SkipTo", {"item_id": 7}, "item_id"),
    ("SkipTo", {"item_id": "1" * 400}, "item_id"),
    ("JoinVoice", {"channel_id": "9" * 21}, "channel_id"),
    ("JoinVoice", {"channel_id": "٣"}, "channel_id"),
    ("ClearQueue", {"whose": "-1"}, "whose"),
    ("ClearQueue", {"whose": "9" * 19}, "whose"),
    ("ClearQueue", {"whose": None}, "whose"),
    ("ChangeSettings", {"vote_share": 101}, "vote_share"),
]


@pytest.mark.parametrize(("name", "args", "field"), BAD)
def test_bad_input_is_told_by_field_on_every_surface(
    name: str, args: dict[str, Any], field: str, stage: Stage, api: Api
) -> None:
    Membership.objects.filter(user=stage.member).update(owner=True)
    stage.play()
    before = stage.snapshot()
    for surface in (by_name, by_sync, by_discord):
        outcome = surface(stage, api, stage.member, KEY, name, args)
        assert outcome.refusal, surface.__name__
        code, sentence = outcome.refusal
        assert code == ("INVALID_PUSH" if surface is by_sync else "INVALID_INPUT")
        assert sentence.startswith(f"{field}: ")
    assert stage.snapshot()["seq"] == before["seq"]


@pytest.mark.parametrize("number", [float("nan"), float("inf"), 1e18])
@pytest.mark.parametrize(
    ("name", "field"), [("Seek", "position_ms"), ("SetVolume", "volume"), ("Redo", "seq")]
)
def test_a_number_that_json_cannot_say_is_refused_by_field(
    name: str, field: str, number: float, stage: Stage
) -> None:
    arguments: dict[str, Any] = {field: number}
    with pytest.raises(InvalidInput) as caught:
        stage.do(name, **arguments)
    assert list(caught.value.errors) == [field]


def test_raw_json_that_is_not_finite_is_refused(stage: Stage, api: Api) -> None:
    stage.play()
    before = stage.snapshot()["seq"]
    for number in ("NaN", "-Infinity", "1e400", "-1", "1" + "0" * 18):
        for route, body in (
            ("/commands", f'{{"name": "Seek", "args": {{"position_ms": {number}}}}}'),
            ("/player", f'{{"position_ms": {number}}}'),
        ):
            method = "post" if route == "/commands" else "patch"
            url = f"/api/guilds/{stage.id}{route}"
            response = getattr(api(stage.member), method)(url, body, content_type="application/json")
            assert response.status_code == 400, (number, route)
            if number in ("NaN", "-Infinity", "1e400"):  # this is no JSON, so there are no fields
                assert response.json()["code"] == "PARSE_ERROR"
            else:
                assert list(response.json()["errors"]) == ["position_ms"]
    assert stage.snapshot()["seq"] == before


@pytest.mark.parametrize(
    "name", ["RemoveItem", "MoveItem", "SkipTo", "RetryItem", "RemoveItems", "MoveItems", "AddTrack"]
)
@pytest.mark.parametrize("which", ["another guild's", "one that ended"])
def test_an_item_that_is_not_there_is_refused_on_every_surface(
    name: str, which: str, stage: Stage, api: Api
) -> None:
    Membership.objects.filter(user=stage.member).update(owner=True)
    good = str(stage.add().pk)
    item = str((Stage() if which == "another guild's" else stage).add().pk)
    if which == "one that ended":
        stage.do("RemoveItem", item_id=item)
    others: dict[str, dict[str, Any]] = {
        "MoveItem": {"item_id": good, "after": item},
        "RemoveItems": {"item_ids": [good, item]},
        "MoveItems": {"item_ids": [good, item]},
        "AddTrack": {"query": "x", "position": {"after": item}},
    }
    args = others.get(name, {"item_id": item})
    before = stage.head, stage.queue
    for surface in surfaces_of(name):
        with rolled_back():
            outcome = surface(stage, api, stage.member, KEY, name, args)
            assert outcome.refusal
            assert outcome.refusal[0] == "ITEM_NOT_FOUND"
            assert (stage.head, stage.queue) == before


def test_each_command_with_a_route_is_tried_by_it() -> None:
    assert set(ROUTES) <= set(COMMANDS)
    assert set(ROUTES) >= OWN_SHAPE


def test_strangers_are_told_nothing(stage: Stage, api: Api) -> None:
    for surface in (by_name, by_discord):
        outcome = surface(stage, api, UserFactory.create(), KEY, "Seek", {"position_ms": -1})
        assert outcome.refusal
        assert outcome.refusal[0] == "GUILD_NOT_FOUND"
