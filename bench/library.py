"""The search in 100,000 tracks, and a scan of real files: `python -m bench.library [sqlite] [postgres] [--files 2000]`.

The library has names in eight scripts (bench/load/names.py). The search is measured by the CPU time of this process and
of PostgreSQL's processes, from the words until the objects are there, for tracks, albums and artists together.
References: p95 at most 10 ms on SQLite and 20 ms on PostgreSQL, and an exact title before every inexact match. A fixed
piece of work is measured beside each search, and the time is divided by what that took (see `bench.load.asgi.Meter`).

The scan reads files with short tones of different pitch. It is killed in the middle and started again, then all
folders are renamed and every second file gets new tags. Reference: all tracks, the queue and a playlist keep their
URIs.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from bench.load.asgi import measure_pace
from bench.load.databases import Cpu, each_database
from bench.load.names import Song, make_songs
from bench.load.processes import ROOT, verdict

TRACKS = 100_000
BATCH = 1000
MOST_MS = {"sqlite": 10.0, "postgresql": 20.0}


def plant(cpu: Cpu, songs: Sequence[Song]) -> None:
    """Write the catalog as a scan does, without files."""
    from django.db import connection, transaction
    from django.utils import timezone

    from library.domain.catalog import Touched, place_tracks, settle
    from library.domain.tracks import set_words
    from library.models import Album, Artist, SearchVariant, SearchWord, Track
    from library.sources.types import NO_DETAILS
    from library.spelling import note_words_of

    now, begun, touched = timezone.now(), cpu.seconds(), Touched()
    for start in range(0, len(songs), BATCH):
        tracks = []
        for number, song in enumerate(songs[start : start + BATCH], start):
            track = Track(
                uri=f"library:{number:032}", source="library", resolved_at=now, duration_ms=200_000,
                title=song.title, artist=song.artist, album=song.album, album_artist=song.artist,
                folder=f"{song.artist}/{song.album}", path=f"{song.artist}/{song.album}/{number}.flac",
            )  # fmt: skip
            set_words(track)
            tracks.append(track)
        with transaction.atomic():
            place_tracks([(track, NO_DETAILS) for track in tracks], touched)
            Track.objects.bulk_create(tracks)
            note_words_of(tracks)
    settle(touched)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    counts = [model.objects.count() for model in (Track, Album, Artist, SearchWord, SearchVariant)]
    print("{:,} tracks, {:,} albums, {:,} artists, {:,} words, {:,} variants".format(*counts), end=", ")
    print(f"written in {cpu.seconds() - begun:.0f} s of CPU")


def make_queries(songs: Sequence[Song]) -> dict[str, list[tuple[str, Song | None]]]:
    """Return queries of each kind, each with the song that it means."""
    import unicodedata

    dice = random.Random(3)

    def plain(text: str) -> str:
        return "".join(
            char for char in unicodedata.normalize("NFKD", text) if not unicodedata.combining(char)
        )

    def wrong(song: Song) -> str:
        word = max(song.title.split(), key=len)
        at, change = dice.randrange(1, len(word) - 1), dice.randrange(3)
        tail = (word[at + 1 :], "x" + word[at:], word[at + 1] + word[at] + word[at + 2 :])[change]
        return song.title.replace(word, word[:at] + tail, 1)

    def of(count: int, fits: Callable[[Song], bool] = lambda song: True) -> list[Song]:
        return dice.sample([song for song in songs if fits(song)], count)

    def is_long(song: Song) -> bool:
        word = max(song.title.split(), key=len)
        return len(word) >= 6 and word.isascii() and word.isalpha()

    def is_cjk(song: Song) -> bool:
        return len(song.title) >= 4 and all("\u3040" <= char <= "\u9fff" for char in song.title)

    styles: list[Callable[[str], str]] = [str, str.lower, str.upper, plain]
    exact: list[tuple[str, Song | None]] = [
        (styles[at % 4](song.title), song) for at, song in enumerate(of(60))
    ]
    typing = [song.title[: dice.randint(1, max(1, len(song.title) - 1))] for song in of(70)]
    return {
        "exact title": exact,
        "while typing": [(text, None) for text in typing],
        "artist and title": [(f"{song.artist} {song.title}", song) for song in of(35)],
        "one typo": [(wrong(song), song) for song in of(45, is_long)],
        "part of CJK": [(song.title[1:4], song) for song in of(40, is_cjk)],
        "album": [(song.album, None) for song in of(20)],
        "common word": [
            (word, None)
            for word in ["the", "l", "o", "s", "love", "night", "my", "d夜"] + ["夜", "the", "a", "m"] * 3
        ],
        "no match": [(f"zzqx{number} nowhere", None) for number in range(10)],
    }


def measure_search(cpu: Cpu, songs: Sequence[Song]) -> None:
    from django.db import connection

    from library.search import search_catalog
    from library.words import search_key

    queries, spent, held = make_queries(songs), list[float](), dict[str, tuple[int, int]]()
    paces: list[float] = []
    for kind, asked in queries.items():
        good = 0
        for text, song in asked:
            search_catalog(text)
            pace, begun = measure_pace(), cpu.precise_ms()
            found = search_catalog(text)
            taken = cpu.precise_ms() - begun
            paces.append(statistics.median(pace + measure_pace()))
            spent.append(taken / paces[-1])
            titles = [track.title_key for track in found.tracks]
            if kind == "exact title" and song is not None:
                good += titles[:1] == [search_key(song.title)]
            elif song is not None:
                # What was typed may also be other titles, or their beginning. Then it is no mistake.
                others = len(titles) == 20 or any(title.startswith(search_key(text)) for title in titles)
                hit = search_key(song.title) in titles or others
                good += hit
                if not hit:
                    print(f"  {kind}: {text!r} found {titles[:3]} instead of {song.title!r}")
        held[kind] = (good, len(asked))
    ordered, most = sorted(spent), MOST_MS[connection.vendor]
    p95 = ordered[int(len(ordered) * 0.95)]
    spread = f"p50 {statistics.median(spent):.1f}, p95 {p95:.1f}, max {ordered[-1]:.1f} ms of CPU"
    print(f"this machine takes {statistics.median(paces):.1f} times as long as the one of the references")
    verdict(f"{len(spent)} searches: {spread}", f"p95 at most {most:.0f}", p95 <= most)
    for kind in ("exact title", "artist and title", "one typo", "part of CJK"):
        good, count = held[kind]
        where = "first" if kind == "exact title" else "found"
        verdict(f"  {kind}: {good} of {count} {where}", "all", good == count)


def measure_browse(cpu: Cpu) -> None:
    """Measure one page of each list, and the page in the middle of the largest."""
    from library import browse
    from library.models import Track

    middle = Track.objects.order_by("title_key", "pk")[Track.objects.count() // 2]
    after = browse.write_cursor([middle.title_key, middle.pk])
    pages: dict[str, Callable[[], object]] = {
        "artists": lambda: browse.read_artists(after=None, limit=50),
        "albums": lambda: browse.read_albums(after=None, limit=50),
        "tracks": lambda: browse.read_tracks(after=None, limit=50),
        "tracks, in the middle": lambda: browse.read_tracks(after=after, limit=50),
        "folders": lambda: browse.read_folders(after=None, limit=50),
        "recent": lambda: browse.read_recent(after=None, limit=50),
    }
    for name, page in pages.items():
        page()
        begun = cpu.precise_ms()
        for _ in range(5):
            page()
        print(f"  page of {name}: {(cpu.precise_ms() - begun) / 5:.1f} ms of CPU")


def measure_changes(cpu: Cpu, songs: Sequence[Song]) -> None:
    from django.db import transaction

    from library.domain.tracks import set_words
    from library.models import Track

    def new(number: int) -> Track:
        song = songs[number % len(songs)]
        track = Track(uri=f"library:new-{number}", source="library", title=song.title, artist=song.artist)
        set_words(track)
        return track

    def timed(act: Callable[[Track], object], tracks: Sequence[Track]) -> float:
        begun = cpu.precise_ms()
        for track in tracks:
            with transaction.atomic():
                act(track)
        return (cpu.precise_ms() - begun) / len(tracks)

    tracks = [new(number) for number in range(100)]
    print(f"  insert of one track: {timed(lambda track: track.save(), tracks):.2f} ms of CPU", end=", ")
    print(
        f"of another column: {timed(lambda track: track.save(update_fields=['duration_ms']), tracks):.2f}",
        end=", ",
    )
    print(f"of its words: {timed(lambda track: track.save(update_fields=['title_words']), tracks):.2f}")
    many = [new(number) for number in range(1000, 3000)]
    begun = cpu.precise_ms()
    Track.objects.bulk_create(many)
    print(f"  insert in a batch of {len(many)}: {(cpu.precise_ms() - begun) / len(many):.2f} ms of CPU each")


# --- Real files ---


def make_files(
    root: Path, count: int, *, tagged: str = "", only: Callable[[int], bool] = lambda at: True
) -> None:
    """Write tones of a tenth of a second, each of another pitch, ten to a folder."""
    from tests.library.audio_files import tone, write

    for number in range(count):
        if not only(number):
            continue
        album = number // 10
        path = (
            root
            / f"Artist {album // 10:04}"
            / f"{tagged}Album {album:05}"
            / f"{number % 10 + 1:02} {number}.flac"
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        tags = {
            "title": f"{tagged}Song {number}",
            "artist": f"Artist {album // 10}",
            "track": str(number % 10 + 1),
        }
        tags |= {"album": f"{tagged}Album {album}", "album_artist": f"Artist {album // 10}"}
        write(path, tone(0.1, hz=100 + number * 0.3, rate=8000), rate=8000, channels=1, tags=tags)


def scan(root: Path, *, kill_at: int | None = None) -> tuple[float, float]:
    """Scan in a process of its own, and return its seconds of CPU and of the clock. It is killed at so many tracks."""
    from library.models import Track

    begun, before = time.monotonic(), os.times()
    command = [sys.executable, "manage.py", "scan_library"]
    environment = os.environ | {"MEDIA_LIBRARY": str(root), "LOG_LEVEL": "WARNING"}
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
    while kill_at is not None and process.poll() is None:
        if Track.objects.exclude(path="").filter(source="library").count() >= kill_at:
            process.send_signal(signal.SIGKILL)
            break
        time.sleep(0.02)
    process.wait()
    after = os.times()
    spent = after.children_user + after.children_system - before.children_user - before.children_system
    return spent, time.monotonic() - begun


def queue_up(uris: Sequence[str]) -> Callable[[], list[list[str]]]:
    """Put tracks into a guild's queue and a playlist. Returns what reads the URIs of both that can be played."""
    from accounts.models import User
    from guilds.domain.installation import ensure_guild
    from guilds.models import Guild, Membership
    from library.domain.whole import tracks_of
    from library.models import Playlist
    from queue_app.commands import execute
    from queue_app.models import QueueItem
    from realtime.models import Via
    from realtime.origin import Origin

    user = User.objects.get(username="bench")
    guild = ensure_guild("300000000000000016", name="Bench")
    Guild.objects.update(bot_installed=True)
    Membership.objects.create(user=user, guild=guild, owner=True)
    origin = Origin(user=user, via=Via.REST)
    execute(guild.pk, "AddTracks", {"uris": list(uris)}, origin=origin)
    execute(guild.pk, "SaveQueue", {"name": "Bench"}, origin=origin)
    playlist = Playlist.objects.get()

    def read() -> list[list[str]]:
        items = QueueItem.objects.filter(guild=guild, track__available=True).order_by("rank")
        wanted = tracks_of(playlist.uri, user=user, limit=10_000)
        listed = [uri for uri, track in wanted if track is not None and track.available and track.uri == uri]
        return [list(items.values_list("track__uri", flat=True)), listed]

    return read


