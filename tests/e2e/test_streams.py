"""The whole path: a camera in a browser, a service that watches it, and the alert in a Discord channel."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect, sync_playwright
from websockets.sync import client

from sandbox.seed import DJ_ROLE, LOUNGE
from tests.clients.browser import CAMERA, CAMERA_ALLOWED, PHONE, WIDE, Window, find_chromium, new_context
from tests.clients.test_stream_pages import see_it_move
from tests.e2e.program import Backline, Person
from tests.e2e.test_browser import QUIET, log_in
from tests.forked import ROOT
from tests.server import WAIT_SECONDS
from tests.streams.device import Device
from tests.waiting import until

STREAM = "front-door"
MOTION = "Something moves at the door"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        flags = [*QUIET, CAMERA, CAMERA_ALLOWED]
        chromium = playwright.chromium.launch(executable_path=find_chromium(), args=flags)
        yield chromium
        chromium.close()


def open_window(browser: Browser, running: Backline, size: ViewportSize) -> Window:
    return Window(new_context(browser, base_url=running.web_url, viewport=size).new_page())


def posts(running: Backline, text: str) -> list[dict[str, Any]]:
    """Return the messages in the Lounge's text channel whose embed has this text."""
    general = running.channel("general")
    return [
        message
        for message in running.state()["messages"]
        if message["channel_id"] == general
        and any(text in (embed.get("description") or "") for embed in message["embeds"])
    ]


def make_rule(page: Page) -> None:
    page.goto(f"/guilds/{LOUNGE}/settings")
    page.wait_for_selector("#connection[data-state=live]")
    page.get_by_role("button", name="Add rule").click()
    page.locator("#rule-stream").select_option(STREAM)  # its label's text includes its options
    page.get_by_label("Post to").select_option(label="#general")
    page.get_by_label("Mention").select_option(label="@DJ")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#rules li")).to_contain_text("to #general")


def connect_with(running: Backline, token: str) -> client.ClientConnection:
    return client.connect(
        f"{running.web_url.replace('http', 'ws')}/ws",
        additional_headers={"Authorization": f"Bearer {token}"},
        open_timeout=WAIT_SECONDS,
    )


@contextmanager
def watching(running: Backline, token: str, log: Path) -> Iterator[None]:
    """Run the motion example on the stream, as its docstring describes."""
    example = [sys.executable, "examples/motion_alert.py", "--url", running.web_url, "--stream", STREAM]
    options = [
        "--sensitivity",
        "0.002",
        "--text",
        MOTION,
    ]  # the fake camera's disc is a small part of the image
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*example, *options],
            cwd=ROOT,
            env=os.environ | {"SESSION_TOKEN": token},
            stdout=output,
            stderr=output,
        )
    try:
        until(lambda: process.poll() is not None or "Watching" in log.read_text(), within=30)
        assert process.poll() is None, log.read_text()
        yield
        assert process.poll() is None, log.read_text()
    finally:
        process.kill()
        process.wait()


def test_from_a_camera_to_discords_channel(
    browser: Browser, owner: Person, running: Backline, tmp_path: Path
) -> None:
    made = owner.api.post("/api/streams", json={"id": STREAM, "name": "Front door"})
    assert made.status_code == 201, made.text
    shared = {"guild_id": LOUNGE, "role_id": DJ_ROLE}
    members = f"/api/streams/{STREAM}/members"
    until(lambda: owner.api.post(members, json=shared).status_code == 201)  # the bot has read the roles
    token = owner.api.post(f"/api/streams/{STREAM}/tokens", json={"device": "Detector"}).json()["token"]

    mine, theirs = (open_window(browser, running, size) for size in (WIDE, PHONE))
    page, phone = log_in(mine, "owner"), log_in(theirs, "dj")
    make_rule(page)
    page.goto(f"/streams/{STREAM}")
    page.get_by_role("button", name="Start streaming").click()
    phone.goto("/streams")
    phone.get_by_role("link", name="Front door").click()
    for each in (page, phone):
        see_it_move(each)

    with watching(running, token, tmp_path / "motion.log"):
        first = phone.locator(".alert", has_text=MOTION)
        expect(first.first).to_be_visible(timeout=20_000)
        until(lambda: posts(running, MOTION), within=30)
    with Device(connect_with(running, token)) as device:
        device.register(STREAM, produces=["alert"])
        device.send({"type": "alert", "level": "low", "text": "And it went away"})
        until(lambda: posts(running, "it went away"), within=30)

    # The later alert is there, and the earlier ones are there once each.
    alerts = owner.api.get(f"/api/streams/{STREAM}/alerts").json()["items"]
    assert len(posts(running, MOTION)) == sum(alert["args"]["text"] == MOTION for alert in alerts)
    post = posts(running, MOTION)[0]
    assert post["mention_roles"] == [DJ_ROLE]
    assert not post["mention_everyone"]
    [embed] = post["embeds"]
    assert embed["url"].startswith(f"{running.web_url}/streams/{STREAM}")
    [picture] = post["attachments"]
    assert picture["content_type"] == "image/jpeg"

    # People see it on the sandbox's page, with the picture and the role.
    discord = open_window(browser, running, WIDE)
    discord.page.goto(running.sandbox_url)
    shown = discord.page.locator(".embed", has_text=MOTION).first
    expect(shown.locator("img")).to_have_js_property("naturalWidth", 640)
    expect(discord.page.get_by_text("@DJ").first).to_be_visible()
    # Pictures that load late do not push the newest message out of view.
    last = discord.page.locator("#messages .embed img").last
    expect(last).to_have_js_property("naturalWidth", 640)
    discord.page.wait_for_function(
        "(list => list.scrollHeight - list.scrollTop - list.clientHeight < 80)(document.querySelector('#messages'))"
    )

    page.get_by_role("button", name="Stop streaming").click()
    expect(phone.locator("#stage-words")).to_have_text("No one is streaming")
    for window in (mine, theirs, discord):
        assert window.complaints == []
        window.page.context.close()
