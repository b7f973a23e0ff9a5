"""A guild as the pages show it, and the bot's actions in it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.utils import timezone

from accounts.models import User
from guilds.models import Guild
from queue_app.commands import execute
from queue_app.domain import playback
from queue_app.models import Player
from realtime.models import Via
from realtime.origin import Origin
from tests.clients.browser import elsewhere, login_cookie
from tests.factories import ChannelFactory, GuildFactory, MembershipFactory, TrackFactory, UserFactory

BOT_PROCESS = "test-host:1:1"


@dataclass
class Scene:
    """A guild with a voice channel, two people in it, and a small library."""

    guild: Guild
    channel_id: str
    owner_cookie: str
    member_cookie: str
    owner: Origin

    @property
    def id(self) -> str:
        return self.guild.pk

    @property
    def person(self) -> User:
        """The guild's owner."""
        assert self.owner.user
        return self.owner.user

    def rename(self, name: str) -> None:
        """Rename the owner."""
        User.objects.filter(pk=self.person.pk).update(display_name=name)

    def play(self) -> None:
        """Start a track as the bot does."""

        def act() -> None:
            execute(self.id, "JoinVoice", {"channel_id": self.channel_id}, origin=self.owner)
            be_the_bot(self.id)
            playback.start_next(self.id, owner=BOT_PROCESS)
            playback.observe(
                self.id, owner=BOT_PROCESS, connected_channel_id=self.channel_id, sounding=True, position_ms=0
            )

        elsewhere(act)

    def add(self, query: str) -> None:
        elsewhere(lambda: execute(self.id, "AddTrack", {"query": query}, origin=self.owner))

    def fail(self, title: str) -> None:
        """Add a track with that title, and let it fail."""

        def act() -> None:
            track = TrackFactory.create(title=title)
            item = execute(self.id, "AddTrack", {"query": track.uri}, origin=self.owner).result
            be_the_bot(self.id)
            playback.fail_queued(
                self.id, item_id=item["id"], code="UNREACHABLE", detail="It is gone.", owner=BOT_PROCESS
            )

        elsewhere(act)


def be_the_bot(guild_id: str) -> None:
    """Take the lease for an hour, because nothing here renews it every few seconds as a bot does."""
    assert playback.take_lease(guild_id, owner=BOT_PROCESS)
    Player.objects.filter(pk=guild_id).update(lease_expires_at=timezone.now() + timedelta(hours=1))


def set_scene() -> Scene:
    """Create the scene in an empty database."""
    guild = GuildFactory.create(name="Sandbox Lounge")
    owner, member = UserFactory.create(username="owner"), UserFactory.create(username="member")
    MembershipFactory.create(user=owner, guild=guild, owner=True, manager=True)
    MembershipFactory.create(user=member, guild=guild)
    MembershipFactory.create(
        user=owner, guild=GuildFactory.create(bot_installed=False), owner=True, manager=True
    )
    channel = ChannelFactory.create(guild=guild, voice=True, name="Stage left")
    for title in ("Cold Harbour", "Moss", "Harbour Lights"):
        TrackFactory.create(title=title, search_text=title.lower())
    return Scene(
        guild=guild,
        channel_id=channel.pk,
        owner_cookie=login_cookie(owner),
        member_cookie=login_cookie(member),
        owner=Origin(user=owner, via=Via.REST),
    )
