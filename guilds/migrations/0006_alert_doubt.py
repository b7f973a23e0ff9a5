from typing import Any

from django.db import migrations, models


def doubt_what_was_handed_over(apps: Any, schema_editor: Any) -> None:
    posts = apps.get_model("guilds", "AlertPost").objects.filter(state="pending", handed_at__isnull=False)
    posts.update(doubt_since=models.F("handed_at"))


class Migration(migrations.Migration):
    dependencies = [
        ("guilds", "0005_alert_rules"),
    ]

    operations = [
        migrations.AddField(
            model_name="alertpost",
            name="doubt_since",
            field=models.DateTimeField(
                blank=True, help_text="Since when Discord may have it; empty: it surely has not.", null=True
            ),
        ),
        migrations.AlterField(
            model_name="alertpost",
            name="channel_id",
            field=models.CharField(blank=True, help_text="Where it was sent.", max_length=20),
        ),
        migrations.AlterField(
            model_name="alertpost",
            name="handed_at",
            field=models.DateTimeField(
                blank=True, help_text="When a bot first set out to send it.", null=True
            ),
        ),
        migrations.AlterField(
            model_name="alertrule",
            name="problem_code",
            field=models.CharField(
                blank=True, help_text="Why the last post did not go out, or not whole.", max_length=32
            ),
        ),
        migrations.RunPython(doubt_what_was_handed_over, migrations.RunPython.noop),
    ]
