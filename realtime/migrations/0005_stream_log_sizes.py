"""What the logs of streams take with the pictures beside them, counted for those that are there."""

from django.db import migrations
from django.db.models import Count, Sum
from django.db.models.functions import Length

ROW_BYTES = 500


def count(apps, schema_editor):
    Store = apps.get_model("realtime", "Store")
    Event = apps.get_model("realtime", "Event")
    AlertFrame = apps.get_model("realtime", "AlertFrame")
    sizes = (
        Event.objects.filter(store__name__startswith="stream:")
        .order_by()
        .values("store_id")
        .annotate(length=Sum(Length("args")), rows=Count("pk"))
        .values_list("store_id", "length", "rows")
    )
    pictures = dict(
        AlertFrame.objects.order_by()
        .values("event__store_id")
        .annotate(length=Sum(Length("data")))
        .values_list("event__store_id", "length")
    )
    for store_id, length, rows in sizes:
        size = length + rows * ROW_BYTES + pictures.get(store_id, 0)
        Store.objects.filter(pk=store_id).update(size_bytes=size)


class Migration(migrations.Migration):
    dependencies = [("realtime", "0004_store_size")]

    operations = [migrations.RunPython(count, migrations.RunPython.noop)]
