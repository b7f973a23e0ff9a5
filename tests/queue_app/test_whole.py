"""Albums, artists, folders, playlists and favorites are added as a whole, and the queue is saved as a playlist."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from pytest_django import Settings

from accounts.errors import InvalidInput
from accounts.models import User
from library.domain.favorites import add_favorite
from library.domain.playlist_entries import add_tracks
from library.domain.playlists import create_playlist, delete_playlist
from library.errors import NothingFound, PlaylistFull, PlaylistNotFound
from library.models import Album, Artist, Playlist, Track
from library.playlist_queries import entries_of
from library.words import search_key
from queue_app.errors import NothingQueued, NothingToUndo
from realtime.models import Via
from realtime.origin import Origin
from tests.factories import TrackFactory
from tests.queue_app.stage import Stage

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


def origin(user: User) -> Origin:
    return Origin(user=user, via=Via.REST)


def titles(stage: Stage) -> list[str]:
    return [item["track"]["title"] for item in stage.snapshot()["queue"]]


def add_whole(stage: Stage, uri: str, **args: Any) -> Any:
    args["from"] = uri
    return stage.do("AddTracks", **args)


def track(title: str, **fields: Any) -> Track:
    return TrackFactory.create(title=title, title_key=search_key(title), **fields)


def playlist_of(user: User, *tracks: Track, guild_id: str | None = None) -> Playlist:
    playlist = create_playlist("Friday", origin=origin(user), guild_id=guild_id)
    add_tracks(playlist.pk, [each.uri for each in tracks], origin=origin(user))
    return playlist


def test_everything_that_has_tracks_is_added_whole_and_undone_at_once(stage: Stage) -> None:
    artist = Artist.objects.create(
        uid="a" * 16, source="library", name="Ines", sort_key="ines", title_key="ines"
    )
    album = Album.objects.create(
        uid="b" * 16, source="library", title="Blue", sort_key="blue", title_key="blue", artist=artist
    )
    second = track("Second", in_album=album, by_artist=artist, number=2, folder="Ines/Blue")
    first = track("First", in_album=album, by_artist=artist, number=1, folder="Ines/Blue")
    single = track("Single", by_artist=artist, folder="Ines")
    playlist = playlist_of(stage.member, single, second)
    for liked in (first, second):
        add_favorite(stage.member, liked.uri)
    for uri, expected in {
        f"album:{album.uid}": ["First", "Second"],
        f"artist:{artist.uid}": ["First", "Second", "Single"],
        "folder:Ines/Blue": ["First", "Second"],
        playlist.uri: ["Single", "Second"],
        "favorites:": ["Second", "First"],
    }.items():
        before = len(stage.names)
        added = add_whole(stage, uri)
        assert (added["added"], added["left_out"]) == (len(expected), [])
        assert stage.names[before] == "TracksAdded"
        assert titles(stage) == expected
        assert stage.do("Undo")["undone"] == len(expected)
        assert titles(stage) == []
    add_whole(stage, playlist.uri, shuffle=True, position="next")
    assert sorted(titles(stage)) == ["Second", "Single"]


def test_a_track_that_moved_is_found_by_its_words_and_what_is_gone_is_listed(stage: Stage) -> None:
    moved, gone, kept = (track(title, album="Blue") for title in ("Moved", "Gone", "Kept"))
    playlist = playlist_of(stage.member, moved, gone, kept)
    Track.objects.filter(pk__in=[moved.pk, gone.pk]).update(available=False)
    track("MOVED!", artist="the testers", album="Green")
    track("Moved", artist="Somebody Else")
    added = add_whole(stage, playlist.uri)
    assert added["left_out"] == [{"uri": gone.uri, "reason": "NOTHING_FOUND"}]
    assert titles(stage) == ["MOVED!", "Kept"]


def test_only_what_one_may_read_can_be_added(stage: Stage) -> None:
    owner = stage.join()
    private = playlist_of(owner, track("A"))
    ours = playlist_of(owner, track("B"), guild_id=stage.id)
    for uri in (private.uri, f"playlist:{uuid.uuid4()}", "playlist:x"):
        with pytest.raises(PlaylistNotFound):
            add_whole(stage, uri)
    for uri in ("album:none", "artist:none", "folder:None", "favorites:"):
        with pytest.raises(NothingFound):
            add_whole(stage, uri)
    add_whole(stage, ours.uri)
    add_whole(stage, private.uri, by=owner)
    assert titles(stage) == ["B", "A"]
    delete_playlist(ours.pk, origin=origin(owner))
    with pytest.raises(PlaylistNotFound):
        add_whole(stage, ours.uri)


@pytest.mark.parametrize(
    "args",
    [
        {},
        {"uris": ["https://a.example/a.mp3"], "from": "favorites:"},
        {"from": "library:a"},
        {"from": "https://a.example/a.m3u"},
        {"from": "album:"},
        {"from": "playlist:" + "x" * 1000},
        {"from": 5},
        {"from": "folder:a\0"},
    ],
)
def test_what_names_nothing_whole_is_bad_input(args: dict[str, Any], stage: Stage) -> None:
    with pytest.raises(InvalidInput):
        stage.do("AddTracks", **args)


def test_limits_apply_to_the_whole(stage: Stage, settings: Settings) -> None:
    playlist = playlist_of(stage.member, *(track(title) for title in "ABC"))
    stage.decide(max_per_person=2)
    added = add_whole(stage, playlist.uri)
    assert [each["reason"] for each in added["left_out"]] == ["QUEUE_CAP_REACHED"]
    assert titles(stage) == ["A", "B"]


# --- Saving the queue ---


def test_the_queue_is_saved_and_undoing_that_deletes_the_playlist(stage: Stage) -> None:
    stage.play()
    stage.add(track=track("B"))
    stage.do("AddTrack", query="no such song")
    saved = stage.do("SaveQueue", name=" Friday\n", shared=False)
    playlist = Playlist.objects.get(pk=saved["playlist"]["id"])
    assert (saved["saved"], playlist.name, playlist.owner, playlist.length) == (2, "Friday", stage.member, 2)
    assert entries_of(playlist)[1].title == "B"
    event = stage.events()[-1]
    assert (event["name"], event["args"]) == ("QueueSaved", {"count": 2})  # not its name
    assert stage.do("Undo")["undone"] == 1
    assert Playlist.objects.get().deleted_at is not None
    assert stage.events()[-1]["args"] == {"count": 2, "deleted": True}
    stage.do("Redo")
    assert Playlist.objects.get().deleted_at is None


def test_a_shared_one_is_the_guilds(stage: Stage) -> None:
    stage.add()
    saved = stage.do("SaveQueue", name="Ours", shared=True)
    playlist = Playlist.objects.get()
    assert (playlist.guild_id, playlist.owner, playlist.created_by) == (stage.id, None, stage.member)
    created = stage.events()[-1]
    assert (created["name"], created["args"]["playlist"]) == ("PlaylistCreated", saved["playlist"])
    assert saved["playlist"]["length"] == 1
    stage.do("Undo", by=stage.dj(), seq=created["seqNum"])
    assert stage.names[-2:] == ["PlaylistDeleted", "QueueSaved"]


def test_nobody_else_can_undo_a_private_one(stage: Stage) -> None:
    stage.add()
    stage.do("SaveQueue", name="Mine")
    with pytest.raises(NothingToUndo):
        stage.do("Undo", by=stage.dj(), seq=stage.events()[-1]["seqNum"])
    assert Playlist.objects.get().deleted_at is None


def test_refusals_leave_nothing_behind(stage: Stage, settings: Settings) -> None:
    with pytest.raises(NothingQueued):
        stage.do("SaveQueue", name="Empty")
    for _ in range(2):
        stage.add()
    settings.PLAYLIST_MAX_TRACKS = 1
    with pytest.raises(PlaylistFull):
        stage.do("SaveQueue", name="Long")
    assert not Playlist.objects.exists()


def test_a_repetition_saves_once(stage: Stage) -> None:
    stage.add()
    first, again = (stage.do("SaveQueue", name="Friday", key="save-1") for _ in range(2))
    assert first == again
    assert Playlist.objects.count() == 1
