from django.apps import AppConfig


class RealtimeConfig(AppConfig):
    name = "realtime"

    def ready(self) -> None:
        from accounts.signals import session_revoked
        from realtime import kinds, receivers  # noqa: F401  signals are connected by importing
        from realtime.app_kind import KIND
        from realtime.poll import look_now
        from realtime.streams import kind as stream_kind
        from realtime.streams import receivers as stream_receivers  # noqa: F401

        kinds.register("app", KIND)
        kinds.register("stream", stream_kind.KIND)
        session_revoked.connect(look_now)
