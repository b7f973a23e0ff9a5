"""What the events of `app:` stores take, counted for those that are there."""

from django.db import migrations, models
from django.db.models import Count, Sum
from django.db.models.functions import Length

ROW_BYTES = 500


def count(apps, schema_editor):
    Store = apps.get_model("realtime", "Store")
    Event = apps.get_model("realtime", "Event")
    sizes = (
        Event.objects.filter(store__name__startswith="app:")
        .order_by()
        .values("store_id")
        .annotate(length=Sum(Length("args")), rows=Count("pk"))
        .values_list("store_id", "length", "rows")
    )
    for store_id, length, rows in sizes:
        Store.objects.filter(pk=store_id).update(size_bytes=length + rows * ROW_BYTES)


class Migration(migrations.Migration):
    dependencies = [("realtime", "0003_streams")]

    operations = [
        migrations.AddField(
            model_name="store",
            name="size_bytes",
            field=models.BigIntegerField(
                default=0, editable=False, help_text="What the events that clients wrote take, about."
            ),
        ),
        migrations.RunPython(count, migrations.RunPython.noop),
    ]
