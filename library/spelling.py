"""Forgive one typing mistake: a letter left out, added or replaced, or two letters swapped.

Each word of the catalog is stored with all its forms that lack one letter. Two words that are one mistake apart share
such a form, so a lookup by index finds the candidates (0.05 ms on SQLite, 0.5 ms on PostgreSQL).
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import batched

from django.db import connection

from database.statements import IN_STATEMENT
from library.models import SearchVariant, SearchWord, Track
from library.words import LAST, MAX_WORD, is_dense

MIN_TYPED = 4  # letters; five of which one was left out
MIN_MEANT = 5
MAX_CORRECTIONS = 8
_CANDIDATES = 50  # for each form of a word whose end is not typed yet


def note_words(texts: Iterable[str]) -> None:
    """Store the words of texts that are separated by spaces (`index_words`)."""
    words = {word for text in texts for word in text.split() if _is_corrected(word)}
    for part in batched(sorted(words), IN_STATEMENT):
        known = set(SearchWord.objects.filter(word__in=part).values_list("word", flat=True))
        new = [word for word in part if word not in known]
        if not new:
            continue
        SearchWord.objects.bulk_create([SearchWord(word=word) for word in new], ignore_conflicts=True)
        rows = SearchWord.objects.filter(word__in=new).values_list("pk", "word")
        variants = [
            SearchVariant(variant=variant, word_id=pk) for pk, word in rows for variant in _variants(word)
        ]
        SearchVariant.objects.bulk_create(variants, ignore_conflicts=True, batch_size=5000)


def note_words_of(tracks: Iterable[Track]) -> None:
    """Store the words by which tracks are found."""
    note_words(
        words for track in tracks for words in (track.title_words, track.artist_words, track.album_words)
    )


def forget_unused_words() -> None:
    """Delete the words that no track has any longer. Reads all tracks."""
    used: set[str] = set()
    for texts in Track.objects.values_list("title_words", "artist_words", "album_words").iterator(2000):
        used.update(word for text in texts for word in text.split())
    unused = [
        pk for pk, word in SearchWord.objects.values_list("pk", "word").iterator(2000) if word not in used
    ]
    for part in batched(unused, IN_STATEMENT):
        SearchVariant.objects.filter(word__in=part).delete()
        SearchWord.objects.filter(pk__in=part).delete()


def _is_corrected(word: str) -> bool:
    return MIN_TYPED <= len(word) < MAX_WORD and word.isalpha() and not is_dense(word[0])


def _variants(word: str) -> set[str]:
    return {word, *(word[:at] + word[at + 1 :] for at in range(len(word)))}


def correct(terms: list[tuple[str, bool]]) -> list[list[tuple[str, bool]]] | None:
    """Return the words of a query, each with its corrections. None if there are none.

    The words that the catalog does not have are corrected. If it has them all, the long ones are.
    """
    long = [at for at, (word, _) in enumerate(terms) if _is_corrected(word)]
    wrong = [at for at in long if not _is_known(*terms[at])] or long
    groups = [[term] for term in terms]
    for at in wrong:
        word, is_prefix = terms[at]
        groups[at] += [(meant, is_prefix) for meant in _corrections(word, is_prefix=is_prefix)]
    return groups if any(len(group) > 1 for group in groups) else None


def _is_known(word: str, is_prefix: bool) -> bool:
    if is_prefix:
        return SearchWord.objects.filter(word__gte=word, word__lt=word + LAST).exists()
    return SearchWord.objects.filter(word=word).exists()


def _corrections(typed: str, *, is_prefix: bool) -> list[str]:
    """Return the words that are one mistake from `typed`, or with `is_prefix` from a word that begins like them."""
    forms = sorted(_variants(typed))
    if is_prefix:
        # A form of a longer word begins with a form of its beginning.
        part = "SELECT word_id FROM library_searchvariant WHERE variant >= %s AND variant < %s LIMIT %s"
        ids = " UNION ".join(f"SELECT * FROM ({part}) AS form{number}" for number in range(len(forms)))
        values = [value for form in forms for value in (form, form + LAST, _CANDIDATES)]
    else:
        ids = f"SELECT word_id FROM library_searchvariant WHERE variant IN ({', '.join(['%s'] * len(forms))})"
        values = list(forms)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT word FROM library_searchword WHERE id IN ({ids})", values)
        found = {word for (word,) in cursor.fetchall()}
    near = [
        word
        for word in found
        if word != typed and len(word) >= MIN_MEANT and is_near(typed, word, is_prefix=is_prefix)
    ]
    return sorted(near, key=lambda word: (abs(len(word) - len(typed)), word))[:MAX_CORRECTIONS]


def is_near(typed: str, word: str, *, is_prefix: bool) -> bool:
    """Return whether two words are one mistake apart. With `is_prefix`, the beginning of `word` counts."""
    if is_prefix and len(word) > len(typed) + 1:
        lengths = (len(typed) - 1, len(typed), len(typed) + 1)
        return any(is_near(typed, word[:length], is_prefix=False) for length in lengths)
    start = 0
    while start < min(len(typed), len(word)) and typed[start] == word[start]:
        start += 1
    typed, word = typed[start:], word[start:]
    while typed and word and typed[-1] == word[-1]:
        typed, word = typed[:-1], word[:-1]
    return (len(typed) <= 1 and len(word) <= 1) or (len(typed) == len(word) == 2 and typed == word[::-1])
