"""Serializer fields for what people name: a search, a link, or the uri of a track."""

from __future__ import annotations

from typing import Unpack

from django.utils.formats import number_format
from django.utils.translation import gettext as _
from rest_framework import serializers

from accounts.strict_fields import FieldOptions, always
from library.domain.find import read_query
from library.domain.whole import is_whole
from library.search import MAX_QUERY
from library.sources import find_source
from library.sources.links import MAX_PASTED, is_link

MAX_WHOLE = 1000  # characters
MAX_URL = 2000  # bytes: the index on `Track.uri` takes no more than 2,704 of them


class Query(serializers.CharField):
    """Words, a library URI or a link. If the text contains a link, the rest of the text is dropped."""

    def __init__(self, **options: Unpack[FieldOptions[str]]) -> None:
        sentence = always(_("Must be a search, a link or a library URI."))
        super().__init__(error_messages=sentence, **options)

    def to_internal_value(self, data: object) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        if len(data) > MAX_PASTED:
            raise serializers.ValidationError(
                _("At most %(limit)s characters. A search takes at most %(search_limit)s.")
                % {"limit": number_format(MAX_PASTED, force_grouping=True), "search_limit": MAX_QUERY}
            )
        query = read_query(data)
        if not query:
            self.fail("blank")
        if not storable(query):
            raise serializers.ValidationError(_("The text contains characters that cannot be stored."))
        if is_link(query):
            if len(query.encode()) > MAX_URL:
                raise serializers.ValidationError(
                    _("A link may have at most %(limit)s bytes.") % {"limit": MAX_URL}
                )
        elif len(query) > MAX_QUERY:
            raise serializers.ValidationError(_("At most %(limit)s characters.") % {"limit": MAX_QUERY})
        return query


class Uri(Query):
    """A library URI or a link, but not words."""

    def to_internal_value(self, data: object) -> str:
        query = super().to_internal_value(data)
        if find_source(query) is None:
            raise serializers.ValidationError(_("Must be a library URI or a link."))
        return query


class WholeUri(serializers.CharField):
    """The uri of something that can be added as a whole."""

    def __init__(self, **options: Unpack[FieldOptions[str]]) -> None:
        sentence = _("Must be the URI of an album, an artist, a folder or a playlist, or `favorites:`.")
        super().__init__(error_messages=always(sentence), **options)

    def to_internal_value(self, data: object) -> str:
        if not isinstance(data, str) or len(data) > MAX_WHOLE or not (is_whole(data) and storable(data)):
            self.fail("invalid")
        return data


def storable(text: str) -> bool:
    """Whether the databases can store the text. JSON allows NUL and lone surrogates, and they do not."""
    return "\0" not in text and not any("\ud800" <= char <= "\udfff" for char in text)
