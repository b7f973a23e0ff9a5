from django.apps import AppConfig


class RealtimeConfig(AppConfig):
    name = "realtime"

    def ready(self) -> None:
        from django.urls import register_converter

        from realtime import kinds
        from realtime.converters import ShortIntConverter
        from realtime.stores.kind import KIND

        kinds.register("app", KIND)
        register_converter(ShortIntConverter, "short_int")
