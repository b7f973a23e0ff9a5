from django.urls import path

from realtime.consumers.livestore import LivestoreConsumer
from realtime.consumers.sync import SyncConsumer
from streams.consumer import StreamConsumer

CONSUMERS = (SyncConsumer, StreamConsumer, LivestoreConsumer)
websocket_urlpatterns = [path(each.endpoint, each.as_asgi()) for each in CONSUMERS]
refusers = {f"/{each.endpoint}": each.refuse for each in CONSUMERS}
