"""Discord's guilds as the program knows them: at login from the person's list, then from the bot's gateway."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone

from accounts.models import snowflake_validator
from guilds.setting_fields import ChannelField, ChoiceField, NumberField, RoleField, SourcesField, SwitchField


class Guild(models.Model):
    """A guild (Discord: Guild object). `bot_installed` says that the bot is in it as far as we know."""

    id = models.CharField(primary_key=True, max_length=20, validators=[snowflake_validator])
    name = models.CharField(max_length=100)
    icon_hash = models.CharField(max_length=64, blank=True)
    owner_id = models.CharField(max_length=20, blank=True, help_text="Snowflake of the owner.")
    member_count = models.PositiveIntegerField(null=True, blank=True)
    bot_installed = models.BooleanField(default=False)
    left_at = models.DateTimeField(null=True, blank=True, help_text="When the bot was removed.")
    unavailable = models.BooleanField(default=False, help_text="Discord has an outage for this guild.")
    mirrored_at = models.DateTimeField(null=True, blank=True)
    bot_role_ids = models.JSONField(
        default=list, blank=True, help_text="Roles the bot has here, @everyone left out."
    )
    afk_channel_id = models.CharField(
        max_length=20, null=True, blank=True, help_text="Where Discord moves people who are idle."
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering: ClassVar[list[str]] = ["name", "id"]

    def __str__(self) -> str:
        return self.name

    @property
    def icon_url(self) -> str | None:
        if not self.icon_hash:
            return None
        kind = "gif" if self.icon_hash.startswith("a_") else "png"
        return f"https://cdn.discordapp.com/icons/{self.pk}/{self.icon_hash}.{kind}?size=128"


class Membership(models.Model):
    """A person in a guild. `permissions` are the base permissions (Discord: Permissions), channel overwrites
    not applied; `role_ids` come from the gateway, so they are empty until the bot has seen the person."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships")
    guild = models.ForeignKey(Guild, on_delete=models.CASCADE, related_name="memberships")
    owner = models.BooleanField(default=False)
    permissions = models.BigIntegerField(default=0)
    role_ids = models.JSONField(default=list, blank=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["user", "guild"], name="membership_user_guild"),
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.guild}"


class ChannelType(models.IntegerChoices):
    """Discord: Channel Types; the ones that matter here."""

    TEXT = 0
    VOICE = 2
    CATEGORY = 4
    ANNOUNCEMENT = 5
    STAGE = 13


TEXT_TYPES = (ChannelType.TEXT, ChannelType.ANNOUNCEMENT)
VOICE_TYPES = (ChannelType.VOICE, ChannelType.STAGE)


class Channel(models.Model):
    id = models.CharField(primary_key=True, max_length=20)
    guild = models.ForeignKey(Guild, on_delete=models.CASCADE, related_name="channels")
    type = models.PositiveSmallIntegerField()
    name = models.CharField(max_length=100)
    position = models.IntegerField(default=0)
    parent_id = models.CharField(max_length=20, null=True, blank=True)
    overwrites = models.JSONField(
        default=list,
        blank=True,
        help_text="Discord's: [{id, type, allow, deny}]; type 0 role, 1 member; bits as decimal strings.",
    )
    user_limit = models.PositiveIntegerField(default=0, help_text="Of a voice channel; 0: none.")

    class Meta:
        ordering: ClassVar[list[str]] = ["position", "id"]

    def __str__(self) -> str:
        return self.name


class Role(models.Model):
    id = models.CharField(primary_key=True, max_length=20)
    guild = models.ForeignKey(Guild, on_delete=models.CASCADE, related_name="roles")
    name = models.CharField(max_length=100)
    color = models.PositiveIntegerField(default=0)
    position = models.IntegerField(default=0)
    permissions = models.BigIntegerField(default=0)
    mentionable = models.BooleanField(default=False)
    managed = models.BooleanField(default=False)

    class Meta:
        ordering: ClassVar[list[str]] = ["-position", "id"]

    def __str__(self) -> str:
        return self.name


class VoiceState(models.Model):
    """Who sits in which voice channel, as the gateway said last. Our own bot is left out.

    Other bots take a place where a channel has a limit, and listen to nothing.
    """

    guild = models.ForeignKey(Guild, on_delete=models.CASCADE, related_name="voice_states")
    channel = models.ForeignKey(Channel, on_delete=models.CASCADE, related_name="voice_states")
    discord_id = models.CharField(max_length=20)
    name = models.CharField(max_length=100, blank=True)
    deafened = models.BooleanField(
        default=False, help_text="Hears nothing, by their own or the guild's wish."
    )
    bot = models.BooleanField(default=False)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["guild", "discord_id"], name="voicestate_guild_person"),
        ]

    def __str__(self) -> str:
        return f"{self.name or self.discord_id} in {self.channel}"


class Who(models.TextChoices):
    """Who may do something in a guild. Each includes those below it."""

    EVERYONE = "everyone"
    DJ = "dj", "DJs"
    MANAGERS = "managers"


MAX_VOLUME = 200  # percent; Discord's own volume per person goes as far


class Section(models.TextChoices):
    """The parts of the settings page, in their order."""

    PEOPLE = "people", "Who may do what"
    QUEUE = "queue", "Queue"
    VOICE = "voice", "Voice"


