from __future__ import annotations

import os
from pathlib import Path

import pytest

from library.sources.errors import SourceError
from library.sources.library import file_id, find_file, path_inside, walk
from library.sources.types import media_name


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "library"
    (root / "Paper Ferries" / "Harbour Tapes").mkdir(parents=True)
    (root / "Paper Ferries" / "Harbour Tapes" / "Slow Rain.opus").write_bytes(b"one")
    (root / "Moss.FLAC").write_bytes(b"three")
    (root / "cover.jpg").write_bytes(b"not audio")
    (root / ".Moss.flac.17.part").write_bytes(b"unfinished")
    (root / ".trash").mkdir()
    (root / ".trash" / "Old.mp3").write_bytes(b"hidden")
    return root


def path_of(root: Path, identifier: str) -> Path:
    return path_inside(root, find_file(root, identifier))


def code_of(root: Path, identifier: str) -> str:
    with pytest.raises(SourceError) as caught:
        path_of(root, identifier)
    return caught.value.code


def test_walk_finds_audio_files_and_nothing_else(root: Path) -> None:
    assert [entry.path.name for entry in walk(root)] == ["Moss.FLAC", "Slow Rain.opus"]


def test_an_entry_changes_when_its_file_does(root: Path) -> None:
    before = {entry.id: entry for entry in walk(root)}
    (root / "Moss.FLAC").write_bytes(b"longer than before")
    after = {entry.id: entry for entry in walk(root)}
    assert before.keys() == after.keys()
    changed = [identifier for identifier in before if before[identifier] != after[identifier]]
    assert [after[identifier].path.name for identifier in changed] == ["Moss.FLAC"]


def test_ids_do_not_depend_on_where_the_library_lies(root: Path, tmp_path: Path) -> None:
    before = {entry.id for entry in walk(root)}
    moved = root.rename(tmp_path / "elsewhere")
    assert {entry.id for entry in walk(moved)} == before


def test_an_id_leads_to_its_file_without_a_walk_before(root: Path) -> None:
    identifier = file_id(Path("Paper Ferries/Harbour Tapes/Slow Rain.opus"))
    assert path_of(root, identifier).read_bytes() == b"one"


def test_a_file_added_after_the_walk_is_found(root: Path) -> None:
    list(walk(root))
    (root / "New.mp3").write_bytes(b"new")
    assert path_of(root, file_id(Path("New.mp3"))).name == "New.mp3"


def test_a_deleted_file_is_not_found(root: Path) -> None:
    list(walk(root))
    (root / "Moss.FLAC").unlink()
    assert code_of(root, file_id(Path("Moss.FLAC"))) == "NOT_FOUND"


@pytest.mark.parametrize(
    "identifier", ["", "../secret", "/etc/passwd", "A" * 16, "a" * 15, "a" * 17, "aaaaaaaaaaaaaaa\n"]
)
def test_what_is_no_id_is_refused(root: Path, identifier: str) -> None:
    assert code_of(root, identifier) == "BAD_URI"


def test_a_link_out_of_the_library_is_neither_listed_nor_opened(root: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.mp3").write_bytes(b"secret")
    (root / "Escape.mp3").symlink_to(tmp_path / "secret.mp3")
    assert "Escape.mp3" not in [entry.path.name for entry in walk(root)]
    assert code_of(root, file_id(Path("Escape.mp3"))) == "NOT_FOUND"


def test_a_file_replaced_by_a_link_after_the_walk_is_refused(root: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.mp3").write_bytes(b"secret")
    list(walk(root))
    (root / "Moss.FLAC").unlink()
    (root / "Moss.FLAC").symlink_to(tmp_path / "secret.mp3")
    assert code_of(root, file_id(Path("Moss.FLAC"))) == "NOT_FOUND"
    for below in ("Moss.FLAC", "../secret.mp3", str(tmp_path / "secret.mp3"), ".", "", "a\0b"):
        with pytest.raises(SourceError):
            path_inside(root, below)


def test_a_linked_folder_is_not_entered(root: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "Secret.mp3").write_bytes(b"secret")
    (root / "door").symlink_to(tmp_path / "outside")
    (root / "circle").symlink_to(root)
    assert [entry.path.name for entry in walk(root)] == ["Moss.FLAC", "Slow Rain.opus"]


def test_a_link_within_the_library_is_followed(root: Path) -> None:
    (root / "Favorite.flac").symlink_to(root / "Moss.FLAC")
    assert path_of(root, file_id(Path("Favorite.flac"))).read_bytes() == b"three"


def test_links_to_themselves_and_special_files_are_passed_over(root: Path) -> None:
    (root / "loop.mp3").symlink_to(root / "loop.mp3")
    os.mkfifo(root / "pipe.mp3")
    assert [entry.path.name for entry in walk(root)] == ["Moss.FLAC", "Slow Rain.opus"]


def test_a_name_that_is_not_utf_8_has_an_id(root: Path) -> None:
    name = os.fsdecode(b"caf\xe9.mp3")
    (root / name).write_bytes(b"latin")
    entry = next(entry for entry in walk(root) if entry.path.name == name)
    assert path_of(root, entry.id).read_bytes() == b"latin"


def test_a_missing_library_is_empty(tmp_path: Path) -> None:
    assert list(walk(tmp_path / "absent")) == []
    assert code_of(tmp_path / "absent", "a" * 16) == "NOT_FOUND"


def test_a_name_for_the_log_holds_nothing_that_moves_a_terminal(tmp_path: Path) -> None:
    (tmp_path / "a\n\x1b[31m\u202eb é.mp3").write_bytes(b"x")
    assert [file.name for file in walk(tmp_path)] == ["a\\n\\x1b[31m\\u202eb é.mp3"]
    assert media_name(tmp_path / "\x9b2J.mp3") == "\\x9b2J.mp3"
