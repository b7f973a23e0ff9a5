"""Where a new item goes when people take turns, in plain Python: what `rank.at_turn` asks the database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence


def fair_place(people: Sequence[int | None], *, current: int | None, person: int | None) -> int:
    """Return where a new item of `person` stands when people take turns: before `people[place]`.

    `people`: who asked for each queued item, in order; `current`: for what plays, which was their first turn.
    The new item goes into its person's next round: behind all their own, and behind everybody's of that round.
    """
    turns: Counter[int | None] = Counter() if current is None else Counter([current])
    rounds = []
    for each in people:
        rounds.append(turns[each])
        turns[each] += 1
    own = [place for place, each in enumerate(people) if each == person]
    behind = own[-1] + 1 if own else 0
    return next((place for place in range(behind, len(people)) if rounds[place] > turns[person]), len(people))
