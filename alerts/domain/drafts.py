"""Compose the message of a claimed post, in the forms that the bot may post there. Only reads the database."""

from __future__ import annotations

import json
from datetime import datetime

from alerts.domain.delivery import Delivery, Form
from alerts.message import AlertText, Picture, Without, compose, level_of, text_of
from alerts.models import AlertPost
from guilds.channel_permissions import (
    ATTACH_FILES,
    EMBED_LINKS,
    READ_MESSAGE_HISTORY,
    SEND_MESSAGES,
    likely_bot_permissions,
)
from guilds.models import Channel
from realtime.models import Event
from streams.models import AlertFrame, Stream


def draft(
    post: AlertPost, *, owner: str, leased_until: datetime, doubt_since: datetime | None, look_first: bool
) -> Delivery | None:
    """Return what to send, or None when the alerts were deleted."""
    rule = post.rule
    events = list(
        Event.objects.filter(pk__in=post.event_ids).select_related("actor", "store").order_by("seq")
    )
    if not events:
        return None
    stream_id = events[0].store.name.removeprefix("stream:")  # the rule's stream may have changed since
    stream = Stream.objects.filter(pk=stream_id).first()
    frame = AlertFrame.objects.filter(event__in=events).order_by("-event__seq").first()
    picture = Picture(frame.content_type, bytes(frame.data)) if frame else None
    channel = Channel.objects.filter(guild_id=rule.guild_id, pk=post.channel_id).first()
    may = likely_bot_permissions(rule.guild, channel)
    role_is_there = rule.guild.roles.filter(pk=rule.mention_role_id).exists()
    alerts = [_alert_text(event) for event in events]

    def form(without: Without) -> Form:
        sent = None if without.picture else picture
        payload = compose(
            alerts,
            levels=post.levels,
            digest=post.digest,
            stream_id=stream_id,
            stream_name=stream.name if stream else "",
            role_id=rule.mention_role_id if role_is_there else None,
            nonce=post.nonce,
            picture=picture,
            without=without,
        )
        return Form(payload, [(sent.filename, sent.data, sent.content_type)] if sent else [], without)

    return Delivery(
        post_id=post.pk,
        owner=owner,
        leased_until=leased_until,
        channel_id=post.channel_id,
        channel_name=channel.name if channel else "",
        nonce=post.nonce,
        forms=[form(without) for without in _ways(may, picture=picture is not None)],
        doubt_since=doubt_since,
        look_first=look_first,
        reads_history=channel is not None and bool(may & READ_MESSAGE_HISTORY),
    )


def _ways(may: int, *, picture: bool) -> list[Without]:
    """Return what each form leaves out, each more than the one before: `may` can be slightly out of date."""
    ways = [
        Without(embed=embed, picture=left_out)
        for embed in (False, True)
        for left_out in (False, True)
        if (embed or may & EMBED_LINKS) and (left_out or not picture or may & ATTACH_FILES)
        if picture or not left_out
    ]
    # Without permission to send, one attempt is enough. Each refused request counts against the bot in all guilds.
    return ways if may & SEND_MESSAGES else ways[-1:]


def _alert_text(event: Event) -> AlertText:
    args: dict[str, object] = json.loads(event.args) if event.args else {}
    sender = str(event.actor or "")
    return AlertText(text_of(event.name, args), level_of(args), event.created_at, sender)
