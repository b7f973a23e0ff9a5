"""The bot's gateway connections: one `Bot` per shard, rebuilt when it fails, and their turns to identify.

nextcord's own sharding keeps all shards in one client. It ignores Discord's `max_concurrency`, keeps guilds that
vanished while a session could not be resumed, and ends all shards when one fails. So each shard has its own client.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections import defaultdict
from dataclasses import dataclass

import aiohttp
import nextcord
from django.conf import settings

from accounts.discord import USER_AGENT, bot_authorization, tls_context
from botrunner import status
from botrunner.bot import Bot
from botrunner.intents import ALL, NONE, Privileged, ask_privileged
from botrunner.leases import LeaseKeeper
from guilds.domain.shards import WITHOUT_MEMBERS, forget_old_shards
from realtime.db import in_thread

log = logging.getLogger(__name__)

RETRY_SECONDS = (1, 2, 5, 10, 30)
WELL_SECONDS = 300.0  # after running this long, a bot starts again with the first delay
ASK_SECONDS = 10.0
MAX_SHARDS = 100_000


@dataclass(frozen=True)
class Shards:
    """The shards that this process runs, out of `count`."""

    numbers: tuple[int, ...]
    count: int


@dataclass(frozen=True)
class Limits:
    """The limits that `GET /gateway/bot` returns."""

    shards: int
    max_concurrency: int
    remaining: int
    reset_seconds: float


def parse_shards(text: str) -> Shards:
    """Parse `0-3/16` or `5/16`. Raises ValueError with a sentence for people."""
    found = re.fullmatch(r"(\d{1,6})(?:-(\d{1,6}))?/(\d{1,6})", text)
    if found is None:
        raise ValueError(f"{text!r} is not a range of shards. Example: 0-3/16, the first four of sixteen.")
    first, last, count = int(found[1]), int(found[2] or found[1]), int(found[3])
    if not first <= last < count <= MAX_SHARDS:
        raise ValueError(
            f"{text!r} is not a range of shards: of {count}, the first is 0 and the last {count - 1}."
        )
    return Shards(tuple(range(first, last + 1)), count)


async def ask_limits() -> Limits:
    """Ask Discord how many shards it recommends and how many may identify at a time.

    Raises nextcord.LoginFailure for a bad token; aiohttp.ClientError, TimeoutError or ValueError if Discord fails.
    """
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=ASK_SECONDS)) as session:
        headers = {"Authorization": bot_authorization(), "User-Agent": USER_AGENT}
        url = f"{settings.DISCORD_API_URL}/gateway/bot"
        async with session.get(url, headers=headers, ssl=tls_context()) as answer:
            if answer.status == 401:
                raise nextcord.LoginFailure
            answer.raise_for_status()
            body = await answer.json()
    try:
        limit = body["session_start_limit"]
        return Limits(
            shards=int(body["shards"]),
            max_concurrency=max(1, int(limit["max_concurrency"])),
            remaining=int(limit["remaining"]),
            reset_seconds=int(limit["reset_after"]) / 1000,
        )
    except (KeyError, TypeError) as error:
        raise ValueError("Discord's response to GET /gateway/bot has missing or wrong fields") from error


class Runner:
    """Keeps the shards connected until `stop` is set. Raises nothing."""

    def __init__(self, stop: asyncio.Event) -> None:
        self._stop = stop
        self._leases = LeaseKeeper()
        self._bots: dict[int, Bot] = {}
        self._granted = ALL
        # One lock per bucket: its shards start one after another, because nextcord drops a connection that waits long.
        self._starting: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def run(self, wanted: Shards | None) -> None:
        """Run the wanted shards; with None, as many as Discord recommends."""
        try:
            await self._run(wanted)
        finally:
            self._leases.close()

    async def _run(self, wanted: Shards | None) -> None:
        limits = await self._ask()
        if limits is None:
            return
        shards = wanted or Shards(tuple(range(limits.shards)), limits.shards)
        log.debug(
            "Starting shards %s to %s of %s, at most %s at a time",
            shards.numbers[0], shards.numbers[-1], shards.count, limits.max_concurrency,
        )  # fmt: skip
        await in_thread(forget_old_shards)()
        self._granted = await self._learn_granted()
        await asyncio.gather(
            *(self._keep(number, shards.count, limits.max_concurrency) for number in shards.numbers)
        )

    async def _ask(self) -> Limits | None:
        """Ask until Discord answers. Returns its limits, or None if stopped before."""
        attempt = 0
        while True:
            asking = asyncio.create_task(ask_limits())
            await self._first_of(asking)
            if self._stop.is_set():
                asking.cancel()
                return None
            try:
                limits = asking.result()
            except nextcord.LoginFailure:
                log.error("Discord refused the bot token. Check DISCORD_BOT_TOKEN.")
            except (aiohttp.ClientError, OSError, ValueError) as error:  # TimeoutError is an OSError
                log.warning("Could not get the gateway from Discord, retrying: %r", error)
            else:
                if limits.remaining > 0:
                    return limits
                log.error(
                    "The bot has connected too often today. Discord allows the next session in %.0f s",
                    limits.reset_seconds,
                )
                await self._pause(limits.reset_seconds)
                continue
            await self._pause(RETRY_SECONDS[min(attempt, len(RETRY_SECONDS) - 1)])
            attempt += 1

    async def _learn_granted(self) -> Privileged:
        """Return the privileged intents that are on. Returns all of them if Discord does not answer."""
        try:
            granted = await ask_privileged()
        except (aiohttp.ClientError, OSError, ValueError) as error:  # TimeoutError is an OSError
            log.warning("Could not read the application's intents from Discord: %r", error)
            return ALL
        if not granted.members:
            log.error(WITHOUT_MEMBERS)
        return granted

    async def _keep(self, number: int, count: int, max_concurrency: int) -> None:
        """Keep one shard connected. A bot that fails is rebuilt."""
        attempt = 0
        bucket = number % max_concurrency
        while not self._stop.is_set():
            bot = Bot(
                shard=number,
                count=count,
                bucket=bucket,
                granted=self._granted,
                keeper=self._leases,
            )
            self._bots[number], begun = bot, time.monotonic()
            status.publish(self._describe)
            async with self._starting[bucket]:
                running = asyncio.create_task(bot.start(settings.DISCORD_BOT_TOKEN), name=f"shard {number}")
                identified = asyncio.create_task(bot.identified.wait())
                await self._first_of(running, identified)
                identified.cancel()
            await self._first_of(running)
            await bot.close()
            del self._bots[number]
            if not self._bots:
                status.publish(None)
            running.cancel()
            try:
                await running
            except asyncio.CancelledError:
                pass
            except nextcord.LoginFailure:
                log.error("Discord refused the bot token. Check DISCORD_BOT_TOKEN.")
            except nextcord.PrivilegedIntentsRequired:
                # Switched off since it was last read. The rest works without it.
                granted = await self._learn_granted()
                self._granted = granted if granted != bot.granted else NONE
                continue
            except (aiohttp.ClientError, OSError, nextcord.DiscordException) as error:
                log.warning("Shard %s stopped: %r", number, error)
            except Exception:
                log.exception("Shard %s failed", number)
            if not self._stop.is_set():
                attempt = 0 if time.monotonic() - begun >= WELL_SECONDS else attempt
                delay = RETRY_SECONDS[min(attempt, len(RETRY_SECONDS) - 1)]
                attempt += 1
                log.info("Restarting shard %s in %s s", number, delay)
                await self._pause(delay)

    async def _first_of(self, *tasks: asyncio.Task[object]) -> None:
        """Wait for one of the tasks, or to be stopped."""
        stopping = asyncio.create_task(self._stop.wait())
        await asyncio.wait({*tasks, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stop.wait()
        except TimeoutError:
            pass

    def _describe(self) -> dict[str, object]:
        bots = list(self._bots.values())
        return {
            "shards": [bot.describe_shard() for bot in bots],
            "guilds": sum(len(bot.guilds) for bot in bots),
            "voice": [voice for bot in bots for voice in bot.describe_voice()],
            "problems": [] if self._granted.members else [WITHOUT_MEMBERS],
        }


async def run_bot(stop: asyncio.Event, shards: Shards | None = None) -> None:
    """Keep the bot connected until `stop` is set. Raises nothing."""
    await Runner(stop).run(shards)
