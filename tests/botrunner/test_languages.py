"""Slash commands in the language of the person who uses them."""

from __future__ import annotations

from pathlib import Path

from nextcord import Locale
from pytest_django import Settings

from botrunner.languages import described, language_of
from queue_app.player_states import PAUSED, SILENCES
from tests.botrunner.stage import Stage
from tests.languages import speak_german


async def test_a_reply_is_in_the_language_of_who_asks(
    playing: Stage, settings: Settings, tmp_path: Path
) -> None:
    german = {"Paused.": "Angehalten.", SILENCES[PAUSED].sentence: "Die Wiedergabe ist angehalten."}
    speak_german(settings, tmp_path, german)
    member = next(each for each in playing.sandbox.world.users.values() if each.username == "member")
    member.locale = "de"
    assert (await playing.slash("member", "pause"))["content"] == "Angehalten."
    assert (await playing.slash("dj", "pause"))["content"] == SILENCES[PAUSED].sentence
    assert (await playing.slash("member", "pause"))["content"] == "Die Wiedergabe ist angehalten."


def test_a_locale_without_a_catalog_is_answered_in_english(settings: Settings) -> None:
    assert [language_of(locale) for locale in ("de", "en-GB", "xx", "", None)] == ["en"] * 5
    assert described("Skip the current track.")["description_localizations"] is None


def test_a_command_is_described_in_every_language(settings: Settings, tmp_path: Path) -> None:
    speak_german(settings, tmp_path, {"Pause playback.": "Die Wiedergabe anhalten."})
    assert described("Pause playback.") == {
        "description": "Pause playback.",
        "description_localizations": {Locale.de: "Die Wiedergabe anhalten."},
    }
