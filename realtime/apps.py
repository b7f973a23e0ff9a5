from django.apps import AppConfig


class RealtimeConfig(AppConfig):
    name = "realtime"

    def ready(self) -> None:
        from accounts.signals import session_revoked
        from realtime.connections import look_now

        session_revoked.connect(look_now)
