"""Slash commands, replies and the card in the language of the person who reads them."""

from __future__ import annotations

import pytest
from pytest_django import Settings

from botrunner import languages
from botrunner.languages import described, guild_language, language_of
from guilds.domain.settings import change_settings
from guilds.models import Guild
from realtime.db import in_thread
from realtime.origin import BOT
from sandbox.languages import LOCALES
from sandbox.model import Message
from tests.botrunner.conftest import owner_of
from tests.botrunner.stage import Stage
from tests.waiting import eventually


async def speak(stage: Stage, user: str, locale: str) -> None:
    answer = await stage.http.post("/_sandbox/language", json={"user": user, "locale": locale})
    assert answer.json() == {"locale": locale}


async def move_server(stage: Stage, locale: str) -> None:
    """The server's owner chooses its language in Discord."""
    body = {"change": "set_locale", "locale": locale}
    (await stage.http.post(f"/_sandbox/guilds/{stage.guild_id}", json=body)).raise_for_status()


def card_headed(stage: Stage, begin: str) -> Message | None:
    """Return the card if its heading begins like that."""
    messages = stage.sandbox.world.channel_messages(stage.channel("music"))
    cards = (each for each in messages if each.nonce and each.embeds)
    return next((each for each in cards if each.embeds[0]["author"]["name"].startswith(begin)), None)


async def in_language(stage: Stage, language: str) -> None:
    """Wait until the bot has heard that the server's language changed."""
    read = in_thread(guild_language)

    async def so() -> bool:
        return bool(await read(stage.guild_id) == language)

    await eventually(so)


async def test_everybody_reads_the_servers_language_and_one_person_their_own(playing: Stage) -> None:
    await speak(playing, "member", "de")
    public = await playing.slash("member", "pause")
    assert public["content"] == "Paused."
    private = await playing.slash("member", "pause")
    assert private["content"].startswith("Die Wiedergabe ist pausiert.")
    assert (await playing.slash("member", "jump", number="99"))["content"].startswith(
        "In der Warteschlange gibt es keinen"
    )
    assert (await playing.slash("dj", "jump", number="99"))["content"].startswith("There is no track")

    await move_server(playing, "de")
    await in_language(playing, "de")
    assert (await playing.slash("dj", "resume"))["content"] == "Fortgesetzt."
    assert (await playing.slash("dj", "shuffle"))["content"] == "There is nothing to shuffle."
    assert (await playing.slash("dj", "volume", level=80))["content"] == "Lautstärke auf 80 % gestellt."
    undone = await playing.slash("dj", "undo")
    assert undone["content"].startswith("Rückgängig gemacht: ")
    assert undone["components"][0]["components"][0]["label"] == "Wiederherstellen"


async def test_the_card_is_in_the_servers_language_and_a_setting_stands_above_it(playing: Stage) -> None:
    shown = await eventually(lambda: card_headed(playing, "Now playing in"))
    await playing.do(await owner_of(playing), "ChangeSettings", language="de")
    german = await eventually(lambda: card_headed(playing, "Jetzt läuft in"))
    assert german.id == shown.id


async def test_commands_are_described_and_choices_named_in_each_language(playing: Stage) -> None:
    await speak(playing, "member", "de")
    state = (await playing.http.get("/_sandbox/state", params={"user": "member"})).json()
    commands = {each["name"]: each for each in state["commands"]}
    assert commands["skip"]["description"] == "Überspringt den aktuellen Titel."
    choices = [each["name"] for each in commands["loop"]["options"][0]["choices"]]
    assert choices == ["Aus", "Aktueller Titel", "Warteschlange"]
    english = (await playing.http.get("/_sandbox/state", params={"user": "dj"})).json()["commands"]
    assert (
        next(each for each in english if each["name"] == "skip")["description"] == "Skip the current track."
    )


@pytest.mark.django_db
def test_the_language_of_a_server(guild: str) -> None:
    assert guild_language(guild) == "en"
    change_settings(guild, origin=BOT, language="de")
    assert guild_language(guild) == "de"


def test_a_locale_without_a_catalog_is_answered_in_english() -> None:
    assert [language_of(locale) for locale in ("en-GB", "xx", "", None)] == ["en"] * 4
    assert language_of("de") == "de"


def test_a_text_without_a_translation_is_described_in_english_only() -> None:
    assert described("Not in any catalog.")["description_localizations"] is None
    assert described("Pause playback.")["description_localizations"] == {"de": "Pausiert die Wiedergabe."}


def test_every_locale_of_discord_is_described(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(languages, "language_of", lambda locale: "de")
    assert set(described("Pause playback.")["description_localizations"]) == LOCALES


def test_latin_american_spanish_is_answered_in_spanish_where_there_is_some(settings: Settings) -> None:
    settings.LANGUAGES = [*settings.LANGUAGES, ("es", "Español")]
    assert [language_of(locale) for locale in ("es-419", "es-ES")] == ["es", "es"]


async def test_a_locale_that_nextcord_does_not_know_reads_english(playing: Stage) -> None:
    await speak(playing, "member", "es-419")
    await move_server(playing, "es-419")
    stored = in_thread(Guild.objects.filter(pk=playing.guild_id, preferred_locale="es-419").exists)
    await eventually(stored)
    assert (await playing.slash("member", "pause"))["content"] == "Paused."
    assert (await playing.slash("member", "pause"))["content"].startswith("Playback is paused.")
    assert list(await playing.suggestions("member", "play", "query", "long")) == [
        "Long A – The Generators", "Long C – The Generators",
    ]  # fmt: skip
    shown = await eventually(lambda: card_headed(playing, "Paused"))
    button = next(each for row in shown.components for each in row["components"] if "custom_id" in each)
    body = {"user": "member", "message_id": shown.id, "custom_id": button["custom_id"]}
    (await playing.http.post("/_sandbox/components", json=body)).raise_for_status()
