"""The page in a real browser: a newcomer's first steps."""

import os
import re
import shutil
from collections.abc import AsyncIterator

import httpx
import pytest
from playwright.async_api import FilePayload, Page, async_playwright, expect

from sandbox import permissions
from sandbox.seed import BOT_ROLE, DJ, DJ_ROLE, LOUNGE
from sandbox.server import Sandbox
from tests.clients.browser import FLAGS, PHONE
from tests.waiting import eventually

from .bots import make_bot, registered
from .conftest import Connect, channel_id
from .test_attachments import make_bot as bot_with_menus
from .test_seats import ask, ready

CHROMIUM = os.environ.get("CHROMIUM_PATH") or shutil.which("chromium")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: set CHROMIUM_PATH or install it")


@pytest.fixture
async def page(sandbox: Sandbox) -> AsyncIterator[Page]:
    """The sandbox's page, as `member`. Errors in its console fail the test."""
    async with async_playwright() as playwright:
        arguments = [*FLAGS, "--disable-background-networking"]
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        page = await browser.new_page(viewport=PHONE, reduced_motion="reduce")
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        # Chromium also logs every refused request. Those are not errors of the page.
        page.on(
            "console",
            lambda line: (
                errors.append(line.text)
                if line.type == "error" and "Failed to load resource" not in line.text
                else None
            ),
        )
        await page.goto(sandbox.url)
        yield page
        await browser.close()
        assert not errors


async def test_a_newcomer_types_a_command_and_presses_a_button(
    sandbox: Sandbox, connect: Connect, page: Page
) -> None:
    async with connect(make_bot()):
        await registered(sandbox)
        suggestions = page.get_by_role("listbox", name="Suggestions").get_by_role("option")
        line = page.get_by_role("combobox", name="Message or slash command")
        await expect(page.get_by_role("heading", name="# general")).to_be_visible()
        await line.fill("/pl")
        await expect(suggestions).to_have_text(["/playPlay a track", "/playlistLists"])
        await line.press("Enter")
        await line.press_sequentially("moss")
        await expect(suggestions).to_have_text(["moss one", "moss two"])
        await line.press("ArrowDown")
        await line.press("Tab")
        await line.press_sequentially("times:3")
        await line.press("Enter")
        await expect(page.get_by_text("member plays moss two 3x at end")).to_be_visible()

        # Enter accepts the highlighted suggestion, then sends. What is typed already it sends at once.
        await line.fill("/play query:moss position:")
        await expect(suggestions).to_have_text(["end", "next"])
        await line.press("ArrowDown")
        await line.press("Enter")
        await expect(line).to_have_value("/play query:moss position:next ")
        await line.press("Enter")
        await expect(page.get_by_text("member plays moss 1x at next")).to_be_visible()
        await line.fill("/slow secret:true")
        await expect(suggestions).to_have_text(["true"])
        await line.press("Enter")
        await expect(page.get_by_text("done at last")).to_be_visible()
        await expect(page.get_by_text("Only you can see this").first).to_be_visible()
        await line.fill("/slow secret:maybe")
        await line.press("Enter")
        await expect(page.get_by_role("status")).to_have_text("Option 'secret' must be true or false")
        await expect(line).to_have_value("/slow secret:maybe")

        await line.fill("/panel")
        await line.press("Enter")
        await line.press("Enter")
        await page.get_by_role("button", name="Count").click()
        await expect(page.get_by_role("button", name="1", exact=True)).to_be_visible()
        await expect(page.get_by_role("button", name="Off")).to_be_disabled()
        await page.get_by_role("button", name="Whisper").click()
        await expect(page.get_by_text("between us")).to_be_visible()

        await line.fill("/silent")
        await line.press("Enter")
        await line.press("Enter")
        await expect(page.get_by_role("status")).to_have_text("The application did not respond", timeout=8000)


