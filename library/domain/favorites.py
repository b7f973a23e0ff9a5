"""Mark tracks as favorites of a person."""

from __future__ import annotations

from itertools import batched

from django.db import transaction

from accounts.models import User
from database.statements import IN_STATEMENT
from library.domain.find import find_tracks, save_links
from library.domain.playlist_entries import check_length, words_of
from library.errors import NothingFound
from library.models import Favorite


def add_favorite(user: User, uri: str) -> bool:
    """Mark a track or a link as a favorite. Returns whether it was added. Raises NothingFound and PlaylistFull."""
    with transaction.atomic():
        User.objects.select_for_update().filter(pk=user.pk).first()  # two at once must not exceed the limit
        mine = Favorite.objects.filter(user=user)
        if mine.filter(uri=uri).exists():
            return False
        track = find_tracks([uri]).get(uri)
        if track is None:
            raise NothingFound
        check_length(mine.count() + 1)
        (saved,) = save_links([track])
        Favorite.objects.create(user=user, **words_of(saved))
    return True


def remove_favorite(user: User, uri: str) -> bool:
    """Returns whether it was a favorite."""
    return bool(Favorite.objects.filter(user=user, uri=uri).delete()[0])


def which_are_favorites(user: User, uris: list[str]) -> set[str]:
    """Return those of the uris that are favorites of the person."""
    mine = Favorite.objects.filter(user=user)
    parts = batched(dict.fromkeys(uris), IN_STATEMENT)
    return {uri for part in parts for uri in mine.filter(uri__in=part).values_list("uri", flat=True)}
