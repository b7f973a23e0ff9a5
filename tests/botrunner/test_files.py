"""Files and links from messages, through the bot and the sandbox: added, heard after they expired, and refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from botrunner.finds import read_message
from guilds.models import GuildSettings
from library.models import Track
from library.sources.links import MAX_PASTED
from queue_app.models import ItemState
from realtime.db import in_thread
from sandbox.actions import delete_message
from sandbox.links import VALID_SECONDS
from tests.botrunner.conftest import owner_of
from tests.botrunner.stage import Stage
from tests.library.audio_server import AudioServer, Resource

EPHEMERAL = 64
PNG = ("cover.png", b"\x89PNG\r\n\x1a\n", "image/png")


def opus(library: Path, title: str, name: str = "") -> tuple[str, bytes, str]:
    return name or f"{title}.opus", (library / f"{title}.opus").read_bytes(), "audio/ogg"


async def upload(stage: Stage, file: tuple[str, bytes, str], user: str = "owner") -> str:
    answer = await stage.http.post("/_sandbox/uploads", data={"user": user}, files={"file": file})
    answer.raise_for_status()
    return str(answer.json()["id"])


async def play_file(stage: Stage, file: tuple[str, bytes, str], **options: Any) -> dict[str, Any]:
    return await stage.slash("owner", "play", file=await upload(stage, file), **options)


async def say(stage: Stage, content: str, *files: tuple[str, bytes, str]) -> dict[str, Any]:
    """Send a message to #music as `owner`."""
    ids = [await upload(stage, file) for file in files]
    body = {"user": "owner", "channel_id": stage.channel("music"), "content": content, "attachments": ids}
    answer = await stage.http.post("/_sandbox/messages", json=body)
    answer.raise_for_status()
    message: dict[str, Any] = answer.json()
    return message


async def add(stage: Stage, message: dict[str, Any], user: str = "owner") -> dict[str, Any]:
    """Use the command *Add to queue* in the menu of a message."""
    body = {"user": user, "guild_id": stage.guild_id, "channel_id": message["channel_id"]}
    order = {"command": "Add to queue", "target_id": message["id"]}
    answer = await stage.http.post("/_sandbox/interactions", json=body | order)
    answer.raise_for_status()
    reply: dict[str, Any] = answer.json()
    return reply


async def press(stage: Stage, message: dict[str, Any], label: str) -> None:
    buttons = [each for row in message["components"] for each in row["components"]]
    custom_id = next(each["custom_id"] for each in buttons if each.get("label") == label)
    body = {"user": "owner", "message_id": message["id"], "custom_id": custom_id}
    (await stage.http.post("/_sandbox/components", json=body)).raise_for_status()


def embed_of(message: dict[str, Any]) -> dict[str, Any]:
    (embed,) = message["embeds"]
    assert isinstance(embed, dict)
    return embed


def left_out(message: dict[str, Any]) -> str:
    fields = {field["name"]: field["value"] for field in embed_of(message).get("fields", [])}
    return str(fields.get("Left out", ""))


async def queue(stage: Stage) -> list[str | None]:
    waiting = [item for item in await stage.items() if item.state == ItemState.QUEUED]
    return [item.track.title for item in sorted(waiting, key=lambda item: item.rank)]


@pytest.fixture
async def ready(stage: Stage, settings: Settings, tmp_path: Path) -> Stage:
    settings.DATA_DIR = tmp_path / "data"
    settings.DATA_DIR.mkdir()
    await stage.start_bot()
    await stage.sit("owner", "Stage left")
    return stage


async def test_files_are_heard_after_their_links_expired(ready: Stage, library: Path) -> None:
    played = await play_file(ready, opus(library, "Long A"))
    assert embed_of(played)["title"] == "Added"
    assert embed_of(played)["description"] == "**Long A – The Generators**"
    assert embed_of(played)["footer"]["text"] == "Playing now."
    await ready.hear(440)
    unknown = ("recording", opus(library, "Long C")[1], "application/octet-stream")
    message = await say(ready, "hear this", unknown, PNG)
    added = await add(ready, message)
    assert embed_of(added)["description"] == "**Long C – The Generators**"
    assert embed_of(added)["footer"]["text"] == "Up next."
    assert left_out(added) == ""  # the picture is not mentioned
    assert embed_of(await play_file(ready, opus(library, "Long A", "again.opus")))["footer"]["text"] == (
        "Number 2 in the queue, in about 2 min."
    )

    # A day later, without the message.
    delete_message(ready.sandbox.world, ready.sandbox.world.messages[message["id"]])
    await ready.fault("cdn_clock", seconds=VALID_SECONDS + 60)
    await ready.slash("owner", "skip")
    await ready.hear(523)
    await ready.slash("owner", "previous")
    await ready.hear(440)
    await ready.slash("owner", "remove", number="1-2")
    assert await queue(ready) == []
    await ready.slash("owner", "undo")
    assert await queue(ready) == ["Long C", "Long A"]
    await ready.slash("owner", "loop", what="queue")
    await ready.slash("owner", "skip")
    await ready.hear(523)
    assert await queue(ready) == ["Long A", "Long A"]

    # The web shows and adds it like any track.
    owner = await owner_of(ready)
    track = (await ready.player()).item
    assert track is not None
    item = await ready.do(owner, "AddTrack", query=track.track.uri, position="next")
    shown = {"title": "Long C", "source": "discord", "url": None, "is_live": False, "duration_ms": 60_000}
    assert shown.items() <= item["track"].items()
    assert await queue(ready) == ["Long C", "Long A", "Long A"]


