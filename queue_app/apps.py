from django.apps import AppConfig


class QueueAppConfig(AppConfig):
    name = "queue_app"
    verbose_name = "Queue"

    def ready(self) -> None:
        from queue_app.kind import KIND
        from realtime import kinds

        kinds.register("guild", KIND)
