from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('guilds', '0004_channel_status'),
    ]

    operations = [
        migrations.AddField(
            model_name='botshard',
            name='content_intent',
            field=models.BooleanField(db_default=False, default=False, help_text='Whether Discord grants the Message Content intent, which request channels need.'),
        ),
        migrations.AddField(
            model_name='guildsettings',
            name='request_channel_id',
            field=models.CharField(blank=True, max_length=20, null=True),
        ),
    ]
