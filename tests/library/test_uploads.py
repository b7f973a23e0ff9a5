"""Uploads over REST: in parts, checked by their content, counted, and deleted with all that belongs to them."""

from __future__ import annotations

import fcntl
import os
import uuid
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from accounts.domain.departure import delete_account, export_data
from accounts.models import User
from guilds.models import Guild
from library.artwork import artwork_folder
from library.browse import write_cursor
from library.domain import uploads
from library.domain.configured import configured_source
from library.errors import UploadQuotaReached
from library.models import Track, Upload
from library.search import search_library
from library.sources import SourceError
from library.sources.probe import probe
from queue_app.models import QueueItem
from tests.library.made_files import encode, picture_tag, png
from tests.queue_app.stage import Stage

# With real transactions, because files are deleted when one is committed.
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]

PNG = b"\x89PNG\r\n\x1a\n" + bytes(500)


@pytest.fixture(autouse=True)
def folder(settings: Settings, tmp_path: Path) -> Path:
    settings.DATA_DIR = tmp_path / "data"
    return tmp_path / "data" / "uploads"


@pytest.fixture
def stage(transactional_db: None) -> Stage:
    return Stage()


@pytest.fixture
def client(stage: Stage, api: Callable[[User], Client]) -> Client:
    return api(stage.member)


@pytest.fixture(scope="module")
def song() -> bytes:
    return encode("ogg", "libopus", seconds=3.0, tags={"title": "Blue Train"})


def begin(client: Client, content: bytes, name: str = "song.ogg", **more: Any) -> Any:
    body = {"name": name, "size": len(content)} | more
    return client.post("/api/uploads", body, content_type="application/json")


def send(client: Client, upload: dict[str, Any], content: bytes, offset: int) -> Any:
    return client.patch(
        f"/api/uploads/{upload['id']}",
        content,
        content_type="application/offset+octet-stream",
        headers={"Upload-Offset": str(offset)},
    )


def upload(client: Client, content: bytes, name: str = "song.ogg", **more: Any) -> Any:
    """Upload a file in three parts. Returns the last response."""
    begun = begin(client, content, name, **more)
    if begun.status_code != 201:
        return begun
    step = len(content) // 3 + 1
    for offset in range(0, len(content), step):
        response = send(client, begun.json(), content[offset : offset + step], offset)
    return response


def files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*")) if folder.exists() else []


def test_a_file_that_comes_in_parts_becomes_a_track_that_everybody_finds(
    client: Client, stage: Stage, song: bytes, folder: Path
) -> None:
    begun = begin(client, song).json()
    assert (begun["offset"], begun["size"], begun["track"]) == (0, len(song), None)
    half = send(client, begun, song[:1000], 0).json()
    assert (half["offset"], half["track"]) == (1000, None)
    whole = send(client, begun, song[1000:], 1000).json()
    track = whole["track"]
    assert (track["title"], track["source"], track["duration_ms"]) == ("Blue Train", "upload", 3000)
    (kept,) = files(folder)
    assert kept.read_bytes() == song
    assert kept.stat().st_mode & 0o777 == 0o600
    assert kept.name == track["uri"].removeprefix("upload:")
    assert configured_source(track["uri"]).open(track["uri"]) == kept
    assert [each.uri for each in search_library("blue train")] == [track["uri"]]
    assert [each.uri for each in search_library("blue trian")] == [track["uri"]]
    item = stage.do("AddTrack", query=track["uri"])
    assert item["track"]["title"] == "Blue Train"
    listed = client.get("/api/uploads").json()
    assert [each["id"] for each in listed["items"]] == [begun["id"]]
    assert listed["used_bytes"] == len(song)


def test_a_part_that_comes_again_or_too_early_changes_nothing(client: Client, song: bytes) -> None:
    begun = begin(client, song).json()
    send(client, begun, song[:1000], 0)
    assert send(client, begun, song[:1000], 0).json()["offset"] == 1000  # its answer was lost
    for offset, part in ((1500, song[1500:]), (500, song[500:2000]), (1000, song[1000:] + b"more")):
        refused = send(client, begun, part, offset)
        assert (refused.status_code, refused.json()["code"]) == (409, "UPLOAD_OUT_OF_STEP")
    assert client.get(f"/api/uploads/{begun['id']}").json()["offset"] == 1000
    assert send(client, begun, song[1000:], 1000).json()["track"]
    assert send(client, begun, song[1000:], 1000).json()["track"]


