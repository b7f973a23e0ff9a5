"""Exchange an authorization code for Discord's tokens, and keep them until the login that they are for is done.

Discord accepts a code once. A login that fails after the exchange would be lost; with the tokens kept, the same client
can try again.
"""

from __future__ import annotations

import json
from datetime import timedelta

from accounts import discord
from accounts.domain.once import StepSpent, empty_answers, forget_step, take_once
from accounts.errors import CodeRefused

KEEP = timedelta(minutes=10)


def exchange_code(
    *, code: str, redirect_uri: str, code_verifier: str, repeat_key: str = ""
) -> dict[str, object]:
    """Return the same as `discord.exchange_code`; to the same client for KEEP, or until `forget_tokens`.

    The same client has the same `code_verifier` or `repeat_key`, one of which must not be empty. Not to be called
    inside a transaction. Raises a DiscordError.
    """

    def exchange() -> str:
        tokens = discord.exchange_code(code=code, redirect_uri=redirect_uri, code_verifier=code_verifier)
        return json.dumps(tokens)

    empty_answers(older_than=KEEP)
    step = _step(code, redirect_uri, code_verifier, repeat_key)
    try:
        tokens, _ = take_once(*step, proof=(), act=exchange, seconds=KEEP.total_seconds())
    except StepSpent as error:
        raise CodeRefused from error
    return dict(json.loads(tokens))


def forget_tokens(*, code: str, redirect_uri: str, code_verifier: str, repeat_key: str = "") -> None:
    """Delete what `exchange_code` kept: the login succeeded or was refused."""
    forget_step(*_step(code, redirect_uri, code_verifier, repeat_key))


def _step(*client: str) -> tuple[str, ...]:
    # The proofs are part of the name: a stranger with the code alone neither gets the tokens nor blocks the client.
    return "tokens", *client
