from django.apps import AppConfig
from django.core import checks
from django.utils.module_loading import autodiscover_modules


class ConfigConfig(AppConfig):
    name = "config"

    def ready(self) -> None:
        from config.checks import check_history

        # Importing an app's `receivers.py` connects its signals, `schema.py` extends the OpenAPI document, and
        # `events.py` declares its events.
        autodiscover_modules("receivers", "schema", "events")
        checks.register(check_history, checks.Tags.database)
