"""The history of plays in a guild, and its statistics."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime, time, timedelta
from typing import Any

from django.db import connection
from django.db.models import BigIntegerField, Count, F, Q, QuerySet, Sum, Value
from django.db.models.functions import ExtractHour
from django.utils import timezone

from accounts.models import User
from accounts.shapes import user_shape
from library.models import Track
from library.shapes import track_shape
from library.words import search_key
from queue_app.models import ItemState, Play
from queue_app.queries import load_player
from queue_app.shapes import iso, play_shape

TOP = 10
NEWEST = ("-started_at", "-pk")
EXPORT_PAGE = 500


def read_history(
    guild_id: str,
    *,
    limit: int,
    before: int | None = None,
    user_id: int | None = None,
    state: str = "",
    q: str = "",
    day: date | None = None,
) -> list[dict[str, Any]]:
    """Return up to `limit` plays in their shape: the current one, then the others, newest first.

    If `before` is given, only those that follow this play. `q` are words of the title, artist or album, and `day` is a
    date in the current time zone. At most five queries, however many plays there are.
    """
    plays = Play.objects.filter(guild_id=guild_id)
    last = None
    if before is not None:
        last = plays.filter(pk=before).first()
        if last is None:
            return []  # it was deleted because of its age, and so were all older ones
    if user_id is not None:
        plays = plays.filter(requested_by=user_id)
    if state:
        plays = plays.filter(outcome=state)
    for word in search_key(q).split():
        plays = plays.filter(track__search_text__contains=word)
    if day is not None:
        since, until = bounds_of(day)
        plays = plays.filter(started_at__gte=since, started_at__lt=until)
    plays = plays.select_related("item__track", "item__requested_by", "skipped_by")
    page = list(_current(plays)[:limit]) if last is None else []
    page += _ended(plays, after=last)[: limit - len(page)]
    counts = _play_counts(guild_id, {play.track_id for play in page})
    player = load_player(guild_id)
    return [play_shape(play, player, plays=counts.get(play.track_id, 1)) for play in page]


def bounds_of(day: date) -> tuple[datetime, datetime]:
    """Return when a day of the current time zone begins and ends."""
    begin, end = (datetime.combine(each, time.min) for each in (day, day + timedelta(days=1)))
    return timezone.make_aware(begin), timezone.make_aware(end)


def newest_plays(guild_id: str, *, offset: int, limit: int) -> list[Play]:
    """Return plays with their items, tracks and requesters, in the order of `read_history`."""
    plays = Play.objects.filter(guild_id=guild_id).select_related("track", "requested_by", "item")
    current = list(_current(plays))
    begin, end = offset - len(current), offset + limit - len(current)
    return [*current[offset:], *_ended(plays)[max(begin, 0) : max(end, 0)]]


def _current(plays: QuerySet[Play]) -> QuerySet[Play]:
    """Return the current play. If a skip was undone, it began before the play of the track that had followed."""
    return plays.filter(ended_at=None).order_by(*NEWEST)


def _ended(plays: QuerySet[Play], *, after: Play | None = None) -> QuerySet[Play]:
    """Return the other plays, newest first. With `after`, only those that follow this one."""
    ended = plays.exclude(ended_at=None).order_by(*NEWEST)
    if after is None or after.ended_at is None:
        return ended
    older = Q(started_at__lt=after.started_at) | Q(started_at=after.started_at, pk__lt=after.pk)
    return ended.filter(older, started_at__lte=after.started_at)  # the second condition can use an index


def plays_of(user: User) -> Iterator[dict[str, Any]]:
    """Yield all plays of tracks that a person requested, oldest first, with one page in memory at a time."""
    plays = Play.objects.filter(requested_by=user).select_related("track").order_by("pk")
    last = 0
    while page := list(plays.filter(pk__gt=last)[:EXPORT_PAGE]):
        for play in page:
            yield {
                "guild_id": play.guild_id,
                "item_id": str(play.item_id),
                "track": {"uri": play.track.uri, "title": play.track.title, "artist": play.track.artist},
                "started_at": iso(play.started_at),
                "ended_at": iso(play.ended_at),
                "heard_ms": play.heard_ms,
                "state": play.outcome or None,
            }
        last = page[-1].pk


def _play_counts(guild_id: str, track_ids: Iterable[int]) -> dict[int, int]:
    plays = Play.objects.filter(guild_id=guild_id, track_id__in=list(track_ids)).order_by()
    return dict(plays.values_list("track_id").annotate(Count("pk")))


def read_statistics(guild_id: str, *, days: int, user_id: int | None = None) -> dict[str, Any]:
    """Return what was played on the last `days` days, today included (UTC). Seven queries.

    `by_hour` has 24 numbers of plays, by the hour of the current time zone in which they began.
    """
    today = timezone.now().date()
    since = today - timedelta(days=days - 1)
    plays = Play.objects.filter(guild_id=guild_id, day__gte=since).order_by()
    if user_id is not None:
        plays = plays.filter(requested_by=user_id)
    by_day = _by_day(plays, since, today)
    tracks, artists = _top_tracks_and_artists(guild_id, since, user_id)
    totals = plays.aggregate(
        people=Count("requested_by", distinct=True), skipped=Count("pk", filter=Q(outcome=ItemState.SKIPPED))
    )
    return totals | {
        "since": since.isoformat(),
        "plays": sum(day["plays"] for day in by_day),
        "heard_ms": sum(day["heard_ms"] for day in by_day),
        "by_day": by_day,
        "by_hour": _by_hour(plays),
        "top_tracks": tracks,
        "top_artists": artists,
        "top_requesters": _top_requesters(plays),
    }


def _by_day(plays: QuerySet[Play], since: date, until: date) -> list[dict[str, Any]]:
    found = {
        day: {"plays": count, "heard_ms": heard_ms}
        for day, count, heard_ms in plays.values_list("day").annotate(Count("pk"), Sum("heard_ms"))
    }
    days = [since + timedelta(days=number) for number in range((until - since).days + 1)]
    return [{"day": day.isoformat()} | found.get(day, {"plays": 0, "heard_ms": 0}) for day in days]


def _by_hour(plays: QuerySet[Play]) -> list[int]:
    counted = plays.annotate(hour=ExtractHour("started_at")).values_list("hour").annotate(Count("pk"))
    found = dict(counted)
    return [found.get(hour, 0) for hour in range(24)]


# One pass over the plays for both. Without `+ 0`, SQLite would group by the index of `track_id`, which has all plays.
_TOP = """
    WITH heard AS (
        SELECT track_id + 0 AS track_id, COUNT(*) AS plays, SUM(heard_ms) AS heard_ms
        FROM queue_app_play
        WHERE guild_id = %(guild_id)s AND day >= %(since)s {and_person}
        GROUP BY 1
    )
    SELECT * FROM (
        SELECT track_id, CAST(NULL AS text) AS artist, plays, heard_ms FROM heard
        ORDER BY plays DESC, heard_ms DESC, track_id LIMIT %(top)s
    ) top_tracks
    UNION ALL SELECT * FROM (
        SELECT CAST(NULL AS bigint) AS track_id, artist, SUM(plays) AS plays, SUM(heard.heard_ms) AS heard_ms
        FROM heard JOIN library_track ON library_track.id = heard.track_id
        WHERE artist <> ''
        GROUP BY artist ORDER BY plays DESC, heard_ms DESC, artist LIMIT %(top)s
    ) top_artists
