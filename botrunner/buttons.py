"""Buttons below replies. Their ids say what they do, so they work after a restart (`Answering` handles the presses)."""

from __future__ import annotations

from typing import Any

import nextcord
from django.utils.translation import gettext as _

VERSION = 1


def still(*buttons: nextcord.ui.Button[Any]) -> nextcord.ui.View:
    """Return a view that nextcord does not keep in memory. Call it on the event loop."""
    view = nextcord.ui.View(timeout=None)
    for button in buttons:
        view.add_item(button)
    view.stop()
    return view


def undo_view(change: int) -> nextcord.ui.View:
    """Return the button that undoes a change, by its primary key: seqs begin again when a log is replaced."""
    return still(nextcord.ui.Button(label=_("Undo"), emoji="↩️", custom_id=f"undo:{VERSION}:{change}"))


def redo_view(change: int) -> nextcord.ui.View:
    return still(nextcord.ui.Button(label=_("Redo"), emoji="↪️", custom_id=f"redo:{VERSION}:{change}"))
