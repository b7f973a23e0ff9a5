"""REQUIRE_AUTH=false: sockets without a token act as `dev`, REST still needs one, and a warning says so."""

from __future__ import annotations

import pytest
from django.conf import LazySettings
from django.test import Client
from websockets.exceptions import InvalidStatus

from accounts.domain.sessions import nobody
from accounts.models import User
from tests.conftest import access_token
from tests.factories import GuildFactory, MembershipFactory, SessionFactory, UserFactory
from tests.server import Server

pytestmark = pytest.mark.django_db(transaction=True)

TOKENS = {"none": None, "nonsense": "nonsense", "unsigned": "eyJhbGciOiJub25lIn0.e30."}


@pytest.fixture
def off(settings: LazySettings) -> None:
    settings.REQUIRE_AUTH = False


@pytest.fixture
def guild(server: Server) -> str:
    """An instance that `dev` may read."""
    guild = GuildFactory.create()
    MembershipFactory.create(user=nobody().user, guild=guild)
    return f"guild:{guild.pk}"


@pytest.mark.parametrize("token", TOKENS.values(), ids=TOKENS)
def test_a_socket_without_a_good_token_is_devs_and_says_so(
    token: str | None, off: None, server: Server, guild: str
) -> None:
    dev = User.objects.get(discord_id=None)
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    with server.connect(additional_headers=headers) as early, server.connect() as late:
        for ready in (early.init(guild), late.init(guild, token)):
            assert (ready["type"], ready["auth"], ready["userId"]) == ("ready", "anonymous", str(dev.pk))
            assert ready["warning"] == {"code": "AUTH_DISABLED"}
            assert ready["expiresAt"] is None
    assert (dev.username, dev.is_staff) == ("dev", False)
    assert User.objects.filter(username="dev").count() == 1


def test_a_good_token_is_still_its_persons(off: None, server: Server) -> None:
    session = SessionFactory.create()
    guild = MembershipFactory.create(user=session.user).guild
    with server.connect() as socket:
        ready = socket.init(f"guild:{guild.pk}", access_token(session))
        assert (ready["auth"], ready["userId"]) == ("valid", str(session.user.pk))
        assert "warning" not in ready


def test_dev_reads_no_guild_that_it_is_not_in(off: None, server: Server) -> None:
    with server.connect() as socket:
        assert socket.init(f"guild:{GuildFactory.create().pk}")["type"] == "error"


def test_a_foreign_origin_stays_out(off: None, server: Server) -> None:
    with pytest.raises(InvalidStatus) as refused:
        server.connect(origin="http://evil.example")
    assert refused.value.response.status_code == 403


@pytest.mark.parametrize("token", TOKENS.values(), ids=TOKENS)
def test_rest_is_never_anonymous(token: str | None, off: None) -> None:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    for path in ("/api/auth/me", "/api/guilds", "/api/auth/sessions", "/api/search?q=a"):
        assert Client().get(path, headers=headers).status_code == 401
    assert Client().post("/api/auth/token", headers=headers).status_code == 401
    assert Client().get("/dashboard").status_code == 302


def test_every_page_says_that_it_is_off(off: None, settings: LazySettings) -> None:
    browser = Client(headers={"accept": "text/html"})
    browser.force_login(UserFactory.create())
    for path in ("/", "/dashboard", "/sessions", "/account/2fa/", "/nothing"):
        assert b"REQUIRE_AUTH is off" in browser.get(path).content, path
    settings.REQUIRE_AUTH = True
    assert b"REQUIRE_AUTH" not in browser.get("/").content


def test_no_login_ever_becomes_dev() -> None:
    dev = nobody().user
    assert dev.discord_id is None
    assert nobody().user == dev
    assert nobody().session is None
