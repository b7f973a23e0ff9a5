"""What a person recognises a session by: its device in plain words, and when it was last used."""

from __future__ import annotations

import re
from datetime import datetime

from django import template
from django.utils import timezone
from django.utils.timesince import timesince
from django.utils.translation import gettext as _

from accounts.models import AuthSession

register = template.Library()

# In this order: Edge and Opera also call themselves Chrome, and Chrome calls itself Safari.
_BROWSERS = (
    (r"\bEdg(?:e|A|iOS)?/", "Edge"),
    (r"\bOPR/|\bOpera\b", "Opera"),
    (r"\bSamsungBrowser/", "Samsung Internet"),
    (r"\b(?:Firefox|FxiOS)/", "Firefox"),
    (r"\b(?:Chrome|Chromium|CriOS|HeadlessChrome)/", "Chrome"),
    (r"\bVersion/[\d.]+ (?:\S+ ){0,3}Safari/", "Safari"),
)
# Android says Linux as well, an iPhone says Mac OS X.
_SYSTEMS = (
    (r"\biPhone\b", "iPhone"),
    (r"\biPad\b", "iPad"),
    (r"\bAndroid\b", "Android"),
    (r"\bCrOS\b", "ChromeOS"),
    (r"\bWindows\b", "Windows"),
    (r"\bMac OS X\b|\bMacintosh\b", "macOS"),
    (r"\bLinux\b|\bX11\b", "Linux"),
)
_PHONES = {"iPhone", "iPad", "Android"}


def _first(table: tuple[tuple[str, str], ...], text: str) -> str:
    return next((name for pattern, name in table if re.search(pattern, text)), "")


@register.filter
def session_name(session: AuthSession) -> str:
    """Return what its owner calls a sync token, or the device of a login in plain words."""
    return (session.device or _("Sync token")) if session.store else device(session.device)


@register.filter
def session_icon(session: AuthSession) -> str:
    return "link" if session.store else device_icon(session.device)


def device(user_agent: str) -> str:
    """Return such as `Firefox on Linux`; a program is called by the first word it gives itself."""
    browser, system = _first(_BROWSERS, user_agent), _first(_SYSTEMS, user_agent)
    if browser:
        return _("%(browser)s on %(system)s") % {"browser": browser, "system": system} if system else browser
    program = re.match(r"[\w.+-]{1,40}", user_agent)
    if program and program[0] != "Mozilla":
        return program[0]
    return _("A browser on %(system)s") % {"system": system} if system else _("Unknown device")


def device_icon(user_agent: str) -> str:
    """Return the name of the icon that stands for the device."""
    if _first(_SYSTEMS, user_agent) in _PHONES:
        return "smartphone"
    return "monitor" if _first(_BROWSERS, user_agent) else "terminal"


@register.filter
def ago(moment: datetime) -> str:
    """Return such as `3 hours ago`, in one unit; `just now` within the minute to which it is known."""
    largest = timesince(moment, timezone.now(), depth=1)
    return _("just now") if largest.startswith("0") else _("%(time)s ago") % {"time": largest}
