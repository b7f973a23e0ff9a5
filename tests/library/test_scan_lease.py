"""Several processes scan one library: each file is read once, and no process fails."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone
from pytest_django import Settings

from database.owners import lease_owner
from library.domain.scan import scan_library
from library.domain.scan_lease import scan_lease
from library.domain.tracks import save_track
from library.models import ScanLease, Track
from tests.library.audio_files import tone, write
from tests.program import Program, on_this_database
from tests.waiting import until

pytestmark = pytest.mark.both_databases

FILES = 12
SCAN = """
import json, pathlib, sys, time
import django
django.setup()
from library.domain.scan import scan_library
from library.models import Track
Track.objects.count()  # connected
pathlib.Path(sys.argv[1]).touch()
while not pathlib.Path(sys.argv[2]).exists():
    time.sleep(0.01)
print(json.dumps(scan_library()))
"""


@pytest.fixture
def library(tmp_path: Path, settings: Settings) -> Path:
    settings.MEDIA_LIBRARY = tmp_path / "library"
    settings.MEDIA_LIBRARY.mkdir()
    first = write(settings.MEDIA_LIBRARY / "0.flac", tone(0.1), tags={"title": "Tone"})
    for number in range(1, FILES):
        shutil.copy(first, first.with_stem(str(number)))
    return Path(settings.MEDIA_LIBRARY)


def test_of_several_scans_at_once_one_reads_each_file(
    library: Path, in_threads: Callable[..., list[Any]]
) -> None:
    results = in_threads(4, lambda n: scan_library())
    assert sorted(results) == [(0, 0)] * 3 + [(FILES, 0)]
    assert Track.objects.filter(available=True).count() == FILES
    assert scan_library() == (0, 0)


def test_two_processes_on_a_new_library_read_it_once(
    library: Path, tmp_path: Path, transactional_db: None
) -> None:
    environment = on_this_database(tmp_path) | {"MEDIA_LIBRARY": str(library)}
    go, ready = tmp_path / "go", [tmp_path / f"ready-{number}" for number in range(2)]
    processes = [
        Program(["-c", SCAN, str(mine), str(go)], log=mine.with_suffix(".log"), **environment)
        for mine in ready
    ]
    for process in processes:
        process.start()
    try:

        def connected() -> bool:
            assert all(process.running for process in processes), [process.output() for process in processes]
            return all(mine.exists() for mine in ready)

        until(connected, within=60)
        go.touch()
        codes = [process.wait(seconds=60) for process in processes]
    finally:
        for process in processes:
            process.kill()
    reported = [process.output() for process in processes]
    assert codes == [0, 0], reported
    assert sorted(json.loads(each.splitlines()[-1]) for each in reported) == [[0, 0], [FILES, 0]]
    assert [each for each in reported if "Traceback" in each] == []
    assert Track.objects.filter(available=True).count() == FILES


def test_the_command_scans_and_shows_how_far_it_is(
    library: Path, transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("library.domain.scan_lease.RENEW_SECONDS", 0.0)
    (library / "broken.flac").touch()
    out = io.StringIO()
    call_command("scan_library", stdout=out)
    call_command("scan_library", "--everything", stdout=out)
    total = FILES + 1
    assert out.getvalue().splitlines() == [f"{total} of {total} files, {FILES} read, 1 skipped, 0 gone"] * 2
    call_command("scan_library", stdout=out)
    assert out.getvalue().splitlines()[-1] == f"{total} of {total} files, 0 read, 0 skipped, 0 gone"


def test_a_track_that_somebody_else_wrote_meanwhile_is_updated(
    in_threads: Callable[..., list[Any]],
) -> None:
    def act(n: int) -> int:
        track = Track(uri="library:aaaaaaaaaaaaaaaa", source="library", title=f"Title {n}")
        save_track(track)
        return int(track.pk)

    assert len(set(in_threads(6, act))) == 1
    assert Track.objects.count() == 1


def hold(owner: str, *, seconds: float) -> None:
    expires_at = timezone.now() + timedelta(seconds=seconds)
    ScanLease.objects.update_or_create(pk=1, defaults={"owner": owner, "expires_at": expires_at})


@pytest.mark.django_db
def test_a_scan_is_taken_over_when_its_process_is_gone_or_silent(library: Path) -> None:
    machine = lease_owner().partition(":")[0]
    hold("elsewhere:1:00", seconds=30)
    assert scan_library() == (0, 0)
    hold("elsewhere:1:00", seconds=-1)
    assert scan_library() == (FILES, 0)
    Track.objects.all().delete()
    dead = subprocess.Popen(["true"])
    dead.wait()
    hold(f"{machine}:{dead.pid}:00", seconds=30)
    assert scan_library() == (FILES, 0)


@pytest.mark.django_db
def test_a_scan_ends_when_another_took_over(library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("library.domain.scan_lease.RENEW_SECONDS", 0.0)
    with scan_lease() as scan:
        assert scan is not None
        assert scan.goes_on()
        hold("elsewhere:1:00", seconds=30)
        assert not scan.goes_on()
    assert ScanLease.objects.get().owner == "elsewhere:1:00"  # it does not release another's lease
