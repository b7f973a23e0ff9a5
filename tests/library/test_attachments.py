"""Files from Discord: downloaded from the sandbox, kept, found again, and deleted when there is no room."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from pytest_django import Settings

from library.domain import attachments
from library.domain.attachments import Attached, download, make_room, save_attachment
from library.domain.configured import configured_source
from library.domain.find import find_track, find_tracks
from library.domain.signed_links import attachment_link
from library.errors import FileRefused, NothingFound
from library.models import Track
from library.sources import SourceError
from sandbox import actions, links
from tests.accounts.conftest import Discord
from tests.guilds.conftest import running, sandbox

__all__ = ["running", "sandbox"]  # fixtures

pytestmark = pytest.mark.usefixtures("db")
GENERAL = "1090315482246234115"
DAY = links.VALID_SECONDS

type Send = Callable[..., Attached]


@pytest.fixture
def folder(tmp_path: Path, settings: Settings) -> Path:
    settings.DATA_DIR = tmp_path
    return tmp_path / "attachments"


@pytest.fixture
def send(sandbox: Discord, folder: Path) -> Iterator[Send]:
    """Returns a function that sends a file to #general as `member`."""
    http = httpx.Client(base_url=sandbox.sandbox.url)

    def one(content: bytes, name: str = "tune.mp3", *, size: int | None = None) -> Attached:
        upload = http.post("/_sandbox/uploads", data={"user": "member"}, files={"file": (name, content)})
        body = {"user": "member", "channel_id": GENERAL, "attachments": [upload.json()["id"]]}
        [file] = http.post("/_sandbox/messages", json=body).json()["attachments"]
        return Attached(file["url"], name, title="My tune", size=size)

    with http:
        yield one
    sandbox.fault(kind="cdn_clock", seconds=0)


def delete_messages(sandbox: Discord) -> None:
    def delete() -> None:
        for message in list(sandbox.sandbox.world.messages.values()):
            actions.delete_message(sandbox.sandbox.world, message)

    sandbox.act(delete)


def refusal(attached: Attached) -> str:
    with pytest.raises(FileRefused) as caught:
        download(attached)
    return str(caught.value)


def kept(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.glob("*"))


def test_a_file_is_named_by_its_content(send: Send, folder: Path, files: dict[str, bytes]) -> None:
    track = save_attachment(download(send(files["mp3"])))
    assert (track.title, track.artist, track.source, track.url) == ("Moss", "Understorey", "discord", None)
    assert track.duration_ms == pytest.approx(5000, abs=50)
    assert find_track(f" {track.uri} ") == track
    assert find_tracks([track.uri, "discord:" + "a" * 26]) == {track.uri: track}
    again = save_attachment(download(send(files["mp3"], "another name.mp3")))
    assert again == track
    assert kept(folder) == [track.uri.removeprefix("discord:")]
    assert configured_source(track.uri).open(track.uri) == folder / track.uri.removeprefix("discord:")
    assert (folder / kept(folder)[0]).read_bytes() == files["mp3"]
    assert configured_source(track.uri).resolve(track.uri).title == "Moss"


def test_without_tags_the_files_name_is_the_title(send: Send, tmp_path: Path) -> None:
    from tests.library.audio_files import tone, write

    plain = write(tmp_path / "a.opus", tone(0.2)).read_bytes()
    track = save_attachment(download(send(plain)))
    assert track.title == "My tune"
    other = save_attachment(download(Attached(send(plain).link, "x", title="Other")))
    assert (other, other.title) == (track, "My tune")


def test_what_is_not_audio_is_refused_by_name_and_not_kept(
    send: Send, folder: Path, settings: Settings, files: dict[str, bytes]
) -> None:
    assert refusal(send(b"These are words.\n" * 50, "words.mp3")) == (
        "“words.mp3” is not an audio file, or is damaged."
    )
    assert refusal(send(b"<html><body>hi</body></html>", "page.html")).startswith("“page.html” is not an")
    assert refusal(send(b"#EXTM3U\nhttp://x.example/\n", "list.m3u8")).startswith("“list.m3u8” is not an")
    assert refusal(send(b"", "void.ogg")) == "“void.ogg” is empty."
    assert refusal(Attached("http://nowhere.invalid/", "void.ogg", "", size=0)) == "“void.ogg” is empty."
    settings.ATTACHMENT_MAX_MB = 0
    too_large = "“tune.mp3” is too large (limit 0 MB)."
    assert refusal(send(files["mp3"])) == too_large
    assert refusal(Attached("http://nowhere.invalid/", "tune.mp3", "", size=1)) == too_large
    assert kept(folder) == []


