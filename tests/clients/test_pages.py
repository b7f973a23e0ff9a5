"""The pages in a real browser against the real program, without Discord."""

from __future__ import annotations

import pytest
from django.conf import settings
from playwright.sync_api import Locator, Page, ViewportSize, expect

from guilds.channel_permissions import VIEW_CHANNEL
from guilds.domain.installation import bot_left
from guilds.domain.mirror import mirror_guild, note_outage
from guilds.models import Guild, GuildSettings, Membership
from queue_app.domain import playback
from queue_app.models import QueueItem
from tests.clients.browser import PHONE, WIDE, Desk, elsewhere
from tests.clients.rows import open_menu
from tests.clients.scene import BOT_PROCESS, Scene, be_the_bot
from tests.factories import RoleFactory, TrackFactory


def titles(page: Page) -> list[str]:
    return page.locator("#queue .line-title").all_inner_texts()


def test_keyboard_adds_a_track_and_everybody_sees_it(desk: Desk, scene: Scene) -> None:
    owner = desk.window(scene.owner_cookie).open_guild(scene.id)
    member = desk.window(scene.member_cookie, size=PHONE, scheme="light").open_guild(scene.id, tab="queue")

    owner.keyboard.press("/")
    owner.keyboard.type("harb")
    expect(owner.locator(".result")).to_have_count(2)
    second = owner.locator(".result .line-title").nth(1).inner_text()
    owner.keyboard.press("ArrowDown")
    owner.keyboard.press("ArrowDown")
    owner.keyboard.press("Enter")

    expect(member.locator("#queue .line-title")).to_have_text([second])
    expect(member.locator("#queue .line-sub")).to_contain_text("Owner")
    expect(owner.locator("#queue .line-sub")).to_contain_text("you")
    expect(member.locator("#activity .deed").first).to_contain_text(f"Owner added {second}")


def test_scripts_show_what_the_catalog_has(desk: Desk, scene: Scene) -> None:
    window = desk.window(scene.owner_cookie)
    window.page.add_init_script('globalThis.django = {catalog: {Live: "En direct"}}')
    expect(window.open_guild(scene.id).locator("#connection")).to_have_text("En direct")
    assert window.complaints == []


