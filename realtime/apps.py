from django.apps import AppConfig


class RealtimeConfig(AppConfig):
    name = "realtime"

    def ready(self) -> None:
        from accounts.signals import session_revoked
        from realtime import kinds
        from realtime.app_kind import KIND
        from realtime.poll import look_now

        kinds.register("app", KIND)
        session_revoked.connect(look_now)
