from django.apps import AppConfig


class GuildsConfig(AppConfig):
    name = "guilds"

    def ready(self) -> None:
        from guilds import receivers  # noqa: F401  signals are connected by importing
        from guilds.audience import AUDIENCE
        from guilds.domain.alert_posts import note_alert
        from realtime.domain.alerts import on_alert
        from realtime.streams import audience

        audience.register(AUDIENCE)
        on_alert(note_alert)