def test_shift_enter_plays_next_and_escape_closes(desk: Desk, scene: Scene) -> None:
    scene.add("cold harbour")
    page = desk.window(scene.owner_cookie).open_guild(scene.id)
    page.keyboard.press("/")
    page.keyboard.type("moss")
    expect(page.locator(".result")).to_have_count(1)
    page.keyboard.press("Shift+Enter")
    expect(page.locator("#queue .line-title")).to_have_text(["Moss", "Cold Harbour"])
    page.keyboard.type("moss")
    expect(page.locator("#search-panel")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#search-panel")).to_be_hidden()


def test_a_pasted_link_is_offered_and_added_as_the_link(desk: Desk, scene: Scene) -> None:
    page = desk.window(scene.owner_cookie).open_guild(scene.id)
    page.locator("#search-input").fill("[hear this](<Https://radio.example/live.mp3>)")
    expect(page.locator(".result .line-title")).to_have_text("radio.example/live.mp3")
    expect(page.locator(".result .line-sub")).to_have_text("Add this link")
    page.keyboard.press("Enter")
    expect(page.locator("#queue .line-title")).to_have_text(["radio.example/live.mp3"])
    expect(page.locator("#activity .deed").first).to_contain_text("You added radio.example/live.mp3")

    # A link without a scheme also works. With words around it, or without a path, it is a search.
    for words in ("radio.example", "mr. x/y"):
        page.locator("#search-input").fill(words)
        expect(page.locator("#search-note")).to_contain_text("Nothing in the library matches")
    page.locator("#search-input").fill("video.example/watch?v=1")
    expect(page.locator(".result .line-title")).to_have_text("video.example/watch?v=1")
    page.keyboard.press("Enter")
    expect(page.locator("#activity .deed").first).to_contain_text("You added video.example/watch?v=1")
    newest = elsewhere(lambda: QueueItem.objects.select_related("track").latest("added_at").track)
    assert newest.uri == "https://video.example/watch?v=1"


def test_a_channel_that_only_some_may_see_appears_for_them_only(desk: Desk, scene: Scene) -> None:
    owner = desk.window(scene.owner_cookie).open_guild(scene.id)
    member = desk.window(scene.member_cookie).open_guild(scene.id)
    seen, secret = scene.channel_id, "900000000000000001"

    def mirror(*hidden: str) -> None:
        overwrites = [{"id": scene.id, "type": 0, "allow": "0", "deny": str(VIEW_CHANNEL)}]
        channels = [
            {"id": pk, "type": 2, "name": f"Room {pk[-1]}", "position": n, "parent_id": None, "user_limit": 0}
            | {"overwrites": overwrites if pk in hidden else []}
            for n, pk in enumerate((seen, secret))
        ]
        mirror_guild(
            scene.id, name="Sandbox Lounge", icon_hash="", owner_id=str(scene.person.discord_id), member_count=2,
            bot_role_ids=[], channels=channels, roles=[], voices=[],
        )  # fmt: skip

    def rooms(page: Page) -> Locator:
        return page.locator("#voice-channel option:not([value=''])")

    here, there = f"Room {seen[-1]}", "Room 1"
    elsewhere(lambda: mirror(secret))
    expect(rooms(owner)).to_have_text([here, there])
    expect(rooms(member)).to_have_text([here])
    elsewhere(lambda: mirror(seen))
    expect(rooms(owner)).to_have_text([here, there])
    expect(rooms(member)).to_have_text([there])


def test_what_plays_moves_and_can_be_paused_by_anybody(desk: Desk, scene: Scene) -> None:
    owner = desk.window(scene.owner_cookie).open_guild(scene.id)
    member = desk.window(scene.member_cookie).open_guild(scene.id)
    scene.add("moss")
    scene.play()
    expect(owner.locator("#now-title")).to_have_text("Moss")
    expect(owner.locator("#now-status")).to_have_text("Now playing")
    expect(owner.locator("#position")).to_have_text("0:02")

    member.get_by_role("button", name="Pause").click()
    expect(owner.locator("#now-status")).to_have_text("Paused")
    expect(owner.get_by_role("button", name="Resume")).to_be_enabled()
    expect(owner.locator("#announcer")).to_have_text("Playback paused")


def test_nowhere_to_play_is_said_with_what_to_do(desk: Desk, scene: Scene) -> None:
    def start() -> None:
        be_the_bot(scene.id)
        playback.start_next(scene.id, owner=BOT_PROCESS)

    page = desk.window(scene.owner_cookie).open_guild(scene.id)
    scene.add("moss")
    elsewhere(start)
    expect(page.locator("#player-problem")).to_contain_text("choose one above")
    page.get_by_role("combobox", name="Voice channel").select_option(label="Stage left")
    expect(page.locator("#activity .deed").first).to_contain_text("You chose the voice channel Stage left")


def test_a_refused_removal_is_taken_back_with_the_reason(desk: Desk, scene: Scene) -> None:
    role = RoleFactory.create(guild=scene.guild)
    GuildSettings.objects.filter(guild=scene.guild).update(dj_role_id=role.pk)
    member = Membership.objects.filter(guild=scene.guild, owner=False)
    member.update(role_ids=[role.pk])
    scene.add("moss")
    page = desk.window(scene.member_cookie).open_guild(scene.id)
    remove = open_menu(page, "Moss").get_by_role("menuitem", name="Remove", exact=True)
    expect(remove).to_be_visible()
    elsewhere(lambda: member.update(role_ids=[]))  # the page does not know yet
    remove.click()
    expect(page.locator(".toast")).to_contain_text("Could not remove “Moss”.")
    assert titles(page) == ["Moss"]
    page.reload()
    expect(page.locator("#queue .line-title")).to_have_text(["Moss"])
    expect(open_menu(page, "Moss").get_by_role("menuitem", name="Add to playlist")).to_be_visible()
    expect(remove).to_be_hidden()


def test_a_title_is_only_ever_text(desk: Desk, scene: Scene) -> None:
    title = "<img src=x onerror=document.title=1> & <b>bold</b>"
    track = elsewhere(lambda: TrackFactory.create(title=title))
    window = desk.window(scene.owner_cookie)
    page = window.open_guild(scene.id)
    scene.add(track.uri)
    expect(page.locator("#queue .line-title")).to_have_text([title])
    assert window.complaints == []


def test_the_end_of_the_session_is_told(desk: Desk, scene: Scene) -> None:
    window = desk.window(scene.owner_cookie)
    page = window.open_guild(scene.id)
    other = page.context.new_page()
    other.goto(f"{settings.API_BASE_URL}/dashboard")
    other.get_by_label("Your account").click()
    other.get_by_role("button", name="Log out").click()
    expect(other).to_have_url(f"{settings.API_BASE_URL}/")
    expect(page.locator("#connection")).to_contain_text("Logged out")
    expect(page.locator("#connection a")).to_have_attribute(
        "href", f"/api/auth/discord/login?next=%2Fguilds%2F{scene.id}"
    )


def test_the_chosen_theme_is_kept(desk: Desk, scene: Scene) -> None:
    window = desk.window(scene.owner_cookie, scheme="dark")
    page = window.open("/dashboard")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(16, 18, 20)"
    page.get_by_role("button", name="Switch to light theme").click()
    page = window.open(f"/guilds/{scene.id}")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(246, 243, 236)"
    expect(page.get_by_role("button", name="Switch to dark theme")).to_be_visible()


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["1440", "375"])
def test_no_page_complains_or_overflows(desk: Desk, scene: Scene, size: ViewportSize) -> None:
    absent = elsewhere(lambda: Guild.objects.get(bot_installed=False).pk)
    window = desk.window(scene.owner_cookie, size=size)
    scene.add("moss")
    for path in ("/", "/dashboard", f"/guilds/{scene.id}", f"/guilds/{absent}"):
        page = window.open(path)
        if page.locator("#connection").count():
            page.wait_for_selector("#connection[data-state=live]")
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"], path
    assert window.complaints == [], "nothing breaks the content security policy, nothing is missing"


