"""Answers slash commands in time, however slow the database is, and always with their outcome.

Discord wants a first answer within three seconds and accepts follow-ups for fifteen minutes. A deferral fixes who
sees the answer: the person who asked, or everybody (Discord: Interactions, Receiving and Responding).

    arrives → answered              the command ran quickly
    arrives → deferred → answered   it took longer; a late one runs only if Discord accepts the deferral
    arrives → dropped               it arrived too late, or a second time
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import aiohttp
import nextcord
from django.db import DatabaseError, InterfaceError
from django.utils import translation
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from nextcord.ext import commands

from accounts.errors import Refusal
from botrunner.asker import Asker
from botrunner.buttons import undo_view
from botrunner.database import from_database
from botrunner.languages import guild_language, language_of
from realtime.errors import StoreNotFound

log = logging.getLogger(__name__)

DEFER_SECONDS = 0.7  # early enough for the deferral itself to arrive in time
ANSWER_SECONDS = 3.0  # Discord's deadline for the first answer
ATTEMPT_SECONDS = 1.2  # for one attempt at the first answer
SUGGEST_SECONDS = 1.5  # for suggestions, which are requested at each key press
LATE_SECONDS = 60.0  # for a follow-up, including waits for rate limits
LAST_SECONDS = 2.0  # for commands still running when the bot stops
RETRY_SECONDS = (1.0, 5.0, 15.0)
REMEMBERED = 1_000
ACKNOWLEDGED = 40060  # Discord: Interaction has already been acknowledged

CLOSING = _("The bot is restarting. Check /queue in a moment to see whether this was done.")
NO_DATABASE = _("The database is not responding. Try again in a few minutes.")
NOT_YET = _("The bot is still loading this server. Try again in a moment.")
NO_BUTTON = _("This button no longer works.")
NO_COMMAND = _("This command has changed. Restart Discord, then try again.")
OUR_FAULT = _("Something went wrong on our side. Try again in a moment.")


class Asked(nextcord.Interaction[Any]):
    """A slash command, or a request for suggestions. If `private`, only the person who asked sees its deferral."""

    quiet = False

    def __init__(self, *, data: Any, state: Any) -> None:  # both are internals of nextcord
        super().__init__(data=data, state=state)
        self.private = False
        self.edits = False  # a button: deferring it changes nothing, and later answers are separate messages
        self.change: int | None = None  # primary key of what the command changed, if that can be undone
        self._answered = asyncio.Event()
        self._deferred = False
        self._lost = False  # an answer was sent, and whether it arrived is unknown
        self._until = time.monotonic() + ANSWER_SECONDS
        self._turn = asyncio.Lock()

    @property
    def name(self) -> str:
        data: Any = self.data  # each type of interaction has its own keys
        return str(data.get("name") or data.get("custom_id", "")) if data else ""

    @property
    def age(self) -> float:
        """Seconds since the interaction was created, from Discord's clock to ours."""
        return (nextcord.utils.utcnow() - self.created_at).total_seconds()

    @property
    def command_id(self) -> str:
        return f"interaction-{self.id}"

    def __str__(self) -> str:
        return f"Guild {self.guild_id}: /{self.name} (interaction {self.id})"

    def own_language(self, *, when: bool = True) -> AbstractContextManager[None]:
        """Return a context in which text is in the language of the person who asked, if `when`."""
        return translation.override(language_of(self.locale)) if when else nullcontext()

    @property
    def answered(self) -> bool:
        return self._answered.is_set()

    async def defer(self) -> bool:
        """Ask Discord for more time, unless it was answered. Returns False if Discord refuses."""
        async with self._turn:
            if not self.answered and not self._deferred:
                private = {} if self.edits else {"ephemeral": self.private}
                given = await self._answer(lambda: self.response.defer(**private))
                self._deferred = given is True or (given is None and self._lost)
            return self.answered or self._deferred

    async def reply(
        self,
        content: str | Promise | None = None,
        *,
        embed: nextcord.Embed | None = None,
        view: nextcord.ui.View | None = None,
        picture: Path | None = None,
        private: bool | None = None,
    ) -> None:
        """Send the answer. If `private`, only the person who asked sees it. The default is as for the deferral.

        `picture` is a file that the embed shows. Raises nothing: an answer that cannot be sent is logged.
        """
        private = self.private if private is None else private
        with self.own_language(when=private):  # for lazy text
            fields: dict[str, Any] = {"content": str(content)} if content is not None else {}
        if embed is not None and picture is not None:
            embed.set_thumbnail(f"attachment://{picture.name}")
        fields |= {"embed": embed} if embed is not None else {}
        if view is None and self.change is not None and not private:
            view = undo_view(self.change)
        fields |= {"view": view} if view is not None else {}
        async with self._turn:
            sent: bool | None = None
            if not self.answered and not self._deferred:
                self._deferred = self._lost  # if Discord has an answer already, it is the lost deferral
                sent = await self._answer(
                    lambda: self.response.send_message(**fields, **_attached(picture), ephemeral=private)
                )
                if sent is None and not self._deferred:
                    sent = self._lost
            if sent is None:
                sent = await self._follow_up(fields, picture, private=private)
            self._answered.set()
        if not sent:
            words = f"{embed.title}: {embed.description}" if embed else content
            log.warning("%s could not be answered. The answer was: %s", self, words)

    async def add(self, embed: nextcord.Embed) -> None:
        """Send another message after the answer, to the person who asked only. Raises nothing."""
        await self._answered.wait()
        await self.reply(embed=embed, private=True)

    async def replace(
        self,
        content: str | None = None,
        *,
        embed: nextcord.Embed | None = None,
        view: nextcord.ui.View | None,
    ) -> None:
        """Answer a button by showing something else in its message. Raises nothing."""
        async with self._turn:
            fields: dict[str, Any] = {"content": content, "embed": embed, "view": view}
            sent: bool | None = None
            if not self._deferred:
                sent = await self._answer(lambda: self.response.edit_message(**fields))
            if sent is None:
                await self.edit_original_message(**fields)
            self._answered.set()

    async def suggest(self, choices: dict[str, str]) -> None:
        """Suggest values by name for the text being typed. It is not retried: the next key press asks again."""
        async with self._turn:
            if not self.answered:
                self._answered.set()
                await self._answer(lambda: self.response.send_autocomplete(choices))

    async def _answer(self, answer: Callable[[], Awaitable[object]]) -> bool | None:
        """Send the first answer. Returns False if Discord refuses it, None if Discord already has one."""
        while True:
            try:
                async with asyncio.timeout(ATTEMPT_SECONDS):
                    await answer()
                return True
            except nextcord.HTTPException as error:
                log.debug("%s: Discord refused the answer: %r", self, error)
                return None if error.code == ACKNOWLEDGED else False
            except (aiohttp.ClientError, OSError) as error:  # TimeoutError is one
                self._lost = True
                if time.monotonic() > self._until:
                    log.warning("%s: could not send the answer: %r", self, error)
                    return False
                await asyncio.sleep(0.1)

    async def _follow_up(self, fields: dict[str, Any], picture: Path | None, *, private: bool) -> bool:
        for seconds in (*RETRY_SECONDS, None):
            try:
                async with asyncio.timeout(LATE_SECONDS):
                    await self._send_late(fields | _attached(picture), private=private)
                return True
            except TimeoutError:
                # It may have arrived while nextcord waits for a wrong window. Sending twice would be worse than never.
                log.warning("%s: Discord did not confirm the answer", self)
                return False
            except (aiohttp.ClientError, OSError, nextcord.DiscordServerError) as error:
                if seconds is None:
                    log.warning("%s: could not send the follow-up: %r", self, error)
                    return False
                await asyncio.sleep(seconds)
            except nextcord.HTTPException as error:  # 50027 after 15 minutes
                log.warning("%s: Discord refused the follow-up: %r", self, error)
                return False
        return False

    async def _send_late(self, fields: dict[str, Any], *, private: bool) -> None:
        if self.answered or self.edits:
            await self.followup.send(**fields, ephemeral=private)
        elif private == self.private:
            await self.edit_original_message(**fields)
        else:
            # An edit of the deferral's message cannot change who sees it.
            try:
                await self.delete_original_message()
            except nextcord.NotFound:
                pass  # deleted by an earlier attempt, or by somebody
            await self.followup.send(**fields, ephemeral=private)


