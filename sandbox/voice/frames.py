"""Decryption of DAVE's media frames, as in a listener's client."""

import time
from dataclasses import dataclass

import dave

from .ogg import SILENCE

KEY_RETENTION_SECONDS = 10.0
# How long unencrypted frames are still accepted after the first epoch begins.
PLAIN_GRACE_SECONDS = 2.0

MARKER = b"\xfa\xfa"
TAG_BYTES = 8
MAX_NONCE_BYTES = 5


@dataclass(slots=True)
class _EpochKeys:
    decryptor: dave.Decryptor
    good_until: float


class FrameDecryptor:
    """Decrypts the bot's frames to Opus packets, across all changes of keys.

    Unencrypted frames are accepted until encryption is required. The keys of an old epoch are valid for another
    10 s (https://daveprotocol.com/#commit-handling). Each epoch has its own decryptor. The decryptor that
    succeeded last is tried first, because libdave logs every failed attempt.
    """

    def __init__(self) -> None:
        self._epochs: list[_EpochKeys] = []
        self._required = False
        self._plain_until = 0.0

    def add_keys(self, ratchet: dave.IKeyRatchet) -> None:
        """Add the keys of a new epoch. The keys of earlier epochs begin to expire."""
        self.expire()
        decryptor = dave.Decryptor()
        decryptor.transition_to_key_ratchet(ratchet)
        self._epochs.append(_EpochKeys(decryptor, float("inf")))

    def expire(self, *, seconds: float = KEY_RETENTION_SECONDS) -> None:
        """Let the keys of all epochs expire in `seconds`."""
        until = time.monotonic() + seconds
        for epoch in self._epochs:
            epoch.good_until = min(epoch.good_until, until)

    def require_encryption(self) -> None:
        """Require encryption, after a grace period for unencrypted frames that were sent before."""
        if not self._required:
            self._required = True
            self._plain_until = time.monotonic() + PLAIN_GRACE_SECONDS

    def allow_plain(self) -> None:
        self._required = False

    def decrypt(self, frame: bytes) -> tuple[bytes | None, bool]:
        """Return the Opus packet, or None if it may not be played, and whether it came unencrypted.

        Silence packets may always be unencrypted (https://daveprotocol.com/#silence-packets).
        """
        now = time.monotonic()
        if is_encrypted(frame):
            return self._try_epochs(frame, now), False
        if not self._required or now < self._plain_until:
            return frame, True
        return (frame if frame == SILENCE else None), False

    def _try_epochs(self, frame: bytes, now: float) -> bytes | None:
        self._epochs = [epoch for epoch in self._epochs if epoch.good_until > now]
        for index, epoch in enumerate(self._epochs):
            opus = epoch.decryptor.decrypt(dave.MediaType.audio, frame)
            if opus is not None:
                self._epochs.insert(0, self._epochs.pop(index))
                if self._required:
                    self._plain_until = 0.0
                return opus
        return None


def is_encrypted(frame: bytes) -> bool:
    """Whether an Opus frame passes the protocol frame check (https://daveprotocol.com/#protocol-frame-check).

    An encrypted frame ends with: tag, nonce (ULEB128), no unencrypted ranges, the size of all this, marker.
    """
    if frame[-2:] != MARKER or len(frame) < TAG_BYTES + 4:
        return False
    size = frame[-3]
    nonce_bytes = size - TAG_BYTES - 3
    if not 1 <= nonce_bytes <= MAX_NONCE_BYTES or size > len(frame):
        return False
    nonce = frame[-3 - nonce_bytes : -3]
    return nonce[-1] < 0x80 and all(byte >= 0x80 for byte in nonce[:-1])