def measure_files(count: int) -> None:
    from library.models import ScanLease, Track

    def available() -> set[str]:
        return set(Track.objects.filter(available=True, source="library").values_list("uri", flat=True))

    Track.objects.all().delete()
    with tempfile.TemporaryDirectory(prefix="backline-bench-files-") as folder:
        root = Path(folder)
        make_files(root, count)
        killed, _ = scan(root, kill_at=count // 2)
        saved = len(available())
        rest, seconds = scan(root)
        lease = ScanLease.objects.get()
        verdict(
            f"{count:,} files: killed after {saved:,}, then {lease.read:,} read; "
            f"{(killed + rest) * 1000 / count:.1f} ms of CPU a file, {rest / seconds:.2f} cores",
            "each file once, at most one core", lease.read <= count - saved and rest / seconds <= 1.05,
        )  # fmt: skip
        before = available()
        read = queue_up(sorted(before)[:1000])
        wanted = read()
        spent, _ = scan(root)
        print(f"  nothing changed: {spent:.1f} s of CPU, with the start of the program")
        for artist in sorted(root.iterdir()):
            artist.rename(artist.with_name(f"Moved {artist.name}"))
        spent, _ = scan(root)
        _check("all folders renamed", spent, available() == before, read() == wanted)
        rewrite_tags(root)
        spent, _ = scan(root)
        _check("every second file retagged", spent, available() == before, read() == wanted)
        retagged = Track.objects.filter(title__startswith="Retagged").count()
        verdict(f"  {retagged:,} tracks have the new title", f"{count // 2:,}", retagged == count // 2)


def _check(what: str, spent: float, tracks: bool, lists: bool) -> None:
    kept = f"tracks {'kept' if tracks else 'LOST'}, queue and playlist {'kept' if lists else 'LOST'}"
    verdict(f"  {what}: {kept}, {spent:.1f} s of CPU", "all kept", tracks and lists)


def rewrite_tags(root: Path) -> None:
    """Give every second file other tags. Its audio stays."""
    import av

    for path in sorted(root.rglob("*.flac"))[::2]:
        data = path.read_bytes()
        at, blocks = 4, [data[:4]]
        while True:
            kind, size = data[at], int.from_bytes(data[at + 1 : at + 4])
            body = data[at + 4 : at + 4 + size]
            if kind & 0x7F == 4:
                with av.open(str(path)) as container:
                    tags = dict(container.metadata) | {"title": f"Retagged {container.metadata['title']}"}
                body = vorbis_comments(tags)
            blocks.append(bytes([kind]) + len(body).to_bytes(3) + body)
            at += 4 + size
            if kind & 0x80:
                break
        path.write_bytes(b"".join(blocks) + data[at:])


def vorbis_comments(tags: dict[str, str]) -> bytes:
    listed = [f"{name}={value}".encode() for name, value in tags.items()]
    texts = b"".join(len(text).to_bytes(4, "little") + text for text in listed)
    return bytes(4) + len(listed).to_bytes(4, "little") + texts


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("databases", nargs="*", choices=[[], "sqlite", "postgres"])
    parser.add_argument("--tracks", type=int, default=TRACKS)
    parser.add_argument("--files", type=int, default=2000, help="0: do not scan files")
    options = parser.parse_args(argv)
    given = ("--tracks", str(options.tracks), "--files", str(options.files))
    for cpu, _token in each_database("library", options.databases, *given):
        songs = make_songs(options.tracks)
        plant(cpu, songs)
        measure_search(cpu, songs)
        measure_browse(cpu)
        measure_changes(cpu, songs)
        if options.files:
            measure_files(options.files)


if __name__ == "__main__":
    main()