def _attached(picture: Path | None) -> dict[str, Any]:
    """Return the argument that sends a file. nextcord closes it afterwards, so each attempt needs its own."""
    return {} if picture is None else {"file": nextcord.File(picture)}


def for_the_asker[C: Callable[..., Any]](callback: C) -> C:
    """Mark a command whose answer only the person who asked sees."""
    callback.for_the_asker = True  # type: ignore[attr-defined]  # our own attribute on nextcord's command
    return callback


async def reply_with_error(asked: Asker, error: BaseException) -> None:
    """Tell the person who asked why the command failed. If the bot stops first, Discord shows that nobody answered."""
    with asked.own_language():
        await _tell_failure(asked, error)


async def _tell_failure(asked: Asker, error: BaseException) -> None:
    match error:
        case StoreNotFound():  # the bot has just joined, and the guild's rows are being written
            await asked.reply(NOT_YET, private=True)
        case Refusal():
            await asked.reply(str(error), private=True)
        case DatabaseError() | InterfaceError():
            log.error("%s: database unavailable: %r", asked, error)
            await asked.reply(NO_DATABASE, private=True)
        case _:
            log.error("%s failed", asked, exc_info=error)
            await asked.reply(OUR_FAULT, private=True)


class Answering:
    """Takes a bot's interactions: drops duplicates, defers, and answers at shutdown. Build one per bot.

    `buttons`: what carries out a press, by the first part of the button's id. `is_quiet(guild id, channel id)`: whether
    the replies to all commands in a channel are for the person who asked only.
    """

    def __init__(
        self,
        bot: commands.Bot,
        buttons: Mapping[str, Callable[[Asked], Awaitable[None]]],
        *,
        is_quiet: Callable[[int | None, int | None], Awaitable[bool]],
    ) -> None:
        self._bot = bot
        self._buttons = buttons
        self._is_quiet = is_quiet
        self._seen: dict[int, None] = {}  # oldest first
        self._under_way: dict[asyncio.Task[None], Asked] = {}

    async def take(self, asked: Asked) -> None:
        """Run a command or suggest values, once per interaction. Raises nothing."""
        if asked.id in self._seen:
            log.debug("%s: ignored, it was delivered twice", asked)
            return
        self._seen[asked.id] = None
        if len(self._seen) > REMEMBERED:
            del self._seen[next(iter(self._seen))]
        if asked.type is nextcord.InteractionType.application_command_autocomplete:
            await self._suggest(asked)
        elif asked.type is nextcord.InteractionType.component:
            asked.edits = True
            with asked.own_language():
                await self._press(asked)
        elif asked.type is nextcord.InteractionType.application_command:
            with asked.own_language():  # the task copies it
                task = asyncio.create_task(self._run(asked), name=str(asked))
            self._under_way[task] = asked
            task.add_done_callback(self._under_way.pop)
            await asyncio.wait({task})

    async def close(self) -> None:
        """Wait a moment for running commands. Cancel the rest, and tell the people who asked."""
        if not self._under_way:
            return
        _, late = await asyncio.wait(self._under_way, timeout=LAST_SECONDS)
        waiting = [asyncio.create_task(_reply_closing(self._under_way[task])) for task in late]
        for task in late:
            task.cancel()
        if waiting:
            await asyncio.wait(waiting, timeout=LAST_SECONDS)

    async def _run(self, asked: Asked) -> None:
        asked.private = self._is_for_the_asker(asked.name) or await self._is_in_quiet_channel(asked)
        if asked.age >= DEFER_SECONDS and not await asked.defer():
            # A resumed session delivers missed interactions. Age alone is no proof: our clock may be wrong.
            log.warning("%s: not run, it arrived %.1f s late", asked, asked.age)
            return
        if asked.guild is None or asked.guild.unavailable:
            await asked.reply(NOT_YET, private=True)
            return
        timer = asyncio.create_task(_defer_in_time(asked))
        try:
            language = await _language_of_reply(asked)
            with translation.override(language):
                await self._bot.process_application_commands(asked)
            if not asked.answered:
                await asked.reply(NO_COMMAND, private=True)
        except Exception as error:
            await reply_with_error(asked, error)
        finally:
            timer.cancel()

    async def _press(self, asked: Asked) -> None:
        """Carry out what a button stands for. Only the person who pressed it sees a refusal."""
        timer = asyncio.create_task(_defer_in_time(asked))
        try:
            press = self._buttons.get(asked.name.partition(":")[0])
            if press is None:
                await asked.reply(NO_BUTTON, private=True)
            else:
                await press(asked)
                await asked.defer()
        except Exception as error:
            await reply_with_error(asked, error)
        finally:
            timer.cancel()

    async def _suggest(self, asked: Asked) -> None:
        """Let the command suggest values. Suggest none if that takes too long or fails."""
        with asked.own_language():
            task = asyncio.create_task(self._bot.process_application_commands(asked))
        await asyncio.wait({task}, timeout=SUGGEST_SECONDS)
        if not task.done():
            task.cancel()
        elif not task.cancelled() and (error := task.exception()):
            log.warning("%s: could not suggest anything: %r", asked, error)
        await asked.suggest({})

    async def _is_in_quiet_channel(self, asked: Asked) -> bool:
        try:
            async with asyncio.timeout(DEFER_SECONDS):
                return await self._is_quiet(asked.guild_id, asked.channel_id)
        except TimeoutError:
            return False

    def _is_for_the_asker(self, name: str) -> bool:
        found = (each for each in self._bot.get_all_application_commands() if each.name == name)
        return any(getattr(each.callback, "for_the_asker", False) for each in found)


async def _language_of_reply(asked: Asked) -> str:
    """Return the guild's language if everybody sees the reply, or else that of the person who asked."""
    if asked.private:
        return language_of(asked.locale)
    return await from_database(guild_language, str(asked.guild_id))


async def _reply_closing(asked: Asked) -> None:
    with asked.own_language():
        await asked.reply(CLOSING, private=True)


async def _defer_in_time(asked: Asked) -> None:
    await asyncio.sleep(max(0.0, DEFER_SECONDS - max(0.0, asked.age)))
    await asked.defer()
