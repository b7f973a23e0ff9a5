"""What a server's page costs in Chromium: `python -m bench.pages [--waiting 10000]`.

*First load*, with an empty cache, a track that plays and 200 tracks waiting: bytes transferred (as compressed, fonts
included) by kind, milliseconds until the page is live with its rows (once at full speed, once with the processor
throttled four times), and the layout shift (https://web.dev/articles/cls). Reference: 150 kB, 1,000 ms throttled, 0.02.

*Interaction to next paint* (https://web.dev/articles/inp) with 10,000 tracks waiting: typing in the search, the keys of
the seek bar and the volume, pressing hearts, scrolling. Reference: p95 at most 100 ms.

Sizes, shifts and durations are those that Chromium reports. The machine's pace is printed beside them, because the
milliseconds depend on it (see `bench.load.asgi.Meter.measure`).
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import statistics
from collections import Counter
from typing import Any

import httpx
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from bench.latency import Program, running
from bench.load.asgi import measure_pace
from bench.load.processes import allow_files, verdict
from bench.queue.whole import Whole

FIRST_KB, USABLE_MS, SHIFT, INTERACTION_MS = 150.0, 1000.0, 0.02, 100.0
FIRST_ROWS = 200
THROTTLE = 4
OBSERVE = """
    window.seen = {shift: 0, shifted: [], interactions: {}, usable: 0};
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) {
        if (entry.hadRecentInput) continue;
        seen.shift += entry.value;
        seen.shifted.push(...entry.sources.map(({node}) => `${node?.nodeName}#${node?.id}.${node?.className}`));
      }
    }).observe({type: "layout-shift", buffered: true});
    new PerformanceObserver((list) => {
      for (const {interactionId: id, duration, name} of list.getEntries()) {
        if (id) seen.interactions[id] = Math.max(seen.interactions[id] ?? 0, duration);
      }
    }).observe({type: "event", buffered: true, durationThreshold: 16});
    new MutationObserver((_, observer) => {
      if (!document.querySelector("#connection[data-state=live]")) return;
      if (document.getElementById("queue")?.getAttribute("aria-busy") !== "false") return;
      observer.disconnect();
      requestAnimationFrame(() => setTimeout(() => { seen.usable = performance.now(); }));
    }).observe(document, {subtree: true, childList: true, attributes: true});
"""


def session_cookies(program: Program) -> dict[str, str]:
    """Log in as the sandbox's owner."""
    with httpx.Client() as browser:
        consent = browser.get(f"{program.web}/api/auth/discord/login").headers["location"]
        sent = browser.post(consent, data={"user": "owner"}, headers={"Origin": program.sandbox})
        browser.get(sent.headers["location"])
        return dict(browser.cookies)


def new_context(browser: Browser, program: Program, cookies: dict[str, str]) -> BrowserContext:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.add_cookies(
        [{"name": name, "value": value, "url": program.web} for name, value in cookies.items()]
    )
    context.add_init_script(OBSERVE)
    return context


def load(context: BrowserContext, url: str, throttle: int) -> tuple[Page, Counter[str], Any]:
    """Open the page with an empty cache. Returns bytes by kind, and what the page has observed."""
    page = context.new_page()
    tools = context.new_cdp_session(page)
    tools.send("Network.enable")
    tools.send("Emulation.setCPUThrottlingRate", {"rate": throttle})
    kinds: dict[str, str] = {}
    sizes: Counter[str] = Counter()
    tools.on("Network.responseReceived", lambda seen: kinds.update({seen["requestId"]: seen["type"]}))
    tools.on(
        "Network.loadingFinished",
        lambda seen: sizes.update({kinds.get(seen["requestId"], "Other"): int(seen["encodedDataLength"])}),
    )
    page.goto(url)
    while not page.evaluate("seen.usable"):  # wait_for_function would need 'unsafe-eval'
        page.wait_for_timeout(50)
    page.wait_for_timeout(1500)  # fonts, pictures and the feed
    return page, sizes, page.evaluate("seen")


def measure_first_load(browser: Browser, program: Program, cookies: dict[str, str], url: str) -> None:
    for throttle in (1, THROTTLE):
        pace = statistics.median(measure_pace())
        context = new_context(browser, program, cookies)
        _, sizes, seen = load(context, url, throttle)
        context.close()
        total = sum(sizes.values()) / 1000
        if throttle == 1:
            parts = ", ".join(f"{kind.lower()} {size / 1000:.0f}" for kind, size in sizes.most_common())
            verdict(f"first load: {total:.0f} kB ({parts})", f"at most {FIRST_KB:.0f} kB", total <= FIRST_KB)
            verdict(f"layout shift: {seen['shift']:.3f}", f"at most {SHIFT}", seen["shift"] <= SHIFT)
            for what, count in Counter(seen["shifted"]).most_common(8):
                print(f"  {count} times {what}")
            print(f"usable after {seen['usable']:.0f} ms")
        else:
            usable = seen["usable"]
            what = f"usable after {usable:.0f} ms, throttled {throttle} times, on a machine {pace:.1f} times as slow"
            verdict(what, f"at most {USABLE_MS:.0f} ms", usable <= USABLE_MS)


def measure_interactions(browser: Browser, program: Program, cookies: dict[str, str], url: str) -> None:
    context = new_context(browser, program, cookies)
    page, _, _ = load(context, url, 1)
    page.evaluate("seen.interactions = {}")
    search = page.locator("#search-input")
    search.click()
    for letter in "harbour lights":
        page.keyboard.press(letter if letter != " " else "Space")
        page.wait_for_timeout(60)
    page.keyboard.press("Escape")
    for slider, key in (("#seek", "ArrowRight"), ("#volume-range", "ArrowDown")):
        page.locator(slider).focus()
        for _ in range(8):
            page.keyboard.press(key)
            page.wait_for_timeout(80)
    page.mouse.move(500, 700)
    for _ in range(10):
        page.mouse.wheel(0, 2000)
        page.wait_for_timeout(80)
    hearts = page.locator("#queue [aria-label*=favorites]")
    for number in range(min(10, hearts.count())):
        hearts.nth(number).click()
        page.wait_for_timeout(80)
    page.wait_for_timeout(1000)
    found = sorted(page.evaluate("Object.values(seen.interactions)"))
    rows = page.locator("#queue > *").count()
    context.close()
    # Chromium reports only those of 16 ms and more.
    p95 = found[int(len(found) * 0.95)] if found else 16
    what = (
        f"interaction to next paint, {rows} rows on the page: p95 {p95:.0f} ms of {len(found)} interactions"
    )
    verdict(what, f"at most {INTERACTION_MS:.0f} ms", p95 <= INTERACTION_MS)


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--waiting", type=int, default=10_000)
    options = parser.parse_args(argv)
    allow_files()
    chromium = os.environ.get("CHROMIUM_PATH") or shutil.which("chromium-headless-shell")
    with running(LOG_LEVEL="ERROR") as program:
        whole = Whole(program)
        asyncio.run(whole.play())
        whole.fill(FIRST_ROWS)
        cookies = session_cookies(program)
        url = f"{program.web}/guilds/{whole.guild}"
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            measure_first_load(browser, program, cookies, url)
            whole.fill(options.waiting)
            measure_interactions(browser, program, cookies, url)
            browser.close()
    pace = statistics.median(measure_pace())
    print(f"This machine takes {pace:.1f} times as long as the one of the references.")


if __name__ == "__main__":
    main()