async def test_what_cannot_be_added_is_told_by_name(
    ready: Stage, library: Path, settings: Settings, tmp_path: Path
) -> None:
    async def refused(reply: dict[str, Any]) -> str:
        assert reply["flags"] & EPHEMERAL
        assert await queue(ready) == []
        return str(reply["content"])

    words = ("words.mp3", b"Only words.\n" * 100, "audio/mpeg")
    assert await refused(await play_file(ready, words)) == "“words.mp3” is not an audio file, or is damaged."
    assert await refused(await play_file(ready, ("void.ogg", b"", "audio/ogg"))) == "“void.ogg” is empty."
    assert await refused(await play_file(ready, PNG)) == "“cover.png” is not an audio file, or is damaged."
    tricky = ("@everyone **<@1>** \u202egnp.mp3", b"x" * 99, "audio/mpeg")
    sentence = await refused(await play_file(ready, tricky))
    assert (
        sentence
        == "“@\u200beveryone \\*\\*\\<@\u200b1\\>\\*\\* gnp.mp3” is not an audio file, or is damaged."
    )
    notes = ("notes.bin", b"no sound at all", "application/octet-stream")
    assert await refused(await add(ready, await say(ready, "", notes))) == (
        "“notes.bin” is not an audio file, or is damaged."
    )
    both = await play_file(ready, opus(library, "Long A"), query="Long A")
    assert await refused(both) == "Give a query or a file, not both."
    assert await refused(await ready.slash("owner", "play")) == (
        "Type a search or a link, or attach an audio file."
    )
    nothing = "There is no audio file and no link in this message."
    assert await refused(await add(ready, await say(ready, "just words", PNG))) == nothing
    assert "\n" in await refused(
        await add(ready, await say(ready, "", words, ("void.ogg", b"", "audio/ogg")))
    )

    # In the language of the person.
    body = {"user": "owner", "locale": "de"}
    (await ready.http.post("/_sandbox/language", json=body)).raise_for_status()
    assert await refused(await play_file(ready, words)) == (
        "„words.mp3“ ist keine Audiodatei oder ist beschädigt."
    )
    await ready.http.post("/_sandbox/language", json=body | {"locale": "en-US"})

    settings.ATTACHMENT_MAX_MB = 0
    assert await refused(await play_file(ready, opus(library, "Long A"))) == (
        "“Long A.opus” is too large (limit 0 MB)."
    )
    settings.ATTACHMENT_MAX_MB, settings.ATTACHMENTS_MAX_MB = 1, 0
    assert (await refused(await play_file(ready, opus(library, "Long A")))).startswith("There is no room for")
    settings.ATTACHMENTS_MAX_MB = 10

    # The rights are checked before anything is downloaded.
    def restrict(**values: Any) -> None:
        GuildSettings.objects.update_or_create(pk=ready.guild_id, defaults=values)

    message = await say(ready, "two", opus(library, "Long C"))
    await in_thread(restrict)(allowed_sources=["library"], may_add="everyone")
    assert (await add(ready, message, "member"))["content"] == (
        "This server only allows tracks from: The music library."
    )
    await in_thread(restrict)(allowed_sources=None, may_add="dj")
    assert (await add(ready, message, "member"))["content"] == (
        "Only DJs and managers of this server may add tracks."
    )
    assert not list((tmp_path / "data" / "attachments").glob("*"))
    assert not any(message.mention_everyone for message in ready.sandbox.world.messages.values())


