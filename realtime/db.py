"""Threads in which code on the event loop uses the ORM."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import Any

from channels.db import database_sync_to_async
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from django.dispatch import receiver

KEEP_SECONDS = 60.0

# By default everything outside an HTTP request shares one thread, so one long transaction of the bot's mirror
# would stall every socket. A small pool of our own avoids that and bounds the number of database connections.
_pool = ThreadPoolExecutor(max_workers=6, thread_name_prefix="realtime-orm")


class Threads(Executor):
    """A few threads that keep their database connection, and more threads for when those are busy.

    A single pool gives work to the thread that has been idle longest. After one busy moment four requests in five
    opened a connection, which on PostgreSQL takes longer than an add (`make bench ARGS="queue postgres"`).
    """

    def __init__(self, few: int, more: int, *, name: str) -> None:
        self.count = few + more
        self._idle = few  # threads of `_keeping`
        self._keeping = ThreadPoolExecutor(few, thread_name_prefix=name)
        self._others = ThreadPoolExecutor(more, thread_name_prefix=f"{name}-more")
        self._lock = threading.Lock()

    def submit[**P, R](self, act: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> Future[R]:
        with self._lock:
            kept = self._idle > 0
            self._idle -= kept
        if not kept:
            return self._others.submit(act, *args, **kwargs)
        future = self._keeping.submit(act, *args, **kwargs)
        future.add_done_callback(self._free)
        return future

    def _free(self, future: Future[Any]) -> None:
        with self._lock:
            self._idle += 1

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        for pool in (self._keeping, self._others):
            pool.shutdown(wait, cancel_futures=cancel_futures)


# For HTTP requests; some wait for Discord.
for_requests = Threads(8, 32, name="http")

# Health checks must be answered even when all of those are busy.
for_health = ThreadPoolExecutor(max_workers=1, thread_name_prefix="health")

# Threads that keep their connections. The extra threads close theirs at the end of the request.
_KEEPING = ("realtime-orm_", "http_")


@receiver(connection_created)
def _keep(connection: BaseDatabaseWrapper, **kwargs: object) -> None:
    """Keep the connections of permanent threads. Opening one took longer than most queries."""
    if threading.current_thread().name.startswith(_KEEPING):
        connection.close_at = time.monotonic() + KEEP_SECONDS
        # Django replaces a connection that the database has closed.
        connection.health_check_enabled = True  # type: ignore[attr-defined]  # no stubs have it


def in_thread[**P, R](function: Callable[P, R]) -> Callable[P, Awaitable[R]]:
    """Return an awaitable version of a synchronous function that uses the ORM."""
    wrapped: Callable[P, Awaitable[R]] = database_sync_to_async(
        function, thread_sensitive=False, executor=_pool
    )
    return wrapped


class Together[Question, Answer]:
    """Batches questions asked at the same moment: one thread, one set of queries. For one event loop.

    `answer(questions)` runs in the pool and returns an answer for each, in order. An exception among the answers is
    raised to the caller of that question. An exception that `answer` raises goes to all callers. The first question
    is answered at once; those asked meanwhile form the next batch.

    With 300 devices registering at once, each took 3.7 ms of CPU with it and 5.8 ms without
    (`bench.streams --only register`, alternating on a busy machine).
    """

    def __init__(self, answer: Callable[[Sequence[Question]], Sequence[Answer | Exception]]) -> None:
        self._answer = in_thread(answer)
        self._waiting: list[tuple[Question, asyncio.Future[Answer]]] = []
        self._task: asyncio.Task[None] | None = None

    async def ask(self, question: Question) -> Answer:
        """Cancelling is safe."""
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((question, future))
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        return await future

    async def _run(self) -> None:
        try:
            while self._waiting:
                asked, self._waiting = self._waiting, []
                await self._settle(asked)
        finally:
            self._task = None

    async def _settle(self, asked: list[tuple[Question, asyncio.Future[Answer]]]) -> None:
        answered: list[tuple[asyncio.Future[Answer], Answer | Exception]]
        futures = [future for _, future in asked]
        try:
            answers = await self._answer([question for question, _ in asked])
            answered = list(zip(futures, answers, strict=True))
        except Exception as error:
            answered = [(future, error) for future in futures]
        for future, answer in answered:
            if future.done():  # the caller was cancelled
                continue
            if isinstance(answer, Exception):
                future.set_exception(answer)
            else:
                future.set_result(answer)
