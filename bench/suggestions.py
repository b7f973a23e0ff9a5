"""The cost of suggestions for `/play`: `python -m bench.suggestions [sqlite] [postgres] [--times 10]`.

The library has 100,000 tracks. For each text that somebody has typed so far, it measures from the call of the bot's
`Suggestions` until the names are there: CPU milliseconds of this process and of PostgreSQL's processes. Reference: at
most 300 ms each.
"""

from __future__ import annotations

import argparse
import asyncio
import random

from bench.load.databases import Cpu, each_database
from bench.load.processes import verdict

TRACKS = 100_000
MOST_MS = 300.0
WORDS = (
    "love", "night", "river", "golden", "dance", "moon", "stone", "echo", "silver", "rain", "fire", "heart", "shadow",
    "summer", "winter", "blue", "light", "dream", "road", "house", "ocean", "mountain", "city", "garden", "letter",
)  # fmt: skip
# What finds everything, much, a little, exactly one, and nothing.
TYPED = [
    "",
    "l",
    "lo",
    "love",
    "love n",
    "love night",
    "artist 77",
    "number 4242",
    "moon stone echo",
    "zzz",
    "nichts da",
]


def plant() -> None:
    """Write the library's tracks."""
    from django.db import connection
    from django.utils import timezone

    from library.domain.tracks import set_words
    from library.models import Track

    dice, now = random.Random(15), timezone.now()

    def track(number: int) -> Track:
        title = " ".join(dice.choices(WORDS, k=dice.randint(1, 4))).title() + (
            f" Number {number}" if number % 3 == 0 else ""
        )
        artist, album = f"Artist {number % 4000}", f"{dice.choice(WORDS)} {number % 9000}".title()
        made = Track(
            uri=f"library:{number:032}", source="library", title=title, artist=artist, album=album,
            duration_ms=dice.randint(90_000, 400_000), resolved_at=now,
        )  # fmt: skip
        set_words(made)
        return made

    for start in range(0, TRACKS, 2000):
        Track.objects.bulk_create(track(number) for number in range(start, start + 2000))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


async def measure(times: int, cpu: Cpu) -> None:
    from botrunner.suggestions import Suggestions

    suggestions = Suggestions()
    for typed in TYPED:
        found = await suggestions.find(typed)
        begun = cpu.seconds()
        for _ in range(times):
            found = await suggestions.find(typed)
        spent = (cpu.seconds() - begun) * 1000 / times
        verdict(
            f"{typed!r:<20}{len(found):>4} names {spent:6.1f} ms", f"at most {MOST_MS:.0f}", spent <= MOST_MS
        )


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("databases", nargs="*", choices=[[], "sqlite", "postgres"])
    parser.add_argument("--times", type=int, default=10)
    options = parser.parse_args(argv)
    for cpu, _token in each_database("suggestions", options.databases, "--times", str(options.times)):
        plant()
        asyncio.run(measure(options.times, cpu))


if __name__ == "__main__":
    main()
