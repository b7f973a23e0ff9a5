from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('library', '0008_sections'),
    ]

    operations = [
        migrations.AddField(
            model_name='track',
            name='play_count',
            field=models.PositiveIntegerField(db_default=0, default=0, editable=False, help_text='How often it was played on this installation.'),
        ),
    ]
