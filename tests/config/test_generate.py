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
    shutil.copytree(program.BASE_DIR / "locale", tmp_path / "locale", dirs_exist_ok=True)
    settings.BASE_DIR = tmp_path
    return tmp_path


def generate() -> str:
    output = io.StringIO()
    call_command("generate", stdout=output)
    return output.getvalue()


def test_files_that_differ_are_named_and_made_again(copies: Path) -> None:
    right = {name: (copies / name).read_text() for name in FILES}
    for name, text in right.items():
        place = text.find("\n", text.find("<!-- generated: ")) if "<!-- generated: " in text else 0
        (copies / name).write_text(f"{text[:place]}\nwritten by hand{text[place:]}")
    with pytest.raises(CommandError) as refusal:
        call_command("generate", check=True)
    assert str(refusal.value) == (
        f"Out of date: {', '.join(FILES)}. Run `.venv/bin/python manage.py generate`."
    )
    assert generate() == "".join(f"Wrote {name}\n" for name in FILES)
    assert {name: (copies / name).read_text() for name in FILES} == right
    call_command("generate", check=True)


def test_only_a_file_that_is_missing_is_made(copies: Path) -> None:
    (copies / "docs" / "openapi.json").unlink()
    with pytest.raises(CommandError, match=r"^Out of date: docs/openapi\.json\. Run"):
        call_command("generate", check=True)
    assert generate() == "Wrote docs/openapi.json\n"


def test_translations_are_kept_and_compiled(copies: Path) -> None:
    folder = copies / "locale" / "de" / "LC_MESSAGES"
    before = (folder / "django.po").read_text()
    assert 'msgid "Paused."\nmsgstr "Pausiert."' in before
    (folder / "django.po").write_text(before.replace('"Pausiert."', '"Angehalten."'))
    assert generate() == "Wrote locale/de/LC_MESSAGES/django.mo\n"
    assert b"Angehalten." in (folder / "django.mo").read_bytes()
    (folder / "django.po").write_text(before.replace('msgid "Paused."', 'msgid "Gone."'))
    assert generate() == "".join(f"Wrote locale/de/LC_MESSAGES/django.{kind}\n" for kind in ("po", "mo"))
    assert 'msgid "Paused."\nmsgstr ""' in (folder / "django.po").read_text()


def test_what_is_written_by_hand_around_a_part_stays() -> None:
    write = parts(a=lambda: "new\n")
    assert write("by hand\n<!-- generated: a -->\nold\n<!-- end -->\nby hand") == (
        "by hand\n<!-- generated: a -->\n\nnew\n\n<!-- end -->\nby hand"
    )
    with pytest.raises(ValueError, match="no markers for the generated part a"):
        write("by hand")
