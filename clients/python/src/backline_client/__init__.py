"""A client for Backline's WebSockets: live streams (`/ws`) and event logs (`/sync`)."""

from backline_client.backoff import Backoff
from backline_client.errors import BacklineError, ConnectionLost, PositionLost, Refused, TooLarge
from backline_client.frames import Frame, Message, Presence, Sender
from backline_client.guild import GuildClient
from backline_client.position import Position
from backline_client.stream import Sent, Stream, StreamClient
from backline_client.sync import Ack, Event, NewEvent, Pull, SyncClient
from backline_client.tokens import Token

__all__ = [
    "Ack",
    "BacklineError",
    "Backoff",
    "ConnectionLost",
    "Event",
    "Frame",
    "GuildClient",
    "Message",
    "NewEvent",
    "Position",
    "PositionLost",
    "Presence",
    "Pull",
    "Refused",
    "Sender",
    "Sent",
    "Stream",
    "StreamClient",
    "SyncClient",
    "Token",
    "TooLarge",
]