class GuildSettings(models.Model):
    """How a guild wants it: one field a setting, declared here and nowhere else.

    The strict checks of the API, the page, the admin's form and the table in docs/guild-settings.md are made of these
    fields, so a new one needs a migration and whatever reads it. Who manages the guild may change them, by
    `domain/settings.py` only. Channels and roles are kept by id: they may vanish at Discord any time.
    """

    guild = models.OneToOneField(Guild, on_delete=models.CASCADE, related_name="settings", primary_key=True)

    dj_role_id = RoleField(
        "DJ role",
        section=Section.PEOPLE,
        empty="The role named “DJ”",
        null=True,
        blank=True,
        help_text="DJs skip at once, remove other people's tracks, and control the player from anywhere. People who "
        "manage the server are always DJs.",
    )
    may_add = ChoiceField(
        "Add tracks",
        section=Section.PEOPLE,
        choices=Who,
        max_length=8,
        default=Who.EVERYONE,
        help_text="Who may add tracks to the queue.",
    )
    may_skip = ChoiceField(
        "Skip other people's tracks",
        section=Section.PEOPLE,
        choices=Who,
        max_length=8,
        default=Who.EVERYONE,
        help_text="Everyone: listeners vote, and DJs skip at once. You can always skip your own track.",
    )
    vote_share = NumberField(
        "Votes needed to skip",
        section=Section.PEOPLE,
        low=0,
        high=100,
        unit="%",
        default=50,
        works_when=("may_skip", Who.EVERYONE),
        help_text="The share of listeners who must vote to skip.",
    )
    may_move = ChoiceField(
        "Change the order",
        section=Section.PEOPLE,
        choices=Who,
        max_length=8,
        default=Who.EVERYONE,
        help_text="Who may move tracks, and add tracks before those of other people.",
    )
    may_clear = ChoiceField(
        "Clear the queue",
        section=Section.PEOPLE,
        choices=Who,
        max_length=8,
        default=Who.DJ,
        help_text="Who may remove all waiting tracks.",
    )

    fair_order = SwitchField(
        "Take turns",
        section=Section.QUEUE,
        default=False,
        help_text="New tracks alternate between people, so that nobody waits for a whole album. Only DJs may change "
        "the order then.",
    )
    max_per_person = NumberField(
        "Tracks per person",
        section=Section.QUEUE,
        low=1,
        high=1000,
        unit="tracks",
        empty="any",
        null=True,
        blank=True,
        help_text="The most tracks that one person may have in the queue. DJs have no limit.",
    )
    allowed_sources = SourcesField(
        "Sources of tracks",
        section=Section.QUEUE,
        null=True,
        blank=True,
        help_text="Tracks can be added from these sources only.",
    )

    voice_channel_id = ChannelField(
        "Default voice channel",
        section=Section.VOICE,
        types=VOICE_TYPES,
        called="voice",
        empty="None",
        null=True,
        blank=True,
        help_text="Where the bot plays when neither it nor the person who asks is in a voice channel.",
    )
    default_volume = NumberField(
        "Default volume",
        section=Section.VOICE,
        low=0,
        high=MAX_VOLUME,
        unit="%",
        default=100,
        help_text="The volume until somebody changes it.",
    )
    stay_in_channel = SwitchField(
        "Stay in the channel when it is empty (24/7)",
        section=Section.VOICE,
        default=False,
        help_text="Otherwise the bot leaves after a while and keeps the queue.",
    )
    leave_after_minutes = NumberField(
        "Leave after",
        section=Section.VOICE,
        low=1,
        high=1440,
        unit="minutes",
        default=10,
        works_when=("stay_in_channel", False),
        help_text="How long the bot waits in an empty channel.",
    )

    announce_channel_id = ChannelField(
        "Announcement channel",
        types=TEXT_TYPES,
        called="text",
        empty="None",
        null=True,
        blank=True,
        help_text="A text or announcement channel for what the bot has to say. Nothing is written there yet, so the "
        "page does not offer it.",
    )

    class Meta:
        verbose_name_plural = "guild settings"

    def __str__(self) -> str:
        return f"settings of {self.guild}"


class BotShard(models.Model):
    """One of the bot's gateway connections, as the process that keeps it says every few seconds.

    `connected` is what was so at `seen_at`; a process that was killed says nothing any more. `ready_at` is when
    Discord last told everything anew: what was mirrored before may have missed something.
    """

    number = models.PositiveIntegerField()
    count = models.PositiveIntegerField(help_text="How many shards the bot has in all.")
    process = models.CharField(max_length=64, help_text="The process that keeps it: machine, pid.")
    connected = models.BooleanField(default=False)
    ready_at = models.DateTimeField(null=True, blank=True)
    seen_at = models.DateTimeField(default=timezone.now)
    latency_ms = models.PositiveIntegerField(null=True, blank=True)
    guilds = models.PositiveIntegerField(default=0)
    members_intent = models.BooleanField(
        default=True, help_text="Whether Discord grants the Server Members intent."
    )

    class Meta:
        ordering: ClassVar[list[str]] = ["count", "number"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["count", "number"], name="botshard_count_number"),
        ]

    def __str__(self) -> str:
        return f"shard {self.number} of {self.count}"


class IdentifyBucket(models.Model):
    """When a bucket of shards may identify next: Discord takes one IDENTIFY a bucket in five seconds, of whichever
    process (docs: Gateway, Rate Limiting). The number is the shard's, modulo Discord's `max_concurrency`."""

    number = models.PositiveIntegerField(primary_key=True)
    free_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"bucket {self.number}"
