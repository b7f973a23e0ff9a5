"""Audio servers, and the files they serve."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import library.sources.http_media as http_media
from tests.library.audio_files import tone, write
from tests.library.audio_server import AudioServer, running_server


@pytest.fixture
def server() -> Iterator[AudioServer]:
    with running_server() as server:
        yield server


@pytest.fixture
def quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_media, "RETRY_SECONDS", (0.01, 0.02, 0.02))


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Five seconds of tone, by suffix, tagged "Moss" by "Understorey". The m4a has its index at the end."""
    folder = tmp_path_factory.mktemp("files")
    tags = {"title": "Moss", "artist": "Understorey", "album": "Small Green Hours"}
    suffixes = ("opus", "mp3", "flac", "m4a", "wav")
    made = {suffix: write(folder / f"a.{suffix}", tone(5), tags=tags).read_bytes() for suffix in suffixes}
    assert made["m4a"].index(b"mdat") < made["m4a"].index(b"moov")
    return made


@pytest.fixture
def opus(files: dict[str, bytes]) -> bytes:
    return files["opus"]
