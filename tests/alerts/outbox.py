"""The Lounge with alert rules and a poster, for the tests of the outbox."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import pytest
from django.db.models import F
from django.utils import timezone

from accounts.models import User
from alerts.domain.delivery import Delivery, deliver
from alerts.domain.outbox import claim_due
from alerts.domain.rules import add_rule, change_rule, check_rule
from alerts.domain.settle import settle
from alerts.models import AlertPost, AlertRule
from guilds.models import Channel, Role
from realtime.models import Via
from realtime.origin import Origin
from sandbox.rest import channels as sandbox_channels
from sandbox.seed import LOUNGE
from streams.domain.alerts import Picture, write_alert
from streams.domain.streams import create_stream
from streams.models import Stream
from tests.accounts.conftest import Discord
from tests.factories import ChannelFactory, GuildFactory, MembershipFactory, RoleFactory

GENERAL, MUSIC = "1090315482246234115", "1090315482246234116"
PNG = b"\x89PNG\r\n\x1a\n" + b"picture" * 9
MINUTE = timedelta(minutes=1)


class Post:
    """The Lounge with a rule, and a poster."""

    def __init__(self, there: Discord) -> None:
        self.there = there
        there.sandbox.world.messages.clear()
        there.sandbox.ratelimiter.reset()  # the test before may have used up a window
        self.guild = GuildFactory.create(guild_id=LOUNGE)
        for role in there.sandbox.world.guild_roles(LOUNGE):
            RoleFactory.create(id=role.id, guild=self.guild, name=role.name, permissions=role.permissions)
        for pk, name in ((GENERAL, "general"), (MUSIC, "music")):
            ChannelFactory.create(id=pk, guild=self.guild, name=name)
        self.owner: User = MembershipFactory.create(guild=self.guild, owner=True).user
        self.stream: Stream = create_stream(self.owner, stream_id="cam-1", name="Front door")
        self.origin = Origin(user=self.owner, via=Via.REST)

    def download(self, attachment: dict[str, Any]) -> bytes:
        """Return the content of a message's file."""
        return httpx.get(self.there.sandbox.world.links.sign(attachment["url"])).content

    def rule(self, **options: Any) -> AlertRule:
        fields = {"stream_id": "cam-1", "channel_id": GENERAL} | options
        return add_rule(LOUNGE, origin=self.origin, **check_rule(fields, whole=True))

    def change(self, rule: AlertRule, **changes: Any) -> None:
        change_rule(LOUNGE, rule.pk, origin=self.origin, **check_rule(changes, whole=False))

    def alert(self, text: str = "motion", level: str = "high", *, picture: bytes | None = None) -> None:
        shot = Picture("image/png", picture, timezone.now().timestamp()) if picture else None
        args = {"text": text, "level": level}
        write_alert("cam-1", "alert", args, origin=Origin(user=self.owner, via=Via.SYNC), picture=shot)

    def claim(self, owner: str = "bot-1", *, shard: int = 0, count: int = 1) -> list[Delivery]:
        return claim_due(owner=owner, shard=shard, count=count, limit=8)

    def work(self, owner: str = "bot-1") -> int:
        """Post until nothing is due. Returns the number of deliveries."""
        done = 0
        while found := self.claim(owner):
            for delivery in found:
                settle(delivery, deliver(delivery))
                done += 1
            assert done < 100
        return done

    def pass_time(self, by: timedelta) -> None:
        """Make everything in the outbox older."""
        moved = {
            name: F(name) - by
            for name in (
                "created_at", "due_at", "last_at", "handed_at", "doubt_since", "posted_at", "lease_expires_at",
            )
        }  # fmt: skip
        AlertPost.objects.update(**moved)
        AlertRule.objects.update(held_until=F("held_until") - by)

    @property
    def messages(self) -> list[Any]:
        return list(self.there.sandbox.world.messages.values())

    @property
    def texts(self) -> list[str]:
        return [message.embeds[0]["description"] for message in self.messages]

    def deny(self, bits: int, *, reported: bool = True) -> None:
        """Deny permissions in #general. With `told`, the bot's mirror knows of it."""
        overwrites = [{"id": LOUNGE, "type": 0, "allow": "0", "deny": str(bits)}]
        self.edit(change="edit_channel", channel_id=GENERAL, overwrites=overwrites)
        if reported:
            Channel.objects.filter(pk=GENERAL).update(overwrites=overwrites)

    def edit(self, **change: Any) -> None:
        httpx.post(f"{self.there.sandbox.url}/_sandbox/guilds/{LOUNGE}", json=change).raise_for_status()


def states() -> list[str]:
    return list(AlertPost.objects.order_by("pk").values_list("state", flat=True))


def forget_nonces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox_channels, "NONCE_KEPT", timedelta(0))


def without_history(post: Post) -> None:
    history = 1 << 16
    for role in post.there.sandbox.world.guild_roles(LOUNGE):
        role.permissions &= ~history
    for row in Role.objects.filter(guild_id=LOUNGE):
        row.permissions &= ~history
        row.save()
