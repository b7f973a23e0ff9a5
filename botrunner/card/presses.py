"""The buttons of a card. They run the same commands as everywhere, with the rights of the person who presses them."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from botrunner.card.face import NEXT_LOOP, VERSION, custom_id
from botrunner.card.scene import heard_between
from botrunner.favorites import toggle_favorite, track_of_item
from botrunner.lists import show
from botrunner.models import Card
from botrunner.reply import Asked
from botrunner.running import carry_out, read
from library.errors import NothingFound
from queue_app.errors import UnknownCommand
from queue_app.models import Loop
from queue_app.queries import load_player

COMMANDS = {
    "previous": "Previous",
    "pause": "Pause",
    "resume": "Resume",
    "skip": "Skip",
    "loop": "SetLoop",
    "shuffle": "ShuffleQueue",
    "stop": "Stop",
    "again": "AddTracks",
}


async def press_card(asked: Asked) -> None:
    """Run the command of a card's button. Raises a refusal."""
    if asked.name == custom_id("queue"):
        await show(asked, "queue")
        return
    act, about = _read(asked.name)
    if act == "favorite":
        await toggle_favorite(asked, await read(asked, track_of_item, str(asked.guild_id), about))
        return
    name, args = await read(asked, read_press, str(asked.guild_id), asked.name)
    await carry_out(asked, name, args)


def read_press(guild_id: str, pressed: str) -> tuple[str, dict[str, Any]]:
    """Return the command of a card's button, and its arguments. Raises UnknownCommand and NothingFound."""
    act, about = _read(pressed)
    return COMMANDS[act], _arguments(guild_id, act, about)


def _read(pressed: str) -> tuple[str, str]:
    """Return the act of a button, and what it is about. Raises UnknownCommand for a button of another version."""
    _card, version, act, *about = [*pressed.split(":"), "", ""][:4]
    if version != str(VERSION) or act not in (*COMMANDS, "favorite"):
        raise UnknownCommand(
            _("This button is from an older version. Use /nowplaying, or add a track for a new one.")
        )
    return act, about[0] if about else ""


def _arguments(guild_id: str, act: str, about: str) -> dict[str, Any]:
    if act == "skip" and about:
        return {"item_id": about}
    if act == "loop":
        return {"loop": about or NEXT_LOOP[Loop(load_player(guild_id).loop)]}
    if act == "again":
        uris = _last_session(guild_id)
        if not uris:
            raise NothingFound(_("The tracks of that queue are no longer known."))
        return {"uris": uris[:1000]}
    return {}


def _last_session(guild_id: str) -> list[str]:
    """Return the tracks that were played from the last queue that ended."""
    card = Card.objects.filter(pk=guild_id).first()
    if card is None or card.last_began_at is None:
        return []
    return heard_between(guild_id, card.last_began_at, card.began_at)
