"""The page /design, in development only: all tokens and components of the pages, for whoever writes the next one."""

from __future__ import annotations

import re
from pathlib import Path

from django.contrib.staticfiles import finders
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from config.templatetags.icons import SPRITE

_TOKEN = re.compile(r"^  (--[a-z0-9-]+): (.+);$", re.MULTILINE)
_COLOR = re.compile(r"light-dark|#|color-mix")


@require_safe
def design(request: HttpRequest) -> HttpResponse:
    path = finders.find("backline/css/tokens.css")
    assert path is not None
    tokens = dict(_TOKEN.findall(Path(path).read_text()))
    colors = {name: value for name, value in tokens.items() if _COLOR.search(value)}
    return render(
        request,
        "design.html",
        {
            "colors": colors,
            "measures": {name: value for name, value in tokens.items() if name not in colors},
            "states": ["connecting", "live", "waiting", "signed_out", "refused"],
            "people": range(1, 9),
            "icon_names": sorted(re.findall(r'<symbol id="([a-z0-9-]+)"', SPRITE.read_text())),
        },
    )
