"""Queries and responses of the routes for the history, the audit log, the statistics, and what can be undone."""

from __future__ import annotations

import re
from datetime import date
from typing import Any, Unpack

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django_stubs_ext import StrOrPromise
from rest_framework import serializers

from accounts.serializers import PersonSerializer
from accounts.strict_fields import FieldOptions, OneOf, always
from library.serializers import TrackSerializer
from queue_app.arguments import Arguments
from queue_app.commands.undo import MAX_SEQ
from queue_app.event_kinds import Kind
from queue_app.events import MusicEvent
from queue_app.left_out import Restoring
from queue_app.models import PLAY_OUTCOMES, ItemState
from queue_app.serializers import QueueItemSerializer, Shape
from realtime.events import event_class
from realtime.models import Via

PAGE, MAX_PAGE = 50, 100
DAYS, MAX_DAYS = 30, 366
MAX_WORDS = 200
ME = "me"
_DATE = re.compile(r"20[0-9]{2}-[0-9]{2}-[0-9]{2}")
_OUTCOMES = [(state.value, state.label) for state in PLAY_OUTCOMES]


# --- Queries ---


class Digits(serializers.IntegerField):
    """A whole number in a query string, from 1."""

    def __init__(self, *, max_value: int, **options: Unpack[FieldOptions[int]]) -> None:
        words = always(_("Must be a whole number from %(low)s to %(high)s.") % {"low": 1, "high": max_value})
        super().__init__(min_value=1, max_value=max_value, error_messages=words, **options)

    def to_internal_value(self, data: object) -> int:
        if not (isinstance(data, str) and data.isascii() and data.isdecimal() and len(data) <= 16):
            self.fail("invalid")
        return int(data)


class Someone(serializers.CharField):
    """The id of a user, or `me`."""

    def __init__(self, *, help_text: StrOrPromise) -> None:
        words = always(_("Must be the id of a user, or me."))
        super().__init__(required=False, error_messages=words, help_text=help_text)

    def to_internal_value(self, data: object) -> str:
        if data != ME and not (
            isinstance(data, str) and data.isascii() and data.isdecimal() and len(data) <= 18
        ):
            self.fail("invalid")
        return str(data)


class EventName(serializers.CharField):
    """The name of an event of a guild."""

    def __init__(self, **options: Unpack[FieldOptions[str]]) -> None:
        super().__init__(error_messages=always(_("Must be the name of an event.")), **options)

    def to_internal_value(self, data: object) -> str:
        if not isinstance(data, str) or event_class(MusicEvent.log, data) is None:
            self.fail("invalid")
        return data


class WordsToFind(serializers.CharField):
    """Words of a title, artist or album."""

    def __init__(self, *, help_text: StrOrPromise) -> None:
        words = always(_("Must be text of up to %(limit)s characters.") % {"limit": MAX_WORDS})
        super().__init__(
            required=False, allow_blank=True, max_length=MAX_WORDS, error_messages=words, help_text=help_text
        )


class Day(serializers.DateField):
    """A date such as 2026-12-01."""

    def __init__(self, *, help_text: StrOrPromise) -> None:
        words = always(_("Must be a date such as 2026-12-01."))
        super().__init__(required=False, error_messages=words, help_text=help_text)

    def to_internal_value(self, data: object) -> date:
        if not isinstance(data, str) or not _DATE.fullmatch(data):
            self.fail("invalid", format="YYYY-MM-DD")
        return super().to_internal_value(data)


class PageQuery(Arguments):
    before = Digits(max_value=MAX_SEQ, required=False, help_text=gettext_lazy("`next` of the previous page"))
    limit = Digits(max_value=MAX_PAGE, default=PAGE)


class HistoryQuery(PageQuery):
    user = Someone(help_text=gettext_lazy("who requested the track: the id of a user, or `me`"))
    state = OneOf(_OUTCOMES, required=False, help_text=gettext_lazy("how it ended"))
    q = WordsToFind(help_text=gettext_lazy("words of the title, artist or album"))
    day = Day(help_text=gettext_lazy("the date on which it began, in UTC"))


class AuditQuery(PageQuery):
    user = Someone(help_text=gettext_lazy("who did it: the id of a user, or `me`"))
    event = EventName(required=False, help_text=gettext_lazy("name of an event"))
    kind = OneOf(
        Kind.choices,
        required=False,
        help_text=gettext_lazy("kind of events; `changes` leaves out steps that the bot takes by itself"),
    )
    via = OneOf(Via.choices, required=False, help_text=gettext_lazy("the surface"))
    day = Day(help_text=gettext_lazy("the date on which it happened, in UTC"))


class StatisticsQuery(Arguments):
    days = Digits(max_value=MAX_DAYS, default=DAYS, help_text=gettext_lazy("today included, in UTC"))
    user = OneOf([(ME, ME)], required=False, help_text=gettext_lazy("`me`: only tracks that you requested"))


def read_query(query: Arguments, given: dict[str, str], *, user_id: int) -> dict[str, Any]:
    """Return a clean query of the user with that id, with `user` as `user_id`. Raises InvalidInput."""
    wanted = query.read(given)
    if (user := wanted.pop("user", None)) is not None:
        wanted["user_id"] = user_id if user == ME else int(user)
    return wanted


# --- Answers ---


