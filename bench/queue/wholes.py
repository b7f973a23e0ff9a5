"""How long it takes to add 1,000 tracks as a whole: an album, artist, folder, playlist, favorites, a link to an M3U."""

from __future__ import annotations

import asyncio
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_network
from typing import Any

from bench.load.asgi import Spent
from bench.load.processes import verdict
from bench.load.requests import program
from bench.queue.inside import GUILD, Inside

TRACKS, WAITING, TIMES, MOST_S = 1_000, 10_000, 3, 2.0
FOLDER = "Bench/Long album"


def _fill_library() -> dict[str, str]:
    """Write an album, a playlist and favorites of TRACKS tracks. Returns the URI of each whole, by its name."""
    from django.utils import timezone

    from accounts.models import User
    from library.domain.playlist_entries import add_tracks, words_of
    from library.domain.playlists import create_playlist
    from library.models import Album, Artist, Favorite, Track
    from realtime.models import Via
    from realtime.origin import Origin

    user = User.objects.get(username="bench")
    artist = Artist.objects.create(uid="a" * 16, source="library", name="A", sort_key="a", title_key="a")
    album = Album.objects.create(
        uid="b" * 16, source="library", title="B", sort_key="b", title_key="b", artist=artist, folder=FOLDER
    )
    tracks = [
        Track(
            uri=f"library:{number:016}",
            source="library",
            title=f"Whole {number}",
            title_key=f"whole {number}",
            artist="A",
            album="B",
            duration_ms=60_000,
            number=number,
            in_album=album,
            by_artist=artist,
            folder=FOLDER,
            path=f"{FOLDER}/{number}.mp3",
            resolved_at=timezone.now(),
        )
        for number in range(TRACKS)
    ]
    Track.objects.bulk_create(tracks)
    origin = Origin(user=user, via=Via.REST)
    playlist = create_playlist("Long", origin=origin)
    add_tracks(playlist.pk, [track.uri for track in tracks], origin=origin)
    Favorite.objects.bulk_create(Favorite(user=user, **words_of(track)) for track in tracks)
    return {
        "an album": f"album:{album.uid}",
        "an artist": f"artist:{artist.uid}",
        "a folder": f"folder:{FOLDER}",
        "a playlist": playlist.uri,
        "favorites": "favorites:",
    }


@contextmanager
def _serving(text: bytes) -> Iterator[str]:
    """Serve a playlist on this machine. Yields its link."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "audio/x-mpegurl")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/list.m3u"
        server.shutdown()


async def _open_link(inside: Inside, link: str) -> dict[str, Any]:
    """Add a link, and do what the bot does when it reads the link. Returns how many tracks were added."""
    from library.sources.remote_lists import read_remote_list
    from queue_app.domain.open_list import open_list
    from queue_app.models import QueueItem
    from realtime.db import in_thread

    item = await inside.ask("POST", "/queue", {"query": link})
    found = await asyncio.to_thread(read_remote_list, link, allow_private=[ip_network("127.0.0.0/8")])
    known = await in_thread(QueueItem.objects.get)(pk=item["id"])
    opened = await in_thread(open_list)(GUILD, owner=inside.owner, item_id=known.pk, lines=found.lines)
    assert opened is not None
    return {"added": opened[0]}


async def _measure(inside: Inside, name: str, add: Any) -> None:
    added, undone = Spent(), Spent()
    walls = []

    async def timed() -> Any:
        begun = time.perf_counter()
        result = await add()
        walls.append(time.perf_counter() - begun)
        return result

    for _ in range(TIMES):
        result = await inside.meter.measure(added, timed)
        assert result["added"] == TRACKS, result
        answer = await inside.meter.measure(undone, lambda: inside.command("Undo"))
        assert answer["undone"] == TRACKS, answer
    wall, cpu = statistics.median(walls), added.median_ms / 1000
    figure = f"{name}: {cpu:.2f} s of CPU ({wall:.2f} s), its undo {undone.median_ms / 1000:.2f} s"
    verdict(figure, f"at most {MOST_S:.0f} s", cpu <= MOST_S)


def measure_wholes() -> None:
    with program() as token:
        _measure_all(Inside(token))


def _measure_all(inside: Inside) -> None:
    print(f"\nAdding {TRACKS:,} tracks as a whole, {WAITING:,} waiting")
    inside.prepare(WAITING, playing=True, fair=False, people=2)
    for name, uri in _fill_library().items():
        add = partial(inside.command, "AddTracks", **{"from": uri})
        asyncio.run(_measure(inside, name, add))
    rows = "".join(f"#EXTINF:60,A - Whole {number}\n{FOLDER}/{number}.mp3\n" for number in range(TRACKS))
    links = "".join(f"https://radio.example/{number}.mp3\n" for number in range(TRACKS))
    for name, text in {"a link to an M3U of links": links, "a link to an M3U of words": rows}.items():
        with _serving(f"#EXTM3U\n{text}".replace(FOLDER, "C:\\" + FOLDER).encode()) as link:
            asyncio.run(_measure(inside, name, partial(_open_link, inside, link)))
