"""Search and artwork over REST."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
from django.test import Client
from pytest_django import Settings

from accounts.models import User
from tests.factories import TrackFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(api: Callable[[User], Client]) -> Client:
    return api(UserFactory.create())


def test_search_needs_a_login_and_finds_tracks(client: Client) -> None:
    track = TrackFactory.create(title="Night Bus")
    TrackFactory.create(title="Day Train")
    assert Client().get("/api/search?q=bus").status_code == 401
    found = client.get("/api/search", {"q": "NIGHT"}).json()
    assert [each["uri"] for each in found] == [track.uri]
    assert set(found[0]) == {
        "uri", "title", "artist", "album", "url", "duration_ms", "artwork_url", "source", "is_live",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("query", "field"), [({"q": "x" * 501}, "q"), ({"q": "a\0"}, "q"), ({"source": "tape"}, "source")]
)
def test_a_search_that_is_none_is_400(query: dict[str, str], field: str, client: Client) -> None:
    response = client.get("/api/search", query)
    assert response.status_code == 400
    assert field in response.json()["errors"]


def test_artwork_is_served_by_its_hash_and_nothing_else_is(tmp_path: Path, settings: Settings) -> None:
    settings.DATA_DIR = tmp_path
    (tmp_path / "artwork").mkdir()
    (tmp_path / "artwork" / "secret.png").write_bytes(b"secret")
    name = hashlib.sha256(b"picture").hexdigest()[:32]
    (tmp_path / "artwork" / f"{name}.png").write_bytes(b"picture")
    response = Client().get(f"/artwork/{name}.png")
    assert (response.status_code, response.headers["Content-Type"]) == (200, "image/png")
    assert "immutable" in response.headers["Cache-Control"]
    for other in ("secret.png", f"{name}.svg", f"{'0' * 32}.png", "..%2fkeys.json"):
        assert Client().get(f"/artwork/{other}").status_code == 404
