"""Members of guilds, with sessions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from guilds.models import Guild
from queue_app.commands import execute
from realtime.models import Via
from realtime.origin import Origin
from tests.factories import GuildFactory, MembershipFactory, SessionFactory
from tests.people import LoggedIn
from tests.server import Server, Socket


@dataclass
class Member(LoggedIn):
    """A member of a guild, with a session."""

    guild: Guild

    @property
    def instance(self) -> str:
        return f"guild:{self.guild.pk}"

    def do(self, name: str, **args: Any) -> None:
        """Execute a command as if it came over REST."""
        execute(self.guild.pk, name, args, origin=Origin(user=self.user, via=Via.REST))

    def open(self, server: Server, token: str | None = None) -> Socket:
        """Return a socket that has sent `init` for the guild."""
        socket = server.connect()
        ready = socket.init(self.instance, token or self.token)
        assert ready["type"] == "ready", ready
        return socket


def make_member(guild: Guild | None = None) -> Member:
    session = SessionFactory.create()
    membership = MembershipFactory.create(user=session.user, guild=guild or GuildFactory.create())
    return Member(session.user, session, membership.guild)


@pytest.fixture
def member(transactional_db: None) -> Member:
    return make_member()
