"""/interactions and /webhooks: the bot's responses to interactions. The token in the path is the credential."""

from sandbox import actions, shapes
from sandbox.errors import unknown
from sandbox.interactions import DEFER as DEFER_TYPE
from sandbox.interactions import DEFER_UPDATE, REPLY, UPDATE, Interaction
from sandbox.model import Json, Message, MessageFlag
from sandbox.rest.api import NOBODY, Answer, Call, Route


async def respond(call: Call) -> Answer:
    token = call.param("interaction_token")
    known = call.parts.interactions.by_token.get(token)
    if known is None:
        raise unknown("Interaction")
    body, uploads = await call.message()
    attachments = call.keep(known.channel_id, body, uploads)
    interaction = call.parts.interactions.respond(call.param("interaction_id"), token, body, attachments)
    if not call.flag("with_response"):
        return Answer(204)
    return Answer(200, _callback_response(call, interaction))


def _callback_response(call: Call, interaction: Interaction) -> Json:
    shape: Json = {"id": interaction.id, "type": interaction.type, "channel_id": interaction.channel_id}
    body: Json = {"interaction": shape}
    message = call.world.messages.get(interaction.original_id or "")
    if message is not None:
        shape |= {
            "response_message_id": message.id,
            "response_message_loading": bool(message.flags & MessageFlag.LOADING),
            "response_message_ephemeral": message.only_user_id is not None,
        }
        if interaction.answer_type in (REPLY, DEFER_TYPE, UPDATE, DEFER_UPDATE):
            kind = REPLY if interaction.answer_type in (REPLY, DEFER_TYPE) else UPDATE
            body["resource"] = {"type": kind, "message": shapes.message(call.world, message)}
    return body


def _interaction(call: Call) -> Interaction:
    return call.parts.interactions.with_token(call.param("webhook_id"), call.param("webhook_token"))


def _message(call: Call, interaction: Interaction) -> Message:
    message_id = call.request.match_info.get("message_id", "@original")
    return call.parts.interactions.message(interaction, message_id)


async def follow_up(call: Call) -> Json:
    interaction = _interaction(call)
    payload, uploads = await call.message()
    attachments = call.keep(interaction.channel_id, payload, uploads)
    message = call.parts.interactions.follow_up(interaction, payload, attachments)
    return shapes.message(call.world, message)


async def get_reply(call: Call) -> Json:
    return shapes.message(call.world, _message(call, _interaction(call)))


async def edit_reply(call: Call) -> Json:
    interaction = _interaction(call)
    message = _message(call, interaction)
    payload, uploads = await call.message()
    attachments = call.keep(interaction.channel_id, payload, uploads)
    call.parts.interactions.edit(interaction, message, payload, attachments)
    return shapes.message(call.world, message)


async def delete_reply(call: Call) -> None:
    interaction = _interaction(call)
    actions.delete_message(call.world, _message(call, interaction))
    interaction.finished.set()


_HOOK = "/webhooks/{webhook_id}/{webhook_token}"

ROUTES = [
    Route(
        "POST", "/interactions/{interaction_id}/{interaction_token}/callback", respond, NOBODY, limited=False
    ),
    Route("POST", _HOOK, follow_up, NOBODY),
    *(
        route
        for path in (f"{_HOOK}/messages/@original", f"{_HOOK}/messages/{{message_id}}")
        for route in (
            Route("GET", path, get_reply, NOBODY),
            Route("PATCH", path, edit_reply, NOBODY),
            Route("DELETE", path, delete_reply, NOBODY),
        )
    ),
]
