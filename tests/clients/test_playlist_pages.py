"""The pages of playlists and favorites in Chromium, and the hearts on a guild's page."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from playwright.sync_api import Page, expect

from accounts.models import User
from library.domain.playlists import create_playlist
from library.models import Favorite, Playlist
from library.playlist_queries import entries_of
from queue_app.commands import execute
from queue_app.models import QueueItem
from realtime.models import Via
from realtime.origin import Origin
from tests.clients.browser import Desk, login_cookie
from tests.clients.test_accessibility import examine
from tests.factories import GuildFactory, MembershipFactory, RoleFactory, TrackFactory, UserFactory
from tests.server import Server
from tests.waiting import until


@pytest.fixture
def ines(transactional_db: None) -> User:
    guild = GuildFactory.create(name="Lounge")
    RoleFactory.create(guild=guild, name="Friends")
    MembershipFactory.create(guild=guild, user=UserFactory.create(username="maren", display_name="Maren"))
    for title in ("Blue Train", "Naima", "Giant Steps"):
        TrackFactory.create(title=title, artist="John Coltrane")
    return MembershipFactory.create(guild=guild, user=UserFactory.create(username="ines")).user


def titles(page: Page) -> list[str]:
    return page.locator("#entries li strong").all_text_contents()


def kept(**found: Any) -> list[str | None]:
    return [entry.title for entry in entries_of(Playlist.objects.get(**found))]


def test_a_playlist_is_made_filled_played_shared_and_deleted(desk: Desk, server: Server, ines: User) -> None:
    page = desk.window(login_cookie(ines)).open("/playlists")
    problems = examine(page)
    page.get_by_role("button", name="New playlist").click()
    page.get_by_role("button", name="Create").click()
    expect(page.locator("#create-problem")).to_contain_text("Must be a name")
    page.get_by_label("Name").fill("Friday")
    page.get_by_role("button", name="Create").click()
    expect(page.locator("#name")).to_have_text("Friday")
    expect(page.locator("#entries")).to_have_attribute("aria-busy", "false")  # the script has loaded
    for title in ("Blue Train", "Naima"):
        page.get_by_label("Search for a track").fill(title)
        page.keyboard.press("Enter")
        page.get_by_role("button", name=f"Add {title}").click()
        expect(page.locator("#done")).to_have_text(f"Added {title}.")
    page.get_by_label("Search for a track").fill("https://radio.example/live.mp3")
    page.keyboard.press("Enter")
    expect(page.locator("#entries li")).to_have_count(3)
    page.get_by_role("button", name="Move Naima up").click()
    expect(page.locator("#announcer")).to_have_text("Moved to position 1.")
    page.get_by_role("button", name="Move Naima down").click()
    expect(page.locator("#announcer")).to_have_text("Moved to position 2.")
    page.get_by_role("button", name="Move Naima up").click()
    expect(page.locator("#announcer")).to_have_text("Moved to position 1.")
    page.get_by_role("button", name="Remove Blue Train").click()
    expect(page.locator("#entries li")).to_have_count(2)
    page.locator("#done").get_by_role("button", name="Undo").click()
    expect(page.locator("#entries li")).to_have_count(3)
    assert titles(page)[:2] == ["Naima", "Blue Train"]
    assert kept()[:2] == ["Naima", "Blue Train"]
    page.locator("#list").get_by_role("button", name="Play", exact=True).click()
    expect(page.locator("#done")).to_contain_text("Added 3 tracks to the queue of")
    assert QueueItem.objects.count() == 3
    page.locator("#done").get_by_role("button", name="Undo").click()
    expect(page.locator("#done")).to_be_hidden()
    page.get_by_label("Share with").select_option(label="Maren")
    page.get_by_role("button", name="Share", exact=True).click()
    page.get_by_label("Share with").select_option(label="Friends")
    page.get_by_role("button", name="Share", exact=True).click()
    expect(page.locator("#collaborators li")).to_have_count(2)
    page.get_by_role("button", name="Stop sharing with Friends").click()
    expect(page.locator("#collaborators li")).to_have_count(1)
    page.get_by_role("button", name="Rename").click()
    page.get_by_role("textbox", name="Name").fill("Saturday")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#name")).to_have_text("Saturday")
    expect(page).to_have_title("Saturday · Backline")
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(page.locator("#list")).to_have_attribute("inert", "")
    expect(page.locator("#add-form")).to_have_attribute("inert", "")
    page.locator("#done").get_by_role("button", name="Undo").click()
    expect(page.locator("#list")).not_to_have_attribute("inert", "")
    problems += examine(page)
    with page.expect_download() as file:
        page.get_by_role("link", name="M3U8").click()
    assert file.value.suggested_filename == "Saturday.m3u8"
    page.get_by_role("link", name="Playlists").first.click()
    page.get_by_role("button", name="Delete Saturday").click()
    expect(page.locator("#done")).to_contain_text("Deleted Saturday.")
    page.locator("#done").get_by_role("button", name="Undo").click()
    expect(page.get_by_role("link", name="Saturday")).to_be_visible()
    page.get_by_role("button", name="Import").click()
    text = "#EXTM3U\n#EXTINF:1,John Coltrane - Naima\na.mp3\n#EXTINF:1,Nobody - Nothing\nb.mp3\n"
    page.get_by_label("File").set_input_files(
        {"name": "old.m3u", "mimeType": "audio/x-mpegurl", "buffer": text.encode()}
    )
    page.locator("#import-form").get_by_role("button", name="Import").click()
    expect(page.locator("#import-outcome li")).to_have_text("2. Nobody – Nothing")
    page.locator("#import-form").get_by_role("button", name="Import").click()
    expect(page.locator("#import-problem")).to_have_text("Choose a file.")
    problems += examine(page)
    assert kept(name="old") == ["Naima", "Nothing"]
    assert problems == []


def test_hearts_make_favorites(desk: Desk, server: Server, ines: User) -> None:
    guild_id = ines.memberships.get().guild_id
    uri = TrackFactory.create(title="Lonnie's Lament").uri
    execute(guild_id, "AddTrack", {"query": uri}, origin=Origin(user=ines, via=Via.REST))
    window = desk.window(login_cookie(ines))
    page = window.open(f"/guilds/{guild_id}")
    page.get_by_role("button", name="Add Lonnie's Lament to your favorites").click()
    page.get_by_role("button", name="Remove Lonnie's Lament from your favorites").wait_for()
    until(lambda: Favorite.objects.filter(uri=uri).exists())  # the page shows it first
    page = window.open("/playlists/favorites")
    expect(page.locator("#entries li strong")).to_have_text("Lonnie's Lament")
    page.get_by_role("button", name="Remove Lonnie's Lament").click()
    expect(page.locator("#entries li")).to_have_count(0)
    until(lambda: not Favorite.objects.exists())
    page.locator("#done").get_by_role("button", name="Undo").click()
    expect(page.locator("#entries li")).to_have_count(1)


@pytest.mark.django_db
def test_each_sees_what_they_may(client: Client) -> None:
    owner, stranger = (UserFactory.create() for _ in range(2))
    playlist = create_playlist("Private", origin=Origin(user=owner, via=Via.REST))
    assert client.get("/playlists").status_code == 302
    client.force_login(stranger)
    assert client.get(f"/playlists/{playlist.pk}").status_code == 404
    assert "Private" not in client.get("/playlists").content.decode()
    client.force_login(owner)
    assert 'id="rename-open"' in client.get(f"/playlists/{playlist.pk}").content.decode()
    assert "Private" in client.get("/playlists").content.decode()
