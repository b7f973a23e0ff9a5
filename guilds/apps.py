from django.apps import AppConfig


class GuildsConfig(AppConfig):
    name = "guilds"

    def ready(self) -> None:
        from guilds import receivers  # noqa: F401  signals are connected by importing
        from guilds.audience import AUDIENCE
        from realtime.streams import audience

        audience.register(AUDIENCE)
