"""Discord's guilds, as read from people's lists of guilds at login and from the bot's gateway."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import snowflake_validator
from guilds.choices import TEXT_TYPES, VOICE_TYPES, ChannelType, Section, Who
from guilds.setting_fields import ChannelField, ChoiceField, NumberField, RoleField, SourcesField, SwitchField

AS_IN_DISCORD = "discord"  # the value of the setting `language` without a choice


class Guild(models.Model):
    """A guild (Discord: Guild object). `bot_installed`: whether the bot is in it, as far as we know."""

    id = models.CharField(primary_key=True, max_length=20, validators=[snowflake_validator])
    name = models.CharField(max_length=100)
    icon_hash = models.CharField(max_length=64, blank=True)
    owner_id = models.CharField(max_length=20, blank=True, help_text=_("Snowflake of the owner."))
    member_count = models.PositiveIntegerField(null=True, blank=True)
    bot_installed = models.BooleanField(default=False)
    left_at = models.DateTimeField(
        null=True, blank=True, help_text=_("When the bot was removed from the guild.")
    )
    unavailable = models.BooleanField(default=False, help_text=_("Discord has an outage for this guild."))
    mirrored_at = models.DateTimeField(null=True, blank=True)
    bot_role_ids = models.JSONField(
        default=list, blank=True, help_text=_("The bot's roles in this guild, without @everyone.")
    )
    afk_channel_id = models.CharField(
        max_length=20,
        null=True,
        blank=True,
        help_text=_("The channel to which Discord moves idle people."),
    )
    preferred_locale = models.CharField(
        max_length=10, blank=True, default="", db_default="", help_text=_("The server's language in Discord.")
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
    """A person in a guild. `permissions` are the base permissions (Discord: Permissions), without channel overwrites.

    `role_ids` is empty until the roles are known, and then includes that of @everyone, whose id is the guild's.
    """

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
        help_text=_(
            "As Discord sends them: [{id, type, allow, deny}]. Type 0 is a role, 1 a member. Bits are decimal strings."
        ),
    )
    user_limit = models.PositiveIntegerField(
        default=0, help_text=_("User limit of a voice channel. 0 means no limit.")
    )

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
    """Who is in which voice channel, as last received from the gateway. Our own bot has no row.

    Other bots count toward a channel's user limit, but not as listeners.
    """

    guild = models.ForeignKey(Guild, on_delete=models.CASCADE, related_name="voice_states")
    channel = models.ForeignKey(Channel, on_delete=models.CASCADE, related_name="voice_states")
    discord_id = models.CharField(max_length=20)
    name = models.CharField(max_length=100, blank=True)
    deafened = models.BooleanField(default=False, help_text=_("Deafened by themselves or by a moderator."))
    bot = models.BooleanField(default=False)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["guild", "discord_id"], name="voicestate_guild_person"),
        ]

    def __str__(self) -> str:
        return f"{self.name or self.discord_id} in {self.channel}"


MAX_VOLUME = 200  # percent; the maximum of Discord's own user volume


class GuildSettings(models.Model):
    """A guild's settings: one field each, declared here and nowhere else.

    The API's checks, the page, the admin's form and the table in docs/guild-settings.md are built from these fields, so
    a new setting needs only a migration and the code that obeys it. Managers of the guild change settings, always
    through `domain/settings.py`. Channels and roles are stored by id, because they may be deleted in Discord any time.
    """

    guild = models.OneToOneField(Guild, on_delete=models.CASCADE, related_name="settings", primary_key=True)

    dj_role_id = RoleField(
        _("DJ role"),
        section=Section.PEOPLE,
        empty=_("The role named “DJ”"),
        null=True,
        blank=True,
        help_text=_(
            "DJs skip at once, remove other people's tracks, and control the player from anywhere. "
            "People who manage the server are always DJs."
        ),
    )
    may_add = ChoiceField(
        _("Add tracks"),
        section=Section.PEOPLE,
        choices=Who,
        max_length=8,
        default=Who.EVERYONE,
        help_text=_("Who may add tracks to the queue."),
    )
    may_skip = ChoiceField(
        _("Skip other people's tracks"),
        section=Section.PEOPLE,
        choices=Who,
        max_length=8,
        default=Who.EVERYONE,
        help_text=_("Everyone: listeners vote, and DJs skip at once. You can always skip your own track."),
    )
    vote_share = NumberField(
        _("Votes needed to skip"),
        section=Section.PEOPLE,
        low=0,
        high=100,
        unit="%",
        default=50,
        works_when=("may_skip", Who.EVERYONE),
        help_text=_("The share of listeners who must vote to skip."),
    )
    may_move = ChoiceField(
        _("Change the order"),
        section=Section.PEOPLE,
        choices=Who,
        max_length=8,
        default=Who.EVERYONE,
        help_text=_("Who may move tracks, and add tracks ahead of other people's tracks."),
    )
    may_clear = ChoiceField(
        _("Clear the queue"),
        section=Section.PEOPLE,
        choices=Who,
        max_length=8,
        default=Who.DJ,
        help_text=_("Who may remove all tracks from the queue."),
    )

    fair_order = SwitchField(
        _("Take turns"),
        section=Section.QUEUE,
        default=False,
        help_text=_(
            "The queue alternates between people, so that nobody waits for a whole album. While this is "
            "on, only DJs may change the order."
        ),
    )
    max_per_person = NumberField(
        _("Tracks per person"),
        section=Section.QUEUE,
        low=1,
        high=1000,
        unit=_("tracks"),
        empty=_("any"),
        null=True,
        blank=True,
        help_text=_("The most tracks that one person may have in the queue. DJs have no limit."),
    )
    allowed_sources = SourcesField(
        _("Sources of tracks"),
        section=Section.QUEUE,
        null=True,
        blank=True,
        help_text=_("Only tracks from these sources can be added."),
    )

    voice_channel_id = ChannelField(
        _("Default voice channel"),
        section=Section.VOICE,
        types=VOICE_TYPES,
        called="voice",
        empty=_("None"),
        null=True,
        blank=True,
        help_text=_("The bot plays here when neither the bot nor the requester is in a voice channel."),
    )
    default_volume = NumberField(
        _("Default volume"),
        section=Section.VOICE,
        low=0,
        high=MAX_VOLUME,
        unit="%",
        default=100,
        help_text=_("The volume until someone changes it."),
    )
    stay_in_channel = SwitchField(
        _("Stay in the channel when it is empty (24/7)"),
        section=Section.VOICE,
        default=False,
        help_text=_("If off, the bot leaves an empty channel after a while. The queue is kept."),
    )
    leave_after_minutes = NumberField(
        _("Leave after"),
        section=Section.VOICE,
        low=1,
        high=1440,
        unit=_("minutes"),
        default=10,
        works_when=("stay_in_channel", False),
        help_text=_("How long the bot waits in an empty channel."),
    )

    channel_status = SwitchField(
        _("Track as the channel’s status"),
        section=Section.VOICE,
        default=False,
        db_default=False,
        help_text=_(
            "The current track is shown under the name of the voice channel. The bot needs the permission Set Voice "
            "Channel Status for this."
        ),
    )

    show_card = SwitchField(
        _("Show what plays"),
        section=Section.DISCORD,
        default=True,
        db_default=True,
        help_text=_("The bot posts one message with the current track and buttons, and keeps it up to date."),
    )
    announce_channel_id = ChannelField(
        _("Announcement channel"),
        section=Section.DISCORD,
        types=TEXT_TYPES,
        called="text",
        empty=_("Where /play was used last"),
        null=True,
        blank=True,
        works_when=("show_card", True),
        help_text=_("Where that message is posted."),
    )
    request_channel_id = ChannelField(
        _("Request channel"),
        section=Section.DISCORD,
        types=(ChannelType.TEXT,),
        called="text",
        empty=_("None"),
        null=True,
        blank=True,
        help_text=_(
            "Every message in this channel is a request: words to search, links, or audio files. The bot queues it and "
            "removes the message. The message with the current track is posted here too."
        ),
    )
    language = ChoiceField(
        _("Language"),
        section=Section.DISCORD,
        choices=[(AS_IN_DISCORD, _("As in Discord")), *settings.LANGUAGES],
        max_length=10,
        default=AS_IN_DISCORD,
        db_default=AS_IN_DISCORD,
        help_text=_(
            "The language of messages that everyone can see. People get their own replies in their language."
        ),
    )

    class Meta:
        verbose_name_plural = _("guild settings")

    def __str__(self) -> str:
        return f"settings of {self.guild}"


class BotShard(models.Model):
    """One of the bot's gateway connections. The process that runs it updates the row every few seconds.

    `connected` is the state at `seen_at`; a process that was killed no longer updates it. `ready_at` is when Discord
    last sent all guilds again. Changes before it may have been missed.
    """

    number = models.PositiveIntegerField()
    count = models.PositiveIntegerField(help_text=_("Total number of the bot's shards."))
    process = models.CharField(
        max_length=64, help_text=_("The process that runs the shard: machine and pid.")
    )
    connected = models.BooleanField(default=False)
    ready_at = models.DateTimeField(null=True, blank=True)
    seen_at = models.DateTimeField(default=timezone.now)
    latency_ms = models.PositiveIntegerField(null=True, blank=True)
    guilds = models.PositiveIntegerField(default=0)
    members_intent = models.BooleanField(
        default=True, help_text=_("Whether Discord grants the Server Members intent.")
    )
    content_intent = models.BooleanField(
        default=False,
        db_default=False,
        help_text=_("Whether Discord grants the Message Content intent, which request channels need."),
    )

    class Meta:
        ordering: ClassVar[list[str]] = ["count", "number"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["count", "number"], name="botshard_count_number"),
        ]

    def __str__(self) -> str:
        return f"shard {self.number} of {self.count}"


class IdentifyBucket(models.Model):
    """When a bucket of shards may identify next.

    Discord accepts one IDENTIFY per bucket in five seconds, from all processes together (docs: Gateway, Rate Limiting).
    A shard's bucket is its number modulo Discord's `max_concurrency`.
    """

    number = models.PositiveIntegerField(primary_key=True)
    free_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"bucket {self.number}"
