"""Scripts of pages, which are ES modules without a build step."""

from __future__ import annotations

import posixpath
import re
from functools import lru_cache
from pathlib import Path

from django import template
from django.conf import settings
from django.contrib.staticfiles import finders
from django.templatetags.static import static
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

register = template.Library()

_IMPORT = re.compile(r"""^(?:import|export)\b[^"';]*["'](\.[^"']+)["'];""", re.MULTILINE)


@register.simple_tag
def module(name: str) -> SafeString:
    """Return the script element of a module (its path below static/), after links to all that it imports.

    A browser finds an import only when it has read the file before it. With the links it requests all files at once.
    """
    names = _graph.__wrapped__(name) if settings.DEBUG else _graph(name)
    links = format_html_join("", '<link rel="modulepreload" href="{}">', ((static(each),) for each in names))
    return links + format_html_join("", '<script type="module" src="{}"></script>', [(static(name),)])


@lru_cache
def _graph(name: str) -> tuple[str, ...]:
    """Return what a module imports, directly or not."""
    found: dict[str, None] = {}
    waiting = [name]
    while waiting:
        here = waiting.pop()
        path = finders.find(here)
        if path is None:
            raise template.TemplateSyntaxError(f"no such static file: {here}")
        for address in _IMPORT.findall(Path(path).read_text()):
            there = posixpath.normpath(posixpath.join(posixpath.dirname(here), address))
            if there != name and there not in found:
                found[there] = None
                waiting.append(there)
    return tuple(found)