def test_an_expired_link_is_refreshed(sandbox: Discord, send: Send, opus: bytes) -> None:
    attached = send(opus)
    sandbox.fault(kind="cdn_clock", seconds=DAY + 10)
    assert download(attached).title == "Moss"
    sandbox.fault(kind="http_status", path="refresh-urls", status=500, count=3)
    gone = "“tune.mp3” is no longer available in Discord. Upload it again."
    assert refusal(attached) == gone
    delete_messages(sandbox)
    assert refusal(attached) == gone


def test_a_broken_cdn_is_no_reason_to_upload_again(
    send: Send, opus: bytes, settings: Settings, quick_retries: None
) -> None:
    attached = send(opus)
    settings.DISCORD_CDN_URL = "http://127.0.0.1:9"
    lost = attached.link.replace(attached.link.partition("/attachments")[0], settings.DISCORD_CDN_URL)
    assert refusal(Attached(lost, "tune.mp3", "")) == (
        "“tune.mp3” could not be downloaded from Discord. Try again in a moment."
    )


def test_files_that_were_not_used_for_longest_make_room(
    folder: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attachments, "MB", 1)
    settings.ATTACHMENTS_MAX_MB = 40  # bytes
    folder.mkdir()
    tracks = {}
    for age, name in enumerate("abcd"):
        (folder / (name * 26)).write_bytes(b"0123456789")
        os.utime(folder / (name * 26), (0, 10**9 - age))
        uri = f"discord:{name * 26}"
        tracks[name] = Track.objects.create(uri=uri, source="discord", title=name)
    (folder / "old.part").write_bytes(b"half a file")
    os.utime(folder / "old.part", (0, 0))
    (folder / "new.part").write_bytes(b"half a file")

    def names() -> str:
        return "".join(name[0] for name in kept(folder) if not name.endswith(".part"))

    assert make_room(0, in_use=lambda: pytest.fail("there is room"))
    assert "old.part" not in kept(folder)
    configured_source(tracks["d"].uri).open(tracks["d"].uri)  # used last now
    assert make_room(1, in_use=lambda: {tracks["c"].uri})
    assert names() == "acd"
    assert not make_room(31, in_use=lambda: {tracks["c"].uri})
    assert names() == "acd"
    assert make_room(30, in_use=lambda: {tracks["c"].uri})
    assert names() == "c"
    assert "new.part" in kept(folder)
    with pytest.raises(NothingFound, match="This file is no longer kept") as caught:
        find_track(tracks["a"].uri)
    assert caught.value.track == tracks["a"]
    assert find_tracks([track.uri for track in tracks.values()]) == {tracks["c"].uri: tracks["c"]}
    with pytest.raises(SourceError, match="no longer kept") as lost:
        configured_source(tracks["a"].uri).open(tracks["a"].uri)
    assert (lost.value.code, lost.value.permanent) == ("NOT_FOUND", True)


def test_a_deleted_file_is_there_again_after_another_upload(send: Send, opus: bytes) -> None:
    track = save_attachment(download(send(opus)))
    Track.objects.update(available=False)
    assert save_attachment(download(send(opus))).available
    assert find_track(track.uri) == track


# --- Links that people paste ---


def test_a_pasted_link_is_renewed_when_it_has_expired(sandbox: Discord, send: Send, opus: bytes) -> None:
    link = send(opus).link
    sandbox.fault(kind="cdn_clock", seconds=DAY + 10)
    for pasted in (link, link.partition("?")[0]):
        assert configured_source(pasted).resolve(pasted).title == "Moss"
    sandbox.fault(kind="http_status", path="refresh-urls", status=404, count=1)
    with pytest.raises(SourceError, match="has expired"):
        configured_source(link).open(link)
    delete_messages(sandbox)
    with pytest.raises(SourceError, match="404"):
        configured_source(link).open(link)


def test_links_to_attachments_are_recognized(settings: Settings) -> None:
    settings.DISCORD_CDN_URL = base = "https://cdn.discordapp.com"
    path = "/attachments/1/2/a.mp3?ex=65d903de&is=65c68ede&hm=24&"
    for known in (base + path, "https://media.discordapp.net" + path):
        assert attachment_link(known) == base + path
    assert attachment_link(f"{base}/ephemeral-attachments/1/2/a%20b.mp3") is not None
    others: list[Any] = [
        f"{base}.evil.example{path}",
        f"{base}/attachments/1/a.mp3",
        f"{base}/emojis/1.png",
        f"{base}/attachments/1/2/../../x",
        f"http://x.example/?{base}{path}",
        "",
    ]
    for other in others:
        assert attachment_link(other) is None
