from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import jwt
import pytest
from django.conf import settings as django_settings

from accounts.models import AuthSession, User
from accounts.tokens import issue_access
from guilds.models import Guild
from tests.factories import GuildFactory, MembershipFactory, SessionFactory
from tests.server import Server, Socket


@dataclass
class Member:
    """A member of a guild, with a session."""

    user: User
    guild: Guild
    session: AuthSession

    @property
    def token(self) -> str:
        return issue_access(self.session)[0]

    @property
    def instance(self) -> str:
        return f"guild:{self.guild.pk}"

    def token_expiring(self, seconds: float) -> str:
        """Return a valid token that expires in so many seconds, or that has expired if negative."""
        claims: dict[str, Any] = jwt.decode(self.token, options={"verify_signature": False})
        claims |= {"exp": int(time.time() + seconds), "iat": int(time.time() + seconds) - 900}
        return jwt.encode(claims, django_settings.JWT_SECRET, algorithm="HS256")

    def open(self, server: Server, token: str | None = None) -> Socket:
        """Return a socket that has sent `init` for the guild."""
        socket = server.connect()
        ready = socket.init(self.instance, token or self.token)
        assert ready["type"] == "ready", ready
        return socket


def make_member(guild: Guild | None = None) -> Member:
    session = SessionFactory.create()
    membership = MembershipFactory.create(user=session.user, guild=guild or GuildFactory.create())
    return Member(session.user, membership.guild, session)


@pytest.fixture
def member(transactional_db: None) -> Member:
    return make_member()
