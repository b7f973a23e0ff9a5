"""/playlist, /favorite and the heart of the card, through a real bot."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from library.models import Favorite, Playlist, PlaylistEntry
from queue_app.models import ItemState, QueueItem
from realtime.db import in_thread
from tests.botrunner.conftest import owner_of
from tests.botrunner.stage import Stage
from tests.botrunner.test_card import card_that, press
from tests.botrunner.test_files import play_file
from tests.factories import TrackFactory
from tests.library.audio_server import AudioServer, Resource
from tests.waiting import eventually

pytestmark = pytest.mark.django_db(transaction=True)

EPHEMERAL = 64


@pytest.fixture
async def ready(stage: Stage) -> Stage:
    """A bot, nobody in voice, and three tracks of the library."""
    await stage.start_bot()
    await stage.sit("member", None)
    for number in range(1, 4):
        await in_thread(TrackFactory.create)(
            uri=f"library:{number:032}", title=f"Song {number}", resolved_at=timezone.now()
        )
    return stage


def text(message: dict[str, Any]) -> str:
    return str(message["content"])


def lines(message: dict[str, Any]) -> list[str]:
    (embed,) = message["embeds"]
    return str(embed["description"]).split("\n")


async def test_a_playlist_lives_from_its_creation_to_its_end(ready: Stage) -> None:
    made = await ready.slash("member", "playlist create", name="Friday *night*")
    assert text(made) == "Created the playlist **Friday \\*night\\***."
    assert made["flags"] & EPHEMERAL
    (name,) = await ready.suggestions("member", "playlist add", "name", "fri")
    assert name == "Friday *night* · 0 tracks"
    for query in ("song 1", "song 2"):
        added = await ready.slash("member", "playlist add", name="friday", query=query)
    assert text(added) == "Added **Song 2 – The Testers** to **Friday \\*night\\***."
    listed = await ready.slash("member", "playlist list")
    assert lines(listed) == ["Friday \\*night\\* · 2 tracks"]
    tracks = await ready.slash("member", "playlist list", name="friday")
    assert lines(tracks) == ["1. Song 1 – The Testers · 1:00", "2. Song 2 – The Testers · 1:00"]
    removed = await ready.slash("member", "playlist remove", name="friday", track="1")
    assert text(removed) == "Removed **Song 1** from **Friday \\*night\\***."
    renamed = await ready.slash("member", "playlist rename", name="friday", to="Saturday")
    assert text(renamed) == "Renamed **Friday \\*night\\*** to **Saturday**."
    shared = await ready.slash("member", "playlist share", name="saturday")
    assert text(shared) == "Choose either a person or a role."
    deleted = await ready.slash("member", "playlist delete", name="saturday")
    assert text(deleted) == "Deleted the playlist **Saturday**."
    gone = await ready.slash("member", "playlist play", name="saturday")
    assert gone["flags"] & EPHEMERAL
    assert "No playlist that you may use here matches “saturday”." in text(gone)


async def test_the_queue_is_saved_played_and_suggested(ready: Stage) -> None:
    for number in (1, 2, 3):
        await ready.slash("member", "play", query=f"library:{number:032}")
    saved = await ready.slash("member", "playlist save", name="Friday", shared=True)
    assert text(saved) == "Saved 3 tracks as the playlist **Friday**."
    assert not saved["flags"] & EPHEMERAL
    assert "Friday · 3 tracks" in await ready.suggestions("dj", "playlist rename", "name", "")
    suggested = await ready.suggestions("owner", "play", "query", "frid")
    playlist = await in_thread(Playlist.objects.get)()
    assert suggested == {"📜 Friday · 3 tracks": playlist.uri}
    before = await in_thread(QueueItem.objects.count)()
    played = await ready.slash("owner", "play", query=playlist.uri)
    assert played["embeds"][0]["title"] == "Added 3 tracks"
    again = await ready.slash("owner", "playlist play", name="Friday", shuffle=True)
    assert again["embeds"][0]["title"] == "Added 3 tracks"
    assert await in_thread(QueueItem.objects.count)() == before + 6
    private = await ready.slash("member", "playlist save", name="Mine")
    assert private["flags"] & EPHEMERAL
    assert "mine" not in str(await ready.suggestions("owner", "playlist play", "name", "")).casefold()


async def test_a_person_is_let_in(ready: Stage) -> None:
    await ready.slash("owner", "pause")  # the bot has seen the owner
    await ready.slash("member", "playlist create", name="Friday")
    owner = await owner_of(ready)
    shared = await ready.slash("member", "playlist share", name="Friday", member=owner.discord_id)
    assert text(shared) == f"<@{owner.discord_id}> can now change the tracks of **Friday**."
    added = await ready.slash("owner", "playlist add", name="Friday", query="song 3")
    assert text(added) == "Added **Song 3 – The Testers** to **Friday**."
    refused = await ready.slash("owner", "playlist delete", name="Friday")
    assert "No playlist that you may use here" in text(refused)
    entry = await in_thread(PlaylistEntry.objects.select_related("added_by").get)()
    assert entry.added_by == owner


async def test_favorites_are_toggled_for_the_one_who_asks(ready: Stage) -> None:
    await ready.sit("member", "Stage left")
    nothing = await ready.slash("member", "favorite")
    assert (text(nothing), nothing["flags"] & EPHEMERAL) == ("Nothing is playing.", EPHEMERAL)
    added = await ready.slash("member", "favorite", track="song 1")
    assert text(added) == "Added **Song 1 – The Testers** to your favorites. Play them with /playlist play."
    assert lines(await ready.slash("member", "playlist list", name="Favorites")) == [
        "1. Song 1 – The Testers · 1:00"
    ]
    removed = await ready.slash("member", "favorite", track="song 1")
    assert text(removed) == "Removed **Song 1 – The Testers** from your favorites."
    await ready.slash("member", "play", query="long a")
    card = await card_that(ready, "Long A")

    def private() -> int:
        messages = ready.sandbox.world.channel_messages(ready.channel("music"))
        return sum(each.only_user_id is not None for each in messages)

    for user in ("owner", "owner", "dj"):
        before = private()
        await press(ready, user, card, "favorite")
        async with asyncio.timeout(15):
            while private() == before:  # the answer may be deferred
                await asyncio.sleep(0.05)
    liked = await in_thread(
        lambda: [each.user.username for each in Favorite.objects.select_related("user")]
    )()
    assert liked == ["dj"]


# --- Playlists behind links and in files ---


def m3u(*rows: str) -> bytes:
    return "\n".join(["#EXTM3U", *rows]).encode()


async def queued_titles(stage: Stage) -> list[str]:
    items = [item for item in await stage.items() if item.state == ItemState.QUEUED]
    return [str(item.track.title) for item in sorted(items, key=lambda item: item.rank)]


async def test_a_link_to_a_playlist_is_replaced_by_its_tracks(
    ready: Stage, audio_server: AudioServer, library: Path
) -> None:
    audio_server.resources["/e.opus"] = Resource((library / "Short E.opus").read_bytes())
    rows = ("e.opus", "http://10.0.0.1/x.m3u", "list.m3u", "#EXTINF:60,The Testers - Song 2", "C:\\x.mp3")
    audio_server.resources["/list.m3u"] = Resource(m3u(*rows), headers={"Content-Type": "text/plain"})
    await ready.slash("owner", "play", query=audio_server.url("/list.m3u"))

    async def opened() -> bool:
        return await queued_titles(ready) == ["Short E", "Song 2"]

    await eventually(opened)
    me = next(each.id for each in ready.sandbox.world.users.values() if each.username == "owner")
    messages = ready.sandbox.world.channel_messages(ready.channel("music"))
    (notice,) = [embed for each in messages if each.only_user_id == me for embed in each.embeds]
    assert (notice["title"], notice["footer"]["text"]) == ("Added 2 tracks", "2 tracks were left out.")
    undone = await ready.slash("owner", "undo")
    assert "list.m3u" in text(undone)
    assert await queued_titles(ready) == []


async def test_a_station_behind_a_playlist_plays(
    stage: Stage, audio_server: AudioServer, library: Path
) -> None:
    await stage.start_bot()
    audio_server.resources["/live"] = Resource((library / "Long A.opus").read_bytes())
    pls = f"[playlist]\nNumberOfEntries=1\nFile1={audio_server.url('/live')}\n".encode()
    audio_server.resources["/listen"] = Resource(pls, headers={"Content-Type": "audio/x-scpls"})
    await stage.slash("member", "play", query=audio_server.url("/listen"))
    await stage.hear(440)


async def test_a_playlist_file_is_added_and_what_is_missing_is_told(ready: Stage) -> None:
    file = ("friday.m3u", m3u("#EXTINF:60,The Testers - Song 1", "D:\\a.mp3", "gone.mp3"), "audio/x-mpegurl")
    answer = await play_file(ready, file)
    assert "Song 1" in str(answer["embeds"][0])
    assert "1 track of “friday.m3u” is not in the library." in str(answer["embeds"][0]["fields"])
    refused = await play_file(ready, ("empty.pls", b"[playlist]", "audio/x-scpls"))
    assert text(refused) == "There are no tracks in this playlist."
