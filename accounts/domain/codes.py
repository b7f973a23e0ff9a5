"""Exchange an authorization code for Discord's tokens, and keep the tokens until their login is finished.

Discord accepts a code once. Without the kept tokens, a login that fails after the exchange could not be retried.
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
    """Return the tokens of `discord.exchange_code`, again to the same client for KEEP or until `forget_tokens`.

    A client is the same if it sends the same `code_verifier` or `repeat_key`. One of them must not be empty. Do not
    call inside a transaction. Raises a DiscordError.
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
    """Delete the tokens that `exchange_code` kept, once the login succeeded or was refused."""
    forget_step(*_step(code, redirect_uri, code_verifier, repeat_key))


def _step(*client: str) -> tuple[str, ...]:
    # The proofs are part of the name, so a stranger who only has the code gets no tokens and cannot block the client.
    return "tokens", *client
