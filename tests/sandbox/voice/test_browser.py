"""Chromium's `<audio>` plays the live stream, also while nothing arrives."""

import asyncio
import os
import shutil

import pytest
from aiohttp import web
from playwright.async_api import async_playwright

from sandbox.voice.server import VoiceServer
from sandbox.voice.udp import AES256_GCM
from tests.clients.browser import FLAGS
from tests.waiting import eventually

from .clients import GUILD, HandClient
from .conftest import only_report

CHROMIUM = os.environ.get("CHROMIUM_PATH") or shutil.which("chromium")
PAGE = '<!doctype html><audio id="ear" src="/live.ogg" autoplay></audio>'
LOUDEST_HZ = """async () => {
    const context = new AudioContext(), analyser = context.createAnalyser();
    analyser.fftSize = 8192;
    context.createMediaElementSource(document.querySelector("#ear")).connect(analyser);
    const bins = new Float32Array(analyser.frequencyBinCount);
    for (let tries = 0; tries < 100; tries++) {
        await new Promise(resolve => setTimeout(resolve, 50));
        analyser.getFloatFrequencyData(bins);
        const peak = bins.indexOf(Math.max(...bins));
        if (bins[peak] > -40) return peak * context.sampleRate / analyser.fftSize;
    }
    return null;
}"""


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium by CHROMIUM_PATH or on PATH")
async def test_chromium_plays_the_live_stream(
    plain_server: VoiceServer, hand: HandClient, tone: list[bytes]
) -> None:
    listeners_gone = asyncio.Event()

    async def live(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "audio/ogg"})
        await response.prepare(request)
        try:
            async for piece in plain_server.live(GUILD):
                await response.write(piece)
        except ConnectionError:
            listeners_gone.set()
        return response

    async def page(_: web.Request) -> web.Response:
        return web.Response(text=PAGE, content_type="text/html")

    application = web.Application()
    application.router.add_get("/", page)
    application.router.add_get("/live.ogg", live)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()

    async def play() -> None:
        for frame in tone:
            hand.send_frame(frame)
            await asyncio.sleep(0.02)

    await hand.join(AES256_GCM)
    try:
        async with async_playwright() as playwright:
            flags = [*FLAGS, "--autoplay-policy=no-user-gesture-required"]
            browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
            tab = await browser.new_page()
            await tab.goto(f"http://127.0.0.1:{runner.addresses[0][1]}/")
            await tab.wait_for_function("document.querySelector('#ear').currentTime > 0.5", timeout=15_000)
            playing = asyncio.create_task(play())
            await eventually(lambda: only_report(plain_server).frames_received > 25)
            assert await tab.evaluate(LOUDEST_HZ) == pytest.approx(440, abs=6)  # bins of 5.9 Hz
            playing.cancel()
            await browser.close()
        await asyncio.wait_for(listeners_gone.wait(), 5)
    finally:
        await runner.cleanup()
