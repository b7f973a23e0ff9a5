"""The places of items in the queue. Only the order of ranks matters. They can be negative.

Except for index entries in `at_turn`, no function reads more of a long queue than of a short one. Functions that take
a state expect its store to be locked, as in every open guild.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import batched
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet

from queue_app.domain.guild_state import GuildState
from queue_app.events import QueueRenumbered
from queue_app.models import ItemState, QueueItem

# Room for twenty inserts between two neighbors, each halfway to the last one, before items are renumbered.
STEP = 1 << 20
ROOM = 1 << 6  # smallest distance between two items after they were spread
SPREAD = 50  # number of items to spread, or more if they are close together
PART = 200  # most items in one event


@dataclass(frozen=True)
class Place:
    """A place for an item: directly after the queued item `after`, or at the front if it is None."""

    after: UUID | None
    rank: int


def queued(guild_id: str) -> QuerySet[QueueItem]:
    return QueueItem.objects.filter(guild_id=guild_id, state=ItemState.QUEUED)


def write_ranks(ranks: Mapping[UUID, int]) -> None:
    """Set new ranks, with a statement for each item. For 10,000 items, one large CASE takes ten times as long."""
    _write("UPDATE queue_app_queueitem SET rank = %s WHERE id = %s", ranks)


def queue_again(items: Iterable[QueueItem]) -> None:
    """Queue ended items again, with their ranks."""
    _write(
        "UPDATE queue_app_queueitem SET state = 'queued', ended_at = NULL, rank = %s WHERE id = %s",
        {item.pk: item.rank for item in items},
    )


def _write(statement: str, ranks: Mapping[UUID, int]) -> None:
    key = QueueItem._meta.pk
    rows = [(rank, key.get_db_prep_value(pk, connection)) for pk, rank in ranks.items()]
    with connection.cursor() as cursor:
        cursor.executemany(statement, rows)


def at_end(state: GuildState) -> Place:
    return Place(None, 0) if state.last is None else Place(state.last[0], state.last[1] + STEP)


def at_front(state: GuildState) -> Place:
    first = queued(state.guild_id).order_by("rank").values_list("rank", flat=True).first()
    return Place(None, 0 if first is None else first - STEP)


def front_ranks(state: GuildState, count: int) -> list[int]:
    """Return `count` ascending ranks at the front of the queue."""
    end = at_front(state).rank
    return [end - STEP * back for back in reversed(range(count))]


def ranks_behind(state: GuildState, low: int, count: int) -> list[int]:
    """Return `count` ascending ranks between the queued item with the rank `low` and the next one.

    May append QueueRenumbered to make room.
    """
    following = queued(state.guild_id).filter(rank__gt=low).order_by("rank")
    high = following.values_list("rank", flat=True).first()
    if high is None:
        return [low + STEP * number for number in range(1, count + 1)]
    if high - low <= count:
        high = make_room(state, low, count)
    step = (high - low) // (count + 1)
    return [low + step * number for number in range(1, count + 1)]


def behind(state: GuildState, after: UUID, *, low: int, high: int | None) -> Place:
    """Return the place after an item. `low` is its rank, and `high` the rank of the next item, None if it is the last.

    May append QueueRenumbered to make room.
    """
    if high is None:
        return Place(after, low + STEP)
    if high - low < 2:
        high = make_room(state, low)
    return Place(after, (low + high) // 2)


def make_room(state: GuildState, low: int, places: int = 1) -> int:
    """Spread the items after the rank `low`, with at least `places` free ranks before them. Append QueueRenumbered.

    Returns the new rank of the first of these items. It spreads SPREAD items, or more if hundreds of items were
    inserted in one spot. Renumbering a whole queue of 10,000 items instead took 1.4 s under the lock.
    """
    count = SPREAD
    others = queued(state.guild_id).filter(rank__gt=low).order_by("rank")
    while True:
        found = list(others.values_list("pk", "rank")[: count + 1])
        gap = STEP if len(found) <= count else (found[count][1] - low) // (count + places)
        if gap >= ROOM:
            break
        count *= 2
    with connection.cursor() as cursor:
        first = low + gap * (places - 1)
        cursor.execute(_SPREAD, [first, gap, state.guild_id, low, found[:count][-1][1]])
    ranks = [(pk, first + gap * number) for number, (pk, _) in enumerate(found[:count], start=1)]
    for pk, rank in ranks:
        if state.last is not None and pk == state.last[0]:
            state.last = (pk, rank)
    for part in batched(ranks, PART):
        state.append(QueueRenumbered(ranks=list(part)))
    return first + gap


_SPREAD = """
    UPDATE queue_app_queueitem SET rank = %s + %s * numbered.number
    FROM (
        SELECT id, ROW_NUMBER() OVER (ORDER BY rank) AS number FROM queue_app_queueitem
        WHERE guild_id = %s AND state = 'queued' AND rank > %s AND rank <= %s
    ) AS numbered
    WHERE queue_app_queueitem.id = numbered.id
