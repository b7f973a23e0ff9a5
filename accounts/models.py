"""People, their sessions, and the tokens that Discord granted us for them."""

from __future__ import annotations

import re
import uuid
from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.core.validators import RegexValidator
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

SNOWFLAKE = re.compile(r"^[1-9][0-9]{16,19}$")
snowflake_validator = RegexValidator(SNOWFLAKE.pattern, _("Not a Discord snowflake."))


class UserManager(BaseUserManager["User"]):
    """Django's manager, typed for `User`."""


class User(AbstractBaseUser):
    """A person, identified by their Discord snowflake. There are no passwords.

    Using the bot in Discord creates a row, so it may exist before the person's first login.
    """

    discord_id = models.CharField(
        max_length=20, unique=True, null=True, blank=True, validators=[snowflake_validator]
    )
    username = models.CharField(
        max_length=100, help_text=_("The Discord username when the bot last saw this person.")
    )
    display_name = models.CharField(max_length=100, blank=True)
    avatar_hash = models.CharField(max_length=64, blank=True)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    USERNAME_FIELD = "discord_id"
    REQUIRED_FIELDS: ClassVar[list[str]] = []
    objects: ClassVar[UserManager] = UserManager()

    class Meta:
        ordering: ClassVar[list[str]] = ["id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["username"], condition=models.Q(discord_id=None), name="user_one_without_discord"
            ),
        ]

    def __str__(self) -> str:
        return self.display_name or self.username

    def save(self, *args: Any, **kwargs: Any) -> None:  # as of Django's models
        if not self.password:
            self.set_unusable_password()
        super().save(*args, **kwargs)

    def get_short_name(self) -> str:
        return str(self)

    @property
    def avatar_url(self) -> str | None:
        """The avatar's URL on Discord's CDN, if the person has one (docs: Reference, Image Formatting)."""
        if not self.avatar_hash:
            return None
        kind = "gif" if self.avatar_hash.startswith("a_") else "png"
        return f"https://cdn.discordapp.com/avatars/{self.discord_id}/{self.avatar_hash}.{kind}?size=128"

    # Access to the Django admin is read from the settings on each request, so that removing an id works at once.
    # There are no finer permissions.
    @property
    def is_staff(self) -> bool:
        return bool(self.discord_id) and self.discord_id in settings.ADMIN_DISCORD_IDS

    def has_perm(self, perm: str, obj: object = None) -> bool:
        return self.is_active and self.is_staff

    def has_module_perms(self, app_label: str) -> bool:
        return self.is_active and self.is_staff


class AuthSession(models.Model):
    """One login. Its id is the `sid` in every token. Revoking it ends the cookie, tokens and sockets.

    With a `store` it is a sync token instead, valid only for that instance's log.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="auth_sessions")
    device = models.CharField(
        max_length=300, blank=True, help_text=_("The User-Agent of a login, or the name of a sync token.")
    )
    store = models.CharField(
        max_length=200, blank=True, help_text=_("The instance (`app:…`) of a sync token. Empty for a login.")
    )
    address = models.GenericIPAddressField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    last_seen_at = models.DateTimeField(default=timezone.now)
    revoked_at = models.DateTimeField(null=True, blank=True, db_index=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["-last_seen_at"]

    def __str__(self) -> str:
        return f"{self.user} since {self.created_at:%Y-%m-%d %H:%M}"

    @property
    def expires_at(self) -> datetime | None:
        """When a sync token expires, or None for a login, which stays valid as long as it is used."""
        return self.created_at + timedelta(seconds=settings.SYNC_TOKEN_SECONDS) if self.store else None


class RefreshChain(models.Model):
    """The refresh tokens that descend from one token pair. Only that of `generation` is valid; older ones are spent.

    A refresh token is signed and names its chain and generation, so nothing that could be replayed is stored.
    The first refresh creates the row. Pages that renew through their cookie never create one.
    """

    id = models.UUIDField(primary_key=True)
    session = models.ForeignKey(AuthSession, on_delete=models.CASCADE, related_name="refresh_chains")
    generation = models.PositiveIntegerField(default=0)
    rotated_at = models.DateTimeField()

    class Meta:
        ordering: ClassVar[list[str]] = ["-rotated_at"]

    def __str__(self) -> str:
        return f"{self.id} at {self.generation}"


class DiscordGrant(models.Model):
    """The tokens that Discord granted at the last login, encrypted with FIELD_ENCRYPTION_KEYS."""

    user = models.OneToOneField(User, on_delete=models.CASCADE, related_name="discord_grant")
    access_token = models.TextField(help_text=_("Fernet ciphertext."))
    refresh_token = models.TextField(blank=True, help_text=_("Fernet ciphertext."))
    scope = models.CharField(max_length=200, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    claimed_until = models.DateTimeField(
        null=True, blank=True, help_text=_("A process is renewing the grant until then.")
    )
    dead_at = models.DateTimeField(null=True, blank=True, help_text=_("When Discord revoked the grant."))
    updated_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return f"grant of {self.user}"


class OneTimeStep(models.Model):
    """A login step that works once, kept to repeat its answer to the client that took it (domain/once.py).

    Nothing here can be replayed: `step` and `proof` are SHA-256 hashes, and the answer is encrypted.
    """

    step = models.CharField(primary_key=True, max_length=64)
    proof = models.CharField(
        max_length=64, help_text=_("Hash of a secret that only the client of this step has.")
    )
    claimed_until = models.DateTimeField(help_text=_("A process is answering this step until then."))
    answer = models.TextField(blank=True, help_text=_("Fernet ciphertext."))
    answered_at = models.DateTimeField(null=True)
    begun_at = models.DateTimeField(default=timezone.now, editable=False)

    def __str__(self) -> str:
        return self.step


class UsedServiceToken(models.Model):
    """The `jti` of a service token that was used at the Bot API, kept until that token expires."""

    jti = models.CharField(primary_key=True, max_length=64)
    expires_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return self.jti
