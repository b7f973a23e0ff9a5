"""Removes requests from a channel, and answers those that are refused, with as few calls as Discord allows.

queued  → removed
refused → answered → after SHOWN_SECONDS both are removed
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

import nextcord
from django.utils import translation

from accounts import discord_messages
from accounts.discord import DiscordObject
from accounts.errors import DiscordBusy, DiscordError, DiscordRefused
from alerts.domain.delivery import MISSING_ACCESS, MISSING_PERMISSIONS
from botrunner.database import from_database
from botrunner.request_channel import replies
from botrunner.request_channel.request import Request
from botrunner.request_channel.rows import claim_lacking, invite_url, missing_to_remove
from botrunner.request_channel.sweep import Leftovers
from botrunner.threads import in_daemon
from guilds.bot_features import titles_of
from guilds.channel_permissions import MANAGE_MESSAGES

log = logging.getLogger(__name__)

SHOWN_SECONDS = 8.0
AT_ONCE = 100  # messages in one bulk deletion
RETRY_SECONDS = (1.0, 5.0, 30.0)
PATIENCE_SECONDS = 10.0  # for Discord's rate limits
NO_HISTORY = 160002  # Discord: Cannot reply without permission to read message history


class Desk:
    """One channel's messages to remove and to answer. On the event loop only.

    `on_kept(message id)` is called for each request that the bot may not remove. `pause` waits some seconds.
    """

    def __init__(
        self,
        *,
        guild_id: str,
        channel_id: str,
        language: str,
        on_kept: Callable[[str], None],
        pause: Callable[[float], Awaitable[None]],
    ) -> None:
        self._guild_id, self._channel_id, self.language = guild_id, channel_id, language
        self._on_kept, self._pause = on_kept, pause
        self._requests: list[str] = []  # ids of people's messages to remove
        self._own: list[str] = []  # ids of the bot's messages to remove
        self._refused: list[Request] = []
        self._saying: list[nextcord.Embed] = []
        self._working: asyncio.Task[None] | None = None
        self._shown: set[asyncio.Task[None]] = set()
        self._closing = asyncio.Event()

    def remove(self, requests: Sequence[Request]) -> None:
        self._requests += [str(each.id) for each in requests]
        self._work()

    def refuse(self, request: Request) -> None:
        """Answer a request with its refusals."""
        self._refused.append(request)
        self._work()

    def tidy(self, left: Leftovers) -> None:
        """Remove what a killed process left. Its replies stay for a moment, because the process may still run."""
        self._requests += left.queued
        if left.answers:
            self._show_on(left.refused, left.answers)
        self._work()

    def say(self, embed: nextcord.Embed) -> None:
        """Show something for a moment."""
        self._saying.append(embed)
        self._work()

    async def close(self) -> None:
        """Remove at once what is still shown, and return when all is removed. It may be cancelled."""
        self._closing.set()
        while tasks := [*self._shown, *filter(None, (self._working,))]:
            await asyncio.wait(tasks)
            await asyncio.sleep(0)  # the callbacks of the tasks

    def _work(self) -> None:
        if self._working is None or self._working.done():
            self._working = asyncio.create_task(self._run(), name=f"requests in {self._channel_id}")
            self._working.add_done_callback(self._worked)

    def _worked(self, task: asyncio.Task[None]) -> None:
        if task is self._working:
            self._working = None
        if not task.cancelled() and (error := task.exception()):
            log.error("Channel %s: could not tidy up", self._channel_id, exc_info=error)

    async def _run(self) -> None:
        while self._refused or self._saying or self._requests or self._own:
            if self._refused:
                refused, self._refused = self._refused, []
                await self._answer(refused)
            if self._saying:
                await self._show([], replies.failure(self._saying.pop(0)))
            requests, self._requests = self._requests[:AT_ONCE], self._requests[AT_ONCE:]
            room = AT_ONCE - len(requests)
            own, self._own = self._own[:room], self._own[room:]
            if requests or own:
                await self._delete(requests, own)

    # --- Answering ---

    async def _answer(self, refused: list[Request]) -> None:
        """Answer all that wait in one message, because Discord limits messages more than deletions."""
        sentences = [sentence for request in refused for sentence in request.refusals]
        ids = [str(request.id) for request in refused]
        to = refused[-1].id
        try:
            await self._show(ids, replies.refusal(sentences, to=to, as_reply=True))
        except DiscordRefused as error:
            if error.discord_code != NO_HISTORY:
                raise
            await self._show(ids, replies.refusal(sentences, to=to, as_reply=False))

    async def _show(self, about: list[str], payload: DiscordObject) -> None:
        """Post a message, and remove it after a moment, with the requests that it is about."""
        try:
            posted = await self._post(payload)
        except DiscordRefused as error:
            if error.discord_code == NO_HISTORY:
                raise
            self._warn(error, "answer a request")
            posted = None
        except DiscordError as error:
            self._warn(error, "answer a request")
            posted = None
        self._show_on(about, [posted] if posted else [])

    def _show_on(self, about: list[str], posted: list[str]) -> None:
        task = asyncio.create_task(self._expire(about, posted))
        self._shown.add(task)
        task.add_done_callback(self._shown.discard)

    async def _expire(self, about: list[str], posted: list[str]) -> None:
        pausing = asyncio.ensure_future(self._pause(SHOWN_SECONDS))
        closing = asyncio.create_task(self._closing.wait())
        try:
            await asyncio.wait({pausing, closing}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            pausing.cancel()
            closing.cancel()
        self._requests += about
        self._own += posted
        self._work()

    async def _post(self, payload: DiscordObject) -> str:
        def post() -> str:
            message = discord_messages.post_message(self._channel_id, payload, patience=PATIENCE_SECONDS)
            return str(message["id"])

        return await in_daemon(post, name=f"request channel {self._channel_id}")

    def _warn(self, error: Exception, act: str) -> None:
        log.warning(
            "Guild %s: could not %s in the request channel %s: %r",
            self._guild_id, act, self._channel_id, error,
        )  # fmt: skip

    # --- Removing ---

    async def _delete(self, requests: list[str], own: list[str]) -> None:
        """Delete messages. Without the permission, only the bot's own."""
        missing = await from_database(missing_to_remove, self._guild_id, self._channel_id)
        if requests and not missing:
            try:
                await self._delete_all([*requests, *own])
            except DiscordRefused as error:
                if error.discord_code not in (MISSING_ACCESS, MISSING_PERMISSIONS):
                    raise
                missing = MANAGE_MESSAGES
            else:
                await from_database(claim_lacking, self._guild_id, self._channel_id, 0)
                return
        for message_id in own:
            try:
                await self._delete_all([message_id])
            except DiscordRefused as error:
                self._warn(error, "remove an answer")
        if requests:
            await self._keep(requests, missing)

    async def _keep(self, requests: list[str], missing: int) -> None:
        """Leave requests in the channel, and say why, once."""
        for message_id in requests:
            self._on_kept(message_id)
        if await from_database(claim_lacking, self._guild_id, self._channel_id, missing):
            url = await from_database(invite_url, self._guild_id)
            with translation.override(self.language):
                payload = replies.lacking(missing, url=url)
            try:
                await self._post(payload)
            except DiscordError as error:
                self._warn(error, f"remove requests (missing: {', '.join(titles_of(missing))}) or say so")

    async def _delete_all(self, ids: list[str]) -> None:
        """Delete up to AT_ONCE messages in one call. Raises DiscordRefused without the permission."""

        def delete() -> None:
            discord_messages.delete_messages(self._channel_id, ids, patience=PATIENCE_SECONDS)

        for seconds in (*RETRY_SECONDS, None):
            try:
                await in_daemon(delete, name=f"request channel {self._channel_id}")
                return
            except DiscordRefused as error:
                if error.discord_code in (MISSING_ACCESS, MISSING_PERMISSIONS):
                    raise
                if error.http_status != 404:  # somebody else deleted the message, or the channel
                    self._warn(error, "remove messages")
                return
            except DiscordError as error:
                wait = error.retry_after if isinstance(error, DiscordBusy) else None
                if seconds is None or self._closing.is_set():
                    self._warn(error, "remove messages")
                    return
                await asyncio.sleep(max(seconds, wait or 0.0))