def test_what_a_process_wrote_that_died_is_overwritten(client: Client, song: bytes, folder: Path) -> None:
    begun = begin(client, song).json()
    send(client, begun, song[:1000], 0)
    (draft,) = files(folder)
    with draft.open("ab") as file:
        file.write(b"a part whose row was not saved")
    assert send(client, begun, song[1000:], 1000).json()["track"]["title"] == "Blue Train"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("song.mp3", b"no sound at all"),
        ("song.ogg", PNG),
        ("song.wav", b"MZ" + bytes(4_000)),
        ("song.m3u", b"#EXTM3U\nfile:///etc/passwd\n"),
    ],
)
def test_the_content_decides_and_not_the_name(
    name: str, content: bytes, client: Client, folder: Path
) -> None:
    refused = upload(client, content, name)
    assert (refused.status_code, refused.json()["code"]) == (400, "FILE_REFUSED")
    assert name in refused.json()["detail"]
    assert not files(folder)
    assert not Upload.objects.exists()
    assert not Track.objects.exists()


def test_a_name_leads_nowhere(client: Client, song: bytes, folder: Path) -> None:
    for name in ("../../etc/passwd", "C:\\music\\a.ogg", "/", "\u202egnp.ogg"):
        assert begin(client, song, name).status_code == 201
    assert {each.name for each in Upload.objects.all()} == {"passwd", "a.ogg", "Untitled", "gnp.ogg"}
    assert not files(folder)


def test_a_file_without_a_title_is_called_by_its_name(client: Client) -> None:
    sound = encode("ogg", "libopus", seconds=1.0)
    assert upload(client, sound, "My recording.bin").json()["track"]["title"] == "My recording"


def test_the_same_file_is_kept_once_and_goes_with_the_last_person(
    client: Client, stage: Stage, api: Callable[[User], Client], song: bytes, folder: Path
) -> None:
    first = upload(client, song).json()
    again = upload(client, song, "copy.ogg").json()
    assert again["id"] == first["id"]
    other = api(stage.join())
    theirs = upload(other, song).json()
    assert theirs["track"]["uri"] == first["track"]["uri"]
    assert len(files(folder)) == 1
    assert client.get(f"/api/uploads/{theirs['id']}").status_code == 404
    assert client.delete(f"/api/uploads/{theirs['id']}").status_code == 404
    assert client.delete(f"/api/uploads/{first['id']}").status_code == 204
    assert len(files(folder)) == 1
    assert other.delete(f"/api/uploads/{theirs['id']}").status_code == 204
    assert not files(folder)
    # It can come back.
    assert upload(client, song).json()["track"]["uri"] == first["track"]["uri"]
    assert Track.objects.get().available


def test_deleting_takes_it_out_of_queues_and_deletes_its_artwork(
    client: Client, stage: Stage, folder: Path
) -> None:
    stage.play()
    tags = {"title": "Pictured", "METADATA_BLOCK_PICTURE": picture_tag(3, png(9, 9, 9))}
    made = upload(client, encode("ogg", "vorbis", seconds=0.5, tags=tags)).json()
    before = stage.snapshot()
    for _ in range(2):
        stage.do("AddTrack", query=made["track"]["uri"])
    kept = stage.add()
    track = Track.objects.get(uri=made["track"]["uri"])
    assert track.artwork
    assert client.delete(f"/api/uploads/{made['id']}").status_code == 204
    assert stage.queue == [str(kept.pk)]
    stage.assert_replays(before)
    assert stage.names[-1] == "TracksRemoved"
    assert not files(folder)
    assert not list(artwork_folder().glob("*"))
    track.refresh_from_db()
    assert not track.available
    with pytest.raises(SourceError):
        configured_source(track.uri).open(track.uri)
    assert QueueItem.objects.filter(track=track, state="removed").count() == 2


