"""Write the words by which existing tracks are found, and let the next scan read all files for the rest."""

from django.db import migrations

from library.words import index_words, search_key

PART = 1000
FIELDS = ["search_text", "title_key", "title_words", "artist_words", "album_words"]


def write_words(apps, schema_editor):
    Track = apps.get_model("library", "Track")
    last = 0
    while part := list(Track.objects.filter(pk__gt=last).order_by("pk")[:PART]):
        for track in part:
            title, artist, album = (search_key(text or "") for text in (track.title, track.artist, track.album))
            track.search_text = " ".join(filter(None, (title, artist, album)))
            track.title_key, track.title_words = title, index_words(title)
            track.artist_words, track.album_words = index_words(artist), index_words(album)
        Track.objects.bulk_update(part, FIELDS, batch_size=200)
        last = part[-1].pk
    Track.objects.filter(source="library").update(file_mtime_ns=None)


class Migration(migrations.Migration):
    dependencies = [("library", "0002_catalog")]
    operations = [migrations.RunPython(write_words, migrations.RunPython.noop, elidable=True)]
