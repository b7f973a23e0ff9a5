# mypy: disable-error-code="attr-defined,no-untyped-call"
"""Rows for tests. `GuildFactory` uses the domain's function, so a guild has its settings and its store."""

from __future__ import annotations

from typing import Any

import factory
from factory.base import Factory
from factory.django import DjangoModelFactory

from accounts.domain.sessions import begin_session
from accounts.models import AuthSession, User
from guilds.choices import ChannelType
from guilds.domain.installation import ensure_guild
from guilds.models import Channel, Guild, Membership, Role, VoiceState
from guilds.permissions import ADMINISTRATOR
from library.domain.tracks import set_words
from library.models import Track
from queue_app.models import ItemState, Player, QueueItem


def _snowflakes(first: int) -> Any:
    return factory.Sequence(lambda n: str(first + n))


class UserFactory(DjangoModelFactory[User]):
    class Meta:
        model = User

    discord_id = _snowflakes(200_000_000_000_000_000)
    username = factory.Sequence(lambda n: f"person{n}")
    display_name = factory.LazyAttribute(lambda user: user.username.title())


class SessionFactory(Factory[AuthSession]):
    class Meta:
        model = AuthSession

    user = factory.SubFactory(UserFactory)
    device = "tests"
    address = None

    @classmethod
    def _create(cls, model_class: type[AuthSession], *args: Any, **kwargs: Any) -> AuthSession:
        return begin_session(**kwargs)


class GuildFactory(Factory[Guild]):
    """A guild with its settings and its store. By default the bot is in it."""

    class Meta:
        model = Guild

    guild_id = _snowflakes(300_000_000_000_000_000)
    name = factory.Sequence(lambda n: f"Guild {n}")
    bot_installed = True

    @classmethod
    def _create(cls, model_class: type[Guild], *args: Any, **kwargs: Any) -> Guild:
        guild = ensure_guild(kwargs["guild_id"], name=kwargs["name"])
        guild.bot_installed = kwargs["bot_installed"]
        guild.save(update_fields=["bot_installed"])
        return guild


class MembershipFactory(DjangoModelFactory[Membership]):
    class Meta:
        model = Membership

    class Params:
        manager = factory.Trait(permissions=ADMINISTRATOR)

    user = factory.SubFactory(UserFactory)
    guild = factory.SubFactory(GuildFactory)


class ChannelFactory(DjangoModelFactory[Channel]):
    class Meta:
        model = Channel

    class Params:
        voice = factory.Trait(type=ChannelType.VOICE)

    id = _snowflakes(400_000_000_000_000_000)
    guild = factory.SubFactory(GuildFactory)
    type = ChannelType.TEXT
    name = factory.Sequence(lambda n: f"channel-{n}")


class RoleFactory(DjangoModelFactory[Role]):
    class Meta:
        model = Role

    id = _snowflakes(500_000_000_000_000_000)
    guild = factory.SubFactory(GuildFactory)
    name = factory.Sequence(lambda n: f"role {n}")


WORDS = ("search_text", "title_key", "title_words", "artist_words", "album_words")


class TrackFactory(DjangoModelFactory[Track]):
    """A resolved track of the library, without a file."""

    class Meta:
        model = Track

    uri = factory.Sequence(lambda n: f"library:{n:032x}")
    source = "library"
    title = factory.Sequence(lambda n: f"Song {n}")
    artist = "The Testers"
    duration_ms = 60_000

    @classmethod
    def _adjust_kwargs(cls, **kwargs: Any) -> dict[str, Any]:
        """Add the words by which the track is found, unless the test has its own."""
        track = Track(**kwargs)
        set_words(track)
        return {name: getattr(track, name) for name in WORDS} | kwargs


class ItemFactory(DjangoModelFactory[QueueItem]):
    """A queued item without an event. If the log matters, add items through the domain."""

    class Meta:
        model = QueueItem
        skip_postgeneration_save = True

    guild = factory.SubFactory(GuildFactory)
    track = factory.SubFactory(TrackFactory)
    requested_by = factory.SubFactory(UserFactory)
    state = ItemState.QUEUED
    rank = factory.Sequence(int)

    @factory.post_generation  # type: ignore[untyped-decorator]  # factory_boy's has no types
    def counted(item: QueueItem, create: bool, extracted: Any, **kwargs: Any) -> None:
        queued = QueueItem.objects.filter(guild=item.guild_id, state=ItemState.QUEUED)
        Player.objects.filter(pk=item.guild_id).update(queue_total=queued.count())


def sit(user: User, channel: Channel) -> VoiceState:
    """Put a person into a voice channel."""
    assert user.discord_id
    state, _ = VoiceState.objects.update_or_create(
        guild=channel.guild, discord_id=user.discord_id, defaults={"channel": channel, "name": user.username}
    )
    return state
