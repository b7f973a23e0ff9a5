"""The place of a new item if people take turns, in plain Python. `domain/turns.py` computes the same in SQL."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence


def fair_place(people: Sequence[int | None], *, current: int | None, person: int | None) -> int:
    """Return the place of a new item of `person` if people take turns: before `people[place]`.

    `people` are the requesters of the queued items, in order. `current` is the requester of the current item, which was
    their first turn. The new item belongs to the person's next round: after all of their own items, and after
    everybody's items of that round.
    """
    turns: Counter[int | None] = Counter() if current is None else Counter([current])
    rounds = []
    for each in people:
        rounds.append(turns[each])
        turns[each] += 1
    own = [place for place, each in enumerate(people) if each == person]
    behind = own[-1] + 1 if own else 0
    return next((place for place in range(behind, len(people)) if rounds[place] > turns[person]), len(people))
