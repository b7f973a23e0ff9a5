"""The generated files match the program."""

from __future__ import annotations

import io
import shutil
from pathlib import Path

import pytest
from django.conf import settings as program
from django.core.management import CommandError, call_command
from pytest_django import Settings

from config.generate.files import FILES, parts


@pytest.fixture
def copies(tmp_path: Path, settings: Settings) -> Path:
    """Replace the files with copies."""
    for name in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(program.BASE_DIR / name, tmp_path / name)
    settings.BASE_DIR = tmp_path
    return tmp_path


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_differs_is_named_and_made_again(name: str, copies: Path) -> None:
    call_command("generate", check=True)
    right = (copies / name).read_text()
    place = right.find("\n", right.find("<!-- generated: ")) if "<!-- generated: " in right else 0
    (copies / name).write_text(f"{right[:place]}\nwritten by hand{right[place:]}")
    with pytest.raises(CommandError, match=rf"{name}\. Run `.venv/bin/python manage.py generate`"):
        call_command("generate", check=True)
    output = io.StringIO()
    call_command("generate", stdout=output)
    assert output.getvalue() == f"Wrote {name}\n"
    assert (copies / name).read_text() == right
    call_command("generate", check=True)


def test_a_file_that_is_missing_is_made(copies: Path) -> None:
    (copies / "docs" / "openapi.json").unlink()
    with pytest.raises(CommandError, match=r"openapi\.json"):
        call_command("generate", check=True)
    call_command("generate", stdout=io.StringIO())
    call_command("generate", check=True)


def test_what_is_written_by_hand_around_a_part_stays() -> None:
    write = parts(a=lambda: "new\n")
    assert write("by hand\n<!-- generated: a -->\nold\n<!-- end -->\nby hand") == (
        "by hand\n<!-- generated: a -->\n\nnew\n\n<!-- end -->\nby hand"
    )
    with pytest.raises(ValueError, match="no markers for the generated part a"):
        write("by hand")
