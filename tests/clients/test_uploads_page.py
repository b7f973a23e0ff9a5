"""The page of uploads: files that are chosen or dropped, their progress, and what is cancelled, refused or deleted."""

from __future__ import annotations

import base64
import re
from pathlib import Path

from playwright.sync_api import FilePayload, Route, expect
from pytest_django import Settings

from library.models import Upload
from tests.clients.browser import Desk, elsewhere
from tests.clients.scene import Scene
from tests.clients.test_accessibility import examine
from tests.library.made_files import encode
from tests.server import Server

DROP = """async ({ name, data }) => {
  const bytes = Uint8Array.from(atob(data), (char) => char.charCodeAt(0));
  const dataTransfer = new DataTransfer();
  dataTransfer.items.add(new File([bytes], name));
  const event = new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true });
  document.getElementById("upload-drop").dispatchEvent(event);
}"""


def test_files_are_uploaded_cancelled_and_deleted(
    desk: Desk, server: Server, scene: Scene, settings: Settings, tmp_path: Path
) -> None:
    settings.DATA_DIR = tmp_path / "data"
    song = encode("wav", "pcm_s16le", seconds=8.0, tags={"title": "Blue Train"})  # in two parts
    window = desk.window(scene.owner_cookie)
    page = window.open("/uploads")
    expect(page.get_by_role("heading", name="You have not uploaded anything yet")).to_be_visible()
    assert examine(page) == []
    rows = page.get_by_role("list", name="Your files").get_by_role("listitem")
    page.locator("#upload-files").set_input_files(
        [
            FilePayload(name="My song.wav", mimeType="audio/wav", buffer=song),
            FilePayload(name="words.mp3", mimeType="audio/mpeg", buffer=b"Only words."),
        ]
    )
    expect(rows.filter(has_text="Blue Train")).to_contain_text("0:08")
    expect(rows.filter(has_text="words.mp3")).to_contain_text("is not an audio file")
    expect(page.locator("#upload-room")).to_have_text("2 of 2000 MB used. A file may have up to 200 MB.")
    assert examine(page) == []
    page.get_by_role("button", name="Cancel words.mp3").click()
    expect(rows).to_have_count(1)

    # A lost connection in between costs nothing.
    lost = False

    def lose(route: Route) -> None:
        nonlocal lost
        if route.request.method == "PATCH" and not lost:
            lost = True
            route.abort()
        else:
            route.continue_()

    page.route("**/api/uploads/*", lose)
    tone = encode("ogg", "libopus", seconds=1.0, tags={"title": "Dropped"})
    page.evaluate(DROP, {"name": "tone.ogg", "data": base64.b64encode(tone).decode()})
    expect(rows.filter(has_text="Dropped")).to_contain_text(re.compile(r"\d+ kB · 0:01"), timeout=20_000)
    assert lost

    # Cancelled while it is sent.
    page.unroute("**/api/uploads/*")
    held: list[Route] = []

    def hold(route: Route) -> None:
        if route.request.method == "PATCH":
            held.append(route)
        else:
            route.continue_()

    page.route("**/api/uploads/*", hold)
    page.locator("#upload-files").set_input_files(
        FilePayload(name="late.wav", mimeType="audio/wav", buffer=song[:-2])
    )
    expect(rows.filter(has_text="late.wav")).to_contain_text("0% sent")
    page.get_by_role("button", name="Cancel late.wav").click()
    expect(rows).to_have_count(2)
    page.unroute("**/api/uploads/*")
    assert elsewhere(Upload.objects.count) == 2

    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Delete Blue Train").click()
    expect(rows).to_have_count(1)
    page.reload()
    expect(rows).to_contain_text(["Dropped"])
    (left,) = (settings.DATA_DIR / "uploads").iterdir()
    assert elsewhere(lambda: Upload.objects.get(track__uri=f"upload:{left.name}")).name == "tone.ogg"
    # The text was refused, and a part did not arrive.
    assert [each for each in window.complaints if "400" not in each and "ERR_FAILED" not in each] == []


def test_a_long_list_is_shown_page_by_page(
    desk: Desk, scene: Scene, settings: Settings, tmp_path: Path
) -> None:
    settings.DATA_DIR = tmp_path / "data"
    rows = [Upload(user=scene.person, name=f"{number:03}.ogg", size=10) for number in range(60)]
    elsewhere(lambda: Upload.objects.bulk_create(rows))
    window = desk.window(scene.owner_cookie)
    page = window.open("/uploads")
    listed = page.get_by_role("list", name="Your files").get_by_role("listitem")
    expect(listed).to_have_count(50)
    more = page.get_by_role("button", name="Show more")
    more.focus()
    page.keyboard.press("Enter")
    expect(listed).to_have_count(60)
    expect(more).to_be_hidden()
    expect(listed.nth(50).get_by_role("button")).to_be_focused()  # the keyboard goes on where the button was
    page.evaluate("scrollTo(0, 0)")  # so that no row lies half below the header
    assert examine(page) == []
    assert window.complaints == []