async def test_everything_in_a_message_is_added_at_once(
    ready: Stage, library: Path, audio_server: AudioServer
) -> None:
    await ready.slash("owner", "play", query="Long A")
    await ready.hear(440)
    audio_server.resources["/a.opus"] = Resource((library / "Short E.opus").read_bytes())
    audio_server.resources["/b.opus"] = Resource((library / "Short G.opus").read_bytes())
    one, two = audio_server.url("/a.opus"), audio_server.url("/b.opus")
    old = await say(ready, "", opus(library, "Long C"))
    pasted = old["attachments"][0]["url"]
    words = ("words.mp3", b"Only words.\n" * 100, "audio/mpeg")
    message = await say(ready, f"<{one}>, [b]({two})! ||{pasted}|| and {one}", words)
    await ready.fault("cdn_clock", seconds=VALID_SECONDS + 60)
    reply = await add(ready, message)
    assert embed_of(reply)["title"] == "Added 3 tracks"
    assert left_out(reply) == "“words.mp3” is not an audio file, or is damaged."
    assert embed_of(reply)["description"].splitlines()[0] == "- Long C – The Generators · 1:00"
    assert embed_of(reply)["footer"]["text"] == "Up next."
    assert len(await queue(ready)) == 3
    assert (await queue(ready))[0] == "Long C"
    await press(ready, reply, "Undo")
    assert await queue(ready) == []

    # On the web it is a link, which is renewed.
    await ready.do(await owner_of(ready), "AddTrack", query=f"<{pasted}>", position="now")
    await ready.hear(523)
    await ready.slash("owner", "clear")

    # As many links as fit into a message, and into /play.
    many = " ".join(f"{one}?{number}" for number in range(40))
    reply = await add(ready, await say(ready, many))
    assert embed_of(reply)["title"] == "Added 40 tracks"
    assert embed_of(reply)["description"].splitlines()[-1] == "and 30 more"
    reply = await ready.slash("owner", "play", query=f"|| {one}?a || <{one}?b>, {pasted}.", position="next")
    assert embed_of(reply)["title"] == "Added 3 tracks"
    assert len(await queue(ready)) == 43
    reply = await ready.slash("owner", "play", query=f"this: <{pasted}>")
    assert embed_of(reply)["description"] == "**Long C – The Generators**"
    assert await in_thread(Track.objects.filter(source="discord").count)() == 1


async def test_a_playlist_that_is_attached_to_a_message_adds_its_tracks(ready: Stage) -> None:
    m3u = b"#EXTM3U\n#EXTINF:60,The Generators - Long A\nLong A.opus\ngone.mp3\n"
    kinds = {
        "set.m3u8": (m3u, "application/vnd.apple.mpegurl"),
        "set.pls": (b"[playlist]\nFile1=Long C.opus\nTitle1=Long C\nNumberOfEntries=1\n", "audio/x-scpls"),
        "set.xspf": (
            b'<playlist version="1" xmlns="http://xspf.org/ns/0/"><trackList><track><title>Short E</title>'
            b"<location>Short%20E.opus</location></track></trackList></playlist>",
            "application/xspf+xml",
        ),
    }  # fmt: skip
    files = [(name, content, kind) for name, (content, kind) in kinds.items()]
    reply = await add(ready, await say(ready, "tonight", *files, PNG))
    assert embed_of(reply)["title"] == "Added 3 tracks"
    assert left_out(reply) == "1 track of “set.m3u8” is not in the library."
    await ready.hear(440)
    assert await queue(ready) == ["Long C", "Short E"]


def message_of(content: str, *files: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"content": content, "attachments": list(files)} | more


def test_a_thousand_links_are_read_as_far_as_a_text_is_read() -> None:
    links = [f"http://x.example/{number}" for number in range(1000)]
    found = read_message(message_of("\n".join(links)))
    assert found.links == [link for link in links if "\n".join(links).index(link) + len(link) < MAX_PASTED]
    assert not found.files


def test_links_that_are_too_long_are_named_as_such() -> None:
    found = read_message(message_of(f"http://x.example/{'a' * 2000} http://x.example/b"))
    assert (found.links, [str(each) for each in found.refused]) == (
        ["http://x.example/b"],
        ["A link may have at most 2000 bytes."],
    )


def test_the_original_name_of_a_file_is_shown(settings: Settings) -> None:
    settings.DISCORD_CDN_URL = "https://cdn.discordapp.com"
    cdn = "https://cdn.discordapp.com/attachments/1/2"
    files = [
        {"filename": "_ber_uns.mp3", "title": "Über uns", "url": f"{cdn}/_ber_uns.mp3", "size": 3},
        {"filename": "SPOILER_two_words.flac", "url": f"{cdn}/SPOILER_two_words.flac", "size": 3},
        {"filename": "clip", "content_type": "video/mp4", "url": f"{cdn}/clip", "size": 3},
        {"filename": "cover.png", "content_type": "image/png", "url": f"{cdn}/cover.png", "size": 3},
    ]
    forwarded = message_of(f"{cdn}/My%20Song.ogg?ex=1& {cdn}/cover.png")
    found = read_message(message_of("", *files, message_snapshots=[{"message": forwarded}]))
    assert [(file.name, file.title) for file in found.files] == [
        ("Über uns.mp3", "Über uns"),
        ("two\\_words.flac", "two words"),
        ("clip", "clip"),
        ("My Song.ogg", "My Song"),
    ]
    assert not read_message({"attachments": None, "content": None})
