from django.db import migrations


def read_again(apps, schema_editor):
    """Have the next scan read the files again whose title, artist or album is found by its own characters now."""
    tracks = apps.get_model("queue_app", "Track").objects.filter(source="library")
    found = [
        pk
        for pk, *parts in tracks.values_list("pk", "title", "artist", "album").iterator()
        if any(part and not any(char.isalnum() for char in part) for part in parts)
    ]
    for start in range(0, len(found), 500):
        tracks.filter(pk__in=found[start : start + 500]).update(file_mtime_ns=None)


class Migration(migrations.Migration):

    dependencies = [
        ('queue_app', '0005_queue_total'),
    ]

    operations = [migrations.RunPython(read_again, migrations.RunPython.noop)]
