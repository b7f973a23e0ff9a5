"""RTCP receiver reports, which tell a bot how well its packets arrive.

Sources: RFC 3550 sections 6.4.2 and A.8; for the encryption, the community's documentation of Discord's voice
connections (docs.discord.food). The header and the server's SSRC are authenticated but not encrypted.
"""

import struct

from .udp import COUNTER_BYTES, Cipher, SequenceWindow

RECEIVER_REPORT = 201
CLEAR_BYTES = 8
CLOCK_HZ = 48_000
# Both directions use one key. The server's nonces start in the middle, a number that no client reaches.
FIRST_NONCE = 1 << 31


class Reception:
    """Reception of one sender: loss from the sequence numbers, jitter from the timestamps."""

    def __init__(self, *, ssrc: int, server_ssrc: int, window: SequenceWindow) -> None:
        self._ssrc = ssrc
        self._server_ssrc = server_ssrc
        self._window = window
        self._transit: int | None = None
        self._jitter = 0.0
        self._reported = (0, 0)  # packets expected and lost up to the last report
        self._nonce = FIRST_NONCE

    def arrived(self, timestamp: int, *, at: float) -> None:
        """Record a packet with this RTP timestamp, received at `at` seconds of a monotonic clock."""
        transit = round(at * CLOCK_HZ) - timestamp & 0xFFFFFFFF
        if self._transit is not None:
            # Timestamps wrap at 32 bits, and so does the difference.
            change = (transit - self._transit + 0x80000000 & 0xFFFFFFFF) - 0x80000000
            self._jitter += (abs(change) - self._jitter) / 16
        self._transit = transit

    def report(self, cipher: Cipher) -> bytes:
        """Return the next report, encrypted. It has no block if the sender has sent nothing (section 6.4.2)."""
        blocks = b"" if self._window.highest is None else self._block(self._window.highest)
        count = 1 if blocks else 0
        words = (CLEAR_BYTES + len(blocks)) // 4
        header = struct.pack(">BBHI", 0x80 | count, RECEIVER_REPORT, words - 1, self._server_ssrc)
        counter = self._nonce.to_bytes(COUNTER_BYTES, "big")
        self._nonce += 1
        return header + cipher.seal(blocks, authenticated=header, counter=counter) + counter

    def _block(self, highest: int) -> bytes:
        expected, lost = self._window.expected, self._window.lost
        newly_expected, newly_lost = expected - self._reported[0], lost - self._reported[1]
        self._reported = (expected, lost)
        fraction = newly_lost * 256 // newly_expected if newly_expected > 0 else 0
        losses = min(max(fraction, 0), 255) << 24 | min(lost, 0x7FFFFF)
        # The last two fields refer to the last sender report. The server reads none, so they are zero.
        return struct.pack(">6I", self._ssrc, losses, highest, int(self._jitter) & 0xFFFFFFFF, 0, 0)
