from django.apps import AppConfig


class RealtimeConfig(AppConfig):
    name = "realtime"

    def ready(self) -> None:
        from realtime import kinds
        from realtime.stores.kind import KIND

        kinds.register("app", KIND)
