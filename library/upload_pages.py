"""The page of a person's uploads."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import render

from accounts.pages import PersonRequest, page


@page
def uploads(request: PersonRequest) -> HttpResponse:
    return render(request, "library/uploads.html", {"on": settings.UPLOADS})
