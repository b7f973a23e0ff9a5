"""Keep credentials out of every log line, including those of libraries."""

from __future__ import annotations

import logging
import re

from django.conf import settings

# Tokens in query strings and headers, and JWTs anywhere. Only the value is replaced, not its name. Secrets have at
# least eight characters, so shorter words after a colon stay.
_SECRET = re.compile(
    r"(?P<name>\b(?:token|access_token|refresh_token|client_secret|code|code_verifier|authToken|payload)"
    r"[\"']?\s*[=:]\s*[\"']?)[^&\s\"',}]{8,}"
    r"|(?P<scheme>\b(?:Bearer|Bot)\s+)[\w.\-~+/=]{16,}"
    r"|\beyJ[\w.-]{8,}",
)


def redact(text: str) -> str:
    """Return `text` with credentials replaced by `***`. Backline's own secrets are replaced anywhere in the text."""
    text = _SECRET.sub(lambda match: f"{match['name'] or match['scheme'] or ''}***", text)
    for secret in _ours():
        text = text.replace(secret, "***")
    return text


def _ours() -> list[str]:
    keys = (
        settings.DISCORD_BOT_TOKEN,
        settings.DISCORD_CLIENT_SECRET,
        settings.SECRET_KEY,
        settings.JWT_SECRET,
    )
    return [key for key in (*keys, *settings.FIELD_ENCRYPTION_KEYS) if len(key) >= 16]


class HandshakeFilter(logging.Filter):
    """Drops a message of uvicorn, which logs each refused upgrade as an error of the application."""

    def filter(self, record: logging.LogRecord) -> bool:
        return "without completing handshake" not in record.getMessage()


class RedactingFilter(logging.Filter):
    """Redacts a record and its traceback before any formatter reads them."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg = redact(record.getMessage())
        record.args = None
        if record.exc_info and not record.exc_text:
            record.exc_text = redact(logging.Formatter().formatException(record.exc_info))
        return True