async def test_files_are_attached_and_menus_opened(sandbox: Sandbox, connect: Connect, page: Page) -> None:
    tune = FilePayload(name="tune.ogg", mimeType="audio/ogg", buffer=b"OggS...")
    line = page.get_by_role("combobox", name="Message or slash command")

    async def attach() -> None:
        async with page.expect_file_chooser() as chooser:
            await page.get_by_role("button", name="Attach files").click()
        await (await chooser.value).set_files([tune])

    async with connect(bot_with_menus()):
        await eventually(lambda: len(sandbox.world.commands) == 3)
        await page.reload()
        await attach()
        await attach()
        await page.get_by_role("button", name="Remove tune.ogg").first.click()
        await line.fill("this")
        await line.press("Enter")
        message = page.locator(".message").first
        await expect(message.locator("audio")).to_have_count(1)
        await message.click(button="right")
        await message.get_by_role("button", name="Add to queue").click()
        await expect(page.get_by_text("this: b'OggS...'")).to_be_visible()
        await message.get_by_label("More actions").click()
        await message.get_by_role("button", name="Whose: Ines").click()
        await expect(page.get_by_text("Ines of Sandbox Lounge")).to_be_visible()

        await attach()
        await line.fill("/play ")
        await expect(page.locator("#hint")).to_have_text(re.compile("file.*attach it with +"))
        await line.press("Enter")
        await expect(page.get_by_text("tune.ogg: b'OggS...'")).to_be_visible()
        assert not await page.evaluate("document.documentElement.scrollWidth > innerWidth")
        await message.get_by_label("More actions").click()
        await message.get_by_role("button", name="Delete message").click()
        await expect(page.locator("audio[controls]")).to_have_count(0)


async def test_a_manager_decides_who_may_use_a_command(
    sandbox: Sandbox, connect: Connect, page: Page
) -> None:
    async with connect(make_bot()):
        await registered(sandbox)
        await page.reload()
        await page.get_by_role("button", name="Channels").click()
        opened = page.get_by_role("button", name="Command permissions")
        await expect(page.get_by_role("heading", name="Sandbox Lounge")).to_be_visible()
        await expect(opened).to_have_count(0)  # a member
        await page.get_by_label("You are").select_option("owner")
        await opened.first.click()
        dialog = page.get_by_role("dialog", name="Command permissions")
        await expect(dialog.locator("#rules-note")).to_contain_text(
            "Everyone may use the commands everywhere"
        )
        await dialog.get_by_label("Command", exact=True).select_option("/play")
        await expect(dialog.locator("#rules-note")).to_contain_text("The rules of all commands apply")
        await dialog.get_by_label("Add a rule").select_option("@everyone")
        await dialog.get_by_label("Add a rule").select_option("@DJ")
        await dialog.get_by_label("Rule for @DJ", exact=True).select_option("Allow")
        await dialog.get_by_label("Add a rule").select_option("#music")
        rows = dialog.get_by_role("listitem")
        await expect(rows).to_have_count(3)
        (play,) = (each["id"] for each in sandbox.world.commands.values() if each["name"] == "play")
        found = sandbox.world.guilds[LOUNGE].command_permissions
        await eventually(lambda: len(found[play]) == 3)
        assert found[play] == [
            {"id": LOUNGE, "type": 1, "permission": False},
            {"id": DJ_ROLE, "type": 1, "permission": True},
            {"id": channel_id(sandbox, "music"), "type": 3, "permission": False},
        ]
        assert not await page.evaluate("document.documentElement.scrollWidth > innerWidth")
        await dialog.get_by_role("button", name="Remove the rule for #music").click()
        await expect(rows).to_have_count(2)
        await dialog.get_by_role("button", name="Done").click()
        line = page.get_by_role("combobox", name="Message or slash command")
        for user, names in (("member", ["/playlistLists"]), ("dj", ["/playPlay a track", "/playlistLists"])):
            await page.get_by_label("You are").select_option(user)
            await expect(page.get_by_role("button", name="Command permissions")).to_have_count(0)
            await page.reload()
            await line.fill("/pl")
            suggestions = page.get_by_role("listbox", name="Suggestions").get_by_role("option")
            await expect(suggestions).to_have_text(names)


async def test_people_join_and_leave_voice(sandbox: Sandbox, page: Page) -> None:
    await page.get_by_role("button", name="Channels").click()
    await page.get_by_role("button", name="Join Back room").click()
    back = channel_id(sandbox, "Back room")
    await eventually(lambda: back in {state.channel_id for state in sandbox.world.voice_states.values()})
    await page.get_by_role("button", name="Leave Back room").click()
    await eventually(lambda: not sandbox.world.voice_states)
    assert not await page.evaluate("document.documentElement.scrollWidth > innerWidth")


