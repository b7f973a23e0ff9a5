from django.apps import AppConfig
from django.db.models.signals import post_migrate


class LibraryConfig(AppConfig):
    name = "library"

    def ready(self) -> None:
        from library.search_index import prepare_index

        post_migrate.connect(prepare_index, sender=self, dispatch_uid="library.search_index")