def test_limits(
    client: Client, stage: Stage, api: Callable[[User], Client], song: bytes, settings: Settings, folder: Path
) -> None:
    def refused(**more: Any) -> tuple[int, str]:
        response = begin(client, song, **more)
        return response.status_code, response.json()["code"]

    settings.UPLOADS = False
    assert refused() == (403, "UPLOADS_OFF")
    settings.UPLOADS = True
    assert begin(client, b"", "silence.mp3").json()["detail"] == "“silence.mp3” is empty."
    assert refused(size=settings.UPLOAD_MAX_MB * 1_000_000 + 1) == (413, "UPLOAD_TOO_LARGE")
    settings.UPLOADS_PER_PERSON_MB = settings.UPLOADS_PER_GUILD_MB = settings.UPLOADS_MAX_MB = 1
    assert begin(client, song, size=900_000, guild_id=stage.id).status_code == 201
    assert refused(size=200_000) == (409, "UPLOAD_QUOTA_REACHED")  # parts that are still to come count
    other = api(stage.join())
    settings.UPLOADS_MAX_MB = 2
    assert begin(other, song, size=200_000, guild_id=stage.id).json()["code"] == "UPLOAD_QUOTA_REACHED"
    assert begin(other, song, size=200_000, guild_id="100000000000000001").status_code == 404
    assert begin(other, song, size=200_000).status_code == 201
    settings.UPLOADS_MAX_MB = 1
    assert begin(other, song, size=200_000).json()["code"] == "UPLOAD_QUOTA_REACHED"
    settings.UPLOADS_MAX_MB, settings.UPLOAD_MAX_MINUTES = 2, 0
    too_long = upload(other, song)
    assert (too_long.status_code, too_long.json()["code"]) == (400, "FILE_REFUSED")
    assert not files(folder)


@pytest.mark.parametrize(
    "body", [{"size": 1}, {"name": "a", "size": -1}, {"name": 5, "size": 1}, {"name": "a", "size": "1"}]
)
def test_bad_requests_are_told_by_field(body: dict[str, Any], client: Client) -> None:
    response = client.post("/api/uploads", body, content_type="application/json")
    assert (response.status_code, response.json()["code"]) == (400, "INVALID_INPUT")


def test_a_part_needs_an_offset_and_bytes(client: Client, song: bytes) -> None:
    begun = begin(client, song).json()
    url = f"/api/uploads/{begun['id']}"
    kind = "application/offset+octet-stream"
    for headers, content in (({}, b"x"), ({"Upload-Offset": "-1"}, b"x"), ({"Upload-Offset": "0"}, b"")):
        assert client.patch(url, content, content_type=kind, headers=headers).status_code == 400
    first = {"Upload-Offset": "0"}
    assert client.patch(url, {"a": 1}, content_type="application/json", headers=first).status_code == 415
    assert Client().patch(url, b"x", content_type=kind, headers={"Upload-Offset": "0"}).status_code == 401


def test_cancelled_and_abandoned_uploads_leave_nothing(client: Client, song: bytes, folder: Path) -> None:
    begun = begin(client, song).json()
    send(client, begun, song[:100], 0)
    assert client.delete(f"/api/uploads/{begun['id']}").status_code == 204
    assert not files(folder)
    assert send(client, begun, song[100:], 100).status_code == 404
    begun = begin(client, song).json()
    send(client, begun, song[:100], 0)
    assert uploads.delete_abandoned() == {"abandoned uploads": 0}
    Upload.objects.update(changed_at=timezone.now() - timedelta(hours=25))
    assert uploads.delete_abandoned() == {"abandoned uploads": 1}
    assert not files(folder)


def during_the_probe(monkeypatch: pytest.MonkeyPatch, do: Callable[[], object], *, first: bool) -> None:
    """Do something once while a whole file is probed: before the probe has read it, or after."""
    jobs = [do]

    def delayed(draft: Path) -> Any:
        if first and jobs:
            jobs.pop()()
        found = probe(draft)
        if jobs:
            jobs.pop()()
        return found

    monkeypatch.setattr("library.domain.uploads.probe", delayed)