"""


def _top_tracks_and_artists(
    guild_id: str, since: date, user_id: int | None
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    with connection.cursor() as cursor:
        cursor.execute(
            _TOP.format(and_person="" if user_id is None else "AND requested_by_id = %(user_id)s"),
            {"guild_id": guild_id, "since": since.isoformat(), "user_id": user_id, "top": TOP},
        )
        rows = cursor.fetchall()
    heard = [(track, artist, {"plays": int(plays), "heard_ms": int(ms)}) for track, artist, plays, ms in rows]
    tracks = Track.objects.in_bulk([track_id for track_id, _, _ in heard if track_id is not None])
    return (
        [{"track": track_shape(tracks[pk])} | numbers for pk, _, numbers in heard if pk in tracks],
        [{"artist": artist} | numbers for _, artist, numbers in heard if artist is not None],
    )


def _top_requesters(plays: QuerySet[Play]) -> list[dict[str, Any]]:
    person = F("requested_by_id") + Value(0, output_field=BigIntegerField())  # for SQLite, as above
    rows = plays.exclude(requested_by=None).annotate(person=person).values_list("person")
    counted = rows.annotate(count=Count("pk"), heard=Sum("heard_ms")).order_by("-count", "-heard", "person")
    top = list(counted[:TOP])
    people = User.objects.in_bulk([pk for pk, _, _ in top])  # without accounts that were deleted in between
    return [
        {"user": user_shape(people[pk]), "plays": count, "heard_ms": heard_ms}
        for pk, count, heard_ms in top
        if pk in people
    ]
