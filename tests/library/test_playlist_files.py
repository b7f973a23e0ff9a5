"""Playlists are imported from files and exported to them: round trips, and files that other programs wrote badly."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from library.domain import match
from library.domain.favorites import add_favorite
from library.domain.find import stand_in
from library.domain.match import Words
from library.domain.playlist_entries import add_tracks
from library.domain.playlists import create_playlist
from library.models import Playlist, PlaylistEntry, Track
from library.playlist_queries import entries_of
from library.sources.playlists import BadPlaylist, looks_like_list, read_file
from library.words import search_key
from realtime.models import Via
from realtime.origin import Origin
from tests.factories import MembershipFactory, TrackFactory, UserFactory

pytestmark = pytest.mark.django_db

LINK = "https://radio.example/live.mp3?a=1&b=<2>"


@pytest.fixture
def user() -> User:
    return UserFactory.create()


@pytest.fixture
def client(api: Callable[[User], Client], user: User) -> Client:
    return api(user)


def upload(client: Client, text: str | bytes, *, status: int = 201, **query: str) -> Any:
    data = text.encode() if isinstance(text, str) else text
    url = "/api/playlists/import"
    response = client.post(url, data, content_type="application/octet-stream", query_params=query)
    assert response.status_code == status, response.content
    return response.json()


def track(title: str, path: str = "", **fields: Any) -> Track:
    folder = path.rpartition("/")[0]
    return TrackFactory.create(title=title, title_key=search_key(title), path=path, folder=folder, **fields)


def titles(answer: Any) -> list[str | None]:
    playlist = Playlist.objects.get(pk=answer["playlist"]["id"])
    return [entry.title for entry in entries_of(playlist)]


# --- Round trips ---


@pytest.mark.parametrize("kind", ["m3u8", "xspf", "json"])
def test_what_is_exported_can_be_imported_again(kind: str, client: Client, user: User) -> None:
    odd = track('Für "Elise" & <Ж> 日本', "Ludwig/Für Elise.flac", artist="L. - v. B.", album="A & B")
    gone = track("Gone")
    origin = Origin(user=user, via=Via.REST)
    playlist = create_playlist("Frei & <wild>", origin=origin)
    add_tracks(playlist.pk, [odd.uri, gone.uri, LINK, odd.uri], origin=origin)
    before = list(entries_of(playlist).values_list("uri", "title", "artist", "album"))
    gone.delete()
    file = client.get(f"/api/playlists/{playlist.pk}/export", {"type": kind})
    assert f".{kind}" in file.headers["Content-Disposition"]
    answer = upload(client, file.content)
    assert (answer["playlist"]["name"], answer["imported"], answer["kept"]) == ("Frei & <wild>", 3, 1)
    (lost,) = answer["unmatched"]
    assert (lost["number"], lost["title"], lost["reason"]) == (2, "Gone", "NOT_IN_LIBRARY")
    again = Playlist.objects.get(pk=answer["playlist"]["id"])
    assert list(entries_of(again).values_list("uri", "title", "artist", "album")) == before


def test_favorites_are_exported(client: Client, user: User) -> None:
    add_favorite(user, track("Blue Train").uri)
    assert b"The Testers - Blue Train" in client.get("/api/favorites/export").content
    assert client.get("/api/favorites/export", {"type": "doc"}).status_code == 400


# --- Other programs' files ---


def test_paths_of_any_system_are_found_in_the_library(client: Client) -> None:
    track("One", "Ines/Blue/01 One.mp3")
    track("Two", "Ines/Blue/02 Zwei.mp3")
    track("Elise", "Ludwig/Für Elise.flac")
    track("Root", "root.ogg")
    answer = upload(
        client,
        "\r\n".join(
            [
                "#EXTM3U",
                r"C:\Users\me\Music\Ines\Blue\01 One.mp3",
                r"\\nas\music\INES\blue\02 zwei.MP3",
                "file:///home/me/Musik/Ludwig/F%C3%BCr%20Elise.flac",
                "../../etc/03 Missing.mp3",
                "./root.ogg",
                "",
            ]
        ),
        file_name="old.m3u",
    )
    assert titles(answer) == ["One", "Two", "Elise", "../../etc/03 Missing.mp3", "Root"]
    assert [each["reason"] for each in answer["unmatched"]] == ["NOT_IN_LIBRARY"]
    assert answer["playlist"]["name"] == "old"


def test_words_find_what_paths_do_not(client: Client) -> None:
    track("Blue Train", artist="John Coltrane", album="Blue Train")
    track("Twins", artist="A")
    track("Twins", artist="B")
    pls = "[playlist]\nFile2=/x/y.mp3\nTitle2=Twins\nFile1=D:/a.mp3\nTitle1=JOHN COLTRANE - Blue train\nLength1=640\n"
    answer = upload(client, pls)
    assert (answer["imported"], answer["kept"]) == (1, 1)
    assert titles(answer) == ["Blue Train", "Twins"]
    by_name = upload(client, "03 - John Coltrane - Blue Train.mp3\n", file_name="x.m3u")
    assert titles(by_name) == ["Blue Train"]


def test_many_tracks_of_one_title_are_not_compared_with_each_line(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    tracks = [track("Intro", artist=f"Artist {number}") for number in range(60)]
    many = [track("Intro", artist="Ines", album=f"Album {number}") for number in range(60)]
    folded: list[str] = []
    ranked: list[Track] = []
    is_as_long = match._is_as_long

    def fold(text: str) -> str:
        folded.append(text)
        return search_key(text)

    def compare(words: Words, track: Track) -> bool:
        ranked.append(track)
        return is_as_long(words, track)

    monkeypatch.setattr(match, "search_key", fold)
    monkeypatch.setattr(match, "_is_as_long", compare)
    lines = {
        Words("INTRO", "artist 59"): tracks[59],
        Words("intro", "Inés", "album 57"): many[57],
        Words("Intro", "Ines", "Another"): many[0],
        Words("Intro", album="Album 57"): many[57],
        Words("Intro"): None,
        Words("Intro", "Nobody"): None,
    }
    assert match.match_words([*lines] * 100) == [*lines.values()] * 100
    assert len(folded) == len(set(folded))
    assert len(ranked) == 100 * (1 + 1 + 50 + 1 + 50)


def test_addresses_that_cannot_be_played_are_listed_and_not_kept(client: Client) -> None:
    bad = [
        "ftp://a.example/a.mp3",
        "javascript:alert(1)",
        "http://u:p@a.example/a.mp3",
        "rtsp://a.example/",
        "http://",
    ]
    answer = upload(client, "\n".join(["#EXTM3U", *bad, "http://a.example/a.mp3"]))
    assert [each["reason"] for each in answer["unmatched"]] == ["BAD_LINK"] * 5
    assert [entry.uri for entry in PlaylistEntry.objects.all()] == ["http://a.example/a.mp3"]


@pytest.mark.parametrize("address", ["file://[x/a.mp3", "file://[::1/a.mp3", "http://[x/a.mp3"])
@pytest.mark.parametrize("form", ["#EXTM3U\n%s\n#", "[playlist]\nFile1=%s\nNumberOfEntries=1\n"])
def test_a_malformed_address_is_listed(form: str, address: str, client: Client) -> None:
    answer = upload(client, form % address)
    assert len(answer["unmatched"]) == 1


def test_an_address_stays_on_one_line(client: Client) -> None:
    track = {"uri": "x\n#EXTVLCOPT:a\x00\nhttp://evil.example/", "title": "Lost"}
    made = upload(client, json.dumps({"name": "Mine", "tracks": [track]}))["playlist"]["id"]
    for kind in ("m3u8", "xspf", "json"):
        exported = client.get(f"/api/playlists/{made}/export", {"type": kind}).content.decode()
        assert "\x00" not in exported
        assert "\nhttp" not in exported
        assert "\n#EXTVLC" not in exported


def test_what_is_lost_is_no_track_of_a_failed_search(client: Client) -> None:
    stand_in("gone.mp3")
    answer = upload(client, "#EXTM3U\n#BACKLINE-URI:none:gone.mp3\ngone.mp3\n")
    assert (answer["imported"], answer["kept"]) == (0, 1)
    assert [entry.uri for entry in PlaylistEntry.objects.all()] == ["lost:gone.mp3"]


@pytest.mark.parametrize(
    ("data", "found"),
    [
        ("#EXTINF:1,Motörhead\na.mp3".encode("latin-1"), "Motörhead"),
        ("#EXTINF:1,Аквариум\na.mp3".encode("cp1251"), "Аквариум"),
        ("\ufeff#EXTM3U\n#EXTINF:1,日本\na.mp3".encode("utf-16"), "日本"),
        (b"\xef\xbb\xbf#EXTM3U\n#EXTINF:1,x\0y\na.mp3", None),
        ("#EXTM3U\n#EXTINF:1,Für Elise\na.mp3\n".encode() + b"\xff\xfe broken", "Für Elise"),
        (b"#EXTM3U\r#EXTINF:1,Mac\ra.mp3\r", "Mac"),
        ("\ufeff#EXTM3U\n#EXTINF:1,N\0ul\na.mp3".encode("utf-16"), "Nul"),
    ],
)
def test_any_encoding_is_read(data: bytes, found: str | None) -> None:
    if found is None:
        with pytest.raises(BadPlaylist, match="NOT_A_PLAYLIST"):
            read_file(data)
    else:
        assert read_file(data).lines[0].title == found


def test_ten_thousand_lines_with_junk_are_read_and_the_rest_is_counted(client: Client) -> None:
    known = track("Known", "a/known.mp3")
    rows = ["#EXTM3U"]
    for number in range(10_050):
        rows += [
            f"#EXTINF:junk,{number}",
            "# a remark",
            "   ",
            "a/known.mp3" if number % 2 else f"http://x.example/{number}",
        ]
    data = "\n".join(rows)
    answer = upload(client, data)
    assert (answer["imported"], answer["surplus"], answer["unmatched"]) == (10_000, 50, [])
    assert answer["playlist"]["length"] == 10_000
    assert PlaylistEntry.objects.filter(uri=known.uri).count() == 5_000


BOMB = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><playlist><title>&b;</title></playlist>'


@pytest.mark.parametrize(
    ("data", "detail"),
    [
        ("", "There are no tracks in this playlist."),
        ("#EXTM3U\n# nothing\n", "There are no tracks in this playlist."),
        ("[playlist]\nFile1=\nTitle1=x", "There are no tracks in this playlist."),
        (b"\x89PNG\0\0\0", "This is not a playlist. M3U, PLS, XSPF and Backline's JSON can be read."),
        ("just words", "This is not a playlist. M3U, PLS, XSPF and Backline's JSON can be read."),
        ('{"tracks": 5}', "This is not a playlist. M3U, PLS, XSPF and Backline's JSON can be read."),
        ('{"tracks": [', "The playlist is damaged."),
        ("<playlist><trackList><track></trackList>", "The playlist is damaged."),
        (BOMB, "The playlist is damaged."),
        ("<playlist>" + "<a>" * 5_000, "The playlist is damaged."),
        (
            "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\na.ts",
            "This is an HLS stream, which cannot be played.",
        ),
    ],
)
def test_what_is_no_playlist_is_told(data: str | bytes, detail: str, client: Client) -> None:
    answer = upload(client, data, status=400)
    assert (answer["code"], answer["detail"]) == ("PLAYLIST_UNREADABLE", detail)
    assert not Playlist.objects.exists()


def test_a_file_that_is_too_large_is_refused_before_it_is_read(client: Client) -> None:
    assert upload(client, b"#EXTM3U\n" + b"a" * 2_700_000, status=413)["code"] == "TOO_LARGE"


def test_a_repetition_imports_once_and_a_guild_has_its_own(client: Client, user: User) -> None:
    guild = MembershipFactory.create(user=user).guild
    known = track("Known", "a/known.mp3")
    headers = {"Idempotency-Key": "import-1"}
    url = f"/api/playlists/import?guild_id={guild.pk}&name=Ours"
    body = {"tracks": [{"uri": known.uri}, 5, {"uri": 7, "title": ["x"]}]}
    first, again = (
        client.post(url, json.dumps(body), content_type="application/json", headers=headers) for _ in range(2)
    )
    assert (first.status_code, first.json()["playlist"]) == (201, again.json()["playlist"])
    playlist = Playlist.objects.get()
    assert (playlist.guild_id, playlist.length, playlist.entries.count()) == (guild.pk, 2, 2)


@pytest.mark.parametrize(
    ("beginning", "name", "expected"),
    [
        (b"#EXTM3U\n", "", True),
        (b"  [Playlist]\n", "listen", True),
        (b'<?xml version="1.0"?>\n<playlist version="1"', "", True),
        (b"http://a.example/a.mp3\n", "listen.m3u", True),
        (b"http://a.example/a.mp3\n", "listen.txt", False),
        (b"OggS\0\x02", "fake.m3u", False),
        (b"ID3\x04\0", "", False),
    ],
)
def test_a_playlist_is_known_by_its_content(beginning: bytes, name: str, expected: bool) -> None:
    assert looks_like_list(beginning, name) is expected
