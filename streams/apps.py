from django.apps import AppConfig


class StreamsConfig(AppConfig):
    name = "streams"

    def ready(self) -> None:
        from realtime import kinds
        from streams.kind import KIND

        kinds.register("stream", KIND)
