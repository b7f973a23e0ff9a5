"""What tests of undo share: a stage where much can be undone, and what an undo has to restore."""

from __future__ import annotations

from typing import Any

from guilds.models import GuildSettings, Membership
from queue_app.domain import playback
from tests.factories import TrackFactory
from tests.queue_app.stage import Stage

Snapshot = dict[str, Any]


class About(int):
    """Milliseconds that equal others within four seconds, because positions advance while a test runs."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, int) and abs(int(self) - int(other)) < 4_000


def essence(snapshot: Snapshot) -> Snapshot:
    """The state that undo restores, without ranks, and with an approximate position."""
    player, item = snapshot["player"], snapshot["player"]["item"]
    return {
        "queue": [each["id"] for each in snapshot["queue"]],
        "queue_total": snapshot["queue_total"],
        "failed": [each["id"] for each in snapshot["failed"]],
        "item": item and item["id"],
        "position_ms": About(player["position_ms"]),
        **{name: player[name] for name in ("volume", "loop", "voice_channel_id")},
    }


def playing(stage: Stage) -> None:
    """A current track at 0:50, a played one, a failed one, and five queued ones, one of them queued twice."""
    Membership.objects.filter(user=stage.member).update(owner=True)
    stage.fail()
    stage.play()
    stage.do("Skip")
    stage.add()
    start(stage)
    hold(stage, 50_000)
    track = TrackFactory.create()
    for _ in range(2):
        stage.add(track=track)
    for _ in range(3):
        stage.add()


def hold(stage: Stage, position_ms: int) -> None:
    """Have the current track stand at that position, so that a slow machine makes no difference."""
    playback.observe(
        stage.id,
        owner=stage.owner,
        connected_channel_id=stage.player.voice_channel_id,
        sounding=False,
        position_ms=position_ms,
    )


def start(stage: Stage) -> None:
    if playback.start_next(stage.id, owner=stage.owner):
        stage.hear()


def skipping(stage: Stage) -> None:
    stage.do("Skip")
    start(stage)


def uris(count: int) -> list[str]:
    return [TrackFactory.create().uri for _ in range(count)]


def settings_of(stage: Stage) -> Any:
    return GuildSettings.objects.filter(guild=stage.guild).values().get()