"""


# --- Taking turns ---


def at_turn(state: GuildState, person: int) -> Place:
    """Return the place of a person's new item if people take turns.

    The item belongs to the person's next round. Its place is after all of the person's items, and after everybody's
    items of that round.

    The database uses the index of each person's items to find the first one of a later round. It does not compute all
    rounds, which took 7 ms for 10,000 items.
    """
    playing = state.player.item
    current = playing.requested_by_id if playing else None
    mine = queued(state.guild_id).filter(requested_by=person).order_by("-rank")
    last = mine.values_list("rank", flat=True).first()
    turns = (0 if last is None else mine.count()) + (person == current)
    with connection.cursor() as cursor:
        cursor.execute(
            _TURN,
            {
                "guild": state.guild_id,
                "last": -(2**63) if last is None else last,
                "current": current,
                "left_plays": playing is not None and current is None,
                "turns": turns,
                "more": turns + 1,
            },
        )
        before, after, low = cursor.fetchone()
    if before is None:
        return at_end(state)
    if after is None:
        return Place(None, before - STEP)
    return behind(state, after if isinstance(after, UUID) else UUID(after), low=low, high=before)


def _later(whose: str, turns: str) -> str:
    """Return SQL: the rank of the first item of the person `whose` after `last` and after their first `turns` items."""
    items = (
        "SELECT rank FROM queue_app_queueitem"  # noqa: S608  as below
        f" WHERE guild_id = %(guild)s AND state = 'queued' AND requested_by_id {whose}"
    )
    first_beyond = f"({items} ORDER BY rank LIMIT 1 OFFSET {turns})"
    # With the sum, SQLite does not read the whole queue in the order of its ranks to find items without a requester.
    rank = "rank + 0" if whose == "IS NULL" else "rank"
    return f"({items} AND {rank} > %(last)s AND {rank} >= {first_beyond} ORDER BY rank LIMIT 1)"


# `people` are found one after another with the index. The NULL after them stands for deleted accounts.
_TURN = f"""
    WITH RECURSIVE people(person) AS (
        SELECT MIN(requested_by_id) FROM queue_app_queueitem WHERE guild_id = %(guild)s AND state = 'queued'
        UNION ALL
        SELECT (
            SELECT MIN(requested_by_id) FROM queue_app_queueitem
            WHERE guild_id = %(guild)s AND state = 'queued' AND requested_by_id > people.person
        ) FROM people WHERE people.person IS NOT NULL
    ), place(rank) AS (
        SELECT MIN(CASE
            WHEN person = %(current)s THEN {_later("= person", "%(turns)s")}
            WHEN person IS NOT NULL THEN {_later("= person", "%(more)s")}
            WHEN %(left_plays)s THEN {_later("IS NULL", "%(turns)s")}
            ELSE {_later("IS NULL", "%(more)s")}
        END) FROM people
    )
    SELECT place.rank, item.id, item.rank FROM place LEFT JOIN queue_app_queueitem item ON item.id = (
        SELECT id FROM queue_app_queueitem
        WHERE guild_id = %(guild)s AND state = 'queued' AND rank < place.rank ORDER BY rank DESC LIMIT 1
    )
"""  # noqa: S608  all that is put in is written above