@pytest.mark.parametrize("first", [True, False])
def test_a_last_part_that_is_sent_twice_at_once_makes_one_track(
    first: bool, client: Client, song: bytes, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = begin(client, song).json()
    winners: list[Any] = []
    during_the_probe(monkeypatch, lambda: winners.append(send(client, begun, song, 0).json()), first=first)
    late = send(client, begun, song, 0)
    assert (late.status_code, late.json()) == (200, winners[0])
    assert late.json()["track"]
    listed = client.get("/api/uploads").json()
    assert ([each["id"] for each in listed["items"]], listed["used_bytes"]) == ([begun["id"]], len(song))
    assert len(files(folder)) == 1


@pytest.mark.parametrize("first", [True, False])
def test_an_upload_that_is_cancelled_while_it_is_probed_leaves_nothing(
    first: bool, client: Client, song: bytes, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = begin(client, song).json()
    during_the_probe(monkeypatch, lambda: client.delete(f"/api/uploads/{begun['id']}"), first=first)
    response = send(client, begun, song, 0)
    assert (response.status_code, response.json()["code"]) == (404, "UPLOAD_NOT_FOUND")
    assert not files(folder)
    assert not Track.objects.filter(available=True).exists()


def test_an_upload_that_is_finished_while_it_is_deleted_leaves_nothing(
    client: Client, stage: Stage, song: bytes, folder: Path
) -> None:
    begun = begin(client, song).json()
    unfinished = uploads.find_upload(stage.member, begun["id"])
    assert send(client, begun, song, 0).json()["track"]
    uploads.delete_upload(unfinished)
    assert not files(folder)
    assert not Upload.objects.exists()
    assert not Track.objects.get().available


@pytest.mark.parametrize("step", ["open", "lock"])
def test_a_part_that_is_late_does_not_change_a_file_that_was_checked(
    step: str, client: Client, song: bytes, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = begin(client, song).json()
    owner: Any = os if step == "open" else fcntl
    name = "open" if step == "open" else "flock"
    real, late = getattr(owner, name), [True]
    winners: list[Any] = []

    def delayed(target: Any, *args: Any) -> Any:
        if late and (step == "lock" or str(target).endswith(".part")):
            late.clear()
            assert not connection.savepoint_ids  # the disk is not waited for in a transaction
            winners.append(send(client, begun, song, 0).json())
        return real(target, *args)

    monkeypatch.setattr(owner, name, delayed)
    answer = send(client, begun, bytes(len(song)), 0)
    assert (answer.status_code, answer.json()) == (200, winners[0])
    (kept,) = files(folder)
    assert kept.read_bytes() == song


def test_uploads_are_exported_and_go_with_the_account(
    client: Client, stage: Stage, song: bytes, folder: Path
) -> None:
    made = upload(client, song).json()
    (exported,) = export_data(stage.member)["uploads"]
    assert (exported["name"], exported["track"]) == ("song.ogg", made["track"]["uri"])
    delete_account(stage.member)
    assert not files(folder)
    assert not Upload.objects.exists()


def test_an_operator_deletes_an_upload_with_its_file(
    operator: Client, client: Client, song: bytes, folder: Path
) -> None:
    made = upload(client, song).json()
    page = operator.get("/admin/library/upload/").content.decode()
    assert "song.ogg" in page
    operator.post(f"/admin/library/upload/{made['id']}/delete/", {"post": "yes"})
    assert not files(folder)
    upload(client, song)
    chosen = {"action": "delete_selected", "_selected_action": [str(Upload.objects.get().pk)], "post": "yes"}
    operator.post("/admin/library/upload/", chosen)
    assert not files(folder)
    assert not Upload.objects.exists()


# --- Limits under load, and transactions that fail ---


@pytest.mark.parametrize("limit", ["UPLOADS_PER_PERSON_MB", "UPLOADS_PER_GUILD_MB", "UPLOADS_MAX_MB"])
def test_uploads_that_begin_at_once_do_not_exceed_a_limit_together(
    limit: str, stage: Stage, settings: Settings, in_threads: Callable[..., list[Any]]
) -> None:
    settings.UPLOADS_PER_PERSON_MB = settings.UPLOADS_PER_GUILD_MB = settings.UPLOADS_MAX_MB = 100
    setattr(settings, limit, 2)
    one_person = limit == "UPLOADS_PER_PERSON_MB"
    people = [stage.member if one_person else stage.join() for _ in range(6)]
    guild = Guild.objects.get(pk=stage.id)

    def begin_one(number: int) -> str:
        try:
            uploads.begin_upload(people[number], name="a.ogg", size=900_000, guild=guild)
        except UploadQuotaReached as refusal:
            return refusal.code
        return ""

    assert sorted(in_threads(6, begin_one)) == ["", "", *["UPLOAD_QUOTA_REACHED"] * 4]
    assert Upload.objects.count() == 2


def test_a_person_has_a_limited_number_of_unfinished_uploads(
    client: Client, stage: Stage, api: Callable[[User], Client], song: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "MAX_UNFINISHED", 2)
    first = begin(client, song).json()
    assert begin(client, song).status_code == 201
    refused = begin(client, song)
    assert (refused.status_code, refused.json()["code"]) == (409, "TOO_MANY_UNFINISHED")
    assert "2 unfinished uploads" in refused.json()["detail"]
    assert begin(api(stage.join()), song).status_code == 201
    send(client, first, song, 0)
    assert begin(client, song).status_code == 201  # a finished one does not count


def test_the_list_has_pages(client: Client, stage: Stage, api: Callable[[User], Client]) -> None:
    at = timezone.now()
    rows = [
        Upload(
            user=stage.member, name=f"{number}.ogg", size=10, created_at=at - timedelta(minutes=number // 2)
        )
        for number in range(7)
    ]
    Upload.objects.bulk_create(rows)
    seen: list[str] = []
    after: dict[str, str] = {}
    while True:
        page = client.get("/api/uploads", {"limit": "3", **after}).json()
        assert page["used_bytes"] == 70
        seen += [each["name"] for each in page["items"]]
        if page["next"] is None:
            break
        assert len(page["items"]) == 3
        after = {"after": page["next"]}
        if len(seen) == 3:
            Upload.objects.create(user=stage.member, name="new.ogg", size=0)  # moves no page
    assert sorted(seen) == [f"{number}.ogg" for number in range(7)]
    minutes = [int(name.removesuffix(".ogg")) // 2 for name in seen]
    assert minutes == sorted(minutes)
    assert api(stage.join()).get("/api/uploads").json()["items"] == []
    for bad in ({"limit": "0"}, {"limit": "101"}, {"after": "x"}, {"after": write_cursor(["a", "b"])}):
        assert client.get("/api/uploads", bad).status_code == 400


class Lost(Exception):
    """The database is gone before the commit."""


def test_a_file_stays_if_its_deletion_is_not_committed(
    client: Client, stage: Stage, song: bytes, folder: Path
) -> None:
    made = upload(client, song).json()
    begun = begin(client, song, "other.ogg").json()
    send(client, begun, song[:100], 0)
    before = {file.name: file.read_bytes() for file in files(folder)}

    def delete_and_lose() -> None:
        with transaction.atomic():
            uploads.delete_uploads_of(stage.member)
            assert {file.name: file.read_bytes() for file in files(folder)} == before
            raise Lost

    with pytest.raises(Lost):
        delete_and_lose()
    assert {file.name: file.read_bytes() for file in files(folder)} == before
    track = Track.objects.get(uri=made["track"]["uri"])
    assert track.available
    assert configured_source(track.uri).open(track.uri).read_bytes() == song  # type: ignore[union-attr]
    assert send(client, begun, song[100:], 100).json()["id"] == made["id"]


def test_the_last_part_can_be_sent_again_if_its_transaction_was_lost(
    client: Client, song: bytes, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = begin(client, song).json()
    real = uploads._keep_file

    def lose(*args: Any) -> None:
        real(*args)
        raise Lost

    with monkeypatch.context() as lost:
        lost.setattr(uploads, "_keep_file", lose)
        assert send(client, begun, song, 0).status_code == 500
    assert client.get(f"/api/uploads/{begun['id']}").json()["track"] is None
    assert send(client, begun, song, 0).json()["track"]["title"] == "Blue Train"
    (kept,) = files(folder)
    assert kept.read_bytes() == song


def test_a_file_that_is_uploaded_again_while_it_is_deleted_stays(
    client: Client, stage: Stage, api: Callable[[User], Client], song: bytes, folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    made = upload(client, song).json()
    other = api(stage.join())
    real = uploads._delete_file
    again: list[Any] = []

    def late(*args: Any) -> None:
        again.append(upload(other, song).json())
        real(*args)

    monkeypatch.setattr(uploads, "_delete_file", late)
    assert client.delete(f"/api/uploads/{made['id']}").status_code == 204
    assert again[0]["track"]["uri"] == made["track"]["uri"]
    (kept,) = files(folder)
    assert kept.read_bytes() == song
    assert Track.objects.get().available


def test_parts_that_a_dead_process_left_behind_are_deleted_after_a_day(
    client: Client, song: bytes, folder: Path
) -> None:
    made = upload(client, song).json()
    begun = begin(client, song, "other.ogg").json()
    send(client, begun, song[:100], 0)
    for name in (f"{uuid.UUID(made['id']).hex}.part", "no name of an upload.part"):
        (folder / name).write_bytes(b"left")
    assert uploads.delete_stray_parts() == {"stray parts of uploads": 0}
    for file in files(folder):
        os.utime(file, (0, 0))
    assert uploads.delete_stray_parts() == {"stray parts of uploads": 2}
    assert len(files(folder)) == 2
    assert send(client, begun, song[100:], 100).status_code == 200
