from django.urls import path

from realtime.consumers.livestore import LivestoreConsumer
from realtime.consumers.sync import SyncConsumer
from realtime.consumers.ws import StreamConsumer

websocket_urlpatterns = [
    path("sync", SyncConsumer.as_asgi()),
    path("ws", StreamConsumer.as_asgi()),
    path("livestore", LivestoreConsumer.as_asgi()),
]
