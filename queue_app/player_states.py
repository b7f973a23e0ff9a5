"""The states in which a guild's player plays no sound, and the actions that end each state.

`Player.silence` returns the state of a row, and every surface shows its sentence as the player's `error`. The bot
reports only codes of this table. A test takes each action on each surface and checks that the queue plays.
The sentences are stored in events, so they are in English. Replies and pages translate them when they show them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop


class PlayerStatus(models.TextChoices):
    IDLE = "idle", _("Idle")
    CONNECTING = "connecting", _("Connecting")
    PLAYING = "playing", _("Playing")
    PAUSED = "paused", _("Paused")
    STOPPED = "stopped", _("Stopped")
    ERROR = "error", _("Error")


class Surface(StrEnum):
    """Where people act. API means both REST and `/sync`, which offer the same commands."""

    API = "api"
    WEB = "web"
    SLASH = "slash"
    DISCORD = "discord"  # Discord's own controls


EVERYWHERE = frozenset({Surface.API, Surface.WEB, Surface.SLASH})
NOT_TYPED = frozenset({Surface.API, Surface.WEB})
IN_DISCORD = frozenset({Surface.DISCORD})


@dataclass(frozen=True, slots=True)
class Way:
    """An action that ends a state. `command` is a command of the core, or empty for an action in Discord itself.

    `what` describes the action. `who` is the right that it needs, as in `can`, or who may do it in Discord.
    """

    what: str
    who: str
    surfaces: frozenset[Surface]
    command: str = ""


RESUME = Way("Resume playback", "control", EVERYWHERE, "Resume")
ADD = Way("Add a track", "add", EVERYWHERE, "AddTrack")
CHOOSE = Way("Choose a voice channel", "control", EVERYWHERE, "JoinVoice")
SETTING = Way("Set the default voice channel", "settings", NOT_TYPED, "ChangeSettings")
SIT = Way("Join a voice channel", "anybody with a track in the queue", IN_DISCORD)
GRANT = Way("Grant the permission", "Manage Roles", IN_DISCORD)
MAKE_ROOM = Way("Make room in the channel", "Move Members, or a person who leaves", IN_DISCORD)
UNMUTE = Way("Unmute the bot", "Mute Members", IN_DISCORD)
INVITE = Way("Invite the bot to speak", "Mute Members", IN_DISCORD)
WAIT = Way("Wait", "nobody", IN_DISCORD)


@dataclass(frozen=True, slots=True)
class Silence:
    """A state without sound. People read `sentence`, unless the bot reports a more specific one.

    `stays_put`: the channel is right, so the bot does not look for another one while the state lasts.
    """

    status: PlayerStatus
    sentence: str
    ways: tuple[Way, ...]
    stays_put: bool = False


NOWHERE = "NO_VOICE_CHANNEL"
PAUSED = "PAUSED"
STOPPED = "STOPPED"
BOT_AWAY = "BOT_AWAY"
CHANNEL_GONE = "UNKNOWN_CHANNEL"

SILENCES: dict[str, Silence] = {
    NOWHERE: Silence(
        PlayerStatus.IDLE,
        gettext_noop("There is no voice channel to play in. Join one, or choose one."),
        (SIT, CHOOSE, SETTING),
    ),
    PAUSED: Silence(
        PlayerStatus.PAUSED, gettext_noop("Playback is paused. Resume it to continue."), (RESUME,)
    ),
    STOPPED: Silence(
        PlayerStatus.STOPPED,
        gettext_noop("Playback is stopped. Resume it, add a track, or choose a voice channel."),
        (RESUME, ADD, CHOOSE),
    ),
    CHANNEL_GONE: Silence(
        PlayerStatus.ERROR,
        gettext_noop("The voice channel no longer exists. Choose another."),
        (CHOOSE, SIT, SETTING),
    ),
    "CANNOT_CONNECT": Silence(
        PlayerStatus.ERROR,
        gettext_noop(
            "The bot may not join the voice channel. Grant it Connect there, or choose another channel."
        ),
        (GRANT, CHOOSE, SIT),
    ),
    "CHANNEL_FULL": Silence(
        PlayerStatus.ERROR,
        gettext_noop("The voice channel is full. Make room, or choose another channel."),
        (MAKE_ROOM, CHOOSE, SIT),
    ),
    "NOT_ALLOWED_TO_SPEAK": Silence(
        PlayerStatus.ERROR,
        gettext_noop(
            "The bot may not speak in the voice channel. Grant it Speak, or choose another channel."
        ),
        (GRANT, INVITE, CHOOSE),
        stays_put=True,
    ),
    "SERVER_MUTED": Silence(
        PlayerStatus.ERROR,
        gettext_noop("The bot is server-muted in Discord. Unmute it, and playback continues."),
        (UNMUTE,),
        stays_put=True,
    ),
    "VOICE_FAILED": Silence(
        PlayerStatus.ERROR,
        gettext_noop(
            "The voice connection failed. The bot will try again. You can also choose another channel."
        ),
        (WAIT, RESUME, CHOOSE),
        stays_put=True,
    ),
    "VOICE_REFUSED": Silence(
        PlayerStatus.ERROR,
        gettext_noop("Discord refused the voice connection. Resume to try again, or choose another channel."),
        (RESUME, CHOOSE),
        stays_put=True,
    ),
    BOT_AWAY: Silence(
        PlayerStatus.CONNECTING,
        gettext_noop("The bot is offline. Playback continues as soon as it is back."),
        (WAIT,),
        stays_put=True,
    ),
}
