from django.apps import AppConfig


class LibraryConfig(AppConfig):
    name = "library"

    def ready(self) -> None:
        from guilds.domain.settings import register_source

        register_source("library", "The music library")
        register_source("http", "Links to audio and radio")
