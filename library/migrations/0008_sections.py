from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('library', '0007_uploads'),
    ]

    operations = [
        migrations.AddField(
            model_name='track',
            name='section',
            field=models.PositiveSmallIntegerField(db_default=0, default=0, help_text="Which track of the file's cue sheet this is. 0 for a whole file."),
        ),
        migrations.AddField(
            model_name='track',
            name='start_ms',
            field=models.PositiveBigIntegerField(db_default=0, default=0, help_text='Where the track begins in the file.'),
        ),
        migrations.AddField(
            model_name='track',
            name='end_ms',
            field=models.PositiveBigIntegerField(blank=True, help_text="Where the track ends in the file. Empty for the file's end.", null=True),
        ),
    ]
