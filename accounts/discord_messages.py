"""Calls of Discord's REST API about messages. Sources: Discord's developer documentation: Message, Channel."""

from __future__ import annotations

from collections.abc import Sequence

from accounts.discord import (
    ATTEMPTS,
    PATIENCE_SECONDS,
    DiscordObject,
    File,
    bot_authorization,
    expect_object,
    expect_objects,
    request,
)
from accounts.errors import DiscordMalformed, DiscordRefused

MESSAGES_PAGE = 100
UNKNOWN_MESSAGE = 10008  # Discord: JSON Error Codes


def post_message(
    channel_id: str,
    payload: DiscordObject,
    *,
    files: Sequence[File] = (),
    patience: float = PATIENCE_SECONDS,
    attempts: int | None = None,
) -> DiscordObject:
    """Post a message as the bot. `payload` is Discord's Create Message; returns the message object.

    A payload with `nonce` and `enforce_nonce` can be retried without posting twice, so it is retried unless `attempts`
    is given. Any other payload is sent once.
    """
    message = request(
        "POST",
        f"/channels/{channel_id}/messages",
        authorization=bot_authorization(),
        payload=payload,
        files=files,
        patience=patience,
        attempts=attempts or (ATTEMPTS if payload.get("enforce_nonce") else 1),
    )
    if not isinstance(message, dict) or not isinstance(message.get("id"), str):
        raise DiscordMalformed(perhaps_done=True)
    return message


def edit_message(
    channel_id: str,
    message_id: str,
    payload: DiscordObject,
    *,
    files: Sequence[File] = (),
    attempts: int = ATTEMPTS,
) -> DiscordObject:
    """Edit one of the bot's messages. `payload` is Discord's Edit Message; returns the message object."""
    path = f"/channels/{channel_id}/messages/{message_id}"
    answer = request(
        "PATCH", path, authorization=bot_authorization(), payload=payload, files=files, attempts=attempts
    )
    return expect_object(answer)


def delete_message(channel_id: str, message_id: str) -> None:
    """Delete one of the bot's messages."""
    request("DELETE", f"/channels/{channel_id}/messages/{message_id}", authorization=bot_authorization())


def delete_messages(channel_id: str, ids: Sequence[str], *, patience: float = PATIENCE_SECONDS) -> None:
    """Delete up to 100 messages of the last two weeks with one request. Messages that are gone are ignored.

    Other people's messages need Manage Messages.
    """
    path, payload = f"/channels/{channel_id}/messages", None
    method = "DELETE" if len(ids) == 1 else "POST"
    if method == "DELETE":
        path += f"/{ids[0]}"
    else:  # Bulk Delete Messages takes at least two
        path, payload = f"{path}/bulk-delete", {"messages": list(ids)}
    try:
        request(method, path, authorization=bot_authorization(), payload=payload, patience=patience)
    except DiscordRefused as error:
        if error.discord_code != UNKNOWN_MESSAGE:
            raise


def refresh_attachment_link(link: str) -> str:
    """Return a link to an attachment with a new signature. Whether its file still exists is not checked.

    Discord's documentation does not mention this endpoint, so do not depend on it.
    """
    answer = expect_object(
        request(
            "POST",
            "/attachments/refresh-urls",
            authorization=bot_authorization(),
            payload={"attachment_urls": [link]},
        )
    )
    match answer:
        case {"refreshed_urls": [{"refreshed": str(fresh)}]}:
            return fresh
    raise DiscordMalformed


def open_thread(channel_id: str) -> None:
    """Take a thread out of the archive, where messages cannot be edited."""
    payload = {"archived": False}
    request("PATCH", f"/channels/{channel_id}", authorization=bot_authorization(), payload=payload)


def fetch_messages(channel_id: str, *, before: str | None = None) -> list[DiscordObject]:
    """Return a page of up to 100 messages of a channel, newest first.

    Discord returns an empty list, not an error, to a bot that may not read the channel's history.
    """
    path = f"/channels/{channel_id}/messages?limit={MESSAGES_PAGE}" + (f"&before={before}" if before else "")
    return expect_objects(request("GET", path, authorization=bot_authorization()))