def test_the_page_goes_live_when_the_bot_joins_and_back_when_it_is_removed(desk: Desk, scene: Scene) -> None:
    absent = elsewhere(lambda: Guild.objects.get(bot_installed=False))

    def join(name: str = absent.name) -> None:
        seat = {"id": "480000000000000001", "type": 2, "name": "Upstairs", "position": 0, "parent_id": None}
        mirror_guild(
            absent.pk,
            name=name,
            icon_hash="",
            owner_id="",
            member_count=2,
            bot_role_ids=[],
            channels=[seat | {"overwrites": [], "user_limit": 0}],
            roles=[],
            voices=[],
        )

    window = desk.window(scene.owner_cookie)
    page = window.open_guild(absent.pk)
    add = page.get_by_role("link", name="Add the bot")
    search, player = page.locator("#search-input"), page.locator("#player")
    expect(add).to_be_visible()
    expect(search).to_be_hidden()
    expect(player).to_be_hidden()
    page.evaluate("window.neverReloaded = true")
    elsewhere(join)
    expect(search).to_be_visible()
    expect(player).to_be_visible()
    expect(add).to_be_hidden()
    expect(page.locator("#voice-channel option")).to_have_text(["No voice channel", "Upstairs"])
    expect(page.locator("#activity")).to_contain_text("joined this server")
    elsewhere(lambda: join(name="<b>Den</b> \N{RIGHT-TO-LEFT OVERRIDE}\N{CAT FACE}"))
    expect(page.locator("#guild-name")).to_contain_text("<b>Den</b>")
    elsewhere(lambda: note_outage(absent.pk))
    expect(page.locator("#guild-outage")).to_be_visible()
    expect(search).to_be_visible()
    elsewhere(lambda: bot_left(absent.pk))
    expect(add).to_be_visible()
    expect(search).to_be_hidden()
    expect(page.locator("#guild-outage")).to_be_hidden()
    assert page.evaluate("window.neverReloaded")
    assert window.complaints == []
