from django.apps import AppConfig


class RealtimeConfig(AppConfig):
    name = "realtime"

    def ready(self) -> None:
        from realtime import kinds
        from realtime.app_kind import KIND

        kinds.register("app", KIND)