class PlaySerializer(Shape):
    id = serializers.CharField()
    item = QueueItemSerializer()
    started_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True, help_text=gettext_lazy("Null while it plays."))
    heard_ms = serializers.IntegerField(help_text=gettext_lazy("How long it was played."))
    state = serializers.ChoiceField(
        choices=ItemState.choices,
        help_text=gettext_lazy("How it ended. Until then `playing`, or `queued` if it waits to continue."),
    )
    plays = serializers.IntegerField(help_text=gettext_lazy("Number of plays of the track in this guild."))
    skipped_by = PersonSerializer(
        allow_null=True, help_text=gettext_lazy("Who skipped it. Null if nobody or a vote did.")
    )
    by_vote = serializers.BooleanField(help_text=gettext_lazy("A vote skipped it."))


class PageSerializer(Shape):
    next = serializers.CharField(
        allow_null=True,
        help_text=gettext_lazy("Pass as `before` to get the next page. Null on the last page."),
    )


class HistorySerializer(PageSerializer):
    items = PlaySerializer(many=True)


class LeftOutCountSerializer(Shape):
    reason = serializers.ChoiceField(choices=list(Restoring))
    count = serializers.IntegerField()


class TurnedSerializer(Shape):
    user = PersonSerializer(allow_null=True)
    at = serializers.DateTimeField(allow_null=True)
    count = serializers.IntegerField(
        help_text=gettext_lazy("Number of tracks and values that were restored.")
    )
    left_out = LeftOutCountSerializer(many=True)


class AuditEntrySerializer(Shape):
    seq = serializers.IntegerField(help_text=gettext_lazy("Seq of its first event."))
    last_seq = serializers.IntegerField(help_text=gettext_lazy("Seq of its last event."))
    name = serializers.CharField(help_text=gettext_lazy("Name of its main event."))
    sentence = serializers.CharField(help_text=gettext_lazy("What happened, in the language of the request."))
    user = PersonSerializer(
        allow_null=True, help_text=gettext_lazy("Null for the bot, and for a deleted account.")
    )
    via = serializers.ChoiceField(choices=Via.choices)
    at = serializers.DateTimeField()
    undoable = serializers.BooleanField(
        help_text=gettext_lazy("The caller may undo this change. It may be too late for some of its tracks.")
    )
    redoable = serializers.BooleanField(
        help_text=gettext_lazy("The change is undone, and the caller may redo it.")
    )
    undone_by = serializers.IntegerField(
        allow_null=True,
        help_text=gettext_lazy("First seq of the events that undid it. Known for a day."),
    )
    undone = TurnedSerializer(
        allow_null=True, help_text=gettext_lazy("Who undid it, and what came back. Null unless it is undone.")
    )
    undoes = serializers.IntegerField(
        allow_null=True, help_text=gettext_lazy("First seq of the change that this one undoes.")
    )
    redoes = serializers.IntegerField(
        allow_null=True, help_text=gettext_lazy("First seq of the change that this one redoes.")
    )


class AuditSerializer(PageSerializer):
    items = AuditEntrySerializer(many=True)


class HeardSerializer(Shape):
    plays = serializers.IntegerField()
    heard_ms = serializers.IntegerField()


class DaySerializer(HeardSerializer):
    day = serializers.DateField()


class TopTrackSerializer(HeardSerializer):
    track = TrackSerializer()


class TopArtistSerializer(HeardSerializer):
    artist = serializers.CharField()


class TopRequesterSerializer(HeardSerializer):
    user = PersonSerializer()


class StatisticsSerializer(HeardSerializer):
    since = serializers.DateField()
    people = serializers.IntegerField(help_text=gettext_lazy("Number of people whose tracks were played."))
    skipped = serializers.IntegerField(help_text=gettext_lazy("Number of plays that were skipped."))
    by_day = DaySerializer(many=True, help_text=gettext_lazy("Every day, also those without plays."))
    by_hour = serializers.ListField(
        child=serializers.IntegerField(),
        min_length=24,
        max_length=24,
        help_text=gettext_lazy("Number of plays by the hour in which they began, in UTC."),
    )
    top_tracks = TopTrackSerializer(many=True)
    top_artists = TopArtistSerializer(many=True)
    top_requesters = TopRequesterSerializer(many=True)


class ListenerSerializer(Shape):
    id = serializers.CharField(
        help_text=gettext_lazy("The id of the user, or the Discord id of a person who never used Backline.")
    )
    name = serializers.CharField(help_text=gettext_lazy("The name in this server."))
    avatar_url = serializers.CharField(allow_null=True)
    deafened = serializers.BooleanField()


class PlaceSerializer(Shape):
    id = serializers.CharField()
    name = serializers.CharField()


class ListenersSerializer(Shape):
    channel = PlaceSerializer(
        allow_null=True, help_text=gettext_lazy("Null if there is none, or if you may not know about it.")
    )
    items = ListenerSerializer(many=True)


class NextChangeSerializer(Shape):
    seq = serializers.IntegerField(help_text=gettext_lazy("First seq of the change."))
    sentence = serializers.CharField(help_text=gettext_lazy("What the change did."))
    at = serializers.DateTimeField()


class NextUndoSerializer(Shape):
    undo = NextChangeSerializer(allow_null=True)
    redo = NextChangeSerializer(allow_null=True)
