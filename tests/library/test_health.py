"""What pages, the admin and `doctor` say about the sources."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from config.doctor import check_uploads
from database.owners import lease_owner
from library.domain.health import Health, source_health
from library.domain.scan import scan_library
from library.domain.watching import LIMIT, MISSING, NETWORK, UNREADABLE, folder_problem
from library.models import ScanLease, Upload
from library.sources import SOURCES
from tests.factories import TrackFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def folders(settings: Settings, tmp_path: Path) -> Path:
    settings.DATA_DIR = tmp_path / "data"
    settings.MEDIA_LIBRARY = tmp_path / "library"
    settings.MEDIA_LIBRARY.mkdir()
    settings.DATA_DIR.mkdir()
    return tmp_path


def health() -> dict[str, Health]:
    return {each.name: each for each in source_health()}


def scanned(ago: timedelta = timedelta(minutes=3), **values: Any) -> None:
    now = timezone.now()
    lease = {"started_at": now - ago, "finished_at": now - ago, "expires_at": now, "owner": ""} | values
    ScanLease.objects.update_or_create(pk=1, defaults=lease)


def test_every_source_has_a_state_and_its_number_of_tracks() -> None:
    scan_library()
    TrackFactory.create_batch(3, source="library")
    TrackFactory.create(source="library", available=False)
    TrackFactory.create(source="upload")
    found = health()
    assert list(found) == [source.name for source in SOURCES]
    assert {name: each.tracks for name, each in found.items()} == {
        "library": 3,
        "upload": 1,
        "http": 0,
        "discord": 0,
    }
    assert {each.state for each in found.values()} == {"good"}
    assert found["library"].detail == "Scanned a moment ago."
    assert found["library"].scanned_at is not None


@pytest.mark.parametrize(
    ("values", "state", "words"),
    [
        ({}, "good", "Scanned 3\xa0minutes ago."),
        ({"skipped": 2}, "good", "2 new files cannot be played."),
        ({"problem": NETWORK}, "good", "scanned every 10 minutes"),
        ({"problem": LIMIT}, "wait", "more subfolders than the system can watch"),
        ({"problem": MISSING}, "bad", "Backline looks for it every few seconds"),
        ({"problem": UNREADABLE}, "bad", "no permission"),
        ({"ago": timedelta(hours=2)}, "bad", "Not scanned for 2\xa0hours. Scans continue when the bot's process runs."),
        ({"finished_at": None}, "wait", "The last scan was interrupted."),
        ({"started_at": None, "finished_at": None}, "wait", "Not scanned yet."),
    ],
)  # fmt: skip
def test_the_folder(values: dict[str, Any], state: str, words: str) -> None:
    scanned(**values)
    folder = health()["library"]
    assert folder.state == state
    assert words in folder.detail


def test_the_folder_while_it_is_scanned_and_before_the_first_scan() -> None:
    assert health()["library"].state == "wait"
    later = timezone.now() + timedelta(minutes=1)
    scanned(finished_at=None, owner=lease_owner(), expires_at=later, done=1200, total=5000)
    assert (health()["library"].state, health()["library"].detail) == (
        "wait",
        "Being scanned: 1,200 of 5,000 files.",
    )


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_cannot_be_read_is_recognized(folders: Path) -> None:
    (folders / "library").chmod(0)
    assert folder_problem(folders / "library") == UNREADABLE


def test_uploads(settings: Settings, folders: Path) -> None:
    user = UserFactory.create()
    settings.UPLOADS_MAX_MB = 3
    Upload.objects.create(user=user, name="a", size=2_000_000)
    assert (health()["upload"].state, health()["upload"].detail) == ("good", "2 of 3 MB used.")
    Upload.objects.create(user=user, name="b", size=1_000_000)
    assert (health()["upload"].state, health()["upload"].detail[:5]) == ("bad", "Full:")
    settings.UPLOADS = False
    assert health()["upload"].state == "off"
    assert check_uploads().state == "off (UPLOADS)"
    settings.UPLOADS, settings.UPLOADS_MAX_MB = True, 100
    assert not check_uploads().remedy
    (folders / "data" / "uploads").write_text("a file where the folder should be")
    assert (health()["upload"].state, "cannot write" in health()["upload"].detail) == ("bad", True)
    assert check_uploads().remedy


def test_the_library_page_and_the_admin_show_the_sources(operator: Client) -> None:
    scanned(problem=MISSING)
    user = UserFactory.create()
    browser = Client(headers={"Accept": "text/html"})
    browser.force_login(user)
    for path in ("/library", "/library/list/artists"):
        page = browser.get(path).content.decode()
        assert page.count("data-state=") >= len(SOURCES)
        assert "The folder is missing" in page
    assert "The folder is missing" not in browser.get("/library?q=x").content.decode()
    shown = operator.get("/admin/library/scanlease/").content.decode()
    assert "The folder is missing" in shown
    assert "Broken" in shown
    for source in SOURCES:
        assert str(source.label) in shown
