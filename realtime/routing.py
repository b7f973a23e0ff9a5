from django.urls import path

from realtime.consumers.sync import SyncConsumer

websocket_urlpatterns = [path("sync", SyncConsumer.as_asgi())]
