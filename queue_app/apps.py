from django.apps import AppConfig


class QueueAppConfig(AppConfig):
    name = "queue_app"
    verbose_name = "Queue"

    def ready(self) -> None:
        from guilds.domain.settings import register_source
        from queue_app import receivers  # noqa: F401  signals are connected by importing
        from queue_app.guild_kind import KIND
        from realtime import kinds

        kinds.register("guild", KIND)
        register_source("library", "The music library")
        register_source("http", "Links to audio and radio")
