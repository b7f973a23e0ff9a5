"""The page /design shows every token and component."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.staticfiles import finders
from django.test import Client
from playwright.sync_api import expect

from config.design import design
from config.urls import urlpatterns
from tests.clients.browser import PHONE, WIDE, Desk, Scheme
from tests.clients.test_accessibility import examine


def sheet(name: str) -> str:
    path = finders.find(f"backline/css/{name}")
    assert path is not None
    return Path(path).read_text()


@pytest.mark.django_db
def test_every_component_and_token_is_on_the_page(client: Client) -> None:
    page = client.get("/design").content.decode()
    shown = {name for names in re.findall(r'class="([^"]*)"', page) for name in names.split()}
    components = set(re.findall(r"^\.([a-z][a-z0-9-]*)", sheet("components.css"), re.MULTILINE))
    # These are parts of the header of this very page, or of other pages' navigation.
    assert components - shown - {"rooms-header", "rooms-page", "tabs", "where"} == set()
    for token in re.findall(r"^  (--[a-z0-9-]+):", sheet("tokens.css"), re.MULTILINE):
        assert f"<code>{token}</code>" in page


def test_it_is_for_development_only() -> None:
    assert not settings.PRODUCTION
    assert any(getattr(each, "callback", None) is design for each in urlpatterns)


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_the_page_is_accessible_and_fits(desk: Desk, scheme: Scheme) -> None:
    for size in (WIDE, PHONE):
        window = desk.window(None, size=size, scheme=scheme)
        page = window.open("/design")
        expect(page.get_by_role("heading", name="Design", exact=True)).to_be_visible()
        page.locator("summary[aria-label='Example menu']").click()
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
        fonts = page.evaluate(
            "document.fonts.ready.then(() => [...document.fonts].filter((font) => font.status === 'loaded')"
            ".map((font) => font.family.replaceAll('\"', '')))"
        )
        assert set(fonts) == {"Bricolage Grotesque", "Figtree"}
        assert examine(page) == []
        assert window.complaints == []