async def test_a_moderator_mutes_the_bot_and_limits_a_channel(sandbox: Sandbox, page: Page) -> None:
    back, bot = channel_id(sandbox, "Back room"), sandbox.world.bot_id
    async with ready(sandbox) as peer:
        await ask(peer, back)
        await page.get_by_role("button", name="Channels").click()
        box = await page.locator(".sitting .avatar").last.bounding_box()
        assert box
        assert box["width"] == box["height"]
        await page.get_by_role("button", name="Mute backline").click()
        await expect(page.get_by_role("listitem").filter(has_text="muted")).to_be_visible()
        assert sandbox.world.members[LOUNGE, bot].mute
        await page.get_by_role("button", name="Unmute backline").click()
        await page.get_by_role("button", name="Suppress backline").click()
        await page.get_by_role("button", name="Let speak backline").click()
        await eventually(lambda: not sandbox.world.voice_states[LOUNGE, bot].suppress)
        assert not sandbox.world.members[LOUNGE, bot].mute
        limit = page.get_by_role("spinbutton", name="User limit of Back room")
        await limit.fill("1")
        await limit.press("Enter")
        await eventually(lambda: sandbox.world.channels[back].user_limit == 1)
        await page.get_by_role("button", name="Join Back room").click()
        await expect(page.get_by_role("status")).to_contain_text("it is full")
        await expect(page.get_by_role("alert")).to_be_hidden()
        assert not await page.evaluate("document.documentElement.scrollWidth > innerWidth")


async def test_text_is_never_markup(sandbox: Sandbox, page: Page) -> None:
    await expect(page.get_by_role("alert")).to_contain_text("Backline is offline")
    line = page.get_by_role("combobox", name="Message or slash command")
    await line.fill("<img src=x onerror=alert(1)> **bold** [x](javascript:alert(1))")
    await line.press("Enter")
    message = page.locator(".message .text")
    await expect(message).to_have_text("<img src=x onerror=alert(1)> bold [x](javascript:alert(1))")
    assert await message.locator("img, a").count() == 0

    general = channel_id(sandbox, "general")
    await line.fill(
        f"<#{general}> <@{DJ}> <@&{DJ_ROLE}> <@&{LOUNGE}> <#1> <@1> </queue show:1> <:wave:12> <t:0:d> "
        r"\*plain\* **a \*star\* <#" + general + r">** snake_case_name `\*code\*` <https://example.com>"
    )
    await line.press("Enter")
    await expect(message.last).to_have_text(
        re.compile(
            r"^#general @Tomas @DJ @everyone #unknown @unknown-user /queue show :wave: [\d/.-]+ "
            r"\*plain\* a \*star\* #general snake_case_name \\\*code\\\* https://example.com$"
        )
    )
    assert await message.last.locator("i").count() == 0
    await expect(message.last.locator("b .mention")).to_have_text("#general")

    await line.fill("[add the bot](<https://example.com/a?b=1>), [again](https://example.com/c).")
    await line.press("Enter")
    await expect(message.last).to_have_text("add the bot, again.")
    await expect(message.last.locator("a").first).to_have_attribute("href", "https://example.com/a?b=1")


async def test_the_consent_page_logs_a_person_in(sandbox: Sandbox, page: Page) -> None:
    target = sandbox.redirect_uris[0]
    query = f"client_id={sandbox.credentials.client_id}&redirect_uri={target}&response_type=code&scope=identify&state=s"
    await page.goto(f"{sandbox.authorize_url}?{query}")
    await page.get_by_text("Tomas").click()
    async with page.expect_request(f"{target}?**") as back:  # nothing listens there
        await page.get_by_role("button", name="Authorize").click()
    url = (await back.value).url
    assert "code=" in url
    assert url.endswith("state=s")


async def test_reactions_and_pins_are_shown(
    sandbox: Sandbox, bot_http: httpx.AsyncClient, page: Page
) -> None:
    sandbox.world.roles[BOT_ROLE].permissions |= permissions.PIN_MESSAGES | permissions.MANAGE_MESSAGES
    channel = channel_id(sandbox, "general")
    messages = f"/channels/{channel}/messages"
    sent = (await bot_http.post(messages, json={"content": "vote"})).json()
    await expect(page.get_by_text("vote")).to_be_visible()
    await bot_http.put(f"{messages}/{sent['id']}/reactions/🎵/@me")
    await expect(page.get_by_label("Reactions")).to_have_text("🎵 1")
    await bot_http.put(f"{messages}/pins/{sent['id']}")
    await expect(page.get_by_text("pinned a message")).to_be_visible()
    await bot_http.delete(f"{messages}/{sent['id']}/reactions")
    await expect(page.get_by_label("Reactions")).to_have_count(0)
