from django.db import migrations


class Migration(migrations.Migration):
    """Count the plays that were recorded before `Track.play_count` existed."""

    dependencies = [
        ('queue_app', '0006_skipped_by_and_undone_at'),
        ('library', '0009_play_count'),
    ]

    operations = [
        migrations.RunSQL(
            'UPDATE library_track SET play_count ='
            ' (SELECT count(*) FROM queue_app_play WHERE queue_app_play.track_id = library_track.id)'
            ' WHERE id IN (SELECT track_id FROM queue_app_play)',
            reverse_sql=migrations.RunSQL.noop,
        ),
    ]
