"""What people do with messages, over the control API: they send, edit, delete, pin, and react."""

from collections.abc import Mapping
from dataclasses import dataclass

from aiohttp import web

from sandbox import actions, permissions, reactions, shapes
from sandbox.attachments import Attachments
from sandbox.control_bodies import answering, read_attachments, read_body, read_text, read_upload
from sandbox.errors import DiscordError, Refused
from sandbox.model import Json, Message, User
from sandbox.world import World


def find_user(world: World, source: Mapping[str, object]) -> User:
    """Return the person that `user` names in a body or query. Raises Refused."""
    user = world.find_human(str(source.get("user", "")))
    if user is None:
        raise Refused(404, "UNKNOWN_USER", "user must be owner, dj, member, outsider or one of their ids")
    return user


def can_see(world: World, viewer: User | None, channel_id: str) -> bool:
    """Whether a person may see a channel. None sees all."""
    if viewer is None:
        return True
    try:
        actions.visible_channel(world, channel_id, viewer.id)
    except DiscordError:
        return False
    return True


@dataclass
class ControlMessages:
    world: World
    attachments: Attachments

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/_sandbox/uploads", answering(self.upload)),
            web.post("/_sandbox/messages", answering(self.message)),
            web.post("/_sandbox/messages/delete", answering(self.delete_message)),
            web.post("/_sandbox/messages/edit", answering(self.edit_message)),
            web.post("/_sandbox/messages/pin", answering(self.pin_message)),
            web.post("/_sandbox/reactions", answering(self.reaction)),
        ]

    async def message(self, request: web.Request) -> Json:
        """A user sends a message: `{user, channel_id, content, attachments?}`, with the ids of uploads."""
        body = await read_body(request)
        user, uploads = find_user(self.world, body), read_attachments(body)
        need = permissions.SEND_MESSAGES | (permissions.ATTACH_FILES if uploads else 0)
        channel = actions.visible_channel(self.world, read_text(body, "channel_id"), user.id, need=need)
        content = str(body.get("content") or "") if uploads else read_text(body, "content")
        files = [self.attachments.send(upload, user_id=user.id, channel_id=channel.id) for upload in uploads]
        message = actions.send_message(self.world, channel, user.id, {"content": content}, attachments=files)
        return shapes.message(self.world, message)

    async def upload(self, request: web.Request) -> Json:
        """A user uploads a file, as a form with `user` and `file`. Returns `{id}`, for a message or an option."""
        fields, upload = await read_upload(request)
        return {"id": self.attachments.receive(user_id=find_user(self.world, fields).id, upload=upload)}

    def _own_message(self, body: Json) -> Message:
        user, message = find_user(self.world, body), self.world.messages.get(read_text(body, "message_id"))
        if message is None or message.author_id != user.id:
            raise Refused(404, "UNKNOWN_MESSAGE", "This user has sent no such message")
        return message

    async def delete_message(self, request: web.Request) -> Json:
        """A user deletes their own message: `{user, message_id}`."""
        actions.delete_message(self.world, self._own_message(await read_body(request)))
        return {"deleted": True}

    async def edit_message(self, request: web.Request) -> Json:
        """A user edits their own message: `{user, message_id, content}`."""
        body = await read_body(request)
        message = self._own_message(body)
        actions.edit_message(self.world, message, {"content": read_text(body, "content")})
        return shapes.message(self.world, message)

    async def pin_message(self, request: web.Request) -> Json:
        """A user pins a message: `{user, message_id}`."""
        body = await read_body(request)
        user, message = find_user(self.world, body), self.world.messages.get(read_text(body, "message_id"))
        if message is None or message.only_user_id is not None:
            raise Refused(404, "UNKNOWN_MESSAGE", "There is no such message")
        actions.visible_channel(self.world, message.channel_id, user.id, need=permissions.PIN_MESSAGES)
        actions.pin(self.world, message, user.id, pinned=True)
        return shapes.message(self.world, message)

    async def reaction(self, request: web.Request) -> Json:
        """A user adds or removes a reaction: `{user, message_id, emoji, remove?}`."""
        body = await read_body(request)
        user, message = find_user(self.world, body), self.world.messages.get(read_text(body, "message_id"))
        if (
            message is None
            or message.only_user_id is not None
            or not can_see(self.world, user, message.channel_id)
        ):
            raise Refused(404, "UNKNOWN_MESSAGE", "There is no such message, or this user cannot see it")
        act = reactions.remove if body.get("remove") else reactions.add
        act(self.world, message, reactions.parse(self.world, message, read_text(body, "emoji")), user.id)
        return shapes.message(self.world, message)
