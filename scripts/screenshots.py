"""Pictures of every page, in both themes and on both sizes: `make screenshots`, or `python -m scripts.screenshots`.

It starts the program with the sandbox, plays a track, fills the queue, and logs in as the owner. Three of the pictures
are those in README.md, which `--readme` copies to docs/.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from bench.latency import running
from bench.pages import session_cookies
from bench.queue.whole import Whole

ROOT = Path(__file__).resolve().parent.parent
SIZES: dict[str, ViewportSize] = {
    "wide": {"width": 1440, "height": 900},
    "phone": {"width": 390, "height": 844},
}
README = {
    "guild-dark-wide": "screenshot",
    "guild-dark-phone": "screenshot-phone",
    "settings-light-wide": "screenshot-settings",
}
SETTLE_MS = 1200


def open_search(page: Page) -> None:
    page.keyboard.press("/")
    page.keyboard.type("har")


def open_menu(page: Page) -> None:
    page.locator("#queue .row").nth(1).click(button="right")


def lose_connection(page: Page) -> None:
    page.context.set_offline(True)
    page.wait_for_timeout(2000)


def pages_of(guild: str) -> dict[str, tuple[str, Callable[[Page], None] | None]]:
    """Return the path of each picture, and what is done on the page first."""
    here = f"/guilds/{guild}"
    return {
        "landing": ("/", None),
        "dashboard": ("/dashboard", None),
        "guild": (here, None),
        "guild-queue": (f"{here}#queue", None),
        "guild-activity": (f"{here}#activity", None),
        "guild-search": (f"{here}#queue", open_search),
        "guild-menu": (f"{here}#queue", open_menu),
        "guild-offline": (here, lose_connection),
        "history": (f"{here}/history", None),
        "activity": (f"{here}/activity", None),
        "statistics": (f"{here}/statistics", None),
        "settings": (f"{here}/settings", None),
        "library": ("/library", None),
        "library-search": ("/library?q=har", None),
        "playlists": ("/playlists", None),
        "favorites": ("/playlists/favorites", None),
        "uploads": ("/uploads", None),
        "streams": ("/streams", None),
        "sessions": ("/sessions", None),
        "absent": ("/no-such-page", None),
        "no-connection": ("/offline", None),
        "design": ("/design", None),
    }


def take(browser: Browser, web: str, cookies: dict[str, str], guild: str, folder: Path) -> None:
    for size_name, size in SIZES.items():
        for scheme in ("dark", "light"):
            context = browser.new_context(
                viewport=size, color_scheme=scheme, reduced_motion="reduce", has_touch=size_name == "phone"
            )  # fmt: skip
            context.add_cookies(
                [{"name": name, "value": value, "url": web} for name, value in cookies.items()]
            )
            for name, (path, act) in pages_of(guild).items():
                page = context.new_page()
                page.goto(web + path)
                page.wait_for_timeout(SETTLE_MS)
                if act is not None:
                    act(page)
                    page.wait_for_timeout(SETTLE_MS)
                page.screenshot(path=folder / f"{name}-{scheme}-{size_name}.png")
                context.set_offline(False)
                page.close()
            context.close()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, nargs="?", default=ROOT / "var" / "screenshots")
    parser.add_argument("--readme", action="store_true", help="also copy those of README.md to docs/")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    chromium = os.environ.get("CHROMIUM_PATH") or shutil.which("chromium-headless-shell")
    with running(LOG_LEVEL="ERROR") as program:
        whole = Whole(program)
        asyncio.run(whole.play())
        whole.fill(24)
        cookies = session_cookies(program)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            take(browser, program.web, cookies, whole.guild, options.folder)
            browser.close()
    if options.readme:
        for name, target in README.items():
            shutil.copy(options.folder / f"{name}.png", ROOT / "docs" / f"{target}.png")
    sys.stdout.write(f"{len(list(options.folder.glob('*.png')))} pictures in {options.folder}\n")


if __name__ == "__main__":
    main()
