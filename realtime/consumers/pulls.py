"""A socket that reads its instance's log in pulls. A pull ends at the head or stays live."""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass

from django.db import InterfaceError, OperationalError

from realtime.consumers.connection import Connection
from realtime.db import in_thread
from realtime.errors import CursorTooOld, EpochMismatch
from realtime.hub import Batch, Paging, Subscription, get_hub, in_batches
from realtime.preframed import frame_writer, text_frame
from realtime.queries import read_events

log = logging.getLogger(__name__)

MAX_PULLS = 16


@dataclass(frozen=True)
class Pull:
    """What a peer wants to read: the events after `cursor`, of the log that is at `(epoch, head)` now."""

    id: str  # chosen by the peer, unique among its pulls
    epoch: str
    head: int
    cursor: int
    encode: Callable[[Batch], bytes]
    on_lost: Callable[[str], None]  # called once, with "epoch" or "pruned", when the pull cannot continue


class PullConnection(Connection):
    def __init__(self) -> None:
        super().__init__()
        self._pulls: dict[str, Subscription] = {}  # the live ones, by id

    def _release(self) -> None:
        for pull_id in list(self._pulls):
            self._unpull(pull_id)
        super()._release()

    @property
    def _pulls_full(self) -> bool:
        return len(self._pulls) + len(self._tasks) >= MAX_PULLS

    def _unpull(self, pull_id: str) -> None:
        if subscription := self._pulls.pop(pull_id, None):
            subscription.close()

    def _pull_live(self, pull: Pull) -> None:
        """Deliver the existing events, then each new one."""
        write = frame_writer(self.scope)

        def deliver(batch: Batch) -> Coroutine[object, object, None] | None:
            key = (self.endpoint, pull.id)
            if write and write(batch.shared(key, lambda batch: text_frame(pull.encode(batch)))):
                return None
            return self._send_batch(pull, batch)

        def lost(reason: str) -> None:
            self._pulls.pop(pull.id, None)
            if reason == "slow":
                self._close_soon(4490)
            else:
                pull.on_lost(reason)

        if not self._closed:
            self._pulls[pull.id] = get_hub().subscribe(
                self.instance,
                epoch=pull.epoch,
                head=pull.head,
                cursor=pull.cursor,
                send=deliver,
                on_lost=lost,
            )

    async def _pull_once(self, pull: Pull, end: dict[str, object]) -> None:
        """Send the events up to the head, then the `end` frame. Run it with `_start`, so that the socket reads on."""
        cursor, paging = pull.cursor, Paging()
        try:
            while cursor < pull.head:
                page = await in_thread(read_events)(
                    self.instance, after=cursor, limit=paging.limit, epoch=pull.epoch
                )
                events = [(seq, data) for seq, data in paging.cut(page) if seq <= pull.head]
                if not events:
                    raise EpochMismatch  # the events are gone, so the log was replaced meanwhile
                for batch in in_batches(events, pull.head):
                    await self._send_batch(pull, batch)
                cursor = events[-1][0]
        except EpochMismatch:
            pull.on_lost("epoch")
        except CursorTooOld:
            pull.on_lost("pruned")
        except (OperationalError, InterfaceError) as error:
            log.warning("Database unavailable for %s: %r", self, error)
            self._close_soon(1012)
        else:
            await self.send(end)

    async def _send_batch(self, pull: Pull, batch: Batch) -> None:
        await self.send_text(pull.encode(batch).decode())
