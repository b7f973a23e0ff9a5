"""Filters that help a person recognize a session: its device in plain words, and when it was last used."""

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
# In this order: Android's user agent also contains "Linux", an iPhone's "Mac OS X".
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
    """Return the name that the owner gave a sync token, or a login's device in plain words."""
    return (session.device or _("Sync token")) if session.store else device(session.device)


@register.filter
def session_icon(session: AuthSession) -> str:
    return "link" if session.store else device_icon(session.device)


def device(user_agent: str) -> str:
    """Return a name such as `Firefox on Linux`. For a program, return the first word of its user agent."""
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
    """Return a text such as `3 hours ago`, in one unit, or `just now` within the first minute."""
    largest = timesince(moment, timezone.now(), depth=1)
    return _("just now") if largest.startswith("0") else _("%(time)s ago") % {"time": largest}
